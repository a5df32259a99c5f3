//! `POST /api/logout`: ends this session.

use edge::http::{Answer, Call, SESSION_COOKIE};
use edge::{App, Problem};

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.session()?;
    call.no_body()?;
    app.store.end_session(&token, app.clock.now()).await?;
    Ok(Answer::no_content().without_cookie(SESSION_COOKIE).for_account(&token.account))
}
