//! The time, asked for in one place.

use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

/// The system's clock, or one that was moved ahead of it. Clones share the move.
///
/// Times are whole milliseconds: what is written is what is read.
#[derive(Debug, Clone)]
pub struct Clock {
    ahead_millis: Arc<AtomicI64>,
}

impl Clock {
    pub fn system() -> Self {
        Self { ahead_millis: Arc::default() }
    }

    pub fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that reads the system's clock"
        )]
        let system = SystemTime::now();
        let since_epoch =
            system.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
        let now = i64::try_from(since_epoch)
            .unwrap_or(i64::MAX)
            .saturating_add(self.ahead_millis.load(Ordering::SeqCst));
        Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX)
    }

    /// Moves this clock and all its clones forward.
    pub fn advance(&self, by: Duration) {
        self.ahead_millis
            .fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// How far it is ahead of the system's clock.
    pub fn ahead(&self) -> SignedDuration {
        SignedDuration::from_millis(self.ahead_millis.load(Ordering::SeqCst))
    }
}
