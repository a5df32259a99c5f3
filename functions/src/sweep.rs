//! On a schedule: finds duties that a stream lost and redelivers them, suspensions that ended
//! halfway, and invitations that nobody accepted in time.
//!
//! It mails and provisions nothing itself: the conditional write that marks the redelivery makes a
//! stream record, and the stream's own function does the rest. What was redelivered too often is
//! given up, and what cannot be read is set aside, both visibly: no duty keeps others waiting.

use edge::App;
use edge::telemetry::{self, Metric};
use jiff::Timestamp;
use lambda_runtime::Error;
use serde_json::{Value, json};
use store::{Duty, Redelivery, StoreError};

/// Candidates from each partition of the index; what is left is found by the next run.
const MAX_DUTIES_PER_SHARD: i32 = 100;

/// What became of a duty.
enum Outcome {
    Redelivered,
    GivenUp,
    Left,
}

pub async fn handle(app: &App, _event: Value) -> Result<Value, Error> {
    let now = app.clock.now();
    let mut redelivered = 0;
    let mut given_up = 0;
    for duty in app.store.find_overdue(now, MAX_DUTIES_PER_SHARD).await? {
        telemetry::set_account(duty.account().as_ref());
        match look_after(app, &duty, now).await {
            Ok(Outcome::Redelivered) => redelivered += 1,
            Ok(Outcome::GivenUp) => given_up += 1,
            Ok(Outcome::Left) => {}
            Err(error @ (StoreError::Row { .. } | StoreError::Denied(_))) => {
                Metric::DutyUnreadable.count_because(error);
                set_aside(app, &duty, now).await?;
            }
            // Whoever changes these rows is at work on them; the next run looks again.
            Err(StoreError::Contended) => {}
            Err(error @ (StoreError::Unavailable(_) | StoreError::Unknown(_))) => {
                return Err(error.into());
            }
        }
    }
    telemetry::set_account(None);
    // The field is older than the word, and may be read by somebody.
    Ok(json!({ "driven": redelivered, "given_up": given_up }))
}

async fn look_after(app: &App, duty: &Duty, now: Timestamp) -> Result<Outcome, StoreError> {
    if let Some(account) = duty.suspension() {
        if !app.store.finish_suspension(&account).await? {
            return Ok(Outcome::Left);
        }
        Metric::DutyFound.count_because("a suspension had marked no key");
        return Ok(Outcome::Redelivered);
    }
    if let Some((account, member)) = duty.invitation() {
        app.store.end_invitation(&account, &member, now).await?;
        return Ok(Outcome::Left);
    }
    match app.store.redeliver(duty, now).await? {
        Redelivery::Started => {
            Metric::DutyFound.count_because("a stream record was lost or late");
            Ok(Outcome::Redelivered)
        }
        Redelivery::Settled | Redelivery::Waits => Ok(Outcome::Left),
        Redelivery::Exhausted(row) => {
            app.store.give_up(&duty.key, &row).await?;
            Metric::DutyGivenUp.count_because("redelivered too often");
            Ok(Outcome::GivenUp)
        }
    }
}

/// One that may not be touched stays where it is.
async fn set_aside(app: &App, duty: &Duty, now: Timestamp) -> Result<(), StoreError> {
    match app.store.set_aside(duty, now).await {
        Ok(()) | Err(StoreError::Denied(_) | StoreError::Contended) => Ok(()),
        Err(error) => Err(error),
    }
}
