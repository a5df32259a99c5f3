//! `PATCH /api/keys/{key_id}`: changes a key's name, when it expires, or both.

use crate::key_view::{KeyView, refused};
use domain::key::{Invalid, KeyChange, parse_expiry};
use domain::{KeyId, KeyKind};
use edge::http::{Answer, Call, given};
use edge::{App, Problem, ProblemCode};
use serde::{Deserialize, Serialize};
use store::Admin;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeKey {
    #[serde(default, deserialize_with = "given")]
    name: Option<String>,
    /// Null: never.
    #[serde(default, deserialize_with = "given")]
    expires_at: Option<Option<String>>,
}

#[derive(Serialize)]
struct Changed {
    key: KeyView,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let actor = Admin::claim(call.session()?);
    let account = &actor.session.account;
    let now = app.clock.now();
    let request: ChangeKey = call.json()?;
    if request.name.is_none() && request.expires_at.is_none() {
        return Err(Problem::new(ProblemCode::InvalidRequest)
            .with_detail("Say what is to be changed: name, expires_at, or both."));
    }
    let id = call.path_id("key_id", || KeyId::random(KeyKind::Live, &mut app.rng()));
    let key = app
        .store
        .change_key(&actor, &id, &request.change(), now)
        .await
        .map_err(|failure| Problem::of(failure, refused).for_account(account))?;
    Ok(Answer::ok(&Changed { key: KeyView::new(&key, now) }).for_account(account))
}

impl ChangeKey {
    fn change(self) -> Result<KeyChange, Invalid> {
        let name = self.name.map(|text| text.parse().or(Err(Invalid::Name))).transpose()?;
        let parsed = |at: Option<String>| at.as_deref().map(parse_expiry).transpose();
        Ok(KeyChange { name, expires_at: self.expires_at.map(parsed).transpose()? })
    }
}
