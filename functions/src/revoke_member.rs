//! `DELETE /api/team/{member_id}`: ends the membership and all its sessions at once.

use domain::MemberId;
use edge::http::{Answer, Call};
use edge::{App, Problem, ProblemCode};
use store::{Admin, RevokeRefusal};

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let actor = Admin::claim(call.session()?);
    let account = &actor.session.account;
    let now = app.clock.now();
    call.no_body()?;
    let id = call
        .path_id("member_id", || MemberId::random(&actor.session.member.address(), &mut app.rng()));
    app.store
        .delete_member(&actor, &id, now)
        .await
        .map_err(|failure| Problem::of(failure, refused).for_account(account))?;
    Ok(Answer::no_content().for_account(account))
}

fn refused(refusal: RevokeRefusal) -> ProblemCode {
    match refusal {
        RevokeRefusal::Actor(refusal) => refusal.into(),
        RevokeRefusal::NotFound => ProblemCode::MemberNotFound,
        RevokeRefusal::LastAdmin => ProblemCode::LastAdmin,
    }
}
