//! From a function's payload 2.0 answer back to HTTP.

use crate::names::request_id;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The HTTP response, or what is wrong with the answer.
pub(super) fn http(answer: Value) -> Result<Response, String> {
    let mut response = match answer.get("statusCode") {
        Some(status) => shaped(&answer, status)?,
        // API Gateway takes an answer without a status for the body of a 200.
        None => {
            let mut response = Response::new(Body::from(answer.to_string()));
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
    };
    let id = HeaderValue::from_str(&request_id()).map_err(|error| error.to_string())?;
    response.headers_mut().insert("apigw-requestid", id);
    Ok(response)
}

fn shaped(answer: &Value, status: &Value) -> Result<Response, String> {
    let status = status
        .as_u64()
        .and_then(|status| u16::try_from(status).ok())
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or("statusCode is no HTTP status")?;
    let body = answer["body"].as_str().unwrap_or_default();
    let body = if answer["isBase64Encoded"] == true {
        STANDARD.decode(body).map_err(|error| format!("body is not base64: {error}"))?
    } else {
        body.as_bytes().to_vec()
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        let name = HeaderName::try_from(name).map_err(|error| format!("header {name}: {error}"))?;
        // hyper writes the length of what it sends.
        if name != header::CONTENT_LENGTH {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            headers.append(
                &name,
                HeaderValue::try_from(text).map_err(|error| format!("header {name}: {error}"))?,
            );
        }
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let cookie = HeaderValue::try_from(cookie).map_err(|error| format!("cookie: {error}"))?;
        headers.append(header::SET_COOKIE, cookie);
    }
    if !headers.contains_key(header::CONTENT_TYPE) && status != StatusCode::NO_CONTENT {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain;charset=UTF-8"));
    }
    Ok(response)
}
