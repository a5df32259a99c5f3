//! `/_local`: what runs here, the inbox and the controls of the desk. They exist on loopback only
//! and in no deployment.

use crate::accounts;
use crate::backends::mail::Inbox;
use crate::backends::ses::MailServiceMode;
use crate::desk_file::DeskFile;
use crate::failures::Failures;
use crate::iam::Iam;
use crate::lambda::Lambdas;
use crate::mode::Switch;
use crate::pages::{self, Home};
use crate::problem::Problem;
use crate::product_api::ProductApiMode;
use crate::worker::Reports;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use edge::{Clock, UtcTime};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// What the controls control.
#[derive(Clone)]
pub(crate) struct Controls {
    pub(crate) clock: Clock,
    pub(crate) desk_file: DeskFile,
    pub(crate) home: Arc<Home>,
    pub(crate) inbox: Inbox,
    pub(crate) failures: Failures,
    pub(crate) product_api: Switch<ProductApiMode>,
    pub(crate) mail_service: Switch<MailServiceMode>,
    pub(crate) lambdas: Arc<Lambdas>,
    pub(crate) workers: Reports,
    pub(crate) iam: Iam,
    /// Functions that run elsewhere go by the machine's clock, which is not the desk's to move.
    pub(crate) clock_moves: bool,
}

/// At most ten years at once.
const MAX_ADVANCE_SECONDS: u64 = 10 * 366 * 24 * 60 * 60;

/// The clock does not go beyond 1 January 9000, where a date's year is still four digits for a long
/// time.
const MAX_UNIX_SECOND: i64 = 221_845_392_000;

impl Controls {
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/_local", get(async || Redirect::permanent("/_local/")))
            .route("/_local/", get(home))
            .route("/_local/inbox", get(inbox))
            .route("/_local/mail", get(mails).delete(empty))
            .route("/_local/clock", get(now).post(advance))
            .route("/_local/product-api", get(product_api).post(set_product_api))
            .route("/_local/mail-service", get(mail_service).post(set_mail_service))
            .route("/_local/accounts", axum::routing::post(accounts))
            .route("/_local/operators/{function}", axum::routing::post(operators))
            .route("/_local/failures", get(failures))
            .route("/_local/permissions", get(permissions))
            .route("/_local/workers", get(workers))
            .route("/_local/{*path}", axum::routing::any(nothing))
            .method_not_allowed_fallback(wrong_method)
            .layer(axum::middleware::from_fn(refuse_strangers))
            .with_state(self)
    }
}

/// Other web pages in the same browser can reach loopback. They may not read the inbox by a name of
/// their own that leads here, and they may not change anything.
async fn refuse_strangers(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !headers.get(header::HOST).and_then(|host| host.to_str().ok()).is_some_and(is_loopback) {
        let detail = "The desk's controls answer to localhost, 127.0.0.1 and [::1] only.";
        return Problem::new(StatusCode::FORBIDDEN, "not_local", detail).into_response();
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads && is_cross_site(headers) {
        let detail = "Another site may not work the desk's controls.";
        return Problem::new(StatusCode::FORBIDDEN, "cross_site", detail).into_response();
    }
    next.run(request).await
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => return v6.split(']').next() == Some("::1"),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "127.0.0.1"
        || name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
}

fn is_cross_site(headers: &HeaderMap) -> bool {
    // As bytes: what is no text is no word of ours.
    let sent = |name| headers.get(name).map(|value: &header::HeaderValue| value.as_bytes());
    match (sent(header::HeaderName::from_static("sec-fetch-site")), sent(header::ORIGIN)) {
        (Some(site), _) => ![&b"same-origin"[..], b"none"].contains(&site),
        (None, Some(origin)) => origin.strip_prefix(b"http://") != sent(header::HOST),
        // No browser: curl, or a test.
        (None, None) => false,
    }
}

fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::bad_request(format!("The body cannot be read: {error}.")))
}

async fn home(State(controls): State<Controls>) -> Response {
    pages::page(controls.home.render())
}

