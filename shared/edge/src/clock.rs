//! The time, asked for in one place.

use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::watch;

/// The system's clock, or one that was moved ahead of it; or one that stands, and is only moved.
/// Clones share the move.
///
/// Times are whole milliseconds: what is written is what is read.
#[derive(Debug, Clone)]
pub struct Clock {
    /// Where it stands, unless it goes with the system's.
    from: Option<Timestamp>,
    ahead_millis: Arc<watch::Sender<i64>>,
}

impl Clock {
    pub fn system() -> Self {
        Self { from: None, ahead_millis: Arc::default() }
    }

    /// One that stands at this time until it is moved, so that a run can be repeated.
    pub fn standing_at(time: Timestamp) -> Self {
        Self { from: Some(time), ahead_millis: Arc::default() }
    }

    pub fn now(&self) -> Timestamp {
        let from = self.from.map_or_else(system_millis, Timestamp::as_millisecond);
        let now = from.saturating_add(*self.ahead_millis.borrow());
        Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX)
    }

    /// Moves this clock and all its clones forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.ahead_millis.send_modify(|ahead| *ahead = ahead.saturating_add(by));
    }

    /// How far it was moved.
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
                () = tokio::time::sleep(left), if self.from.is_none() => {}
                // It never fails: this clock is there as long as this is.
                _ = moves.changed() => {}
            }
        }
    }
}

fn system_millis() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    let system = SystemTime::now();
    let since_epoch = system.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    i64::try_from(since_epoch).unwrap_or(i64::MAX)
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

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_stands_is_at_its_time_until_it_is_moved() {
        let noon: Timestamp = "2026-03-01T12:00:00Z".parse().expect("a time");
        let clock = Clock::standing_at(noon);
        let second = Duration::from_secs(1);
        tokio::time::sleep(second).await;
        assert_eq!(clock.now(), noon);
        let mut reached = pin!(clock.reaches(noon + second));
        assert_eq!(reached.as_mut().now_or_never(), None);
        clock.advance(second);
        reached.await;
        assert_eq!(clock.now(), noon + second);
    }
}
