//! The stream triggers: what Lambda's event source mappings do with the table's stream.
//!
//! Each mapping reads the stream for itself, from its own checkpoint, over the wire as everything
//! else does. Its reader filters and sorts the records into as many lanes as the trigger's
//! `ParallelizationFactor`, the records of one partition key always into the same; each lane
//! delivers its records in order, and treats a failed batch as Lambda treats it. The rules for that
//! are in [`batch`], the checkpoint is in [`ledger`].

mod batch;
mod ledger;
mod record;
mod source;

pub(crate) use source::{Checkpoints, Source};

use crate::failures::Failures;
use crate::iam::Iam;
use crate::lambda::{InvokeError, Lambdas};
use crate::names::function_arn;
use crate::policy::Act;
use crate::pump::batch::{Batch, Delivered, Given, Outcome};
use crate::pump::ledger::Ledger;
use crate::template::StreamTrigger;
use crate::worker::{Step, Worker, Workers};
use edge::Clock;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// One event source mapping.
pub(crate) struct Mapping {
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

impl Mapping {
    /// Starts its reader and its lanes.
    pub(crate) fn start(self, source: Source, workers: &mut Workers) {
        let ledger = Arc::new(Ledger::new(self.trigger.parallelization_factor));
        let mapping = Arc::new(self);
        let waker = workers.waker();
        workers.start(Reader {
            mapping: Arc::clone(&mapping),
            ledger: Arc::clone(&ledger),
            source,
            waker,
        });
        for lane in 0..mapping.trigger.parallelization_factor {
            workers.start(Lane {
                mapping: Arc::clone(&mapping),
                ledger: Arc::clone(&ledger),
                lane,
            });
        }
    }

    fn wants(&self, record: &Value) -> bool {
        let filters = &self.trigger.filters;
        filters.is_empty() || filters.iter().any(|filter| filter.matches(record))
    }

    /// Takes records off the list, and keeps how far everything is done.
    fn checkpoint(&self, ledger: &Ledger, done: &[String]) {
        if let Some(checkpoint) = ledger.done(done) {
            self.checkpoints.advance(&self.trigger.id, checkpoint);
        }
    }

    /// Whether Lambda may put into this bucket as the function. It first looks whether the bucket
    /// is there.
    fn may_keep_in(&self, bucket: &str) -> bool {
        let acts = [
            Act::new("s3:ListBucket", bucket),
            Act::new("s3:PutObject", format!("{bucket}/aws/lambda/{}", self.trigger.id)),
        ];
        acts.iter().all(|act| self.iam.authorize(&self.function, act).is_ok())
    }

    /// Hands records to the on-failure destination, where the trigger has one. As with Lambda, they
    /// are lost where the function may not put them there.
    fn give_up(&self, given: &Given) {
        let Given { records, condition, attempts, error } = given;
        tracing::warn!(
            function = self.function,
            records = records.len(),
            condition,
            "records were given up"
        );
        if let Some(bucket) = &self.trigger.on_failure
            && self.may_keep_in(bucket)
            && let (Some(first), Some(last)) = (records.first(), records.last())
        {
            self.failures.push(json!({
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
                "payload": {"Records": records.iter().map(|record| &record.event).collect::<Vec<_>>()},
            }));
        }
    }
}

/// Reads the stream ahead of the lanes.
struct Reader {
    mapping: Arc<Mapping>,
    ledger: Arc<Ledger>,
    source: Source,
    waker: watch::Sender<u64>,
}

impl Worker for Reader {
    async fn step(&mut self) -> Step {
        /// So many records may wait, behind a lane whose function fails.
        const FAR_AHEAD: usize = 10_000;
        if self.ledger.waiting() > FAR_AHEAD {
            return Step::Idle;
        }
        let page = match self.source.next(&self.mapping.clock).await {
            Ok(page) if page.is_empty() => return Step::Idle,
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(
                    trigger = self.mapping.trigger.id,
                    error,
                    "the stream cannot be read now"
                );
                return Step::Idle;
            }
        };
        for record in page {
            let wanted = self.mapping.wants(&record.event);
            self.ledger.add(record, wanted);
        }
        self.mapping.checkpoint(&self.ledger, &[]);
        // The lanes look now, and not at their next poll.
        self.waker.send_modify(|call| *call += 1);
        Step::Worked
    }
}

/// Delivers the records of some partition keys.
struct Lane {
    mapping: Arc<Mapping>,
    ledger: Arc<Ledger>,
    lane: usize,
}

impl Worker for Lane {
    async fn step(&mut self) -> Step {
        let now = self.mapping.clock.now();
        let Some(batch) = self.ledger.take(self.lane, self.mapping.trigger.batch_size, now) else {
            return Step::Idle;
        };
        let (batch, too_old) =
            batch.without_older_than(self.mapping.trigger.maximum_record_age, now);
        self.finish(Vec::new(), too_old);
        match batch {
            Some(batch) => self.deliver(batch).await,
            None => Step::Worked,
        }
    }
}

impl Lane {
    async fn deliver(&mut self, batch: Batch) -> Step {
        let Mapping { function, trigger, lambdas, clock, .. } = &*self.mapping;
        let event = json!({
            "Records": batch.records.iter().map(|record| &record.event).collect::<Vec<_>>(),
        });
        let outcome = match lambdas.invoke(function, &event).await {
            Err(InvokeError::Unreachable { url, .. }) => {
                if !self.mapping.unreachable.swap(true, Ordering::Relaxed) {
                    tracing::warn!(function, url, "nothing answers there yet; the records wait");
                }
                self.ledger.put_back(self.lane, vec![batch]);
                return Step::Idle;
            }
            Err(error) => {
                tracing::warn!(function, %error, "a batch failed");
                Outcome::FunctionError(error.to_string())
            }
            Ok(answer) if trigger.report_batch_item_failures => Outcome::of_answer(&answer),
            Ok(_) => Outcome::Success,
        };
        let before = batch.records.iter().map(|record| record.sequence_number.clone()).collect();
        let Delivered { again, given_up } = batch.after(outcome, trigger, clock.now());
        self.mapping.unreachable.store(false, Ordering::Relaxed);
        let done = ledger::not_among(before, &again);
        self.ledger.put_back(self.lane, again);
        self.finish(done, given_up);
        Step::Worked
    }

    /// Keeps what was given up, and only then takes it and what is done off the list: a crash in
    /// between delivers again, it does not lose.
    fn finish(&self, mut done: Vec<String>, given_up: Option<Given>) {
        if let Some(given) = given_up {
            self.mapping.give_up(&given);
            done.extend(given.records.into_iter().map(|record| record.sequence_number));
        }
        self.mapping.checkpoint(&self.ledger, &done);
    }
}