async fn inbox(State(controls): State<Controls>) -> Response {
    pages::page(pages::inbox(&controls.inbox.mails()))
}

async fn mails(State(controls): State<Controls>) -> Response {
    Json(controls.inbox.mails()).into_response()
}

async fn empty(State(controls): State<Controls>) -> Result<StatusCode, Problem> {
    controls.inbox.clear().map_err(|error| not_kept("The mails are as they were", &error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Nothing is changed that would be back at the next start.
fn not_kept(what: &str, error: &dyn std::error::Error) -> Problem {
    let detail = format!("{what}, for the change cannot be kept: {error}.");
    Problem::new(StatusCode::INSUFFICIENT_STORAGE, "not_kept", detail)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u64,
}

async fn now(State(controls): State<Controls>) -> Json<Value> {
    Json(json!({"now": UtcTime(controls.clock.now())}))
}

async fn advance(State(controls): State<Controls>, body: Bytes) -> Result<Json<Value>, Problem> {
    let Advance { advance_seconds } = parse(&body)?;
    if !(1..=MAX_ADVANCE_SECONDS).contains(&advance_seconds) {
        return Err(Problem::bad_request(
            "advance_seconds must be at least 1 and at most ten years.",
        ));
    }
    if !controls.clock_moves {
        let detail = "The functions run elsewhere and go by the machine's clock. Start the desk \
                      without --backends to move the clock.";
        return Err(Problem::new(StatusCode::CONFLICT, "clock_not_movable", detail));
    }
    let by = Duration::from_secs(advance_seconds);
    let there = controls.clock.now().checked_add(by);
    if !there.is_ok_and(|there| there.as_second() <= MAX_UNIX_SECOND) {
        return Err(Problem::bad_request("The clock does not go beyond the year 9000."));
    }
    let moved = controls.desk_file.advance(&controls.clock, by);
    moved.map_err(|error| not_kept("The clock is where it was", &error))?;
    Ok(now(State(controls)).await)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(bound(deserialize = "M: Deserialize<'de>"))]
struct Mode<M> {
    #[serde(deserialize_with = "edge::http::one_word")]
    mode: M,
}

async fn product_api(State(controls): State<Controls>) -> Json<Mode<ProductApiMode>> {
    Json(Mode { mode: controls.product_api.mode() })
}

async fn set_product_api(
    State(controls): State<Controls>,
    body: Bytes,
) -> Result<Json<Mode<ProductApiMode>>, Problem> {
    let Mode { mode } = parse(&body)?;
    controls.product_api.set_mode(mode);
    Ok(Json(Mode { mode }))
}

async fn mail_service(State(controls): State<Controls>) -> Json<Mode<MailServiceMode>> {
    Json(Mode { mode: controls.mail_service.mode() })
}

async fn set_mail_service(
    State(controls): State<Controls>,
    body: Bytes,
) -> Result<Json<Mode<MailServiceMode>>, Problem> {
    let Mode { mode } = parse(&body)?;
    controls.mail_service.set_mode(mode);
    Ok(Json(Mode { mode }))
}

/// See [`accounts::answer`].
async fn accounts(State(controls): State<Controls>, body: Bytes) -> Result<Response, Problem> {
    accounts::answer(&controls.lambdas, parse(&body)?).await
}

/// See [`accounts::operate`].
async fn operators(
    State(controls): State<Controls>,
    Path(function): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    if !accounts::is_for_operators(&function) {
        return Err(nothing().await);
    }
    accounts::operate(&controls.lambdas, &function, parse(&body)?).await
}

/// What the functions may do, how often they did it, and what they were refused.
async fn permissions(State(controls): State<Controls>) -> Response {
    Json(controls.iam.permissions()).into_response()
}

/// What works behind the gateway, and whether it panicked.
async fn workers(State(controls): State<Controls>) -> Response {
    Json(controls.workers.health()).into_response()
}

async fn failures(State(controls): State<Controls>) -> Json<Vec<Value>> {
    Json(controls.failures.list())
}

async fn nothing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "The desk has no such control.")
}

async fn wrong_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "This control does not take this method.",
    )
}
