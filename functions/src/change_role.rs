//! `PATCH /api/team/{member_id}`: gives a member another role; its sessions go on with it.

use crate::view::TeamMemberView;
use domain::{MemberId, Role};
use edge::http::{Answer, Call, one_word};
use edge::{App, Problem, ProblemCode};
use serde::{Deserialize, Serialize};
use store::{Admin, ChangeRoleRefusal};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRole {
    #[serde(deserialize_with = "one_word")]
    role: Role,
}

#[derive(Serialize)]
struct Changed {
    member: TeamMemberView,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let actor = Admin::claim(call.session()?);
    let account = &actor.session.account;
    let now = app.clock.now();
    let request: ChangeRole = call.json()?;
    let id = call
        .path_id("member_id", || MemberId::random(&actor.session.member.address(), &mut app.rng()));
    let member = app
        .store
        .change_role(&actor, &id, request.role, now)
        .await
        .map_err(|failure| Problem::of(failure, refused).for_account(account))?;
    let changed = Changed { member: TeamMemberView::new(&member, id == actor.session.member) };
    Ok(Answer::ok(&changed).for_account(account))
}

fn refused(refusal: ChangeRoleRefusal) -> ProblemCode {
    match refusal {
        ChangeRoleRefusal::Actor(refusal) => refusal.into(),
        ChangeRoleRefusal::NotFound => ProblemCode::MemberNotFound,
        ChangeRoleRefusal::LastAdmin => ProblemCode::LastAdmin,
    }
}
