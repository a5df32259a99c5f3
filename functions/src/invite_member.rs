//! `POST /api/team`: adds a member and has the invitation mailed.

use crate::view::{TeamMemberView, of_invitations};
use domain::{EmailAddress, Member, MemberId, MemberStatus, Role};
use edge::http::{Answer, Call, one_word};
use edge::telemetry::{self, Metric};
use edge::{App, Problem, ProblemCode};
use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use store::{Admin, Failure, InviteRefusal};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteMember {
    #[serde(default)]
    email: String,
    #[serde(default = "member", deserialize_with = "one_word")]
    role: Role,
}

fn member() -> Role {
    Role::Member
}

#[derive(Serialize)]
struct Invited {
    member: TeamMemberView,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let actor = Admin::claim(call.session()?);
    let account = &actor.session.account;
    let request: InviteMember = call.json()?;
    let email: EmailAddress = request.email.parse().or(Err(ProblemCode::InvalidEmail))?;
    let id = MemberId::random(&email.hash(), &mut app.rng());
    let now = app.clock.now();
    let done = app.store.insert_member(&actor, &id, &email, request.role, now).await;
    if let Err(Failure::Refused(InviteRefusal::AlreadyRegistered)) = done {
        telemetry::set_account(account);
        Metric::AddressNamed.count();
    }
    done.map_err(|failure| {
        of_invitations(Problem::of(failure, refused), now).for_account(account)
    })?;
    telemetry::set_account(account);
    Metric::MailQueued.count();
    let member = Member {
        id,
        email,
        role: request.role,
        status: MemberStatus::Invited,
        invited_at: now,
        invited_by: Some(actor.session.member.clone()),
        invitation: 1,
        invited_until: None,
        last_login_at: None,
        mail_problem: None,
    };
    let invited = Invited { member: TeamMemberView::new(&member, false) };
    Ok(Answer::json(StatusCode::CREATED, &invited).for_account(account))
}

fn refused(refusal: InviteRefusal) -> ProblemCode {
    match refusal {
        InviteRefusal::Actor(refusal) => refusal.into(),
        InviteRefusal::RateLimited => ProblemCode::RateLimited,
        InviteRefusal::AlreadyRegistered => ProblemCode::EmailAlreadyRegistered,
        InviteRefusal::LimitReached => ProblemCode::MemberLimitReached,
    }
}
