//! Any method, `/api/check` and below: the key check for gateways that ask over HTTP (nginx's
//! `auth_request`, Envoy's `ext_authz`, `forward_auth` of Caddy and Traefik, one's own code).
//!
//! Decision and effect: `key_check`. An outage is a 503, and never reads as "invalid key".

use crate::key_check::{Authorized, check_key};
use domain::meter::{Limited, Refusal};
use edge::http::{Answer, Call};
use edge::{App, Problem};
use jiff::Timestamp;
use lambda_http::http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// What every decoder of URLs gives back as it is (RFC 3986, unreserved) stays readable.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    Ok(match check_key(app, call.api_key()).await? {
        Some(Authorized { over: Some(refusal), .. }) => {
            // For gateways that know no refusal but this one.
            let is_403 = call.query("limited").as_deref() == Some("403");
            let status = if is_403 { StatusCode::FORBIDDEN } else { StatusCode::TOO_MANY_REQUESTS };
            over_limit(&refusal, status, app.clock.now())
        }
        Some(authorized) => allowed(&authorized),
        None => {
            refused(StatusCode::FORBIDDEN, "Forbidden: a valid API key is needed in x-api-key.")
        }
    })
}

/// Whose key it is, for the product behind the gateway.
fn allowed(Authorized { account, key, .. }: &Authorized) -> Answer {
    let name = utf8_percent_encode(key.name.as_str(), ENCODED).to_string();
    Answer::empty(StatusCode::OK)
        .with_header("x-frontdesk-account", account.as_str())
        .with_header("x-frontdesk-key", key.id.as_str())
        .with_header("x-frontdesk-key-name", &name)
        .with_header("x-frontdesk-sandbox", if key.is_sandbox() { "true" } else { "false" })
}

/// In the words of the product API: most gateways pass them on to their clients.
fn refused(status: StatusCode, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": { "message": message, "code": status.as_u16() } }))
}

/// Which limit it was, and when it is worth trying again: as RFC 9110 (`Retry-After`) and the
/// IETF's draft of RateLimit header fields have it.
fn over_limit(refusal: &Refusal, status: StatusCode, now: Timestamp) -> Answer {
    let retry_after = refusal.retry_after(now).to_string();
    let (message, limit) = match refusal.limited {
        Limited::Rate => ("Too many requests: the account's rate limit is reached.", "minute"),
        Limited::Month => ("Too many requests: this month's calls are used up.", "month"),
    };
    let minute = refusal.limits.rate.map(|rate| format!("\"minute\";q={};w=60", rate.per_minute));
    let month = refusal.limits.per_month;
    let month = month.map(|calls| format!("\"month\";q={calls};w={}", refusal.month.seconds()));
    let policy: Vec<_> = minute.into_iter().chain(month).collect();
    refused(status, message)
        .with_header("retry-after", &retry_after)
        .with_header("x-frontdesk-reason", refusal.limited.reason())
        .with_header("ratelimit-policy", &policy.join(", "))
        .with_header("ratelimit", &format!("\"{limit}\";r=0;t={retry_after}"))
}
