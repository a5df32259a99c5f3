//! The outbox row that a stream record is about.

use edge::App;
use edge::lambda::RecordFailed;
use edge::telemetry::{self, Metric};
use store::{OutboxKey, OutboxRow, StoreError};

/// The row as it is now, if it is still owed: the record shows it as it was, and what is done
/// already is not done twice.
///
/// One that cannot be read (a later version made it, before it was taken back) would fail as often
/// as it came again, and hold up what is behind it. It is counted and stays as it is: a duty is
/// found again by the sweep.
pub async fn find_pending(
    app: &App,
    key: &OutboxKey,
    unreadable: Metric,
) -> Result<Option<OutboxRow>, RecordFailed> {
    telemetry::set_outcome("settled");
    match app.store.find_outbox_row(key).await {
        Ok(row) => Ok(row.filter(OutboxRow::is_pending)),
        Err(error @ StoreError::Row { .. }) => {
            unreadable.count_because(error);
            telemetry::set_outcome("unreadable");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
