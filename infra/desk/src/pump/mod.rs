//! The stream triggers: what Lambda's event source mappings do with the table's stream.
//!
//! Each mapping reads the stream for itself, from its own checkpoint, over the wire as everything
//! else does. Its reader filters and sorts the records into as many queues as the trigger's
//! `ParallelizationFactor`, the records of one partition key always into the same; each queue
//! delivers its records in order, and treats a failed batch as Lambda treats it. The rules for that
//! are in [`batch`], the checkpoint is in [`backlog`].

mod backlog;
mod batch;
mod record;
mod stream;

pub(crate) use stream::{CHECKPOINTS_FILE, Checkpoints, StreamReader};

use crate::failures::Failures;
use crate::iam::Iam;
use crate::lambda::{InvokeError, Lambdas};
use crate::names::function_arn;
use crate::pump::backlog::{Backlog, Held};
use crate::pump::batch::{Discarded, Outcome, Remaining};
use crate::pump::record::Record;
use crate::template::StreamTrigger;
use crate::worker::{Step, Waker, Worker, Workers};
use edge::Clock;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// After what did not answer.
const UNTIL_THE_NEXT_TRY: SignedDuration = SignedDuration::from_secs(1);
/// After more has been read than may wait.
const UNTIL_THERE_IS_ROOM: SignedDuration = SignedDuration::from_millis(100);

/// One event source mapping.
pub(crate) struct EventSourceMapping {
    pub(crate) function: String,
    pub(crate) trigger: StreamTrigger,
    pub(crate) lambdas: Arc<Lambdas>,
    pub(crate) failures: Failures,
    pub(crate) iam: Iam,
    pub(crate) clock: Clock,
    pub(crate) checkpoints: Checkpoints,
    /// Whether the function was last found unreachable, so that this is said once.
    pub(crate) unreachable: AtomicBool,
}

impl EventSourceMapping {
    /// Starts its reader, and a delivery for each queue.
    pub(crate) fn start(self, stream: StreamReader, workers: &mut Workers) {
        let backlog = Arc::new(Backlog::new(self.trigger.parallelization_factor));
        let mapping = Arc::new(self);
        let waker = workers.waker();
        workers.start(ReadWorker {
            mapping: Arc::clone(&mapping),
            backlog: Arc::clone(&backlog),
            stream,
            waker,
        });
        for queue in 0..mapping.trigger.parallelization_factor {
            workers.start(DeliveryWorker {
                mapping: Arc::clone(&mapping),
                backlog: Arc::clone(&backlog),
                queue,
            });
        }
    }

    /// Nobody says when it may go on: it is looked at again after this.
    fn idle_for(&self, pause: SignedDuration) -> Step {
        Step::IdleUntil(self.clock.now() + pause)
    }

    fn wants(&self, record: &Value) -> bool {
        let filters = &self.trigger.filters;
        filters.is_empty() || filters.iter().any(|filter| filter.matches(record))
    }

    /// Takes records off the list, and keeps how far everything is done.
    fn checkpoint(&self, backlog: &Backlog, done: &[String]) {
        if let Some(checkpoint) = backlog.done(done) {
            self.checkpoints.advance(&self.trigger.id, checkpoint);
        }
    }

    fn may_write_to(&self, bucket: &str) -> bool {
        let key = format!("aws/lambda/{}", self.trigger.id);
        Failures::may_hold(&self.iam, &self.function, bucket, &key)
    }

    /// Hands records to the on-failure destination, where the trigger has one. As with Lambda, they
    /// are lost where the function may not put them there.
    fn discard(&self, discarded: &Discarded) -> std::io::Result<()> {
        let Discarded { records, condition, attempts, error } = discarded;
        tracing::warn!(
            function = self.function,
            records = records.len(),
            condition,
            "records were given up"
        );
        if let Some(bucket) = &self.trigger.on_failure
            && self.may_write_to(bucket)
            && let (Some(first), Some(last)) = (records.first(), records.last())
        {
            return self.failures.push(json!({
                "version": "1.0",
                "timestamp": self.clock.now(),
                "requestContext": {
                    "functionArn": function_arn(&self.function),
                    "condition": condition,
                    "approximateInvokeCount": attempts,
                },
                "responseContext": {"functionError": error},
                "DDBStreamBatchInfo": {
                    "startSequenceNumber": first.sequence_number,
                    "endSequenceNumber": last.sequence_number,
                    "batchSize": records.len(),
                    "streamArn": first.event["eventSourceARN"],
                },
                "payload": {"Records": events(records)},
            }));
        }
        Ok(())
    }
}

