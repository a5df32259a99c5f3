//! `DELETE /api/keys/{key_id}`: deletes a key; it stops working with that answer.

use domain::{KeyId, KeyKind};
use edge::http::{Answer, Call};
use edge::{App, Problem, ProblemCode};
use store::{Admin, DeleteKeyRefusal};

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let actor = Admin::claim(call.session()?);
    let account = &actor.session.account;
    let now = app.clock.now();
    call.no_body()?;
    let id = call.path_id("key_id", || KeyId::random(KeyKind::Live, &mut app.rng()));
    app.store
        .delete_key(&actor, &id, now)
        .await
        .map_err(|failure| Problem::of(failure, refused).for_account(account))?;
    Ok(Answer::no_content().for_account(account))
}

fn refused(refusal: DeleteKeyRefusal) -> ProblemCode {
    match refusal {
        DeleteKeyRefusal::Actor(refusal) => refusal.into(),
        DeleteKeyRefusal::NotFound => ProblemCode::KeyNotFound,
    }
}
