//! What was read from the stream and is not done, and how far everything is done.

use crate::pump::batch::Batch;
use crate::pump::record::Record;
use jiff::Timestamp;
use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The queues of one mapping, and its checkpoint.
pub(super) struct Backlog(Mutex<Inner>);

struct Inner {
    queues: Vec<Queue>,
    /// Sequence numbers beyond the checkpoint, as they were read.
    read: VecDeque<String>,
    /// Those of them that are not done.
    open: HashSet<String>,
}

#[derive(Default)]
struct Queue {
    /// Batches that come again, before anything new.
    retries: VecDeque<Batch>,
    fresh: VecDeque<Record>,
}

impl Backlog {
    pub(super) fn new(queues: usize) -> Self {
        let queues = std::iter::repeat_with(Queue::default).take(queues).collect();
        Self(Mutex::new(Inner { queues, read: VecDeque::new(), open: HashSet::new() }))
    }

    /// Takes in a record that was read. One that the filters refuse only moves the checkpoint
    /// along.
    pub(super) fn add(&self, record: Record, wanted: bool) {
        let mut inner = self.lock();
        inner.read.push_back(record.sequence_number.clone());
        if wanted {
            inner.open.insert(record.sequence_number.clone());
            let mut hasher = DefaultHasher::new();
            record.partition_key.hash(&mut hasher);
            let queue =
                usize::try_from(hasher.finish() % inner.queues.len() as u64).unwrap_or_default();
            inner.queues[queue].fresh.push_back(record);
        }
    }

    /// How many records wait.
    pub(super) fn waiting(&self) -> usize {
        self.lock().open.len()
    }

    /// The next batch of a queue; none when there is none, or when the one that must come first has
    /// to wait.
    pub(super) fn take(&self, queue: usize, size: usize, now: Timestamp) -> Option<Batch> {
        let mut inner = self.lock();
        let queue = &mut inner.queues[queue];
        match queue.retries.front() {
            Some(first) if first.not_before > now => None,
            Some(_) => queue.retries.pop_front(),
            None if queue.fresh.is_empty() => None,
            None => {
                let size = size.min(queue.fresh.len());
                Some(Batch::new(queue.fresh.drain(..size).collect()))
            }
        }
    }

    /// When the batch that must come first in a queue may; none when none has to wait.
    pub(super) fn due_at(&self, queue: usize) -> Option<Timestamp> {
        self.lock().queues[queue].retries.front().map(|first| first.not_before)
    }

    /// What comes again, in this order, before anything else of the queue.
    pub(super) fn put_back(&self, queue: usize, batches: Vec<Batch>) {
        let mut inner = self.lock();
        for batch in batches.into_iter().rev() {
            inner.queues[queue].retries.push_front(batch);
        }
    }

    /// Keeps a batch of the queue while it is delivered.
    pub(super) fn hold(&self, queue: usize, batch: Batch) -> Held<'_> {
        Held { backlog: self, queue, batch: Some(batch) }
    }

    /// Takes records off the list, and gives the checkpoint if it moved: everything up to it is
    /// done.
    pub(super) fn done(&self, sequence_numbers: &[String]) -> Option<String> {
        let mut inner = self.lock();
        for number in sequence_numbers {
            inner.open.remove(number);
        }
        let mut checkpoint = None;
        while let Some(number) = inner.read.pop_front() {
            if inner.open.contains(&number) {
                inner.read.push_front(number);
                break;
            }
            checkpoint = Some(number);
        }
        checkpoint
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A batch that is being delivered. Unless it is released it comes again, whatever ends this.
pub(super) struct Held<'b> {
    backlog: &'b Backlog,
    queue: usize,
    batch: Option<Batch>,
}

impl Held<'_> {
    pub(super) fn batch(&self) -> &Batch {
        self.batch.as_ref().expect("it is held")
    }

    /// How its delivery ended is known.
    pub(super) fn release(mut self) -> Batch {
        self.batch.take().expect("it is held")
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(batch) = self.batch.take() {
            self.backlog.put_back(self.queue, vec![batch]);
        }
    }
}

/// The sequence numbers that are in none of the batches.
pub(super) fn not_among(mut sequence_numbers: Vec<String>, batches: &[Batch]) -> Vec<String> {
    let again: HashSet<&str> = batches
        .iter()
        .flat_map(|batch| &batch.records)
        .map(|record| record.sequence_number.as_str())
        .collect();
    sequence_numbers.retain(|number| !again.contains(number.as_str()));
    sequence_numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backlog(queues: usize, numbers: &[(&str, bool)]) -> Backlog {
        let backlog = Backlog::new(queues);
        for (number, wanted) in numbers {
            backlog.add(Record::for_tests(number, Timestamp::UNIX_EPOCH), *wanted);
        }
        backlog
    }

    #[test]
    fn the_checkpoint_stops_before_the_first_record_that_is_not_done() {
        let backlog =
            backlog(1, &[("1", false), ("2", true), ("3", true), ("4", false), ("5", true)]);
        assert_eq!(backlog.done(&[]).as_deref(), Some("1"));
        assert_eq!(backlog.done(&["3".to_owned()]), None);
        assert_eq!(backlog.done(&["2".to_owned()]).as_deref(), Some("4"));
        assert_eq!(backlog.done(&["5".to_owned()]).as_deref(), Some("5"));
        assert_eq!(backlog.waiting(), 0);
    }

    #[test]
    fn what_failed_comes_again_before_anything_new_and_holds_its_queue_up_meanwhile() {
        let backlog = backlog(1, &[("1", true), ("2", true), ("3", true)]);
        let now = Timestamp::UNIX_EPOCH;
        let mut first = backlog.take(0, 2, now).expect("two records");
        assert_eq!(first.records.len(), 2);
        first.not_before = now + jiff::SignedDuration::from_secs(1);
        let later = first.not_before;
        backlog.put_back(0, vec![first]);
        assert_eq!(backlog.take(0, 2, now), None);
        assert_eq!(backlog.take(0, 2, later).expect("again").records[0].sequence_number, "1");
        assert_eq!(backlog.take(0, 2, now).expect("the rest").records[0].sequence_number, "3");
    }

    #[test]
    fn a_batch_whose_delivery_panics_comes_again_before_anything_new() {
        let backlog = backlog(1, &[("1", true), ("2", true)]);
        let take = || backlog.take(0, 1, Timestamp::UNIX_EPOCH).expect("a record");
        let delivery = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let held = backlog.hold(0, take());
            panic!("with {} in hand", held.batch().records[0].sequence_number);
        }));
        assert!(delivery.is_err());
        let again = backlog.hold(0, take()).release();
        assert_eq!(again.records[0].sequence_number, "1");
        assert_eq!(take().records[0].sequence_number, "2");
    }

    #[test]
    fn records_of_one_partition_key_share_a_queue() {
        let backlog = Backlog::new(4);
        for number in ["1", "2", "3", "4", "5", "6"] {
            backlog.add(Record::for_tests(number, Timestamp::UNIX_EPOCH), true);
        }
        let batches: Vec<Batch> =
            (0..4).filter_map(|queue| backlog.take(queue, 10, Timestamp::UNIX_EPOCH)).collect();
        assert_eq!(batches.iter().map(|batch| batch.records.len()).collect::<Vec<_>>(), [6]);
    }
}
