//! On a schedule: finds duties that a stream lost and drives them again.
//!
//! It does nothing itself: the conditional write that marks the new drive makes a stream record,
//! and the stream's own function does the rest. What was driven too often is given up, visibly.

use edge::App;
use edge::telemetry::{self, Metric};
use lambda_runtime::Error;
use serde_json::{Value, json};
use store::Driven;

/// Candidates from each partition of the index; what is left is found by the next run.
const MOST: i32 = 100;

pub async fn handle(app: &App, _event: Value) -> Result<Value, Error> {
    let now = app.clock.now();
    let (mut driven, mut given_up) = (0, 0);
    for duty in app.store.find_lost_duties(now, MOST).await? {
        telemetry::concerns(duty.account().as_ref());
        match app.store.drive_again(&duty, now).await? {
            Driven::Again => {
                Metric::DutyFound.count_because("a stream record was lost or late");
                driven += 1;
            }
            Driven::Settled => {}
            Driven::Exhausted(row) => {
                app.store.give_up(&duty.key, &row).await?;
                Metric::DutyGivenUp.count_because("driven too often");
                given_up += 1;
            }
        }
    }
    telemetry::concerns(None);
    Ok(json!({ "driven": driven, "given_up": given_up }))
}
