//! What becomes of a batch, decided without doing anything.
//!
//! - A function error fails the whole batch. It is halved where the trigger says so, which costs no
//!   attempt; a batch that cannot be halved is tried again after a pause.
//! - An answer that names records fails from the lowest of them on: that one and all later ones
//!   come again, whether the function had done the later ones or not.
//! - A batch that has used up its attempts, and records that are too old, go to the on-failure
//!   destination.

use crate::pump::record::Record;
use crate::template::StreamTrigger;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::time::Duration;

/// Records that are delivered together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    /// How often it has failed as it is.
    pub(super) attempts: u32,
    /// By the desk's clock, so that moving the clock ends the pause.
    pub(super) not_before: Timestamp,
}

/// How an invocation ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Success,
    /// The sequence numbers that failed; never empty.
    Partial(Vec<String>),
    FunctionError(String),
}

/// What is left after an invocation.
#[derive(Debug, PartialEq)]
pub(super) struct Remaining {
    /// To be delivered again, in this order and before anything else.
    pub(super) retries: Vec<Batch>,
    pub(super) discarded: Option<Discarded>,
}

/// Records that are delivered no more, and why.
#[derive(Debug, PartialEq)]
pub(super) struct Discarded {
    pub(super) records: Vec<Record>,
    pub(super) condition: &'static str,
    pub(super) attempts: u32,
    pub(super) error: Option<String>,
}

impl Outcome {
    /// Reads `{"batchItemFailures": [{"itemIdentifier": "..."}]}`. As with Lambda, no list is a
    /// success, and an entry that names nothing fails the whole batch.
    pub(super) fn of_answer(answer: &Value) -> Self {
        let failures = match answer.get("batchItemFailures").and_then(Value::as_array) {
            None => return Self::Success,
            Some(failures) if failures.is_empty() => return Self::Success,
            Some(failures) => failures,
        };
        let identifiers = failures
            .iter()
            .map(|failure| failure["itemIdentifier"].as_str().filter(|id| !id.is_empty()));
        match identifiers.collect::<Option<Vec<_>>>() {
            Some(identifiers) => {
                Self::Partial(identifiers.into_iter().map(str::to_owned).collect())
            }
            None => Self::FunctionError(
                "batchItemFailures has an entry without an itemIdentifier".to_owned(),
            ),
        }
    }
}

impl Batch {
    pub(super) fn new(records: Vec<Record>) -> Self {
        Self { records, attempts: 0, not_before: Timestamp::MIN }
    }

    /// Splits off what is older than the trigger allows.
    pub(super) fn without_older_than(
        mut self,
        age: Option<Duration>,
        now: Timestamp,
    ) -> (Option<Self>, Option<Discarded>) {
        let Some(age) = age.and_then(|age| SignedDuration::try_from(age).ok()) else {
            return (Some(self), None);
        };
        let (old, young) = self
            .records
            .into_iter()
            .partition(|record| now.duration_since(record.created_at) > age);
        self.records = young;
        let discarded = Discarded {
            records: old,
            condition: "RecordAgeExceeded",
            attempts: self.attempts,
            error: None,
        };
        (
            (!self.records.is_empty()).then_some(self),
            (!discarded.records.is_empty()).then_some(discarded),
        )
    }

    /// What is left of the batch after the invocation.
    pub(super) fn after(
        self,
        outcome: Outcome,
        trigger: &StreamTrigger,
        now: Timestamp,
    ) -> Remaining {
        match outcome {
            Outcome::Success => Remaining { retries: Vec::new(), discarded: None },
            Outcome::FunctionError(_) if trigger.bisect && self.records.len() > 1 => {
                let middle = self.records.len().div_ceil(2);
                Remaining { retries: self.split_at(middle), discarded: None }
            }
            Outcome::FunctionError(error) => self.failed(error, trigger, now),
            Outcome::Partial(identifiers) => {
                let named = |record: &Record| identifiers.contains(&record.sequence_number);
                match self.records.iter().position(named) {
                    // The one that failed is tried alone, so that it does not take the others with
                    // it in the end.
                    Some(0) if trigger.bisect && self.records.len() > 1 => {
                        let mut retries = self.split_at(1);
                        let Remaining { retries: first, discarded } =
                            retries.remove(0).failed("the record failed".to_owned(), trigger, now);
                        retries.splice(0..0, first);
                        Remaining { retries, discarded }
                    }
                    Some(0) => {
                        self.failed("the first record of the batch failed".to_owned(), trigger, now)
                    }
                    // What lies before is done, so the rest begins anew with its one failure.
                    Some(first) => {
                        let rest = Self::new(self.records[first..].to_vec());
                        rest.failed("a record of the batch failed".to_owned(), trigger, now)
                    }
                    None => self.failed(
                        "batchItemFailures names no record of the batch".to_owned(),
                        trigger,
                        now,
                    ),
                }
            }
        }
    }

    fn split_at(mut self, position: usize) -> Vec<Self> {
        let rest = Self { records: self.records.split_off(position), ..self };
        vec![self, rest]
    }

