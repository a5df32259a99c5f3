//! `GET /api/keys`: all keys of the account, the Sandbox key first.

use crate::view::KeyView;
use edge::http::{Answer, Call};
use edge::{App, Problem};
use serde::Serialize;

#[derive(Serialize)]
struct Keys {
    keys: Vec<KeyView>,
    count: usize,
    limit: u32,
    available: u32,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.session()?;
    let (caller, keys) = app.store.find_keys(&token, app.clock.now()).await?;
    Ok(Answer::ok(&Keys {
        count: keys.len(),
        keys: keys.iter().map(KeyView::from).collect(),
        limit: caller.account.key_limit(),
        available: caller.account.available_keys(),
    })
    .for_account(&token.account))
}
