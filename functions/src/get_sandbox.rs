//! `GET /api/sandbox`: the Sandbox state.

use crate::view::SandboxView;
use edge::http::{Answer, Call};
use edge::{App, Problem};

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let now = app.clock.now();
    let token = call.session()?;
    let sandbox = app.store.find_sandbox_as(&token, now).await?;
    Ok(Answer::ok(&SandboxView::new(&sandbox, now)).for_account(&token.account))
}
