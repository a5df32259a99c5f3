//! `DELETE /api/team/{member_id}`: ends the membership and all its sessions at once.

use domain::MemberId;
use edge::http::{Answer, Call};
use edge::{App, Code, Problem};
use store::{Admin, RevokeRefusal};

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let (actor, now) = (Admin(call.session()?), app.clock.now());
    call.no_body()?;
    let Some(id) = call.path_parameter("member_id").and_then(|id| id.parse::<MemberId>().ok()) else {
        app.store.find_admin(&actor, now).await?;
        return Err(Code::MemberNotFound.into());
    };
    app.store.delete_member(&actor, &id, now).await.map_err(|failure| Problem::of(failure, refused))?;
    Ok(Answer::no_content())
}

fn refused(refusal: RevokeRefusal) -> Code {
    match refusal {
        RevokeRefusal::Actor(refusal) => refusal.into(),
        RevokeRefusal::NotFound => Code::MemberNotFound,
        RevokeRefusal::LastAdmin => Code::LastAdmin,
    }
}
