//! What DynamoDB does with what is old, and the engine leaves undone: it never takes away a stream
//! record, deletes what TTL says is over only when it is told to, and looks for the end of a stream
//! by reading all of it.

use crate::worker::{Step, Waker, Worker};
use edge::Clock;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, named_params};
use std::error::Error;
use std::time::Duration;

/// So long a stream keeps its records.
const STREAM_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// When it is looked at for the first time: whoever starts a desk wants something else first.
const FIRST_AFTER: SignedDuration = SignedDuration::from_mins(1);
const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// A connection to the engine's own tables, beside the engine.
pub(super) fn connect(name: &str) -> rusqlite::Result<Connection> {
    const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
    let connection = Connection::open(name)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// With this the engine finds a place in the stream without reading what is before it, at each
/// write and at each look for something new.
pub(super) fn index_stream(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "CREATE INDEX IF NOT EXISTS desk_stream_order
         ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
    )
}

/// Deletes stream records that were made before, save the last one, in steps that hold up nobody
/// for long.
fn trim_stream(connection: &Connection, before: Timestamp) -> rusqlite::Result<()> {
    const AT_ONCE: usize = 500;
    let last: Option<i64> = connection
        .query_row("SELECT MAX(id) FROM _stream_records", [], |row| row.get(0))
        .optional()?
        .flatten();
    let mut trim = connection.prepare(
        "DELETE FROM _stream_records WHERE id IN (
             SELECT id FROM _stream_records WHERE id < :last AND created_at < :before
             ORDER BY id LIMIT :at_once)",
    )?;
    let before = before.as_second();
    while trim.execute(named_params! {":last": last, ":before": before, ":at_once": AT_ONCE})?
        == AT_ONCE
    {}
    Ok(())
}

/// Takes away what is old, every hour.
pub(crate) struct Retention {
    /// As SQLite knows it.
    name: String,
    engine: dynoxide::Database,
    clock: Clock,
    waker: Waker,
    due_at: Timestamp,
}

impl Retention {
    pub(super) fn new(
        name: String,
        engine: dynoxide::Database,
        clock: Clock,
        waker: Waker,
    ) -> Self {
        let due_at = clock.now() + FIRST_AFTER;
        Self { name, engine, clock, waker, due_at }
    }
}

impl Worker for Retention {
    fn name(&self) -> String {
        "the store: takes away what is old".to_owned()
    }

    async fn step(&mut self) -> Step {
        let now = self.clock.now();
        if now < self.due_at {
            return Step::IdleUntil(self.due_at);
        }
        self.due_at = now + EVERY;
        // The engine goes by the machine's clock, which the desk's never lies behind.
        let before = now - self.clock.ahead() - STREAM_KEPT_FOR;
        let (name, engine) = (self.name.clone(), self.engine.clone());
        let done = tokio::task::spawn_blocking(move || {
            trim_stream(&connect(&name)?, before)?;
            engine.sweep_ttl()?;
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        });
        if let Err(error) = done.await.unwrap_or_else(|panic| Err(panic.into())) {
            tracing::warn!(error, "what is old stays for another hour");
        }
        // That a row went is in the stream, and passed by none of those who wake its readers.
        self.waker.wake();
        Step::Worked
    }
}
