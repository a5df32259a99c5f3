//! On a schedule: finds duties that a stream lost and redelivers them, and suspensions that ended
//! halfway.
//!
//! It mails and provisions nothing itself: the conditional write that marks the redelivery makes a
//! stream record, and the stream's own function does the rest. What was redelivered too often is
//! given up, visibly.

use edge::App;
use edge::telemetry::{self, Metric};
use lambda_runtime::Error;
use serde_json::{Value, json};
use store::Redelivery;

/// Candidates from each partition of the index; what is left is found by the next run.
const MAX_DUTIES_PER_SHARD: i32 = 100;

pub async fn handle(app: &App, _event: Value) -> Result<Value, Error> {
    let now = app.clock.now();
    let mut redelivered = 0;
    let mut given_up = 0;
    for duty in app.store.find_overdue(now, MAX_DUTIES_PER_SHARD).await? {
        telemetry::set_account(duty.account().as_ref());
        if let Some(account) = duty.suspension() {
            if app.store.finish_suspension(&account).await? {
                Metric::DutyFound.count_because("a suspension had marked no key");
                redelivered += 1;
            }
            continue;
        }
        match app.store.redeliver(&duty, now).await? {
            Redelivery::Started => {
                Metric::DutyFound.count_because("a stream record was lost or late");
                redelivered += 1;
            }
            Redelivery::Settled | Redelivery::Waits => {}
            Redelivery::Exhausted(row) => {
                app.store.give_up(&duty.key, &row).await?;
                Metric::DutyGivenUp.count_because("redelivered too often");
                given_up += 1;
            }
        }
    }
    telemetry::set_account(None);
    // The field is older than the word, and may be read by somebody.
    Ok(json!({ "driven": redelivered, "given_up": given_up }))
}
