//! Lambda's side: an action becomes something that takes an event and gives an answer.
//!
//! The same [`Invoke`] runs under the Lambda runtime (AWS, `cargo lambda`) and in `cargo desk`.

use crate::app::{Ahead, App};
use crate::budget::{Budget, Deadline, OutOfTime};
use crate::clock::Clock;
use crate::config::{ConfigError, Env};
use crate::event;
use crate::http::{Answer, Call, MAX_SESSIONS_SHOWN};
use crate::problem::{Problem, ProblemCode};
use crate::product_api::NotAsked;
use crate::secrets::KeyringError;
use crate::telemetry;
use aws_lambda_events::event::dynamodb::{Event as StreamEvent, EventRecord};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use lambda_http::http::Method;
use lambda_http::{Body, Response};
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use store::StoreError;
use tokio::sync::watch;

/// An event as it came in.
pub type Event = Box<RawValue>;

/// A function that is ready to be called.
pub type Invoke =
    Arc<dyn Fn(LambdaEvent<Event>) -> BoxFuture<'static, Result<Value, Error>> + Send + Sync>;

/// What an HTTP action is: a call in, an answer or a problem out.
pub type HttpAction = for<'a> fn(&'a App, &'a Call) -> BoxFuture<'a, Result<Answer, Problem>>;

/// An HTTP action behind API Gateway (HTTP API, payload 2.0), for people's browsers and programs.
pub fn http(app: App, action: HttpAction) -> Invoke {
    behind_gateway(app, move |app, call, deadline| guarded(app, action, call, deadline).boxed())
}

/// The same of an action that other gateways ask about their clients' requests. They forward what
/// clients sent, so no cookie and no `Origin` says anything; and it changes nothing, so nothing of
/// it may have been done.
pub fn forward_auth(app: App, action: HttpAction) -> Invoke {
    behind_gateway(app, move |app, call, deadline| {
        async move {
            let done = deadline.bound(action(app, &call)).await;
            done.unwrap_or_else(|late| Err(Problem::unavailable(late)))
        }
        .boxed()
    })
}

/// `act` is an action with what stands in front of it, for one call and while there is time.
fn behind_gateway(
    app: App,
    act: impl for<'a> Fn(&'a App, Call, Deadline) -> BoxFuture<'a, Result<Answer, Problem>>
    + Copy
    + Send
    + Sync
    + 'static,
) -> Invoke {
    let app = Arc::new(app);
    Arc::new(move |event| {
        let app = app.clone();
        let deadline = app.deadline(&event.context);
        async move {
            let mut is_head = false;
            let done = unless_it_panics(async {
                let call = Call::new(read(&event.payload)?);
                is_head = call.method() == Method::HEAD;
                Ok::<_, Error>(act(&app, call, deadline).await)
            });
            let done = done.await.unwrap_or_else(|panicked| Ok(Err(panicked.into())))?;
            let mut response = answer(done, &event.context.request_id);
            if is_head {
                *response.body_mut() = Body::Empty;
            }
            Ok(serde_json::to_value(event::answer(response))?)
        }
        .boxed()
    })
}

/// The guard that the actions for people stand behind, and the action, while there is time.
async fn guarded(
    app: &App,
    action: HttpAction,
    call: Call,
    deadline: Deadline,
) -> Result<Answer, Problem> {
    call.refuse_cross_site(&app.settings)?;
    let method = call.method().clone();
    let done = deadline.bound(with_a_session_that_is_not_over(app, action, call)).await;
    done.unwrap_or_else(|OutOfTime| Err(out_of_time(&method)))
}

/// The action, for the first of the sessions shown that is not over.
///
/// Only what the action itself reads or writes says whether one is: reads go side by side, and what
/// changes something is tried with the next session only after its write was refused with this one.
async fn with_a_session_that_is_not_over(
    app: &App,
    action: HttpAction,
    call: Call,
) -> Result<Answer, Problem> {
    let at_once = if call.method() == Method::GET { MAX_SESSIONS_SHOWN } else { 1 };
    let calls = call.with_each_session();
    let tries: Vec<_> = calls.iter().map(|call| action(app, call)).collect();
    let mut tries = stream::iter(tries).buffered(at_once);
    // Of those that are over, the first that tells why.
    let mut why = Problem::from(ProblemCode::SessionEnded);
    while let Some(tried) = tries.next().await {
        match tried {
            Err(problem) if is_of_a_session(&problem, &calls[0]) => {
                if why.code == ProblemCode::SessionEnded {
                    why = problem;
                }
            }
            done => return done,
        }
    }
    Err(why)
}