/// Reads the stream ahead of the delivery.
struct ReadWorker {
    mapping: Arc<EventSourceMapping>,
    backlog: Arc<Backlog>,
    stream: StreamReader,
    waker: Waker,
}

impl Worker for ReadWorker {
    fn name(&self) -> String {
        format!("{}: reads the stream", self.mapping.function)
    }

    async fn step(&mut self) -> Step {
        /// So many records may wait, behind a queue whose function fails.
        const MAX_WAITING_RECORDS: usize = 10_000;
        if self.backlog.waiting() > MAX_WAITING_RECORDS {
            return self.mapping.idle_for(UNTIL_THERE_IS_ROOM);
        }
        let page = match self.stream.next(&self.mapping.clock).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(
                    trigger = self.mapping.trigger.id,
                    error,
                    "the stream cannot be read now"
                );
                return self.mapping.idle_for(UNTIL_THE_NEXT_TRY);
            }
        };
        let is_empty = page.records.is_empty();
        for record in page.records {
            let wanted = self.mapping.wants(&record.event);
            let sequence_number = record.sequence_number.clone();
            self.backlog.add(record, wanted);
            self.stream.taken(sequence_number);
        }
        self.stream.turn(page.next);
        if is_empty {
            return Step::Idle;
        }
        self.mapping.checkpoint(&self.backlog, &[]);
        // There is something to deliver.
        self.waker.wake();
        Step::Worked
    }
}

/// Delivers the records of one queue: those of some partition keys.
struct DeliveryWorker {
    mapping: Arc<EventSourceMapping>,
    backlog: Arc<Backlog>,
    queue: usize,
}

impl Worker for DeliveryWorker {
    fn name(&self) -> String {
        format!("{}: delivers, queue {}", self.mapping.function, self.queue + 1)
    }

    async fn step(&mut self) -> Step {
        let now = self.mapping.clock.now();
        let Some(batch) = self.backlog.take(self.queue, self.mapping.trigger.batch_size, now)
        else {
            return self.backlog.due_at(self.queue).map_or(Step::Idle, Step::IdleUntil);
        };
        let (batch, too_old) =
            batch.without_older_than(self.mapping.trigger.maximum_record_age, now);
        let held = batch.map(|batch| self.backlog.hold(self.queue, batch));
        self.finish(Vec::new(), too_old);
        match held {
            Some(held) => self.deliver(held).await,
            None => Step::Worked,
        }
    }
}

impl DeliveryWorker {
    async fn deliver(&self, held: Held<'_>) -> Step {
        let EventSourceMapping { function, trigger, lambdas, clock, .. } = &*self.mapping;
        let event = json!({"Records": events(&held.batch().records)});
        let outcome = match lambdas.invoke(function, &event).await {
            Err(InvokeError::Unreachable { url, .. }) => {
                if !self.mapping.unreachable.swap(true, Ordering::Relaxed) {
                    tracing::warn!(function, url, "nothing answers there yet; the records wait");
                }
                // It is put back.
                return self.mapping.idle_for(UNTIL_THE_NEXT_TRY);
            }
            Err(error) => {
                tracing::warn!(function, %error, "a batch failed");
                Outcome::FunctionError(error.to_string())
            }
            Ok(answer) if trigger.report_batch_item_failures => Outcome::of_answer(&answer),
            Ok(_) => Outcome::Success,
        };
        let batch = held.release();
        let before = batch.records.iter().map(|record| record.sequence_number.clone()).collect();
        let Remaining { retries, discarded } = batch.after(outcome, trigger, clock.now());
        self.mapping.unreachable.store(false, Ordering::Relaxed);
        let done = backlog::not_among(before, &retries);
        self.backlog.put_back(self.queue, retries);
        self.finish(done, discarded);
        Step::Worked
    }

    /// Keeps what is discarded, and only then takes it and what is done off the list: a crash in
    /// between delivers again, it does not lose.
    fn finish(&self, mut done: Vec<String>, discarded: Option<Discarded>) {
        if let Some(discarded) = discarded {
            if let Err(error) = self.mapping.discard(&discarded) {
                tracing::warn!(%error, "they are not kept; they come again at the next start");
                return self.mapping.checkpoint(&self.backlog, &done);
            }
            done.extend(discarded.records.into_iter().map(|record| record.sequence_number));
        }
        self.mapping.checkpoint(&self.backlog, &done);
    }
}

fn events(records: &[Record]) -> Vec<&Value> {
    records.iter().map(|record| &record.event).collect()
}
