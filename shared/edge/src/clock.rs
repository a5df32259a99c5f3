//! The time, asked for in one place.

use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// The system's clock, or one that was moved ahead of it. Clones share the move.
///
/// Times are whole milliseconds: what is written is what is read.
#[derive(Debug, Clone)]
pub struct Clock {
    ahead_millis: Arc<watch::Sender<i64>>,
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
            .saturating_add(*self.ahead_millis.borrow());
        Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX)
    }

    /// Moves this clock and all its clones forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.ahead_millis.send_modify(|ahead| *ahead = ahead.saturating_add(by));
    }

    /// How far it is ahead of the system's clock.
    pub fn ahead(&self) -> SignedDuration {
        SignedDuration::from_millis(*self.ahead_millis.borrow())
    }

    /// Returns once it is this time, be it that time passed or that the clock was moved.
    pub async fn reaches(&self, time: Timestamp) {
        let mut moves = self.ahead_millis.subscribe();
        while let Ok(left) = Duration::try_from(time.duration_since(self.now()))
            && !left.is_zero()
        {
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                // It never fails: this clock is there as long as this is.
                _ = moves.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use std::pin::pin;

    #[tokio::test]
    async fn a_time_is_reached_when_the_clock_is_moved_there() {
        let clock = Clock::system();
        let hour = Duration::from_secs(3600);
        clock.reaches(clock.now()).await;
        let mut reached = pin!(clock.reaches(clock.now() + 2 * hour));
        let moved = clock.clone();
        for _ in 0..2 {
            assert_eq!(reached.as_mut().now_or_never(), None);
            moved.advance(hour);
        }
        reached.await;
    }
}
