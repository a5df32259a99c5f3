//! What the key checks decide: is this key good, and whose is it?
//!
//! One strongly consistent `GetItem`, constant-time compare. Nothing else: no Secrets Manager, no
//! second read, and no write save the mark of a use, once an hour, which no answer hangs on.

use domain::{AccountId, ApiKey, PlainKey};
use edge::{App, telemetry};
use store::{FoundKey, StoreError};

/// A key that is good.
pub struct Authorized {
    pub account: AccountId,
    pub key: ApiKey,
}

/// What is to be told of the key that somebody shows, if it is good; the log is told, too.
pub async fn check_key(
    app: &App,
    presented: Option<PlainKey>,
) -> Result<Option<Authorized>, StoreError> {
    let authorized = authorized(app, presented).await?;
    telemetry::set_outcome(if authorized.is_some() { "allowed" } else { "refused" });
    if let Some(Authorized { account, .. }) = &authorized {
        telemetry::set_account(account);
    }
    Ok(authorized)
}

async fn authorized(
    app: &App,
    presented: Option<PlainKey>,
) -> Result<Option<Authorized>, StoreError> {
    let Some(plain) = presented else { return Ok(None) };
    let found = app.store.find_key(&plain).await?;
    let now = app.clock.now();
    let good = found.filter(|found| found.key.is_opened_by(&plain, now) && !found.suspended);
    let Some(FoundKey { key, .. }) = good else { return Ok(None) };
    if key.use_is_due(now) {
        // It fails no check, and holds none up for long: the next use is marked instead.
        app.aside("mark-key-used", app.store.mark_key_used(&plain, now)).await;
    }
    Ok(Some(Authorized { account: plain.account, key }))
}