/// Whether it is the session shown that is refused. A login is refused by itself, whatever sessions
/// come along.
fn is_of_a_session(problem: &Problem, call: &Call) -> bool {
    let over = [ProblemCode::SessionEnded, ProblemCode::SessionExpired].contains(&problem.code);
    let suspended = problem.code == ProblemCode::AccountSuspended;
    over || (suspended && !call.path().starts_with("/api/login/"))
}

/// The one place that logs how a request went, and its answer.
fn answer(done: Result<Answer, Problem>, request_id: &str) -> Response<Body> {
    // What the action names; one that names none may have told the log by itself.
    if let Some(account) = done.as_ref().map_or_else(Problem::account, Answer::account) {
        telemetry::set_account(account);
    }
    telemetry::log_outcome(done.as_ref().map(drop).map_err(Problem::log));
    match done {
        Ok(answer) => answer.into_response(request_id),
        Err(problem) => problem.into_response(request_id),
    }
}

/// Who only reads has nothing that may have been done.
fn out_of_time(method: &Method) -> Problem {
    if method.is_safe() {
        Problem::unavailable(OutOfTime)
    } else {
        Problem::perhaps_done(OutOfTime)
    }
}

/// A panic, by its place alone: its words may repeat what was sent.
#[derive(Debug, thiserror::Error)]
#[error("panicked at {0}")]
struct Panicked(String);

impl From<Panicked> for Problem {
    fn from(panicked: Panicked) -> Self {
        Self::new(ProblemCode::InternalError).because(panicked)
    }
}

/// Runs what an invocation is for. A panic in it is that invocation's failure alone: what is shared
/// between invocations (clients, keyrings) is changed by whole assignments only.
async fn unless_it_panics<T>(run: impl Future<Output = T>) -> Result<T, Panicked> {
    let done = AssertUnwindSafe(run).catch_unwind().await;
    done.map_err(|_words| Panicked(telemetry::place_of_panic()))
}

/// Why a record of the table's stream is not done.
#[derive(Debug, thiserror::Error)]
pub enum RecordFailed {
    /// It, and what follows it in the batch, is to be delivered again.
    #[error("{0}")]
    Again(String),
    /// A row that it is about, or needs, cannot be read or changed as it is: it would fail as often
    /// as it came again.
    #[error("{0}")]
    Unreadable(StoreError),
}

impl RecordFailed {
    pub fn again(cause: impl Display) -> Self {
        Self::Again(cause.to_string())
    }
}

impl From<StoreError> for RecordFailed {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Row { .. } | StoreError::Damaged(_) => Self::Unreadable(error),
            StoreError::Unavailable(_)
            | StoreError::Unknown(_)
            | StoreError::Denied(_)
            | StoreError::Contended => Self::again(error),
        }
    }
}

impl From<NotAsked> for RecordFailed {
    fn from(error: NotAsked) -> Self {
        Self::again(error)
    }
}

impl From<KeyringError> for RecordFailed {
    fn from(error: KeyringError) -> Self {
        Self::again(error)
    }
}

/// What a stream action is: one record in, done or to be delivered again. What has to keep to the
/// order of the batch waits for the record's turn first.
pub type StreamAction = for<'a> fn(&'a App, Record<'a>) -> BoxFuture<'a, Result<(), RecordFailed>>;

/// A record of the table's stream, in its batch.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    pub event: &'a EventRecord,
    place: usize,
    /// How many records of the batch are done, from the first one on.
    done: watch::Receiver<usize>,
}

impl Record<'_> {
    /// Whether there are none before it in the batch, so that it is its turn from the start.
    pub fn is_first(&self) -> bool {
        self.place == 0
    }

    /// Waits until every record before this one is done. If one of them fails, it never is, and the
    /// action is dropped where it waits.
    pub async fn turn(&self) {
        let mut done = self.done.clone();
        if done.wait_for(|done| *done >= self.place).await.is_err() {
            std::future::pending().await
        }
    }
}

/// So many records of a batch are begun side by side: the `BatchSize` of `template.yaml`.
pub const RECORDS_AT_ONCE: usize = 25;

/// A stream action: the records of a batch side by side, up to the first that fails, or for which
/// there is no time.
///
/// Lambda delivers again from the lowest failed sequence number on, so whatever must not be done
/// twice waits for its [turn](Record::turn).
pub fn stream(app: App, action: StreamAction) -> Invoke {
    let app = Arc::new(app);
    Arc::new(move |event| {
        let app = app.clone();
        let deadline = app.deadline(&event.context);
        async move {
            let batch: StreamEvent = read(&event.payload)?;
            let done = watch::Sender::new(0);
            let begun = batch.records.iter().enumerate().map(|(place, event)| {
                let record = Record { event, place, done: done.subscribe() };
                telemetry::part_of_invocation(one_record(&app, action, record, deadline))
            });
            let mut ended = stream::iter(begun.collect::<Vec<_>>()).buffered(RECORDS_AT_ONCE);
            for record in &batch.records {
                if let Some(Err(_told)) = ended.next().await {
                    let sequence = record.change.sequence_number.as_deref().unwrap_or_default();
                    return Ok(json!({ "batchItemFailures": [{ "itemIdentifier": sequence }] }));
                }
                done.send_modify(|done| *done += 1);
            }
            Ok(json!({ "batchItemFailures": [] }))
        }
        .boxed()
    })
}

