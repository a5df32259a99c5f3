//! `POST /api/sandbox/provision`: Retry Auto-Configuration, asks for the whole provisioning again.

use crate::view::SandboxView;
use edge::http::{Answer, Call};
use edge::{App, Problem};
use lambda_http::http::StatusCode;

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.session()?;
    call.no_body()?;
    let now = app.clock.now();
    // Started or joined: the client sees the same.
    let sandbox = app.store.request_provisioning(&token, now).await?;
    let view = SandboxView::new(&sandbox, now);
    Ok(Answer::json(StatusCode::ACCEPTED, &view).for_account(&token.account))
}
