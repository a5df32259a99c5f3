//! Topics: what SNS hands to the functions that have subscribed, and what Lambda does with it.
//!
//! Nobody waits for the answer. What fails is repeated after a minute and after two more, as often
//! as the template says, and then goes to the on-failure destination. What waits is kept in memory
//! only: at AWS it would outlive a restart.

use crate::failures::Failures;
use crate::iam::Iam;
use crate::lambda::{InvokeError, Lambdas};
use crate::names::{function_arn, request_id};
use crate::template::{Asynchronous, Template};
use crate::worker::{Step, Waker, Worker, Workers};
use edge::{Clock, UtcTime};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Before the first repetition; before the next it is twice as long.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(1);
/// After what did not answer.
const UNTIL_THE_NEXT_TRY: SignedDuration = SignedDuration::from_secs(1);

/// The topics of a desk; clones share them.
#[derive(Clone)]
pub(crate) struct Topics {
    subscriptions: Arc<Vec<Subscription>>,
    clock: Clock,
    waker: Waker,
}

/// A function that a topic's messages go to.
#[derive(Clone)]
struct Subscription {
    topic: String,
    function: String,
    asynchronous: Asynchronous,
    queue: Queue,
}

type Queue = Arc<Mutex<VecDeque<Waiting>>>;

/// An invocation that is not done.
#[derive(Clone)]
struct Waiting {
    id: String,
    event: Value,
    since: Timestamp,
    due_at: Timestamp,
    attempts: u32,
}

impl Topics {
    pub(crate) fn new(template: &Template, clock: Clock, waker: Waker) -> Self {
        let subscriptions = template.functions.iter().flat_map(|function| {
            function.topics.iter().map(|topic| Subscription {
                topic: topic.clone(),
                function: function.name.clone(),
                asynchronous: function.asynchronous.clone(),
                queue: Queue::default(),
            })
        });
        Self { subscriptions: Arc::new(subscriptions.collect()), clock, waker }
    }

    /// Hands a message to everybody who has subscribed.
    pub(crate) fn publish(&self, topic: &str, subject: &str, message: &str) {
        let now = self.clock.now();
        for subscription in self.subscriptions.iter().filter(|known| known.topic == topic) {
            let event = notification(topic, subject, message, now);
            locked(&subscription.queue).push_back(Waiting {
                id: request_id(),
                event,
                since: now,
                due_at: now,
                attempts: 0,
            });
        }
        self.waker.wake();
    }

    /// Starts what delivers.
    pub(crate) fn start(
        &self,
        lambdas: &Arc<Lambdas>,
        failures: &Failures,
        iam: &Iam,
        workers: &mut Workers,
    ) {
        for subscription in self.subscriptions.iter() {
            workers.start(DeliveryWorker {
                subscription: subscription.clone(),
                lambdas: Arc::clone(lambdas),
                failures: failures.clone(),
                iam: iam.clone(),
                clock: self.clock.clone(),
            });
        }
    }
}

fn locked(queue: &Queue) -> MutexGuard<'_, VecDeque<Waiting>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The event that a function gets. The desk signs none of them.
fn notification(topic: &str, subject: &str, message: &str, now: Timestamp) -> Value {
    json!({
        "Records": [{
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": format!("{topic}:{}", request_id()),
            "Sns": {
                "Type": "Notification",
                "MessageId": request_id(),
                "TopicArn": topic,
                "Subject": subject,
                "Message": message,
                "Timestamp": UtcTime(now),
                "SignatureVersion": "1",
                "Signature": "none",
                "SigningCertUrl": "http://localhost/none",
                "UnsubscribeUrl": "http://localhost/none",
                "MessageAttributes": {},
            },
        }],
    })
}

/// Delivers what waits for one function.
struct DeliveryWorker {
    subscription: Subscription,
    lambdas: Arc<Lambdas>,
    failures: Failures,
    iam: Iam,
    clock: Clock,
}

impl Worker for DeliveryWorker {
    fn name(&self) -> String {
        format!("{}: delivers notifications", self.subscription.function)
    }

    async fn step(&mut self) -> Step {
        let now = self.clock.now();
        // It stays in the queue until it is done, and only this takes any out.
        let next = locked(&self.subscription.queue).iter().min_by_key(|one| one.due_at).cloned();
        let Some(waiting) = next else { return Step::Idle };
        if waiting.due_at > now {
            return Step::IdleUntil(waiting.due_at);
        }
        let function = &self.subscription.function;
        match self.lambdas.invoke(function, &waiting.event).await {
            Ok(_) => self.put_back(&waiting, None),
            Err(InvokeError::Unreachable { .. }) => {
                return Step::IdleUntil(now + UNTIL_THE_NEXT_TRY);
            }
            Err(error) => {
                tracing::warn!(function, %error, "an event failed");
                let again = self.failed(&waiting, &error);
                self.put_back(&waiting, again);
            }
        }
        Step::Worked
    }
}

impl DeliveryWorker {
    /// Takes one out, or puts it back as it waits from now on.
    fn put_back(&self, done: &Waiting, again: Option<Waiting>) {
        let mut queue = locked(&self.subscription.queue);
        queue.retain(|one| one.id != done.id);
        queue.extend(again);
    }

    /// One that failed once more: how it waits for the next try, if there is one.
    fn failed(&self, waiting: &Waiting, error: &InvokeError) -> Option<Waiting> {
        let Asynchronous { maximum_retry_attempts, maximum_event_age, on_failure } =
            &self.subscription.asynchronous;
        let now = self.clock.now();
        let attempts = waiting.attempts + 1;
        let due_at = now + FIRST_WAIT * 2_i32.saturating_pow(waiting.attempts);
        let condition = if attempts > *maximum_retry_attempts {
            "RetriesExhausted"
        } else if due_at > waiting.since + *maximum_event_age {
            "EventAgeExceeded"
        } else {
            return Some(Waiting { due_at, attempts, ..waiting.clone() });
        };
        let function = &self.subscription.function;
        tracing::warn!(function, condition, "an event was given up");
        let key = format!("aws/lambda/async/{function}/{}", request_id());
        if let Some(bucket) = on_failure
            && Failures::may_hold(&self.iam, function, bucket, &key)
        {
            let kept = self.failures.push(json!({
                "version": "1.0",
                "timestamp": now,
                "requestContext": {
                    "requestId": request_id(),
                    "functionArn": function_arn(function),
                    "condition": condition,
                    "approximateInvokeCount": attempts,
                },
                "requestPayload": waiting.event,
                "responseContext": {
                    "statusCode": 200,
                    "executedVersion": "$LATEST",
                    "functionError": "Unhandled",
                },
                "responsePayload": {"errorMessage": error.to_string()},
            }));
            if let Err(error) = kept {
                tracing::warn!(%error, "it is not kept");
            }
        }
        None
    }
}
