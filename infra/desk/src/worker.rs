//! What runs behind the gateway: the stream triggers and the schedules.
//!
//! Each is a worker of its own task. It steps as long as there is work, then waits for the next
//! poll, or to be woken. After each idle step it reports the last call that it had heard of before
//! the step; so [`Workers::settle`] knows that everything committed before the call has been looked
//! at, without any fixed sleep.

use std::future::Future;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often a worker looks without being woken.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// What a step found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Something was done, and there may be more.
    Worked,
    /// There was nothing that can be done now.
    Idle,
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

/// All workers of a desk.
#[derive(Debug)]
pub(crate) struct Workers {
    calls: watch::Sender<u64>,
    reports: Vec<watch::Receiver<Report>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Workers {
    pub(crate) fn new() -> Self {
        Self { calls: watch::Sender::new(0), reports: Vec::new(), tasks: Vec::new() }
    }

    /// Starts a worker.
    pub(crate) fn start(&mut self, mut worker: impl Worker) {
        let (reporter, report) = watch::channel(Report::default());
        self.reports.push(report);
        let mut calls = self.calls.subscribe();
        self.tasks.push(tokio::spawn(async move {
            loop {
                let heard = *calls.borrow_and_update();
                match worker.step().await {
                    Step::Worked => reporter.send_modify(|report| report.worked += 1),
                    Step::Idle => {
                        reporter.send_modify(|report| report.heard = heard);
                        tokio::select! {
                            called = calls.changed() => if called.is_err() { return },
                            () = tokio::time::sleep(POLL_INTERVAL) => {}
                        }
                    }
                }
            }
        }));
    }

    /// Counting it up has every worker look at once.
    pub(crate) fn waker(&self) -> watch::Sender<u64> {
        self.calls.clone()
    }

    /// Returns when every worker has looked and found nothing that it can do now, and what they did
    /// meanwhile has led to nothing more. What waits for a retry is not waited for.
    pub(crate) async fn settle(&self) {
        let mut reports = self.reports.clone();
        let mut before = worked(&reports);
        loop {
            self.calls.send_modify(|call| *call += 1);
            let call = *self.calls.borrow();
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

fn worked(reports: &[watch::Receiver<Report>]) -> u64 {
    reports.iter().map(|report| report.borrow().worked).sum()
}