    fn failed(mut self, error: String, trigger: &StreamTrigger, now: Timestamp) -> Remaining {
        self.attempts += 1;
        if trigger.maximum_retry_attempts.is_some_and(|retries| self.attempts > retries) {
            let discarded = Discarded {
                records: self.records,
                condition: "RetryAttemptsExhausted",
                attempts: self.attempts,
                error: Some(error),
            };
            return Remaining { retries: Vec::new(), discarded: Some(discarded) };
        }
        self.not_before = now.saturating_add(pause(self.attempts)).unwrap_or(now);
        Remaining { retries: vec![self], discarded: None }
    }
}

/// Twice as long each time, up to half a minute.
fn pause(attempts: u32) -> SignedDuration {
    const FIRST_PAUSE: Duration = Duration::from_millis(500);
    const LONGEST_PAUSE: Duration = Duration::from_secs(30);
    let pause =
        FIRST_PAUSE.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    SignedDuration::try_from(pause).unwrap_or(SignedDuration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn trigger(retries: Option<u32>, bisect: bool) -> StreamTrigger {
        StreamTrigger {
            id: "Function.Event".to_owned(),
            batch_size: 10,
            parallelization_factor: 1,
            filters: Vec::new(),
            report_batch_item_failures: true,
            maximum_retry_attempts: retries,
            maximum_record_age: None,
            bisect,
            on_failure: Some("arn:aws:s3:::bucket".to_owned()),
        }
    }

    fn batch(numbers: &[&str]) -> Batch {
        Batch::new(numbers.iter().map(|number| Record::for_tests(number, NOW)).collect())
    }

    fn numbers(records: &[Record]) -> Vec<&str> {
        records.iter().map(|record| record.sequence_number.as_str()).collect()
    }

    fn partial(numbers: &[&str]) -> Outcome {
        Outcome::Partial(numbers.iter().map(|number| (*number).to_owned()).collect())
    }

    #[test]
    fn a_batch_comes_again_from_its_lowest_failed_record_on_whatever_the_order_of_the_answer() {
        let left =
            batch(&["1", "2", "3", "4"]).after(partial(&["4", "2"]), &trigger(Some(5), false), NOW);
        assert_eq!(left.discarded, None);
        assert_eq!(numbers(&left.retries[0].records), ["2", "3", "4"]);
        assert_eq!(left.retries[0].attempts, 1);
        assert!(left.retries[0].not_before > NOW);
    }

    #[test]
    fn a_batch_is_given_up_whole_after_the_last_retry() {
        let trigger = trigger(Some(2), false);
        let mut left = batch(&["1", "2"]);
        for attempts in 1..=2 {
            left = left
                .after(Outcome::FunctionError("boom".to_owned()), &trigger, NOW)
                .retries
                .remove(0);
            assert_eq!(left.attempts, attempts);
        }
        let discarded = left
            .after(Outcome::FunctionError("boom".to_owned()), &trigger, NOW)
            .discarded
            .expect("given up");
        assert_eq!((numbers(&discarded.records), discarded.attempts), (vec!["1", "2"], 3));
        assert_eq!(discarded.condition, "RetryAttemptsExhausted");
    }

    #[test]
    fn a_function_error_halves_the_batch_at_no_cost_until_one_record_is_alone() {
        let trigger = trigger(Some(0), true);
        let left =
            batch(&["1", "2", "3"]).after(Outcome::FunctionError("boom".to_owned()), &trigger, NOW);
        assert_eq!(numbers(&left.retries[0].records), ["1", "2"]);
        assert_eq!(numbers(&left.retries[1].records), ["3"]);
        assert!(left.retries.iter().all(|batch| batch.attempts == 0 && batch.not_before <= NOW));
        let alone = batch(&["1"]).after(Outcome::FunctionError("boom".to_owned()), &trigger, NOW);
        assert_eq!(numbers(&alone.discarded.expect("given up").records), ["1"]);
    }

    #[test]
    fn a_poisoned_record_does_not_take_the_ones_behind_it_along() {
        let left = batch(&["1", "2", "3"]).after(partial(&["1"]), &trigger(Some(0), true), NOW);
        assert_eq!(numbers(&left.discarded.expect("given up").records), ["1"]);
        assert_eq!(numbers(&left.retries[0].records), ["2", "3"]);
        assert_eq!(left.retries[0].attempts, 0);
    }

    #[test]
    fn an_answer_that_names_nothing_fails_the_whole_batch() {
        let nameless = serde_json::json!({"batchItemFailures": [{"itemIdentifier": ""}]});
        assert!(matches!(Outcome::of_answer(&nameless), Outcome::FunctionError(_)));
        assert!(matches!(
            Outcome::of_answer(&serde_json::json!({"batchItemFailures": []})),
            Outcome::Success
        ));
        assert!(matches!(Outcome::of_answer(&Value::Null), Outcome::Success));
        let left = batch(&["1", "2"]).after(partial(&["9"]), &trigger(None, false), NOW);
        assert_eq!(numbers(&left.retries[0].records), ["1", "2"]);
    }

    #[test]
    fn records_that_are_too_old_are_given_up_before_they_are_delivered() {
        let now = NOW + SignedDuration::from_secs(61);
        let mut mixed = batch(&["1"]);
        mixed.records.push(Record::for_tests("2", now));
        let (left, discarded) = mixed.without_older_than(Some(Duration::from_secs(60)), now);
        assert_eq!(numbers(&left.expect("one is young").records), ["2"]);
        assert_eq!(discarded.expect("one is old").condition, "RecordAgeExceeded");
    }
}
