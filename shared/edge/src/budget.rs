//! How long an invocation may take, and the calls that it makes.
//!
//! Lambda ends a function at its time-out, with no answer and no line in the log. So each function
//! ends by itself, a moment before: one deadline bounds all that an invocation waits for, and a
//! call that gets no answer is given up in time for its failure to be named.

use jiff::Timestamp;
use lambda_runtime::Context;
use std::time::Duration;
use tokio::time::Instant;

/// What one function may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// An invocation: the function's `Timeout` in `template.yaml`.
    pub timeout: Duration,
    /// One try of a call of DynamoDB or Secrets Manager, its connection included. What a dead
    /// connection costs, too.
    pub aws_try: Duration,
    /// One try of a mail: SES is slower than the others, and a mail whose answer was not waited for
    /// is sent twice.
    pub mail_try: Duration,
    /// The longest that an answer waits for something that it does not need.
    pub aside: Duration,
}

/// What is kept of an invocation's time for its answer and its line in the log.
pub const ANSWER_TIME: Duration = Duration::from_millis(300);
/// How long an answer waits for what it does not need.
const ASIDE: Duration = Duration::from_millis(200);
const MAIL_TRY: Duration = Duration::from_secs(4);
/// How often the SDK tries a call.
pub(crate) const AWS_TRIES: u32 = 3;
/// The longest that the SDK waits before the second try; before the third it is twice as long.
pub(crate) const AWS_FIRST_WAIT: Duration = Duration::from_millis(50);

impl Budget {
    /// The functions that answer people.
    pub const REQUEST: Self = Self {
        timeout: Duration::from_secs(8),
        aws_try: Duration::from_secs(1),
        mail_try: MAIL_TRY,
        aside: ASIDE,
    };
    /// Test Connection, which asks the product API twice.
    pub const CONNECTION_TEST: Self = Self { timeout: Duration::from_secs(15), ..Self::REQUEST };
    /// The key check, which every call of the product API waits for.
    pub const KEY_CHECK: Self = Self {
        timeout: Duration::from_secs(3),
        aws_try: Duration::from_millis(800),
        ..Self::REQUEST
    };
    /// The functions that no customer waits for: a batch of records each time, or of sessions.
    pub const BATCH: Self = Self { timeout: Duration::from_secs(60), ..Self::REQUEST };

    /// The longest that a call of DynamoDB or Secrets Manager takes.
    pub const fn aws_call(self) -> Duration {
        longest_call(self.aws_try)
    }

    /// The longest that a mail takes.
    pub const fn mail_call(self) -> Duration {
        longest_call(self.mail_try)
    }

    /// The same function where a call is slow because the machine is: a laptop.
    pub const fn on_a_laptop(self) -> Self {
        Self {
            aws_try: self.timeout,
            aside: Duration::from_secs(self.timeout.as_secs() / 2),
            ..self
        }
    }

    /// Does something that the answer does not need, and gives it up when it takes too long, or
    /// when the time is over: what it came to, if it came to anything.
    pub async fn aside<T>(self, act: impl Future<Output = T>) -> Option<T> {
        let until = Instant::now() + self.aside;
        let until = DEADLINE.try_with(|deadline| until.min(*deadline)).unwrap_or(until);
        tokio::time::timeout_at(until, act).await.ok()
    }

    /// The end of an invocation that begins now. Lambda's own deadline counts where it is nearer;
    /// one that has passed is none, for not all that runs a function sends a real one.
    pub(crate) fn deadline(self, context: &Context, now: Timestamp) -> Deadline {
        let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
        let left = match context.deadline.saturating_sub(now) {
            0 => self.timeout,
            millis => self.timeout.min(Duration::from_millis(millis)),
        };
        Deadline(Instant::now() + left.saturating_sub(ANSWER_TIME))
    }
}

/// The longest that a call takes whose tries take so long.
pub(crate) const fn longest_call(one_try: Duration) -> Duration {
    one_try.saturating_mul(AWS_TRIES).saturating_add(AWS_FIRST_WAIT.saturating_mul(3))
}

/// When an invocation stops waiting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

/// The time of an invocation was over before it had an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the function's time is over, and something has not answered")]
pub struct OutOfTime;

tokio::task_local! {
    static DEADLINE: Instant;
}

impl Deadline {
    /// Runs this until the deadline. What it waits for then is given up.
    pub async fn bound<T>(self, run: impl Future<Output = T>) -> Result<T, OutOfTime> {
        DEADLINE.scope(self.0, tokio::time::timeout_at(self.0, run)).await.or(Err(OutOfTime))
    }
}

/// Whether this invocation has time for something that takes so long. Without an invocation there
/// is no end.
pub(crate) fn has_time_for(duration: Duration) -> bool {
    DEADLINE.try_with(|deadline| Instant::now() + duration <= *deadline).unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(deadline_millis: u64, now_millis: i64) -> Duration {
        let mut context = Context::default();
        context.deadline = deadline_millis;
        let began = Instant::now();
        let now = Timestamp::from_millisecond(now_millis).expect("a time");
        Budget::REQUEST.deadline(&context, now).0 - began
    }

    #[tokio::test(start_paused = true)]
    async fn lambdas_deadline_counts_where_it_is_nearer_and_one_that_has_passed_is_none() {
        assert_eq!(left(1_000_000 + 8_000, 1_000_000), Duration::from_millis(7_700));
        assert_eq!(left(1_000_000 + 5_000, 1_000_000), Duration::from_millis(4_700));
        assert_eq!(left(1_000_000 + 900_000, 1_000_000), Duration::from_millis(7_700));
        assert_eq!(left(600_000, 1_000_000), Duration::from_millis(7_700), "passed");
        assert_eq!(left(0, 1_000_000), Duration::from_millis(7_700), "none");
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_answer_does_not_need_takes_200_milliseconds_at_most_and_fails_no_answer() {
        let budget = Budget::KEY_CHECK;
        let after = async |millis| {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            millis
        };
        assert_eq!(budget.aside(after(199)).await, Some(199));
        let began = Instant::now();
        assert_eq!(budget.aside(after(10_000)).await, None);
        assert_eq!(began.elapsed(), Duration::from_millis(200));
        let deadline = budget.deadline(&Context::default(), Timestamp::UNIX_EPOCH);
        let bound = deadline.bound(async {
            after(2_650).await;
            let began = Instant::now();
            (budget.aside(after(10_000)).await, began.elapsed())
        });
        assert_eq!(bound.await, Ok((None, Duration::from_millis(50))));
    }

    #[tokio::test(start_paused = true)]
    async fn an_invocation_knows_what_it_has_time_for() {
        let deadline = Budget::REQUEST.deadline(&Context::default(), Timestamp::UNIX_EPOCH);
        let bound = deadline.bound(async {
            assert!(has_time_for(Duration::from_millis(7_700)));
            assert!(!has_time_for(Duration::from_millis(7_701)));
            std::future::pending::<()>().await;
        });
        assert_eq!(bound.await, Err(OutOfTime));
        assert!(has_time_for(Duration::from_secs(900)), "outside of any");
    }
}
