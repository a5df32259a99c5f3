//! `POST /api/sandbox/key`: hands the reserved key to the console's product pages; audited, never
//! cached, never logged.

use crate::provision_sandbox::open_reserved;
use edge::http::{Answer, Call};
use edge::{App, Code, Problem};
use serde::Serialize;
use store::RevealRefusal;

#[derive(Serialize)]
struct Revealed<'a> {
    api_key: &'a str,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.session()?;
    call.no_body()?;
    let reserved = app
        .store
        .reveal_reserved_key(&token, app.clock.now())
        .await
        .map_err(|failure| Problem::of(failure, refused))?;
    let plain =
        open_reserved(app, &token.account, &reserved).await?.ok_or(Code::SandboxNotReady)?;
    Ok(Answer::ok(&Revealed { api_key: plain.expose() }))
}

fn refused(refusal: RevealRefusal) -> Code {
    match refusal {
        RevealRefusal::Actor(refusal) => refusal.into(),
        RevealRefusal::NotReady => Code::SandboxNotReady,
    }
}
