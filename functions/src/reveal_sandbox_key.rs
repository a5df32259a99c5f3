//! `POST /api/sandbox/key`: hands the Sandbox key to the console's product pages; audited, never
//! cached, never logged.

use crate::provision_sandbox::open_sandbox_key;
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
        .map_err(|failure| Problem::of(failure, refused))?;
    let plain = open_sandbox_key(app, &token.account, &sandbox_key)
        .await?
        .ok_or(ProblemCode::SandboxNotReady)?;
    Ok(Answer::ok(&Revealed { api_key: plain.expose() }))
}

fn refused(refusal: RevealRefusal) -> ProblemCode {
    match refusal {
        RevealRefusal::Actor(refusal) => refusal.into(),
        RevealRefusal::NotReady => ProblemCode::SandboxNotReady,
    }
}
