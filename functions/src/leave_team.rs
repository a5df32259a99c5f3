//! `DELETE /api/team/me`: a member leaves by itself; all its sessions end at once.

use edge::http::{Answer, Call, SESSION_COOKIE};
use edge::{App, Problem, ProblemCode};
use store::LeaveRefusal;

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.session()?;
    call.no_body()?;
    app.store
        .leave(&token, app.clock.now())
        .await
        .map_err(|failure| Problem::of(failure, refused).for_account(&token.account))?;
    Ok(Answer::no_content().without_cookie(SESSION_COOKIE).for_account(&token.account))
}

fn refused(refusal: LeaveRefusal) -> ProblemCode {
    match refusal {
        LeaveRefusal::Actor(refusal) => refusal.into(),
        LeaveRefusal::LastAdmin => ProblemCode::LastAdmin,
    }
}
