//! `GET /api/sessions`: the caller's own sessions.

use domain::{Session, SessionId, SessionToken};
use edge::http::{Answer, Call};
use edge::{App, Problem, UtcTime};
use serde::Serialize;

#[derive(Serialize)]
struct Sessions {
    sessions: Vec<SessionView>,
}

#[derive(Serialize)]
struct SessionView {
    id: SessionId,
    opened_at: UtcTime,
    used_at: UtcTime,
    label: String,
    /// Whether it is the one that asks.
    current: bool,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.session()?;
    let sessions = app.store.find_sessions(&token, app.clock.now()).await?;
    let sessions = sessions.into_iter().map(|session| SessionView::to(&token, session)).collect();
    Ok(Answer::ok(&Sessions { sessions }).for_account(&token.account))
}

impl SessionView {
    fn to(token: &SessionToken, session: Session) -> Self {
        let current = session.id == token.id();
        let Session { id, label, times } = session;
        Self {
            id,
            opened_at: times.opened_at.into(),
            used_at: times.used_at.into(),
            label: label.to_string(),
            current,
        }
    }
}
