//! `POST /api/sandbox/test`: Test Connection, validates the Sandbox key now.
//!
//! The one action that waits for the store twice: the key must be read before the product API is
//! asked, and the verdict must be on record before it is told.

use crate::provision_sandbox::open_sandbox_key;
use crate::view::SandboxView;
use domain::{Sandbox, SessionToken};
use edge::http::{Answer, Call};
use edge::{App, Problem, ProblemCode};

/// With the product API's time-out, well within the 8 seconds of an API function.
const MAX_TRIES: u32 = 2;

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.session()?;
    call.no_body()?;
    let sandbox = test_sandbox(app, &token).await?;
    Ok(Answer::ok(&SandboxView::new(&sandbox, app.clock.now())))
}

async fn test_sandbox(app: &App, token: &SessionToken) -> Result<Sandbox, Problem> {
    let (_, before) = app.store.find_sandbox_as(token, app.clock.now()).await?;
    let key = before.key.as_ref().ok_or(ProblemCode::SandboxNotReady)?;
    let plain =
        open_sandbox_key(app, &token.account, key).await?.ok_or(ProblemCode::SandboxNotReady)?;
    let verdict = app.product_api.validate(&plain, MAX_TRIES).await?;
    let now = app.clock.now();
    Ok(app.store.record_test(token, key, &before.judged(verdict, now), now).await?)
}
