//! The outbox row that a stream record is about.

use edge::App;
use edge::lambda::{Record, RecordFailed};
use edge::telemetry::{self, Metric};
use store::{OutboxKey, OutboxRow};

/// The row as it is now, if it is still owed: the record shows it as it was, and what is done
/// already is not done twice.
pub async fn find_pending(app: &App, key: &OutboxKey) -> Result<Option<OutboxRow>, RecordFailed> {
    telemetry::set_outcome("settled");
    Ok(app.store.find_outbox_row(key).await?.filter(OutboxRow::is_pending))
}

/// Passes over what a row lets nobody do (a later version made it, before it was taken back, or
/// somebody changed it by hand): trying again would hold up what is behind it. It is counted and
/// stays as it is: a duty is found again by the sweep.
pub async fn pass_over(
    record: &Record<'_>,
    done: Result<(), RecordFailed>,
    metric: Metric,
) -> Result<(), RecordFailed> {
    let Err(RecordFailed::Unreadable(error)) = done else { return done };
    record.turn().await;
    metric.count_because(error);
    telemetry::set_outcome("unreadable");
    Ok(())
}
