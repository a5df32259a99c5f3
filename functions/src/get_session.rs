//! `GET /api/session`: who am I; and the answer to every route that there is not.

use crate::view::{AccountView, MemberView};
use edge::http::{Answer, Call};
use edge::{App, Problem, ProblemCode, UtcTime};
use serde::Serialize;

#[derive(Serialize)]
struct SessionView {
    member: MemberView,
    account: AccountView,
    expires_at: UtcTime,
}

/// `methods` are those that the call's path is known under, by whichever function.
pub async fn handle(app: &App, call: &Call, methods: Vec<&'static str>) -> Result<Answer, Problem> {
    // The template's `$default` route leads here, too: what no route matches gets a problem
    // document all the same.
    if (call.method().as_str(), &*call.path()) != ("GET", "/api/session") {
        return Err(unmatched(&methods));
    }
    let token = call.session()?;
    let now = app.clock.now();
    let caller = app.store.find_caller(&token, now).await?;
    Ok(Answer::ok(&SessionView {
        member: MemberView::from(&caller.member),
        account: AccountView::to(caller.member.role, &caller.account, now),
        expires_at: caller.session.expires_at().into(),
    })
    .of_session_opened_at(caller.session.opened_at)
    .for_account(&token.account))
}

fn unmatched(methods: &[&str]) -> Problem {
    if methods.is_empty() {
        ProblemCode::NotFound.into()
    } else {
        Problem::new(ProblemCode::MethodNotAllowed).allowing(methods)
    }
}
