//! `GET /api/sandbox`: the Sandbox state.

use crate::view::SandboxView;
use edge::http::{Answer, Call};
use edge::{App, Problem};

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let now = app.clock.now();
    let (_, sandbox) = app.store.find_sandbox_as(&call.session()?, now).await?;
    Ok(Answer::ok(&SandboxView::new(&sandbox, now)))
}
