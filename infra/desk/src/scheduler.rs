//! Schedules at a fixed rate, by the desk's clock.

use crate::lambda::{InvokeError, Lambdas};
use crate::names::{ACCOUNT_ID, REGION, request_id, schedule_arn};
use crate::template::Schedule;
use crate::worker::{Step, Worker};
use edge::Clock;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::sync::Arc;

/// One schedule, at work.
pub(crate) struct ScheduleWorker {
    function: String,
    schedule: Schedule,
    lambdas: Arc<Lambdas>,
    clock: Clock,
    due_at: Timestamp,
}

impl ScheduleWorker {
    /// Due for the first time one interval from now.
    pub(crate) fn new(
        function: String,
        schedule: Schedule,
        lambdas: Arc<Lambdas>,
        clock: Clock,
    ) -> Self {
        let due_at = clock.now() + schedule.every;
        Self { function, schedule, lambdas, clock, due_at }
    }

    fn event(&self) -> Value {
        match &self.schedule.input {
            Some(input) => {
                serde_json::from_str(input).unwrap_or_else(|_| Value::String(input.clone()))
            }
            None => json!({
                "version": "0",
                "id": request_id(),
                "detail-type": "Scheduled Event",
                "source": "aws.scheduler",
                "account": ACCOUNT_ID,
                "time": self.due_at,
                "region": REGION,
                "resources": [schedule_arn(&self.schedule.id)],
                "detail": "{}",
            }),
        }
    }
}

impl Worker for ScheduleWorker {
    fn name(&self) -> String {
        format!("{}: keeps the schedule", self.function)
    }

    async fn step(&mut self) -> Step {
        let now = self.clock.now();
        if now < self.due_at {
            return Step::IdleUntil(self.due_at);
        }
        let event = self.event();
        // Runs that a moved clock skipped are skipped: the next is one interval from now.
        self.due_at = now + self.schedule.every;
        match self.lambdas.invoke(&self.function, &event).await {
            Ok(_) => {}
            Err(InvokeError::Unreachable { url, .. }) => {
                tracing::info!(
                    function = self.function,
                    url,
                    "nothing answers there; this run is skipped"
                );
            }
            Err(error) => {
                tracing::warn!(function = self.function, %error, "a scheduled run failed")
            }
        }
        Step::Worked
    }
}
