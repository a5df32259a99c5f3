//! What the key checks decide: is this key good, whose is it, and is its account over a limit?
//!
//! One strongly consistent `GetItem`, constant-time compare. Nothing else: no Secrets Manager, no
//! second read, and no write save the mark of a use, once an hour, which no answer hangs on. For an
//! account with limits, a write of its meter, which the answer does hang on; only a key that is
//! good comes that far, so that nobody takes calls from an account whose key they do not have.

use domain::meter::Refusal;
use domain::{AccountId, ApiKey, Limits, PlainKey};
use edge::{App, telemetry};
use store::{FoundKey, Metered, StoreError};

/// A key that is good.
pub struct Authorized {
    pub account: AccountId,
    pub key: ApiKey,
    /// Why the call is not to be let through all the same.
    pub over: Option<Refusal>,
}

/// What is to be told of the key that somebody shows, if it is good; the log is told, too.
pub async fn check_key(
    app: &App,
    presented: Option<PlainKey>,
) -> Result<Option<Authorized>, StoreError> {
    let authorized = authorized(app, presented).await?;
    telemetry::set_outcome(match &authorized {
        None => "refused",
        Some(Authorized { over: None, .. }) => "allowed",
        Some(Authorized { over: Some(refusal), .. }) => refusal.limited.reason(),
    });
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
    let Some(FoundKey { key, plan, .. }) = good else { return Ok(None) };
    let over = match plan.limits {
        Some(limits) => metered(app, &plain.account, plan.version, limits).await?,
        None => None,
    };
    // A call over a limit is no use of the key.
    if over.is_none() && key.use_is_due(now) {
        // It fails no check, and holds none up for long: the next use is marked instead.
        app.aside("mark-key-used", app.store.mark_key_used(&plain, now)).await;
    }
    Ok(Some(Authorized { account: plain.account, key, over }))
}

/// Takes the call from the account's meter: why it is over a limit, if it is.
async fn metered(
    app: &App,
    account: &AccountId,
    version: u64,
    limits: Limits,
) -> Result<Option<Refusal>, StoreError> {
    let clock = || app.clock.now();
    let Metered { refusal, warning } = app.store.meter(account, version, limits, clock).await?;
    if let Some(warning) = warning {
        // As with the mark: whoever comes next tries again.
        let warned = app.store.warn_of_usage(account, &warning, app.clock.now());
        app.aside("warn-of-usage", warned).await;
    }
    Ok(refusal)
}
