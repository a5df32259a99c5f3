//! What a verdict of the product API is about: its gateway refuses calls over a limit as it does
//! bad keys.

use domain::sandbox::Refusal;
use domain::{AccountId, Verdict};
use edge::App;
use jiff::Timestamp;
use store::StoreError;

/// The verdict on a key that was shown at this time; a rejection is none where the account's meter
/// says that it was over a limit.
pub async fn unless_over_limit(
    app: &App,
    account: &AccountId,
    verdict: Verdict,
    asked_at: Timestamp,
) -> Result<Verdict, StoreError> {
    if verdict != Verdict::Refused(Refusal::KeyRejected) {
        return Ok(verdict);
    }
    let over = app.store.is_over_limit(account, asked_at).await?;
    Ok(if over { Verdict::Refused(Refusal::RateLimited) } else { verdict })
}
