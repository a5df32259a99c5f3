//! Structured logs: one JSON line for each event, no key, code, token, address, IP or body in any of them.

use crate::config::Env;
use tracing_subscriber::EnvFilter;

/// Writes logs as JSON lines to standard output, where Lambda collects them.
pub fn install(env: &Env) {
    let level = env.get("LOG_LEVEL").unwrap_or("info");
    let filter =
        EnvFilter::try_new(format!("warn,edge={level},functions={level},store={level}")).unwrap_or_else(|_| EnvFilter::new("info"));
    // The runtime may be started once only; a second subscriber in one process is refused and not needed.
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_target(true).without_time().try_init();
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
        tracing::warn!(alarm = ?self, cause, "alarm");
    }
}
