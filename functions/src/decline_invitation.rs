//! `POST /api/invitation/decline`: ends an invitation by its link.
//!
//! Whoever has the link may; nobody is told whether there was anything to end.

use domain::Invitation;
use edge::http::{Answer, Call};
use edge::{App, Problem, telemetry};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclineInvitation {
    invitation: String,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let request: DeclineInvitation = call.json()?;
    let ring = app.keyrings.login().await?;
    if let Some(invitation) = Invitation::verify(&request.invitation, &ring)
        && app.store.decline_invitation(&invitation, app.clock.now()).await?
    {
        telemetry::set_account(&invitation.account);
    }
    Ok(Answer::no_content())
}
