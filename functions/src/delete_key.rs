//! `DELETE /api/keys/{key_id}`: deletes a key; it stops working with that answer.

use domain::KeyId;
use edge::http::{Answer, Call};
use edge::{App, Code, Problem};
use store::{Admin, DeleteKeyRefusal};

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let (actor, now) = (Admin(call.session()?), app.clock.now());
    call.no_body()?;
    let Some(id) = call.path_parameter("key_id").and_then(|id| id.parse::<KeyId>().ok()) else {
        // Not even the form of an id: there is nothing to delete, but who asks is still looked at first.
        app.store.find_admin(&actor, now).await?;
        return Err(Code::KeyNotFound.into());
    };
    app.store.delete_key(&actor, &id, now).await.map_err(|failure| Problem::of(failure, refused))?;
    Ok(Answer::no_content())
}

fn refused(refusal: DeleteKeyRefusal) -> Code {
    match refusal {
        DeleteKeyRefusal::Actor(refusal) => refusal.into(),
        DeleteKeyRefusal::NotFound => Code::KeyNotFound,
    }
}
