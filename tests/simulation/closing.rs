//! What comes of what is still owed when a schedule is over: time passes, the sweep runs, the
//! workers have their turn, and nothing goes wrong any more.

use crate::judge::{Table, is, number, text};
use crate::scene::{Act, Row, Rows, admits, aside, operate, rows_of, sealed, sweep};
use crate::schedule::{End, end_of};
use crate::wire::{Mailed, Wire};
use edge::Clock;
use jiff::Timestamp;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// How it ends.
pub struct Closed {
    pub rows: Rows,
    /// What SES took since the schedule was over.
    pub mailed: Vec<Mailed>,
    /// Sandboxes that are ready, by a key that the key check refuses.
    pub refused: Vec<String>,
    /// What a worker did not do, though nothing went wrong any more.
    pub undone: Vec<String>,
}

/// How long the sweep has nothing to do, again and again: more often than it redelivers anything.
const WAITS: [u64; 12] = [3, 40, 420, 420, 420, 420, 420, 420, 420, 420, 420, 420];

/// What is owed to somebody, and found by the sweep however its record got lost.
pub fn duties(rows: &Rows) -> impl Iterator<Item = &Row> {
    let rows = rows.values().filter(|row| text(row, "status") == "pending");
    rows.filter(|row| row.get("duty").is_some())
}

/// Whether somebody is to be reminded of something by then that nobody has begun with.
fn has_reminder_due(rows: &Rows, now: Timestamp) -> bool {
    let mut scheduled = rows.values().filter(|row| text(row, "status") == "scheduled");
    scheduled.any(|row| number(row, "due_at") <= now.as_millisecond())
}

pub async fn close(wire: &Arc<Wire>, clock: &Clock) -> Closed {
    let rows = rows_of(&wire.engine);
    let sent = wire.mailed().len();
    let mut refused = ready_by_a_bad_key(wire, clock, &rows).await;
    // What waits for a suspended account goes on with it.
    for account in Table(&rows).accounts().into_iter().filter(|account| is(account, "suspended")) {
        let resume = operate(text(account, "id"), "resume", json!({}));
        assert!(aside(wire, clock.clone(), &resume).await.is_success());
    }
    let mut undone = bring_all(wire, clock).await;
    for minutes in WAITS {
        let rows = rows_of(&wire.engine);
        if duties(&rows).next().is_none() && !has_reminder_due(&rows, clock.now()) {
            break;
        }
        clock.advance(Duration::from_secs(60 * minutes));
        assert!(aside(wire, clock.clone(), &sweep()).await.is_success());
        undone.extend(bring_all(wire, clock).await);
    }
    let rows = rows_of(&wire.engine);
    refused.extend(ready_by_a_bad_key(wire, clock, &rows).await);
    let mailed = wire.mailed().split_off(sent);
    Closed { rows, mailed, refused, undone }
}

async fn bring_all(wire: &Arc<Wire>, clock: &Clock) -> Vec<String> {
    let mut undone = Vec::new();
    loop {
        let records = wire.take_records();
        if records.is_empty() {
            return undone;
        }
        for delivery in records {
            let act = Act::of(delivery.function, delivery.event());
            let answer = aside(wire, clock.clone(), &act).await;
            if end_of(&answer) != End::Done {
                undone.push(format!("{} did not do {}", act.function, act.event));
            }
        }
    }
}

async fn ready_by_a_bad_key(wire: &Arc<Wire>, clock: &Clock, rows: &Rows) -> Vec<String> {
    let mut refused = Vec::new();
    let table = Table(rows);
    let stopped: Vec<_> =
        table.accounts().into_iter().filter(|account| is(account, "suspended")).collect();
    for sandbox in table.sandboxes().into_iter().filter(|row| text(row, "state") == "ready") {
        let account = text(sandbox, "pk").strip_prefix("SANDBOX#").expect("an account's");
        if stopped.iter().any(|stopped| text(stopped, "id") == account) {
            continue;
        }
        let status = match sealed(&wire.keyring, sandbox) {
            Some(key) => admits(wire, clock.clone(), &key).await,
            None => 404,
        };
        // Over a limit, it is good all the same.
        if ![200, 429].contains(&status) {
            refused.push(format!("the Sandbox of {account} is ready, and its key gets {status}"));
        }
    }
    refused
}
