//! What runs behind the gateway: the stream triggers and the schedules.
//!
//! Each is a worker of its own task. It steps as long as there is work, then rests until it is
//! woken by a call, as whatever is committed to the table is one, or until the desk's clock says
//! that something is due. After each idle step it reports the last call that it had heard of before
//! the step; so [`Workers::settle`] knows that everything committed before the call has been looked
//! at, without any fixed sleep.

use edge::Clock;
use jiff::Timestamp;
use std::future::Future;
use tokio::sync::watch;
use tokio::task::JoinHandle;

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

/// Something that works in steps.
pub(crate) trait Worker: Send + 'static {
    fn step(&mut self) -> impl Future<Output = Step> + Send;
}

#[derive(Clone, Copy, Debug, Default)]
struct Report {
    /// The last call that was heard before the last idle step.
    heard: u64,
    /// How many steps did something.
    worked: u64,
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

/// All workers of a desk.
#[derive(Debug)]
pub(crate) struct Workers {
    clock: Clock,
    waker: Waker,
    reports: Vec<watch::Receiver<Report>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Workers {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, waker: Waker::default(), reports: Vec::new(), tasks: Vec::new() }
    }

    /// Starts a worker.
    pub(crate) fn start(&mut self, mut worker: impl Worker) {
        let (reporter, report) = watch::channel(Report::default());
        self.reports.push(report);
        let mut calls = self.waker.0.subscribe();
        let clock = self.clock.clone();
        self.tasks.push(tokio::spawn(async move {
            loop {
                let heard = *calls.borrow_and_update();
                let due_at = match worker.step().await {
                    Step::Worked => {
                        reporter.send_modify(|report| report.worked += 1);
                        continue;
                    }
                    Step::Idle => None,
                    Step::IdleUntil(time) => Some(time),
                };
                reporter.send_modify(|report| report.heard = heard);
                tokio::select! {
                    called = calls.changed() => if called.is_err() { return },
                    () = reached(&clock, due_at) => {}
                }
            }
        }));
    }

    /// What has every worker look at once.
    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Returns when every worker has looked and found nothing that it can do now, and what they did
    /// meanwhile has led to nothing more. What waits for a retry is not waited for.
    pub(crate) async fn settle(&self) {
        let mut reports = self.reports.clone();
        let mut before = worked(&reports);
        loop {
            let call = self.waker.wake();
            for report in &mut reports {
                if report.wait_for(|report| report.heard >= call).await.is_err() {
                    tracing::error!("a worker of the desk has ended");
                }
            }
            let after = worked(&reports);
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

fn worked(reports: &[watch::Receiver<Report>]) -> u64 {
    reports.iter().map(|report| report.borrow().worked).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Panics at its first step, and works at its second.
    struct Stumbling(Arc<AtomicUsize>);

    impl Worker for Stumbling {
        async fn step(&mut self) -> Step {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => panic!("over a {}", "stone"),
                1 => Step::Worked,
                _ => Step::Idle,
            }
        }
    }

    #[tokio::test]
    async fn a_worker_that_panics_goes_on() {
        let steps = Arc::new(AtomicUsize::new(0));
        let mut workers = Workers::new(Clock::system());
        workers.start(Stumbling(Arc::clone(&steps)));
        workers.settle().await;
        workers.settle().await;
        assert!(steps.load(Ordering::Relaxed) > 1);
        workers.stop().await;
    }
}
