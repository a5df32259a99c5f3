//! `POST /api/sandbox/key`: hands the Sandbox key to the console's product pages; audited, never
//! cached, never logged.

use edge::http::{Answer, Call};
use edge::{App, Problem, ProblemCode};
use serde::Serialize;
use store::RevealRefusal;

#[derive(Serialize)]
struct Revealed<'a> {
    api_key: &'a str,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.session()?;
    call.no_body()?;
    let sandbox_key = app
        .store
        .reveal_sandbox_key(&token, app.clock.now())
        .await
        .map_err(|failure| Problem::of(failure, refused).for_account(&token.account))?;
    let opened = app.keyrings.open_sandbox_key(&token.account, &sandbox_key).await?;
    let not_ready = || Problem::new(ProblemCode::SandboxNotReady).for_account(&token.account);
    let plain = opened.ok_or_else(not_ready)?;
    Ok(Answer::ok(&Revealed { api_key: plain.expose() }).for_account(&token.account))
}

fn refused(refusal: RevealRefusal) -> ProblemCode {
    match refusal {
        RevealRefusal::Actor(refusal) => refusal.into(),
        RevealRefusal::NotReady => ProblemCode::SandboxNotReady,
    }
}
