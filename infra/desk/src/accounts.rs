//! `POST /_local/operators/<function>` and `POST /_local/accounts`: what operators invoke directly.
//!
//! A refusal of theirs is a Lambda error whose message is a problem; here it becomes the problem.

use crate::lambda::{InvokeError, Lambdas};
use crate::problem::{self, Problem};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use edge::http::given;
use functions::Trigger;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, json};

/// What may be asked for of an account that is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    account_id: String,
    name: Option<String>,
    key_limit: Option<u32>,
    member_limit: Option<u32>,
    /// Null takes them away.
    #[serde(default, deserialize_with = "given")]
    limits: Option<Option<Limits>>,
    suspended: Option<bool>,
}

/// What cannot be read changes nothing; whether it can be a limit is the function's to say.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    per_minute: Option<Number>,
    burst: Option<Number>,
    per_month: Option<Number>,
}

impl Changes {
    /// The acts of `change-account`, in their order.
    fn acts(&self) -> Vec<Value> {
        let id = &self.account_id;
        let name = self.name.as_ref();
        let renamed = name.map(|name| json!({ "account_id": id, "act": "rename", "name": name }));
        let limits = self.limits.is_some() || self.key_limit.or(self.member_limit).is_some();
        let limits = limits.then(|| {
            let mut act = json!({
                "account_id": id, "act": "set_limits", "key_limit": self.key_limit,
                "member_limit": self.member_limit,
            });
            if let Some(limits) = &self.limits {
                act["limits"] = json!(limits);
            }
            act
        });
        let suspended = self.suspended.map(|suspended| {
            json!({ "account_id": id, "act": if suspended { "suspend" } else { "resume" } })
        });
        [renamed, limits, suspended].into_iter().flatten().collect()
    }
}

/// Runs `register-account` or, where the request names an account, the acts of `change-account`
/// that its other fields ask for, up to the first that is refused.
pub(crate) async fn answer(lambdas: &Lambdas, request: Value) -> Result<Response, Problem> {
    if request.get("account_id").is_none() {
        return Ok(match invoke(lambdas, "register-account", &request).await? {
            Ok(registered) => (StatusCode::CREATED, Json(registered)).into_response(),
            Err(refusal) => refusal,
        });
    }
    let changes: Changes = serde_json::from_value(request)
        .map_err(|error| Problem::bad_request(format!("The body cannot be read: {error}.")))?;
    let mut account = Value::Null;
    for act in changes.acts() {
        match invoke(lambdas, "change-account", &act).await? {
            Ok(mut done) => account = done["account"].take(),
            Err(refusal) => return Ok(refusal),
        }
    }
    if account.is_null() {
        return Err(Problem::bad_request(
            "Say what is to change: name, key_limit, member_limit, limits or suspended.",
        ));
    }
    Ok(Json(json!({ "account": account })).into_response())
}

pub(crate) fn is_for_operators(function: &str) -> bool {
    functions::find(function).is_some_and(|function| function.trigger == Trigger::Operator)
}

/// Invokes a function of operators with this event.
pub(crate) async fn operate(
    lambdas: &Lambdas,
    function: &str,
    event: Value,
) -> Result<Response, Problem> {
    let done = invoke(lambdas, function, &event).await?;
    Ok(done.map_or_else(|refusal| refusal, |answer| Json(answer).into_response()))
}

/// What the function answers, or its refusal as an answer.
async fn invoke(
    lambdas: &Lambdas,
    function: &str,
    event: &Value,
) -> Result<Result<Value, Response>, Problem> {
    match lambdas.invoke(function, event).await {
        Ok(done) => Ok(Ok(done)),
        Err(InvokeError::Failed { message, .. }) => Ok(Err(refusal(function, &message))),
        Err(error) => {
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error.to_string()))
        }
    }
}

fn refusal(function: &str, message: &str) -> Response {
    let problem: Option<Value> = serde_json::from_str(message).ok();
    let status = problem
        .as_ref()
        .and_then(|problem| problem["status"].as_u64())
        .and_then(|status| u16::try_from(status).ok())
        .and_then(|status| StatusCode::from_u16(status).ok());
    match (problem, status) {
        (Some(problem), Some(status)) => problem::respond(status, problem.to_string()),
        _ => Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            format!("{function} failed: {message}"),
        )
        .into_response(),
    }
}
