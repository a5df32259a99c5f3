//! Any method, `/api/check` and below: the key check for gateways that ask over HTTP (nginx's
//! `auth_request`, Envoy's `ext_authz`, `forward_auth` of Caddy and Traefik, one's own code).
//!
//! Decision and effect: `key_check`. An outage is a 503, and never reads as "invalid key".

use crate::key_check::{Authorized, check_key};
use edge::http::{Answer, Call};
use edge::{App, Problem};
use lambda_http::http::StatusCode;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// What every decoder of URLs gives back as it is (RFC 3986, unreserved) stays readable.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    Ok(match check_key(app, call.api_key()).await? {
        Some(authorized) => allowed(&authorized),
        None => refused(),
    })
}

/// Whose key it is, for the product behind the gateway.
fn allowed(Authorized { account, key }: &Authorized) -> Answer {
    let name = utf8_percent_encode(key.name.as_str(), ENCODED).to_string();
    Answer::empty(StatusCode::OK)
        .with_header("x-frontdesk-account", account.as_str())
        .with_header("x-frontdesk-key", key.id.as_str())
        .with_header("x-frontdesk-key-name", &name)
        .with_header("x-frontdesk-sandbox", if key.is_sandbox() { "true" } else { "false" })
}

/// In the words of the product API: most gateways pass them on to their clients.
fn refused() -> Answer {
    let message = "Forbidden: a valid API key is needed in x-api-key.";
    Answer::json(StatusCode::FORBIDDEN, &json!({ "error": { "message": message, "code": 403 } }))
}
