//! `DELETE /api/sessions/{session_id}`: ends one of the caller's own sessions; and `DELETE
//! /api/sessions`: all but the one that asks.

use domain::SessionId;
use edge::http::{Answer, Call, SESSION_COOKIE};
use edge::{App, Problem, ProblemCode};
use store::RevokeSessionRefusal;

/// Where all the others are ended.
pub const OTHERS: &str = "/api/sessions";

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.session()?;
    let account = &token.account;
    let now = app.clock.now();
    call.no_body()?;
    // By the path: an id that got lost on the way must not end them all.
    if call.path() == OTHERS {
        app.store.revoke_other_sessions(&token, now).await?;
        return Ok(Answer::no_content().for_account(account));
    }
    let id = call.path_id("session_id", || SessionId::random(&mut app.rng()));
    app.store
        .revoke_session(&token, &id, now)
        .await
        .map_err(|failure| Problem::of(failure, refused).for_account(account))?;
    let answer = Answer::no_content().for_account(account);
    let is_own = id == token.id();
    Ok(if is_own { answer.without_cookie(SESSION_COOKIE) } else { answer })
}

fn refused(refusal: RevokeSessionRefusal) -> ProblemCode {
    match refusal {
        RevokeSessionRefusal::Actor(refusal) => refusal.into(),
        RevokeSessionRefusal::NotFound => ProblemCode::SessionNotFound,
    }
}
