//! What the functions tell operators: one line of JSON for each event, and counts in such lines,
//! which CloudWatch takes for metrics (its embedded metric format). No key, code, token, address,
//! IP or body in any of them.
//!
//! To add a count: a variant of [`Metric`], and its place on the dashboard or in an alarm of
//! `template.yaml`.

use crate::clock::Clock;
use crate::config::Env;
use domain::AccountId;
use serde_json::{Map, Value, json};
use std::cell::{Cell, RefCell};
use std::fmt::{Debug, Display, Write};
use std::sync::Once;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{self, FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

/// Writes the lines to standard output, where Lambda collects them.
pub fn install(env: &Env) {
    // One subscriber for each process; a second one is refused and not needed.
    let _ = tracing::subscriber::set_global_default(lines(env, std::io::stdout));
}

/// Whatever is traced, as lines.
pub fn lines(
    env: &Env,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync {
    let level = env.get("LOG_LEVEL").unwrap_or("info");
    // Counts have a target of their own: no level keeps an alarm from going off.
    let filter = format!("warn,edge={level},functions={level},store={level},{METRIC}=info");
    let filter = filter.parse().unwrap_or(Targets::new().with_default(LevelFilter::INFO));
    let namespace = env.get("METRIC_NAMESPACE").unwrap_or("Frontdesk").to_owned();
    let format = Lines { namespace, clock: Clock::system() };
    let lines = fmt::layer()
        // It would complain on stderr, and panic where nobody reads that either.
        .log_internal_errors(false)
        .event_format(format)
        .with_writer(writer);
    tracing_subscriber::registry().with(filter).with(lines)
}

const METRIC: &str = "metric";

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Somebody logged in.
    Login,
    /// A code was not the one that was mailed.
    WrongCode,
    /// A request for a code was refused: an allowance was used up.
    CodeRefused,
    /// The product API took a Sandbox key that was provisioned.
    SandboxReady,
    /// It did not, or did not answer.
    SandboxFailed,
    /// An account was told that an address is registered.
    AddressNamed,
    /// A mail was written into the table, to be sent from there.
    MailQueued,
    /// A mail will not be delivered; or it is kept back by a setting, like every other.
    MailFailed,
    /// A duty whose stream record was lost was found.
    DutyFound,
    /// A duty was given up.
    DutyGivenUp,
    /// A duty is there that this version cannot read or do, or may not touch.
    DutyUnreadable,
    /// A row of an account's trail cannot be read by this version.
    EventUnreadable,
}

impl Metric {
    pub const ALL: [Self; 12] = [
        Self::Login,
        Self::WrongCode,
        Self::CodeRefused,
        Self::SandboxReady,
        Self::SandboxFailed,
        Self::AddressNamed,
        Self::MailQueued,
        Self::MailFailed,
        Self::DutyFound,
        Self::DutyGivenUp,
        Self::DutyUnreadable,
        Self::EventUnreadable,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "Login",
            Self::WrongCode => "WrongCode",
            Self::CodeRefused => "CodeRefused",
            Self::SandboxReady => "SandboxReady",
            Self::SandboxFailed => "SandboxFailed",
            Self::AddressNamed => "AddressNamed",
            Self::MailQueued => "MailQueued",
            Self::MailFailed => "MailFailed",
            Self::DutyFound => "DutyFound",
            Self::DutyGivenUp => "DutyGivenUp",
            Self::DutyUnreadable => "DutyUnreadable",
            Self::EventUnreadable => "EventUnreadable",
        }
    }

    /// Counts one.
    pub fn count(self) {
        tracing::info!(target: METRIC, metric = self.name());
    }

    /// Counts one that operators want to know the cause of.
    pub fn count_because(self, cause: impl Display) {
        tracing::warn!(target: METRIC, metric = self.name(), %cause);
    }
}

/// What every line of an invocation says beside its own: which function, at whose request, about
/// which account.
struct Invocation {
    function: &'static str,
    request_id: String,
    account: RefCell<Option<AccountId>>,
    outcome: Cell<Option<&'static str>>,
    panicked_at: Cell<Option<String>>,
}

tokio::task_local! {
    static INVOCATION: Invocation;
}

impl Invocation {
    fn new(function: &'static str, request_id: String) -> Self {
        Self {
            function,
            request_id,
            account: RefCell::default(),
            outcome: Cell::default(),
            panicked_at: Cell::default(),
        }
    }
}

/// Runs one invocation of a function; every line that is written meanwhile names both.
pub(crate) async fn invocation<T>(
    function: &'static str,
    request_id: String,
    run: impl Future<Output = T>,
) -> T {
    INVOCATION.scope(Invocation::new(function, request_id), run).await
}

