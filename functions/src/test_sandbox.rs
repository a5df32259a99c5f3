//! `POST /api/sandbox/test`: Test Connection, validates the Sandbox key now.
//!
//! The one action that waits for the store twice: the key must be read before the product API is
//! asked, and the verdict must be on record before it is told.

use crate::validation::unless_over_limit;
use crate::view::SandboxView;
use domain::{Sandbox, SessionToken};
use edge::http::{Answer, Call};
use edge::{App, Problem, ProblemCode};

/// Both fit into [`edge::budget::Budget::CONNECTION_TEST`], however long the product API may take.
pub const MAX_VALIDATION_TRIES: u32 = 2;

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.session()?;
    call.no_body()?;
    let sandbox = test_sandbox(app, &token).await?;
    Ok(Answer::ok(&SandboxView::new(&sandbox, app.clock.now())).for_account(&token.account))
}

async fn test_sandbox(app: &App, token: &SessionToken) -> Result<Sandbox, Problem> {
    let before = app.store.find_sandbox_as(token, app.clock.now()).await?;
    let not_ready = || Problem::new(ProblemCode::SandboxNotReady).for_account(&token.account);
    let key = before.key.as_ref().ok_or_else(not_ready)?;
    let opened = app.keyrings.open_sandbox_key(&token.account, key).await?;
    let plain = opened.ok_or_else(not_ready)?;
    let asked_at = app.clock.now();
    let verdict = app.product_api.validate(&plain, MAX_VALIDATION_TRIES).await?;
    let verdict = unless_over_limit(app, &token.account, verdict, asked_at).await?;
    let now = app.clock.now();
    Ok(app.store.record_test(token, key, &before.judged(verdict, now), now).await?)
}
