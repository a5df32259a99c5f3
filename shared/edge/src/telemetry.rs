//! Structured logs: one JSON line for each event, no key, code, token, address, IP or body in any of them.

use crate::config::Env;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Writes logs as JSON lines to standard output, where Lambda collects them.
pub fn install(env: &Env) {
    // One subscriber for each process; a second one is refused and not needed.
    let _ = tracing::subscriber::set_global_default(json_lines(env.get("LOG_LEVEL").unwrap_or("info"), std::io::stdout));
}

fn json_lines(level: &str, writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static) -> impl Subscriber + Send + Sync {
    let filter = EnvFilter::try_new(format!("warn,edge={level},functions={level},store={level}"));
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_target(true).without_time().with_writer(writer).finish()
}

/// What operators are alarmed by; a metric filter of the template counts the lines by this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// A mail will not be delivered.
    MailFailed,
    /// A duty whose stream record was lost was found.
    DutyFound,
    /// A duty was given up.
    DutyGivenUp,
}

impl Alarm {
    /// Leaves one line in the log.
    pub fn raise(self, cause: &str) {
        // A target of its own: no `LOG_LEVEL` keeps it out of the log.
        tracing::warn!(target: "alarm", alarm = ?self, cause, "alarm");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_metric_filters_find_an_alarm_at_every_log_level() {
        for level in ["error", "warn", "info", "debug"] {
            let lines = Lines::default();
            let writer = lines.clone();
            tracing::subscriber::with_default(json_lines(level, move || writer.clone()), || Alarm::MailFailed.raise("MessageRejected"));
            let line: serde_json::Value = serde_json::from_slice(&lines.0.lock().expect("no panic")).expect("one line of JSON");
            assert_eq!((&line["fields"]["alarm"], &line["fields"]["cause"]), (&"MailFailed".into(), &"MessageRejected".into()), "{level}");
        }
    }
}
