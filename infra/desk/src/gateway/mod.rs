//! The HTTP API's gateway: routes from the template, payload 2.0 in both directions, API Gateway's
//! own answers where a function has none.

pub(crate) mod event;
mod response;

use crate::gateway::event::RequestContext;
use crate::hosting::{self, Site};
use crate::lambda::{InvokeError, Lambdas};
use crate::pages::{Home, page};
use crate::template::Routes;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edge::Clock;
use http_body_util::LengthLimitError;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

/// API Gateway's limit for a request's body.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// Its limit for the request line and the values of all headers together.
const MAX_HEAD_BYTES: usize = 10_240;

/// What the gateway needs to answer.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) routes: Arc<Routes>,
    pub(crate) lambdas: Arc<Lambdas>,
    pub(crate) clock: Clock,
    pub(crate) port: u16,
    pub(crate) site: Option<Site>,
    pub(crate) settings: Arc<BTreeMap<String, String>>,
    pub(crate) home: Arc<Home>,
}

/// Everything that no other part of the desk answers: the API's routes, and the console.
///
/// In a deployment CloudFront stands here: only `/api` leads to the HTTP API, so its `$default`
/// route sees nothing else here either.
pub(crate) async fn answer(State(gateway): State<Gateway>, request: Request) -> Response {
    let is_api = is_below("/api", request.uri().path());
    let clock = gateway.clock.clone();
    let mut response = undated(gateway, request).await;
    if is_api && let Some(now) = date(clock.now()) {
        response.headers_mut().insert(header::DATE, now);
    }
    response
}

/// As API Gateway dates its answers; hyper by itself knows only the system's clock.
fn date(now: Timestamp) -> Option<HeaderValue> {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&now).ok()?;
    HeaderValue::try_from(date).ok()
}

async fn undated(gateway: Gateway, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let is_api = is_below("/api", path);
    if is_api && head_bytes(&parts) > MAX_HEAD_BYTES {
        return message(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "Request Header Fields Too Large",
        );
    }
    match gateway.routes.find(parts.method.as_str(), path) {
        Some(found) if is_api || found.route.key != "$default" => {
            let context = RequestContext {
                route_key: &found.route.key,
                path_parameters: &found.parameters,
                clock: &gateway.clock,
                port: gateway.port,
            };
            match read(body).await {
                Ok(body) => gateway.invoke(&found.route.function, &context, &parts, &body).await,
                Err(refusal) => refusal,
            }
        }
        _ if is_api => message(StatusCode::NOT_FOUND, "Not Found"),
        _ if is_below("/_local", path) || is_below("/heify", path) => nothing(),
        _ if path == "/settings.json" => hosting::settings(&parts, &gateway.settings),
        _ => match gateway.site.as_ref().filter(|site| site.is_there()) {
            Some(site) => site.answer(&parts),
            None if path == "/" && matches!(parts.method, Method::GET | Method::HEAD) => {
                page(gateway.home.render_instead_of_console())
            }
            None => nothing(),
        },
    }
}

/// How long the request line and the values of all headers are together.
fn head_bytes(parts: &Parts) -> usize {
    let line = format!("{} {} {:?}", parts.method, parts.uri, parts.version);
    line.len() + parts.headers.values().map(HeaderValue::len).sum::<usize>()
}

fn is_below(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn nothing() -> Response {
    (
        StatusCode::NOT_FOUND,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        "There is no such page.\n",
    )
        .into_response()
}

/// The whole body, within the limit.
pub(crate) async fn read(body: Body) -> Result<Bytes, Response> {
    axum::body::to_bytes(body, MAX_BODY_BYTES).await.map_err(|error| {
        if error.into_inner().is::<LengthLimitError>() {
            message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
        } else {
            message(StatusCode::BAD_REQUEST, "Bad Request")
        }
    })
}

impl Gateway {
    async fn invoke(
        &self,
        function: &str,
        context: &RequestContext<'_>,
        parts: &Parts,
        body: &Bytes,
    ) -> Response {
        let event = event::http(context, parts, body);
        match self.lambdas.invoke(function, &event).await {
            Ok(answer) => response::http(answer).unwrap_or_else(|problem| {
                tracing::error!(function, problem, "the function's answer is not an HTTP response");
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }),
            Err(error @ (InvokeError::TimedOut { .. } | InvokeError::Unreachable { .. })) => {
                tracing::error!(%error, "no answer");
                message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
            Err(error @ (InvokeError::Failed { .. } | InvokeError::Unknown(_))) => {
                tracing::error!(%error, "no answer");
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
        }
    }
}

/// An answer of API Gateway itself.
fn message(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({"message": message}))).into_response()
}
