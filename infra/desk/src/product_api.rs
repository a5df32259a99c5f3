//! A stand-in for the product API: the public Heify paths and error shapes, guarded by
//! `authorize-key` as the real one would be, and able to misbehave.

use crate::gateway::{self, event};
use crate::lambda::Lambdas;
use crate::mode::Switch;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use edge::Clock;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How the stand-in behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductApiMode {
    #[default]
    Up,
    /// 403, whatever the key.
    Rejecting,
    /// 500, whatever the call.
    Failing,
    /// The right answer, after half a minute.
    Slow,
    /// 429 with `Retry-After`.
    Limiting,
    /// Nobody there. On the desk's own port, which must go on answering, this is a 503.
    Down,
}

const SLOW_ANSWER_DELAY: Duration = Duration::from_secs(30);

/// The path that the functions validate keys with.
pub(crate) const VALIDATION_PATH: &str = "/heify/get-configurations";

/// What the stand-in needs to answer.
#[derive(Clone)]
pub(crate) struct ProductApi {
    pub(crate) lambdas: Arc<Lambdas>,
    pub(crate) mode: Switch<ProductApiMode>,
    pub(crate) clock: Clock,
    pub(crate) port: u16,
    pub(crate) shutdown: CancellationToken,
}

/// An error in the shape of the product API.
struct Refusal(StatusCode, &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, message) = self;
        (status, Json(json!({"error": {"message": message, "code": status.as_u16()}})))
            .into_response()
    }
}

impl ProductApi {
    /// For the desk's own port.
    pub(crate) fn public(self) -> Router {
        Router::new().route("/heify/{*path}", axum::routing::any(answer)).with_state(self)
    }

