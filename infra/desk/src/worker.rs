//! What runs behind the gateway: the triggers by the stream, by schedules and by topics.
//!
//! Each is a worker of its own task. It steps as long as there is work, then rests until it is
//! woken by a call, as whatever is committed to the table is one, or until the desk's clock says
//! that something is due. After each idle step it reports the last call that it had heard of before
//! the step; so [`Workers::settle`] knows that everything committed before the call has been looked
//! at, without any fixed sleep.
//!
//! A step that panics is logged and counted, and the worker goes on after a pause: what it had in
//! hand is put back by then, as what a Lambda had is delivered again. `/_local/workers` shows it.

use edge::{Clock, UtcTime};
use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A worker whose state makes it panic would do nothing else.
const PAUSE_AFTER_A_PANIC: SignedDuration = SignedDuration::from_secs(1);

/// What a step found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Something was done, and there may be more.
    Worked,
    /// There was nothing that can be done now, and nothing will be before a call.
    Idle,
    /// There was nothing that can be done now; at this time of the desk's there may be.
    IdleUntil(Timestamp),
}

/// Something that works in steps. What a step has in hand must not be lost if it panics.
pub(crate) trait Worker: Send + 'static {
    /// What it is called where people see it.
    fn name(&self) -> String;

    fn step(&mut self) -> impl Future<Output = Step> + Send;
}

#[derive(Clone, Debug, Default)]
struct Report {
    /// The last call that was heard before the last idle step.
    heard: u64,
    /// How many steps did something.
    worked: u64,
    panics: u64,
    last_panic: Option<Panic>,
}

#[derive(Clone, Debug, Serialize)]
struct Panic {
    at: UtcTime,
    message: String,
}

/// How a worker fares.
#[derive(Debug, Serialize)]
pub(crate) struct Health {
    worker: String,
    panics: u64,
    last_panic: Option<Panic>,
}

/// Calls the workers of a desk; clones call the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waker(watch::Sender<u64>);

impl Waker {
    /// Has every worker look, and gives the number of this call.
    pub(crate) fn wake(&self) -> u64 {
        let mut call = 0;
        self.0.send_modify(|calls| {
            *calls += 1;
            call = *calls;
        });
        call
    }
}

/// What the workers that were started tell, by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reports(Vec<(String, watch::Receiver<Report>)>);

impl Reports {
    pub(crate) fn health(&self) -> Vec<Health> {
        let health = |(worker, report): &(String, watch::Receiver<Report>)| {
            let Report { panics, last_panic, .. } = report.borrow().clone();
            Health { worker: worker.clone(), panics, last_panic }
        };
        self.0.iter().map(health).collect()
    }

    fn worked(&self) -> u64 {
        self.0.iter().map(|(_, report)| report.borrow().worked).sum()
    }
}

/// All workers of a desk.
#[derive(Debug)]
pub(crate) struct Workers {
    clock: Clock,
    waker: Waker,
    reports: Reports,
    tasks: Vec<JoinHandle<()>>,
}

impl Workers {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, waker: Waker::default(), reports: Reports::default(), tasks: Vec::new() }
    }

    /// Starts a worker.
    pub(crate) fn start(&mut self, mut worker: impl Worker) {
        let (reporter, report) = watch::channel(Report::default());
        let name = worker.name();
        self.reports.0.push((name.clone(), report));
        let mut calls = self.waker.0.subscribe();
        let clock = self.clock.clone();
        self.tasks.push(tokio::spawn(async move {
            loop {
                let heard = *calls.borrow_and_update();
                let step = AssertUnwindSafe(worker.step()).catch_unwind().await;
                let due_at = match step {
                    Ok(Step::Worked) => {
                        reporter.send_modify(|report| report.worked += 1);
                        continue;
                    }
                    Ok(Step::Idle) => None,
                    Ok(Step::IdleUntil(time)) => Some(time),
                    Err(panic) => {
                        let now = clock.now();
                        let panic = Panic { at: UtcTime(now), message: words(&*panic) };
                        tracing::error!(worker = name, panic = panic.message, "a worker panicked");
                        reporter.send_modify(|report| {
                            report.panics += 1;
                            report.last_panic = Some(panic);
                        });
                        Some(now + PAUSE_AFTER_A_PANIC)
                    }
                };
                reporter.send_modify(|report| report.heard = heard);
                tokio::select! {
                    called = calls.changed() => if called.is_err() { return },
                    () = reached(&clock, due_at) => {}
                }
            }
        }));
    }

    /// How those fare that were started so far.
    pub(crate) fn reports(&self) -> Reports {
        self.reports.clone()
    }

    /// What has every worker look at once.
    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Returns when every worker has looked and found nothing that it can do now, and what they did
    /// meanwhile has led to nothing more. What waits for a retry is not waited for.
    pub(crate) async fn settle(&self) {
        let mut reports = self.reports.clone();
        let mut before = reports.worked();
        loop {
            let call = self.waker.wake();
            for (_, report) in &mut reports.0 {
                if report.wait_for(|report| report.heard >= call).await.is_err() {
                    tracing::error!("a worker of the desk has ended");
                }
            }
            let after = reports.worked();
            if after == before {
                return;
            }
            before = after;
        }
    }

    /// Stops all workers where they are, as a power cut would stop Lambda's: what was not
    /// checkpointed is delivered again at the next start.
    pub(crate) async fn stop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks.drain(..) {
            if let Err(error) = task.await
                && !error.is_cancelled()
            {
                tracing::error!(%error, "a worker of the desk had failed");
            }
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Returns at this time, or never.
async fn reached(clock: &Clock, time: Option<Timestamp>) {
    match time {
        Some(time) => clock.reaches(time).await,
        None => std::future::pending().await,
    }
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics at its first step, and works at its second.
    #[derive(Default)]
    struct Stumbling(usize);

    impl Worker for Stumbling {
        fn name(&self) -> String {
            "stumbling".to_owned()
        }

        async fn step(&mut self) -> Step {
            self.0 += 1;
            match self.0 {
                1 => panic!("over a {}", "stone"),
                2 => Step::Worked,
                _ => Step::Idle,
            }
        }
    }

    #[tokio::test]
    async fn a_worker_that_panics_is_seen_and_goes_on() {
        let clock = Clock::system();
        let mut workers = Workers::new(clock.clone());
        workers.start(Stumbling::default());
        let mut reports = workers.reports();
        let (_, report) = &mut reports.0[0];
        report.wait_for(|report| report.panics == 1).await.expect("it is there");
        let health = serde_json::to_value(workers.reports().health()).expect("JSON");
        assert_eq!(health[0]["worker"], "stumbling");
        assert_eq!(health[0]["panics"], 1);
        assert_eq!(health[0]["last_panic"]["message"], "over a stone");
        // By itself, once the pause is over.
        clock.advance(PAUSE_AFTER_A_PANIC.unsigned_abs());
        report.wait_for(|report| report.worked == 1).await.expect("it is there");
        workers.stop().await;
    }
}
