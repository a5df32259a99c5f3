//! `POST /api/team/{member_id}/invitation`: has an invitation mailed again, with a new link.

use crate::view::{TeamMemberView, of_invitations};
use domain::MemberId;
use edge::http::{Answer, Call};
use edge::telemetry::{self, Metric};
use edge::{App, Problem, ProblemCode};
use lambda_http::http::StatusCode;
use serde::Serialize;
use store::{Admin, ResendRefusal};

#[derive(Serialize)]
struct Resent {
    member: TeamMemberView,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let actor = Admin::claim(call.session()?);
    let account = &actor.session.account;
    let now = app.clock.now();
    call.no_body()?;
    let id = call
        .path_id("member_id", || MemberId::random(&actor.session.member.address(), &mut app.rng()));
    let member = app.store.resend_invitation(&actor, &id, now).await.map_err(|failure| {
        of_invitations(Problem::of(failure, refused), now).for_account(account)
    })?;
    telemetry::set_account(account);
    Metric::MailQueued.count();
    let resent = Resent { member: TeamMemberView::new(&member, false) };
    Ok(Answer::json(StatusCode::ACCEPTED, &resent).for_account(account))
}

fn refused(refusal: ResendRefusal) -> ProblemCode {
    match refusal {
        ResendRefusal::Actor(refusal) => refusal.into(),
        ResendRefusal::NotFound => ProblemCode::MemberNotFound,
        ResendRefusal::AlreadyActive => ProblemCode::AlreadyActive,
        ResendRefusal::RateLimited => ProblemCode::RateLimited,
    }
}
