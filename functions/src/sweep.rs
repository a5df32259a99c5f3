//! On a schedule: finds duties that a stream lost and redelivers them, reminders that are due,
//! suspensions and changes of limits that ended halfway, invitations that nobody accepted in time,
//! and requests for codes that are a day old.
//!
//! It mails and provisions nothing itself: the conditional write that marks the redelivery makes a
//! stream record, and the stream's own function does the rest. What was redelivered too often is
//! given up, and what cannot be read or done is set aside, both visibly: no duty keeps others
//! waiting, and one that meets an outage fails the run once the others have had their turn.

use edge::App;
use edge::telemetry::{self, Metric};
use jiff::Timestamp;
use lambda_runtime::Error;
use serde_json::{Value, json};
use std::fmt::Display;
use store::{ASKS, DUTIES, Duty, REMINDERS, Redelivery, StoreError};

/// Candidates from each partition of the index; what is left is found by the next run.
const MAX_DUTIES_PER_SHARD: i32 = 100;

/// What became of a duty.
enum Outcome {
    Redelivered,
    GivenUp,
    /// It is none any more, rests, or was begun in its time.
    Settled,
    /// There was nothing to do for it, as its row is: it was done meanwhile, or cannot be.
    Undone,
}

pub async fn handle(app: &App, _event: Value) -> Result<Value, Error> {
    let now = app.clock.now();
    let mut redelivered = 0;
    let mut given_up = 0;
    let mut outage = None;
    let mut overdue = Vec::new();
    // The last two after the duties: there may be as many as keys end with a day, or as codes were
    // asked for.
    for shards in [DUTIES, REMINDERS, ASKS] {
        overdue.extend(app.store.find_overdue(shards, now, MAX_DUTIES_PER_SHARD).await?);
    }
    for found in overdue {
        let duty = match found {
            Ok(duty) => duty,
            Err(error) => {
                telemetry::set_account(None);
                Metric::DutyUnreadable.count_because(error);
                continue;
            }
        };
        telemetry::set_account(duty.account().as_ref());
        let looked_after = match look_after(app, &duty, now).await {
            Ok(Outcome::Redelivered) => {
                redelivered += 1;
                Ok(())
            }
            Ok(Outcome::GivenUp) => {
                given_up += 1;
                Ok(())
            }
            Ok(Outcome::Settled) => Ok(()),
            Ok(Outcome::Undone) => {
                set_aside(app, &duty, "its row does not let it be done", now).await
            }
            Err(
                error @ (StoreError::Row { .. } | StoreError::Damaged(_) | StoreError::Denied(_)),
            ) => set_aside(app, &duty, error, now).await,
            Err(error) => Err(error),
        };
        match looked_after {
            // Whoever changes these rows is at work on them; the next run looks again.
            Ok(()) | Err(StoreError::Contended) => {}
            Err(error) => outage = outage.or(Some(error)),
        }
    }
    telemetry::set_account(None);
    if let Some(error) = outage {
        return Err(error.into());
    }
    // The field is older than the word, and may be read by somebody.
    Ok(json!({ "driven": redelivered, "given_up": given_up }))
}

async fn look_after(app: &App, duty: &Duty, now: Timestamp) -> Result<Outcome, StoreError> {
    if let Some(account) = duty.marks() {
        if app.store.mark_keys(&account).await?.is_none() {
            return Ok(Outcome::Undone);
        }
        Metric::DutyFound.count_because("what an operator changed had reached no key");
        return Ok(Outcome::Redelivered);
    }
    if let Some((account, member)) = duty.invitation() {
        let ended = app.store.end_invitation(&account, &member, now).await?;
        return Ok(if ended { Outcome::Settled } else { Outcome::Undone });
    }
    if duty.is_asks() {
        app.store.forget_asks(duty, now).await?;
        return Ok(Outcome::Settled);
    }
    if duty.is_reminder() && app.store.begin_reminder(duty, now).await? {
        return Ok(Outcome::Settled);
    }
    match app.store.redeliver(duty, now).await? {
        Redelivery::Started => {
            Metric::DutyFound.count_because("a stream record was lost or late");
            Ok(Outcome::Redelivered)
        }
        Redelivery::Waits => Ok(Outcome::Settled),
        Redelivery::Settled => Ok(Outcome::Undone),
        Redelivery::Exhausted(row) => {
            app.store.give_up(&duty.key, &row, now).await?;
            Metric::DutyGivenUp.count_because("redelivered too often");
            Ok(Outcome::GivenUp)
        }
    }
}

/// Counts one that is still due, and has it wait. One that may not be touched stays where it is.
async fn set_aside(
    app: &App,
    duty: &Duty,
    cause: impl Display,
    now: Timestamp,
) -> Result<(), StoreError> {
    match app.store.set_aside(duty, now).await {
        Ok(false) => return Ok(()),
        Ok(true) | Err(StoreError::Denied(_)) => {}
        Err(error) => return Err(error),
    }
    Metric::DutyUnreadable.count_because(cause);
    Ok(())
}