/// One record of a batch, and the line about it. A failure is told in its turn: behind another it
/// is none yet, for the record comes again with that one.
async fn one_record(
    app: &App,
    action: StreamAction,
    record: Record<'_>,
    deadline: Deadline,
) -> Result<(), RecordFailed> {
    let done = unless_it_panics(async {
        let done = deadline.bound(action(app, record.clone())).await;
        done.unwrap_or_else(|late| Err(RecordFailed::again(late)))
    });
    let done = done.await.unwrap_or_else(|panicked| Err(RecordFailed::again(panicked)));
    if done.is_err() {
        record.turn().await;
    }
    telemetry::log_outcome(
        done.as_ref().map(drop).map_err(|failed| ("record_failed", Some(failed as &dyn Display))),
    );
    done
}

/// What any other action is: an event in, an answer or an error out.
pub type EventAction<T> = for<'a> fn(&'a App, T) -> BoxFuture<'a, Result<Value, Error>>;

/// An action that is invoked with an event of its own: the authorizer, the operator's, the
/// schedule's.
pub fn event<T: DeserializeOwned + Send + 'static>(app: App, action: EventAction<T>) -> Invoke {
    let app = Arc::new(app);
    Arc::new(move |event| {
        let app = app.clone();
        let deadline = app.deadline(&event.context);
        async move {
            let request = read(&event.payload)?;
            let done = unless_it_panics(async {
                let done = deadline.bound(action(&app, request)).await;
                done.unwrap_or_else(|late| Err(Problem::perhaps_done(late).into()))
            });
            let done = done.await.unwrap_or_else(|panicked| Err(Problem::from(panicked).into()));
            let problem = done.as_ref().err().and_then(|error| error.downcast_ref::<Problem>());
            telemetry::log_outcome(match (&done, problem) {
                (Ok(_), _) => Ok(()),
                (Err(_), Some(problem)) => Err(problem.log()),
                (Err(error), None) => Err(("failed", Some(error))),
            });
            // A problem's document is the message of the error.
            problem
                .map(|problem| problem.document(&event.context.request_id))
                .map_or(done, |document| Err(document.into()))
        }
        .boxed()
    })
}

/// The event in the form that the action takes; one that is not is the end of the invocation. The
/// parser's own words would repeat what is in it.
fn read<T: DeserializeOwned>(event: &RawValue) -> Result<T, Error> {
    serde_json::from_str(event.get()).map_err(|error| {
        let error = Error::from(format!(
            "the event cannot be read from line {} column {} on",
            error.line(),
            error.column()
        ));
        telemetry::log_outcome(Err(("failed", Some(&error))));
        error
    })
}

/// A function under its name, which every line of its log begins with.
pub fn named(name: &'static str, invoke: Invoke) -> Invoke {
    telemetry::note_panics();
    Arc::new(move |event| {
        let request_id = event.context.request_id.clone();
        telemetry::invocation(name, request_id, invoke(event)).boxed()
    })
}

/// Runs one function until Lambda ends the process.
///
/// A function that cannot be configured still serves: each call fails and says why. A process that
/// exits at start is never restarted by `cargo lambda watch`, and on AWS hides its reason behind
/// `Runtime.ExitError`.
pub fn run(
    name: &'static str,
    budget: Budget,
    ahead: Ahead,
    build: impl FnOnce(App) -> Invoke,
) -> Result<(), Error> {
    let env = Env::of_process();
    telemetry::install(&env);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let invoke = match App::new(&env, Clock::system(), budget) {
            Ok(app) => {
                app.prepare(ahead).await;
                build(app)
            }
            Err(error) => named(name, not_configured(error)),
        };
        lambda_runtime::run(service_fn(move |event: LambdaEvent<Event>| invoke(event))).await
    })
}

fn not_configured(error: ConfigError) -> Invoke {
    Arc::new(move |_| {
        let error = error.clone();
        async move {
            telemetry::log_outcome(Err(("not_configured", Some(&error))));
            Err(Error::from(error))
        }
        .boxed()
    })
}

/// The context of an invocation that does not come from Lambda.
pub fn context(request_id: String) -> Context {
    let mut context = Context::default();
    context.request_id = request_id;
    context
}
