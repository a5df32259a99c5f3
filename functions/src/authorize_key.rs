//! The Lambda authorizer of the product API's gateway: is this `x-api-key` good, and whose is it?
//!
//! Decision and effect: `key_check`. An outage is an error, which the gateway answers with 500;
//! it never reads as "invalid key". A call over a limit is refused, with the reason, or let through
//! with it, as the deployment has it: no gateway of AWS's makes a 429 of a refusal.

use crate::key_check::{Authorized, check_key};
use domain::PlainKey;
use edge::App;
use edge::config::{AuthorizerResponse, OnLimit};
use edge::event::Fields;
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::{Value, json};

/// What HTTP APIs (payload 2.0, and 1.0) and REST APIs (`REQUEST`) send, as far as it decides
/// anything.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizerRequest {
    #[serde(default)]
    version: Option<String>,
    /// The resource that a policy names: HTTP API.
    #[serde(default)]
    route_arn: Option<String>,
    /// The resource that a policy names: REST API, and payload 1.0.
    #[serde(default)]
    method_arn: Option<String>,
    #[serde(default)]
    headers: Option<Fields>,
}

pub async fn handle(app: &App, request: AuthorizerRequest) -> Result<Value, Error> {
    let authorized = check_key(app, presented(&request)).await?;
    let (is_allowed, context) = judged(app, authorized.as_ref());
    let simple = request.version.as_deref() == Some("2.0")
        && app.settings.authorizer_response == AuthorizerResponse::Simple;
    if simple {
        let mut answer = json!({ "isAuthorized": is_allowed });
        if let Some(context) = context {
            answer["context"] = context;
        }
        return Ok(answer);
    }
    let resource = request
        .route_arn
        .or(request.method_arn)
        .ok_or("the event names no routeArn and no methodArn")?;
    let effect = if is_allowed { "Allow" } else { "Deny" };
    let principal = authorized.as_ref().map_or("nobody", |known| known.account.as_str());
    let statement =
        json!([{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": resource }]);
    let mut answer = json!({
        "principalId": principal,
        "policyDocument": { "Version": "2012-10-17", "Statement": statement },
    });
    if let Some(context) = context {
        answer["context"] = context;
    }
    Ok(answer)
}

/// Whether the call is let through, and what the product or the gateway hears of it.
fn judged(app: &App, authorized: Option<&Authorized>) -> (bool, Option<Value>) {
    let Some(Authorized { account, key, over }) = authorized else { return (false, None) };
    let passes = app.settings.on_limit == OnLimit::Pass;
    let retry_after = over.map(|refusal| refusal.retry_after(app.clock.now()));
    let reason = over.map(|refusal| refusal.limited.reason());
    if let (Some(reason), false) = (reason, passes) {
        return (false, Some(json!({ "reason": reason, "retry_after": retry_after })));
    }
    let mut context = json!({
        "account_id": account, "key_id": key.id, "key_name": key.name,
        "sandbox": key.is_sandbox(),
    });
    if let Some(reason) = reason {
        context["limited"] = json!(reason);
        context["retry_after"] = json!(retry_after);
    }
    (true, Some(context))
}

/// The key in the `x-api-key` header, which a REST API spells as the client did. Several are none:
/// which of them the gateway means, nobody knows.
fn presented(request: &AuthorizerRequest) -> Option<PlainKey> {
    let mut values = request.headers.as_ref()?.header("x-api-key");
    match (values.next(), values.next()) {
        (Some(value), None) => PlainKey::parse(std::str::from_utf8(value).ok()?),
        (None, _) | (Some(_), Some(_)) => None,
    }
}
