//! `GET /api/keys`: all keys of the account, the Sandbox key first.

use crate::key_view::ListedKeyView;
use edge::http::{Answer, Call};
use edge::{App, Problem};
use serde::Serialize;

#[derive(Serialize)]
struct Keys<'a> {
    keys: Vec<ListedKeyView<'a>>,
    count: usize,
    limit: u32,
    available: u32,
}

pub async fn handle(app: &App, call: &Call) -> Result<Answer, Problem> {
    let token = call.session()?;
    let now = app.clock.now();
    let found = app.store.find_keys(&token, now).await?;
    let account = &found.caller.account;
    Ok(Answer::ok(&Keys {
        count: found.keys.len(),
        keys: found.keys.iter().map(|key| ListedKeyView::new(key, &found, now)).collect(),
        limit: account.key_limit(),
        available: account.available_keys(),
    })
    .for_account(&account.id))
}
