//! Events in API Gateway's payload format 2.0: of an HTTP API, and of its Lambda authorizer.

use crate::names::{ACCOUNT_ID, REGION, request_id};
use crate::server;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge::Clock;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const API_ID: &str = "frontdesk";
const STAGE: &str = "$default";

/// What the gateway knows of a request beyond the request.
pub(crate) struct RequestContext<'s> {
    pub(crate) route_key: &'s str,
    pub(crate) path_parameters: &'s BTreeMap<String, String>,
    pub(crate) clock: &'s Clock,
    pub(crate) port: u16,
}

/// The event of a request to a function.
pub(crate) fn http(context: &RequestContext<'_>, parts: &Parts, body: &[u8]) -> Value {
    let mut event = common(context, parts);
    event["version"] = "2.0".into();
    if !body.is_empty() {
        let text = is_text(&parts.headers).then(|| std::str::from_utf8(body).ok()).flatten();
        event["body"] = text.map_or_else(|| STANDARD.encode(body), str::to_owned).into();
        event["isBase64Encoded"] = text.is_none().into();
    } else {
        event["isBase64Encoded"] = false.into();
    }
    event
}

/// The event of a request to an authorizer whose identity source is a header with this value.
pub(crate) fn authorizer(context: &RequestContext<'_>, parts: &Parts, identity: &str) -> Value {
    let mut event = common(context, parts);
    event["version"] = "2.0".into();
    event["type"] = "REQUEST".into();
    event["identitySource"] = json!([identity]);
    let method = parts.method.as_str();
    let path = parts.uri.path();
    event["routeArn"] =
        format!("arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{API_ID}/{STAGE}/{method}{path}").into();
    event
}

fn common(context: &RequestContext<'_>, parts: &Parts) -> Value {
    let now = context.clock.now();
    let header =
        |name| parts.headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let host = header(header::HOST).unwrap_or("localhost");
    let domain = host.rsplit_once(':').map_or(host, |(domain, _)| domain);
    let (headers, cookies) = headers(parts, context.port);
    let query = parts.uri.query().unwrap_or_default();
    let mut event = json!({
        "routeKey": context.route_key,
        "rawPath": parts.uri.path(),
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": API_ID,
            "domainName": domain,
            "domainPrefix": domain.split('.').next(),
            "http": {
                "method": parts.method.as_str(),
                "path": parts.uri.path(),
                "protocol": format!("{:?}", parts.version),
                "sourceIp": server::peer(parts),
                "userAgent": header(header::USER_AGENT).unwrap_or_default(),
            },
            "requestId": request_id(),
            "routeKey": context.route_key,
            "stage": STAGE,
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        },
    });
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !query.is_empty() {
        event["queryStringParameters"] =
            joined(form_urlencoded::parse(query.as_bytes()).into_owned());
    }
    if !context.path_parameters.is_empty() {
        event["pathParameters"] = json!(context.path_parameters);
    }
    event
}

/// Headers by lower-case name, several of one name joined with commas, and the cookies apart.
fn headers(parts: &Parts, port: u16) -> (Value, Vec<String>) {
    let mut cookies = Vec::new();
    let mut pairs = Vec::new();
    for (name, value) in &parts.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if ["x-forwarded-port", "x-forwarded-proto"].contains(&name.as_str()) {
            // The gateway's own to say.
        } else if name == header::COOKIE {
            cookies.extend(
                value
                    .split(';')
                    .map(|cookie| cookie.trim().to_owned())
                    .filter(|cookie| !cookie.is_empty()),
            );
        } else {
            pairs.push((name.as_str().to_owned(), value));
        }
    }
    pairs.push(("x-forwarded-for".to_owned(), server::peer(parts).to_string()));
    pairs.push(("x-forwarded-port".to_owned(), port.to_string()));
    pairs.push(("x-forwarded-proto".to_owned(), "http".to_owned()));
    (joined(pairs), cookies)
}

fn joined(pairs: impl IntoIterator<Item = (String, String)>) -> Value {
    let mut object: Map<String, Value> = Map::new();
    for (name, value) in pairs {
        match object.get_mut(&name) {
            Some(Value::String(before)) => {
                before.push(',');
                before.push_str(&value);
            }
            _ => {
                object.insert(name, value.into());
            }
        }
    }
    Value::Object(object)
}

/// The kinds of body that arrive as text; all others arrive in base64.
fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("text/plain");
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(
            kind.as_str(),
            "application/json" | "application/javascript" | "application/xml"
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn event(request: axum::http::request::Builder, body: &[u8]) -> Value {
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let parameters = BTreeMap::from([("key_id".to_owned(), "k".to_owned())]);
        let context = RequestContext {
            route_key: "DELETE /api/keys/{key_id}",
            path_parameters: &parameters,
            clock: &Clock::system(),
            port: 9000,
        };
        http(&context, &parts, body)
    }

    #[test]
    fn cookies_leave_the_headers_and_repeated_names_are_joined() {
        let request = Request::delete("/api/keys/k?a=1&a=2&b=%20")
            .header("Host", "localhost:9000")
            .header("Cookie", "x=1; y=2")
            .header("X-Many", "one")
            .header("X-Many", "two");
        let event = event(request, b"");
        assert_eq!(event["cookies"], json!(["x=1", "y=2"]));
        assert_eq!(event["headers"].get("cookie"), None);
        assert_eq!(event["headers"]["x-many"], "one,two");
        assert_eq!(event["queryStringParameters"], json!({"a": "1,2", "b": " "}));
        assert_eq!(event["pathParameters"]["key_id"], "k");
        assert_eq!(event["requestContext"]["http"]["protocol"], "HTTP/1.1");
        assert_eq!(event["requestContext"]["domainName"], "localhost");
        assert_eq!(event.get("body"), None);
    }

    #[test]
    fn what_the_gateway_says_of_itself_is_not_the_clients_to_say() {
        let request = Request::get("http://elsewhere.example.com/api/session?a=%zz")
            .header("Host", "[::1")
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-Port", "99999")
            .header("X-Forwarded-For", "192.0.2.1")
            .header("X-Forwarded-Host", "elsewhere.example.com");
        let event = event(request, b"");
        let said = |name: &str| event["headers"][name].as_str().expect("a text").to_owned();
        assert_eq!(said("x-forwarded-proto"), "http");
        assert_eq!(said("x-forwarded-port"), "9000");
        assert_eq!(said("x-forwarded-for"), "192.0.2.1,127.0.0.1");
        assert_eq!(said("x-forwarded-host"), "elsewhere.example.com");
        assert_eq!(said("host"), "[::1");
        assert_eq!(
            (&event["rawPath"], &event["rawQueryString"]),
            (&json!("/api/session"), &json!("a=%zz"))
        );
    }

    #[test]
    fn only_text_that_is_utf_8_arrives_as_text() {
        let body = |kind: &str, body: &[u8]| {
            let event = event(Request::post("/").header("content-type", kind), body);
            (
                event["body"].as_str().unwrap_or_default().to_owned(),
                event["isBase64Encoded"] == true,
            )
        };
        assert_eq!(body("application/json; charset=utf-8", b"{}"), ("{}".to_owned(), false));
        assert_eq!(body("text/plain", b"\xff"), ("/w==".to_owned(), true));
        assert_eq!(body("application/octet-stream", b"{}"), ("e30=".to_owned(), true));
    }
}