    /// For the port that only the functions know. One request per connection, so that a connection
    /// which was opened before the stand-in went down is of no use afterwards.
    pub(crate) fn internal(self) -> Router {
        async fn close(mut response: Response) -> Response {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
        self.public().layer(axum::middleware::map_response(close))
    }

    /// Who calls, by the authorizer's word: its context.
    async fn authorize(&self, parts: &Parts) -> Result<Map<String, Value>, Refusal> {
        const FORBIDDEN: Refusal =
            Refusal(StatusCode::FORBIDDEN, "Forbidden: a valid API key is needed in x-api-key.");
        let Some(key) = joined(&parts.headers, "x-api-key") else { return Err(FORBIDDEN) };
        let route_key = format!("{} {}", parts.method, parts.uri.path());
        let request_context = event::RequestContext {
            route_key: &route_key,
            path_parameters: &BTreeMap::new(),
            clock: &self.clock,
            port: self.port,
        };
        let event = event::authorizer(&request_context, parts, &key);
        let answer = self.lambdas.invoke("authorize-key", &event).await.map_err(|error| {
            tracing::error!(%error, "the authorizer gave no answer");
            Refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error.")
        })?;
        if is_allowed(&answer) {
            Ok(answer["context"].as_object().cloned().unwrap_or_default())
        } else {
            Err(FORBIDDEN)
        }
    }
}

/// Both of an authorizer's answers: the simple one, and an IAM policy.
fn is_allowed(answer: &Value) -> bool {
    if let Some(simple) = answer.get("isAuthorized") {
        return simple == true;
    }
    let statements =
        answer["policyDocument"]["Statement"].as_array().map(Vec::as_slice).unwrap_or_default();
    let any = |effect: &str| statements.iter().any(|statement| statement["Effect"] == effect);
    any("Allow") && !any("Deny")
}

async fn answer(State(api): State<ProductApi>, request: Request) -> Response {
    match api.mode.mode() {
        ProductApiMode::Up => {}
        ProductApiMode::Rejecting => {
            return Refusal(StatusCode::FORBIDDEN, "Forbidden: this key is not accepted.")
                .into_response();
        }
        ProductApiMode::Failing => {
            return Refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error.")
                .into_response();
        }
        ProductApiMode::Slow => {
            tokio::select! {
                () = tokio::time::sleep(SLOW_ANSWER_DELAY) => {}
                () = api.shutdown.cancelled() => {}
            }
        }
        ProductApiMode::Limiting => {
            let refusal =
                Refusal(StatusCode::TOO_MANY_REQUESTS, "Too many requests. Try again in a second.");
            return ([(header::RETRY_AFTER, "1")], refusal).into_response();
        }
        ProductApiMode::Down => {
            return Refusal(StatusCode::SERVICE_UNAVAILABLE, "The product API is down.")
                .into_response();
        }
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = gateway::read(body).await else {
        return Refusal(StatusCode::PAYLOAD_TOO_LARGE, "The request is too large.").into_response();
    };
    let context = match api.authorize(&parts).await {
        Ok(context) => context,
        Err(refusal) => return refusal.into_response(),
    };
    if let Some(answer) = over_limit(&context) {
        return answer;
    }
    let mut response = match call(&parts, &body) {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    // People who try a key see here whose it is.
    let account = context.get("account_id").and_then(Value::as_str);
    if let Some(account) = account.and_then(|account| HeaderValue::from_str(account).ok()) {
        response.headers_mut().insert("x-account-id", account);
    }
    response
}

/// The answer to a call over a limit, which the authorizer let through and named (`OnLimit=pass`):
/// a product behind API Gateway has to give it itself.
fn over_limit(context: &Map<String, Value>) -> Option<Response> {
    let message = match context.get("limited")?.as_str()? {
        "quota_exceeded" => "Too many requests: this month's calls are used up.",
        _ => "Too many requests: the account's rate limit is reached.",
    };
    let refusal = Refusal(StatusCode::TOO_MANY_REQUESTS, message);
    let retry_after = context.get("retry_after").map(Value::to_string).unwrap_or_default();
    Some(([(header::RETRY_AFTER, retry_after)], refusal).into_response())
}

fn joined(headers: &HeaderMap, name: &str) -> Option<String> {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    Some(values.join(",")).filter(|joined| !joined.is_empty())
}

/// The API itself, for callers that were let in.
fn call(parts: &Parts, body: &[u8]) -> Result<Value, Refusal> {
    let operation = parts.uri.path().strip_prefix("/heify/").unwrap_or_default();
    if !matches!(operation, "get-configurations" | "create-configuration") {
        return Err(Refusal(StatusCode::NOT_FOUND, "There is no such operation."));
    }
    if parts.method != Method::POST {
        return Err(Refusal(StatusCode::METHOD_NOT_ALLOWED, "Every operation is a POST."));
    }
    let Ok(Value::Object(request)) = serde_json::from_slice(body) else {
        return Err(Refusal(StatusCode::BAD_REQUEST, "The body must be a JSON object."));
    };
    match operation {
        "get-configurations" => match request.get("configuration_id") {
            None => Ok(json!({"configurations": samples()})),
            Some(id) => samples()
                .into_iter()
                .find(|sample| sample["configuration_id"] == *id)
                .map(|sample| json!({"configuration": sample}))
                .ok_or(Refusal(
                    StatusCode::BAD_REQUEST,
                    "There is no configuration of this configuration_id.",
                )),
        },
        _create => {
            match request.get("name").and_then(Value::as_str).filter(|name| !name.trim().is_empty())
            {
                // Nothing is kept: the stand-in is there to be called, not to be used.
                Some(name) => Ok(
                    json!({"configuration": {"configuration_id": "cfg_new", "name": name.trim()}}),
                ),
                None => Err(Refusal(StatusCode::BAD_REQUEST, "name is required.")),
            }
        }
    }
}

fn samples() -> Vec<Value> {
    vec![
        json!({"configuration_id": "cfg_interview", "name": "Interview", "language": "en"}),
        json!({"configuration_id": "cfg_support_call", "name": "Support call", "language": "en"}),
    ]
}

/// The functions' way to the stand-in. While it is down, connections are dropped as soon as they
/// come.
pub(crate) struct InterruptibleListener {
    pub(crate) listener: TcpListener,
    pub(crate) mode: Switch<ProductApiMode>,
}

impl axum::serve::Listener for InterruptibleListener {
    type Io = TcpStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (connection, address) = axum::serve::Listener::accept(&mut self.listener).await;
            if self.mode.mode() != ProductApiMode::Down {
                return (connection, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}