/// Runs a part of an invocation that has a line, and an account, of its own beside other parts.
pub(crate) async fn part_of_invocation<T>(run: impl Future<Output = T>) -> T {
    let whole =
        INVOCATION.try_with(|invocation| (invocation.function, invocation.request_id.clone()));
    match whole {
        Ok((function, request_id)) => invocation(function, request_id, run).await,
        Err(_outside) => run.await,
    }
}

/// The account that this is about from here on, or none. Only once the store has confirmed it:
/// operators rely on it.
pub fn set_account<'a>(account: impl Into<Option<&'a AccountId>>) {
    // Outside of an invocation there are no lines to tell it.
    let _ = INVOCATION.try_with(|invocation| invocation.account.replace(account.into().cloned()));
}

/// How it ended, where going well has more than one meaning.
pub fn set_outcome(name: &'static str) {
    let _ = INVOCATION.try_with(|invocation| invocation.outcome.set(Some(name)));
}

/// Panics inside an invocation are noted by their place and written nowhere: the line about the
/// invocation tells of them.
pub(crate) fn note_panics() {
    static NOTED: Once = Once::new();
    NOTED.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(ToString::to_string);
            if INVOCATION.try_with(|invocation| invocation.panicked_at.set(place)).is_err() {
                others(panic);
            }
        }));
    });
}

/// Where the last panic of this invocation was.
pub(crate) fn place_of_panic() -> String {
    let place = INVOCATION.try_with(|invocation| invocation.panicked_at.take()).ok().flatten();
    place.unwrap_or_else(|| "a place that was not noted".to_owned())
}

/// Leaves the one line that tells how an invocation, or a record of its batch, went. What follows
/// concerns nobody yet.
pub(crate) fn log_outcome(result: Result<(), (&str, Option<&dyn Display>)>) {
    let told = INVOCATION.try_with(|invocation| invocation.outcome.take()).ok().flatten();
    match result {
        Ok(()) => tracing::info!(outcome = told.unwrap_or("ok")),
        Err((outcome, None)) => tracing::info!(outcome),
        Err((outcome, Some(cause))) => tracing::error!(outcome, %cause),
    }
    set_account(None);
}

/// The format of the lines.
struct Lines {
    namespace: String,
    clock: Clock,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let mut line = Line::default();
        line.text("level", event.metadata().level().as_str());
        let _ = INVOCATION.try_with(|invocation| {
            line.text("function", invocation.function);
            line.text("request_id", &invocation.request_id);
            if let Some(account) = &*invocation.account.borrow() {
                line.text("account", account.as_str());
            }
        });
        event.record(&mut line);
        if event.metadata().target() == METRIC
            && let Some(Value::String(metric)) = line.0.remove(METRIC)
        {
            // No dimension: each makes a metric of its own for each of its values, and is paid for
            // as one.
            line.0.insert(
                "_aws".to_owned(),
                json!({
                    "Timestamp": self.clock.now().as_millisecond(),
                    "CloudWatchMetrics": [{
                        "Namespace": self.namespace,
                        "Dimensions": [[]],
                        "Metrics": [{ "Name": metric, "Unit": "Count" }],
                    }],
                }),
            );
            line.0.insert(metric, 1.into());
        }
        writeln!(writer, "{}", Value::Object(line.0))
    }
}

#[derive(Default)]
struct Line(Map<String, Value>);

impl Line {
    fn text(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.into());
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        // A text grows as it needs to.
        let _ = write!(text, "{value:?}");
        self.text(field.name(), &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_count_is_written_at_every_log_level() {
        for level in ["error", "warn", "info", "debug"] {
            let written = Written::default();
            let env = Env::from_pairs([("LOG_LEVEL".to_owned(), level.to_owned())]);
            let writer = written.clone();
            tracing::subscriber::with_default(lines(&env, move || writer.clone()), || {
                Metric::MailFailed.count_because("MessageRejected");
                Metric::Login.count();
            });
            let text =
                String::from_utf8(written.0.lock().expect("no panic").clone()).expect("a text");
            let lines: Vec<Value> = text
                .lines()
                .map(|line| serde_json::from_str(line).expect("a line of JSON"))
                .collect();
            assert_eq!(lines.len(), 2, "{level}: {text}");
            assert_eq!(
                (&lines[0]["MailFailed"], &lines[0]["cause"]),
                (&json!(1), &json!("MessageRejected")),
                "{level}"
            );
            assert_eq!(lines[1]["Login"], 1, "{level}");
        }
    }
}
