//! The Lambda authorizer of the product API's gateway: is this `x-api-key` good, and whose is it?
//!
//! Parse and checksum, one strongly consistent `GetItem`, constant-time compare. Nothing else: no
//! Secrets Manager, no second read, and no write save the mark of a use, once an hour, which no
//! answer hangs on. An outage is an error, which the gateway answers with 500; it never reads as
//! "invalid key".

use domain::{AccountId, ApiKey, PlainKey};
use edge::config::AuthorizerResponse;
use edge::event::Fields;
use edge::{App, telemetry};
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::{Value, json};
use store::{FoundKey, StoreError};

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

/// A key that is good.
struct Authorized {
    account: AccountId,
    key: ApiKey,
}

pub async fn handle(app: &App, request: AuthorizerRequest) -> Result<Value, Error> {
    let authorized = authorize_key(app, presented(&request)).await?;
    telemetry::set_outcome(if authorized.is_some() { "allowed" } else { "refused" });
    if let Some(Authorized { account, .. }) = &authorized {
        telemetry::set_account(account);
    }
    let context = authorized.as_ref().map(|Authorized { account, key }| {
        json!({
            "account_id": account, "key_id": key.id, "key_name": key.name,
            "sandbox": key.is_sandbox(),
        })
    });
    let simple = request.version.as_deref() == Some("2.0")
        && app.settings.authorizer_response == AuthorizerResponse::Simple;
    if simple {
        return Ok(match context {
            Some(context) => json!({ "isAuthorized": true, "context": context }),
            None => json!({ "isAuthorized": false }),
        });
    }
    let resource = request
        .route_arn
        .or(request.method_arn)
        .ok_or("the event names no routeArn and no methodArn")?;
    let (effect, principal) = match &authorized {
        Some(Authorized { account, .. }) => ("Allow", account.as_str()),
        None => ("Deny", "nobody"),
    };
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

async fn authorize_key(
    app: &App,
    presented: Option<PlainKey>,
) -> Result<Option<Authorized>, StoreError> {
    let Some(plain) = presented else { return Ok(None) };
    let found = app.store.find_key(&plain).await?;
    let now = app.clock.now();
    let good = found.filter(|found| found.key.is_opened_by(&plain, now) && !found.suspended);
    let Some(FoundKey { key, .. }) = good else { return Ok(None) };
    if key.use_is_due(now) {
        // It fails no check, and holds none up for long: the next use is marked instead.
        app.aside("mark-key-used", app.store.mark_key_used(&plain, now)).await;
    }
    Ok(Some(Authorized { account: plain.account, key }))
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
