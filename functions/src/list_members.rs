//! `GET /api/team`: members, count, limit.

use crate::view::ListedMemberView;
use edge::http::{Answer, Call};
use edge::{App, Problem};
use serde::Serialize;
use store::Admin;

#[derive(Serialize)]
struct Team<'a> {
    members: Vec<ListedMemberView<'a>>,
    count: usize,
    limit: u32,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let actor = Admin::claim(call.session()?);
    let account = &actor.session.account;
    let (caller, members) = app
        .store
        .find_members(&actor, app.clock.now())
        .await
        .map_err(|failure| Problem::from(failure).for_account(account))?;
    let views = members
        .iter()
        .map(|member| ListedMemberView::new(member, &members, member.id == caller.member.id))
        .collect();
    Ok(Answer::ok(&Team {
        members: views,
        count: members.len(),
        limit: caller.account.member_limit,
    })
    .for_account(account))
}
