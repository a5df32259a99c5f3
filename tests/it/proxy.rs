//! A recording proxy in front of the desk's store, and functions that talk to the store through it.
//! It stands in front of SES and of Secrets Manager as well.
//!
//! It tells how often a function waits for the store, without a clock. Requests that are under way
//! side by side make one *wave*; a test says which waves it expects, and the proxy keeps every
//! answer of a wave back until all its requests are there. Requests that really go side by side
//! always meet this way, however slow the machine is; requests that go one after the other never
//! do, for the second one waits for the first one's answer. Then the proxy gives up waiting, and
//! the recording shows more waves than expected.

use crate::support::{self, Person, UNHURRIED, World};
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use desk::inside::Service;
use edge::budget::Budget;
use edge::config::Env;
use edge::{App, Clock};
use functions::{Function, Invoke, Trigger};
use futures::StreamExt;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// How long an incomplete wave is waited for. It ends tests that fail, and decides no other: below
/// the time after which the SDK would send the request once more.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many faults all tests of this process have put in.
pub static INJECTED: AtomicU64 = AtomicU64::new(0);

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Somebody else is writing the same rows: nothing is written.
    Conflict,
    /// The table is throttled: nothing is written.
    Throttled,
    /// The table is throttled for one row of a transaction: nothing is written.
    PartThrottled,
    /// The service fails: nothing is written.
    ServerError,
    /// The service fails, and says no word: nothing is written.
    NoBody,
    /// The request arrives and takes effect, its answer does not arrive.
    AnswerLost,
    /// The request arrives, and nothing ever happens.
    Silence,
    /// The request arrives and takes effect; what is answered is that it is still being worked on.
    InProgress,
    /// The request arrives and takes effect, and a part of its answer arrives.
    Half(Half),
    /// The request arrives and takes effect, and whoever sent it is dead.
    Death,
    /// The connection breaks, and the request arrives all the same: when it is [let
    /// go](Proxy::let_go).
    Late,
    /// The table is too busy for any row of a batch, and says so of each.
    Unprocessed,
    /// A read that does not ask for consistency is answered as it was the last time.
    Stale,
    /// What no store does: a write is answered as made, and arrives when it is [let
    /// go](Proxy::let_go).
    Early,
}

/// What arrives of an answer, behind a status that says that all went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Its head alone, and the connection breaks.
    Head,
    /// Half of the length that the head tells, and the connection breaks.
    Cut,
    /// Half of it, as if that were all.
    Short,
    /// Nothing, as if that were all.
    Empty,
    /// Something else: the page of a proxy.
    Foreign,
}

impl Half {
    pub const ALL: [Self; 5] = [Self::Head, Self::Cut, Self::Short, Self::Empty, Self::Foreign];

    fn of(self, whole: &Bytes) -> Response {
        let half = whole.slice(..whole.len() / 2);
        match self {
            Self::Head => breaks_off(whole.len(), Bytes::new()),
            Self::Cut => breaks_off(whole.len(), half),
            Self::Short => half.into_response(),
            Self::Empty => Bytes::new().into_response(),
            Self::Foreign => "<html><body>Welcome!</body></html>".into_response(),
        }
    }
}

/// So much of an answer of this length, and the end of its connection.
fn breaks_off(length: usize, half: Bytes) -> Response {
    let broken =
        futures::stream::once(async move { Ok(half) }).chain(futures::stream::once(async {
            // What there is leaves before.
            tokio::task::yield_now().await;
            Err(std::io::Error::other("the connection is gone"))
        }));
    ([(header::CONTENT_LENGTH, length)], Body::from_stream(broken)).into_response()
}

/// One request as it was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// `GetItem`, `TransactWriteItems`, ...
    pub operation: String,
    pub body: Value,
    pub bytes: Bytes,
    /// The other end of the connection that it came by.
    pub peer: SocketAddr,
    /// The number of its wave, from 0 on.
    pub wave: usize,
    pub read_units: f64,
    pub write_units: f64,
}

/// What a call came to at the store.
#[derive(Debug, Clone, Default)]
pub struct Recording(pub Vec<Sent>);

impl Recording {
    pub fn requests(&self) -> usize {
        self.0.len()
    }

    /// How often the caller waited, one wait after the other.
    pub fn waits(&self) -> usize {
        self.0.iter().map(|sent| sent.wave + 1).max().unwrap_or(0)
    }

    /// The operations of each wave, in alphabetical order.
    pub fn waves(&self) -> Vec<Vec<&str>> {
        let mut waves = vec![Vec::new(); self.waits()];
        for sent in &self.0 {
            waves[sent.wave].push(sent.operation.as_str());
        }
        waves.iter_mut().for_each(|wave| wave.sort_unstable());
        waves
    }

    pub fn operations(&self) -> Vec<&str> {
        self.0.iter().map(|sent| sent.operation.as_str()).collect()
    }

    /// The connections that its requests came by.
    pub fn connections(&self) -> BTreeSet<SocketAddr> {
        self.0.iter().map(|sent| sent.peer).collect()
    }

    pub fn read_units(&self) -> f64 {
        self.0.iter().map(|sent| sent.read_units).sum()
    }

    pub fn write_units(&self) -> f64 {
        self.0.iter().map(|sent| sent.write_units).sum()
    }
}

/// The proxy. It ends with the test.
pub struct Proxy {
    url: String,
    region: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    service: Service,
    patience: Duration,
    upstream: String,
    client: reqwest::Client,
    state: Mutex<Control>,
    /// How many waves have been let go.
    released: watch::Sender<usize>,
    /// A permit for each request whose sender is dead.
    deaths: Semaphore,
}

#[derive(Default)]
struct Control {
    sent: Vec<Sent>,
    /// How many requests each coming wave has; none where waves are not looked at.
    expected: Option<VecDeque<usize>>,
    /// The present wave, counted from the start of the proxy, and the first one of this recording.
    wave: usize,
    first_wave: usize,
    /// Requests of this wave that have arrived, and those of them whose answer is there.
    arrived: usize,
    answered: usize,
    /// What goes wrong with the next requests of an operation, if anything, and with how many.
    faults: Vec<(String, usize, Option<Fault>)>,
    /// How often something went wrong.
    struck: u64,
    /// What arrives later.
    held: Vec<(HeaderMap, Bytes)>,
    /// What was answered the last time, by the key of the row.
    read: HashMap<String, Answer>,
    /// Whether no read asks for consistency.
    is_inconsistent: bool,
}

type Answer = (StatusCode, HeaderMap, Bytes);

impl Control {
    /// What goes wrong with this request.
    fn next_fault(&mut self, operation: &str, request: &Value) -> Option<Fault> {
        let mut faults = self.faults.iter_mut();
        let next = faults.find(|(name, left, _)| (name == operation || name == "*") && *left > 0);
        let (_, left, fault) = next?;
        *left -= 1;
        let fault = *fault;
        let is_stale = fault == Some(Fault::Stale);
        let fault = fault.filter(|_| !is_stale || self.earlier(operation, request).is_some());
        self.struck += u64::from(fault.is_some());
        INJECTED.fetch_add(u64::from(fault.is_some()), Ordering::SeqCst);
        fault
    }

    /// What a read that does not ask for consistency may be answered.
    fn earlier(&self, operation: &str, request: &Value) -> Option<&Answer> {
        let is_eventual = self.is_inconsistent || request["ConsistentRead"] != true;
        let may_be_stale = operation == "GetItem" && is_eventual;
        self.read.get(&request["Key"].to_string()).filter(|_| may_be_stale)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, Control> {
        self.state.lock().expect("no test panics while it holds this")
    }

    /// Notes an answer and lets the wave go if it was the last one that the wave waited for.
    fn answered(&self, wave: usize) {
        let mut state = self.state();
        if state.wave != wave {
            return;
        }
        state.answered += 1;
        let width = state.expected.as_ref().and_then(VecDeque::front).copied().unwrap_or(1);
        if state.arrived >= width && state.answered == state.arrived {
            self.release(&mut state);
        }
    }

    /// Notes what a request cost, unless the recording ended before its answer came.
    fn note_units(&self, index: usize, units: f64) {
        let mut state = self.state();
        let Some(sent) = state.sent.get_mut(index) else { return };
        match sent.operation.as_str() {
            "GetItem" | "BatchGetItem" | "Query" => sent.read_units = units,
            _ => sent.write_units = units,
        }
    }

    fn release(&self, state: &mut Control) {
        if let Some(expected) = &mut state.expected {
            expected.pop_front();
        }
        (state.wave, state.arrived, state.answered) = (state.wave + 1, 0, 0);
        self.released.send_replace(state.wave);
    }

    /// Returns when the wave has been let go.
    async fn gone(&self, wave: usize) {
        let mut released = self.released.subscribe();
        let gone = released.wait_for(|released| *released > wave);
        if tokio::time::timeout(self.patience, gone).await.is_err() {
            let mut state = self.state();
            if state.wave == wave {
                self.release(&mut state);
            }
        }
    }
}

impl Proxy {
    /// A proxy in front of the world's store.
    pub async fn new(world: &World) -> Self {
        Self::with_patience(world, PATIENCE).await
    }

    /// A proxy that waits for an incomplete wave only so long.
    pub async fn with_patience(world: &World, patience: Duration) -> Self {
        Self::start(world, Service::DynamoDb, patience).await
    }

    /// A proxy in front of one of the services.
    pub async fn before(world: &World, service: Service) -> Self {
        Self::start(world, service, PATIENCE).await
    }

    async fn start(world: &World, service: Service, patience: Duration) -> Self {
        let upstream = world.desk.shared_environment()[service.setting()].clone();
        let client = support::client();
        let shared = Arc::new(Shared {
            service,
            patience,
            upstream,
            client,
            state: Mutex::default(),
            released: watch::Sender::new(0),
            deaths: Semaphore::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = axum::Router::new().fallback(forward).with_state(shared.clone());
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        let server =
            tokio::spawn(
                async move { axum::serve(listener, router).await.expect("the proxy serves") },
            );
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let region = format!("proxy-{}", NUMBER.fetch_add(1, Ordering::SeqCst));
        Self { url, region, shared, server }
    }

    /// A function that has this proxy between itself and the service.
    ///
    /// The SDK counts by the region how often all of a process may try again, so what goes wrong at
    /// one proxy has a region of its own.
    pub fn function(&self, world: &World, name: &str) -> Behind {
        Behind::new(world, name, &self.settings())
    }

    /// The same, begun as an environment of Lambda's begins.
    pub async fn started(&self, world: &World, name: &str) -> Behind {
        Behind::started(world, name, &self.settings(), UNHURRIED).await
    }

    /// What a function is told that has this proxy between itself and the service.
    pub fn settings(&self) -> [(&'static str, &str); 2] {
        [(self.shared.service.setting(), &self.url), ("AWS_REGION", &self.region)]
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs `act` and gives its outcome with what it sent, in the waves that are expected (see
    /// [`Recording::waves`]).
    pub async fn record<T>(
        &self,
        expected: &[&[&str]],
        act: impl Future<Output = T>,
    ) -> (T, Recording) {
        {
            let mut state = self.shared.state();
            state.sent.clear();
            state.expected = Some(expected.iter().map(|wave| wave.len()).collect());
            (state.first_wave, state.arrived, state.answered) = (state.wave, 0, 0);
        }
        let done = act.await;
        let mut state = self.shared.state();
        state.expected = None;
        (done, Recording(std::mem::take(&mut state.sent)))
    }

    /// [`Proxy::record`] where waves are not looked at: each request counts as one of its own.
    pub async fn watch<T>(&self, act: impl Future<Output = T>) -> (T, Recording) {
        self.shared.state().sent.clear();
        let done = act.await;
        (done, Recording(std::mem::take(&mut self.shared.state().sent)))
    }

    /// The next `times` requests of this operation (`*`: of any) go wrong.
    pub fn fail(&self, operation: &str, times: usize, fault: Fault) {
        self.shared.state().faults.push((operation.to_owned(), times, Some(fault)));
    }

    /// The next `times` requests of this operation go well, whatever is to go wrong behind them.
    pub fn spare(&self, operation: &str, times: usize) {
        self.shared.state().faults.push((operation.to_owned(), times, None));
    }

    /// Runs `act` as a process that dies when so many requests of this operation went well and one
    /// more has taken effect. What it came to, if it came to an end before.
    pub async fn dies_at<T>(
        &self,
        operation: &str,
        spared: usize,
        act: impl Future<Output = T>,
    ) -> Option<T> {
        self.spare(operation, spared);
        self.fail(operation, usize::MAX, Fault::Death);
        let ended = tokio::select! {
            done = act => Some(done),
            died = self.shared.deaths.acquire() => {
                died.expect("it is open").forget();
                None
            }
        };
        self.heal();
        ended
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.shared.state().faults.clear();
    }

    /// How often something went wrong.
    pub fn struck(&self) -> u64 {
        self.shared.state().struck
    }

    /// From now on no read asks for consistency.
    pub fn forget_consistency(&self) {
        self.shared.state().is_inconsistent = true;
    }

    /// Whether something is late.
    pub fn is_waited_for(&self) -> bool {
        !self.shared.state().held.is_empty()
    }

    /// What was late arrives.
    pub async fn let_go(&self) {
        let held = std::mem::take(&mut self.shared.state().held);
        for (headers, body) in held {
            pass_on(&self.shared, &headers, body).await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn forward(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a whole request");
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let mut json: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);

    let (index, wave, fault) = {
        let mut state = shared.state();
        let wave = state.expected.is_some().then_some(state.wave);
        let sent = Sent {
            operation: operation.clone(),
            body: json.clone(),
            bytes: body.clone(),
            peer,
            wave: wave.map_or(state.sent.len(), |wave| wave - state.first_wave),
            read_units: 0.0,
            write_units: 0.0,
        };
        state.sent.push(sent);
        state.arrived += usize::from(wave.is_some());
        let fault = state.next_fault(&operation, &json);
        (state.sent.len() - 1, wave, fault)
    };

    let response = match fault {
        Some(Fault::Silence) => std::future::pending().await,
        Some(
            fault
            @ (Fault::Conflict | Fault::Throttled | Fault::PartThrottled | Fault::ServerError),
        ) => refusal(shared.service, &operation, &json, fault),
        Some(Fault::NoBody) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Fault::Unprocessed) => {
            let left = json!({ "Responses": {}, "UnprocessedKeys": json["RequestItems"] });
            of_dynamodb(left.to_string())
        }
        Some(Fault::Stale) => {
            let earlier = shared.state().earlier(&operation, &json).cloned();
            earlier.expect("it has been read").into_response()
        }
        Some(fault @ (Fault::Late | Fault::Early)) => {
            shared.state().held.push((parts.headers.clone(), body));
            if fault == Fault::Late { lost() } else { made() }
        }
        None | Some(Fault::AnswerLost | Fault::InProgress | Fault::Half(_) | Fault::Death) => {
            let body = if shared.service == Service::DynamoDb {
                json["ReturnConsumedCapacity"] = "TOTAL".into();
                json.to_string().into()
            } else {
                body
            };
            let answer = pass_on(&shared, &parts.headers, body).await;
            shared.note_units(index, units(&answer.2));
            if operation == "GetItem" {
                shared.state().read.insert(json["Key"].to_string(), answer.clone());
            }
            match fault {
                Some(Fault::AnswerLost) => lost(),
                Some(Fault::Death) => {
                    shared.deaths.add_permits(1);
                    std::future::pending().await
                }
                Some(Fault::Half(half)) if answer.0.is_success() => half.of(&answer.2),
                Some(Fault::InProgress) => {
                    refusal(shared.service, &operation, &json, Fault::InProgress)
                }
                Some(_) | None => answer.into_response(),
            }
        }
    };
    if let Some(wave) = wave {
        shared.answered(wave);
        shared.gone(wave).await;
    }
    response
}

async fn pass_on(shared: &Shared, headers: &HeaderMap, body: Bytes) -> Answer {
    let mut headers = headers.clone();
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::HOST);
    let answer = shared
        .client
        .post(&shared.upstream)
        .headers(headers)
        .body(body)
        .send()
        .await
        .expect("the store answers");
    let status = answer.status();
    let mut headers = answer.headers().clone();
    headers.remove(header::TRANSFER_ENCODING);
    (status, headers, answer.bytes().await.expect("a whole answer"))
}

/// What an answer says it cost; a transaction says it for each table.
fn units(answer: &Bytes) -> f64 {
    let answer: Value = serde_json::from_slice(answer).unwrap_or(Value::Null);
    let one = |capacity: &Value| capacity["CapacityUnits"].as_f64().unwrap_or(0.0);
    match &answer["ConsumedCapacity"] {
        Value::Array(tables) => tables.iter().map(one).sum(),
        table => one(table),
    }
}

/// The answer breaks off before its end.
fn lost() -> Response {
    let broken = futures::stream::once(async {
        Err::<Bytes, _>(std::io::Error::other("the connection is gone"))
    });
    Body::from_stream(broken).into_response()
}

/// An error in the words of the service.
fn refusal(service: Service, operation: &str, request: &Value, fault: Fault) -> Response {
    let (status, kind) = match fault {
        Fault::Throttled => (StatusCode::BAD_REQUEST, "Throttling"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure"),
    };
    match service {
        Service::DynamoDb => refusal_of_dynamodb(operation, request, fault),
        Service::SecretsManager => {
            let error = json!({ "__type": format!("{kind}Exception"), "message": "a fault" });
            (status, error.to_string()).into_response()
        }
        Service::Ses => {
            let error = format!(
                "<ErrorResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\"><Error>\
                 <Type>Sender</Type><Code>{kind}</Code><Message>a fault</Message></Error>\
                 <RequestId>1</RequestId></ErrorResponse>"
            );
            (status, [(header::CONTENT_TYPE, "text/xml")], error).into_response()
        }
    }
}

/// As DynamoDB answers a write.
fn made() -> Response {
    of_dynamodb("{}".to_owned())
}

fn of_dynamodb(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response()
}

/// An error in DynamoDB's words.
fn refusal_of_dynamodb(operation: &str, request: &Value, fault: Fault) -> Response {
    let (status, kind, mut body) = match (fault, operation) {
        (Fault::Conflict | Fault::PartThrottled, "TransactWriteItems") => {
            let mut reasons = vec![
                json!({"Code": "None"});
                request["TransactItems"].as_array().map_or(1, Vec::len)
            ];
            let code =
                if fault == Fault::Conflict { "TransactionConflict" } else { "ThrottlingError" };
            reasons[0] = json!({"Code": code, "Message": "a fault of the test"});
            (
                StatusCode::BAD_REQUEST,
                "TransactionCanceledException",
                json!({ "CancellationReasons": reasons }),
            )
        }
        (Fault::Conflict, _) => {
            (StatusCode::BAD_REQUEST, "TransactionConflictException", json!({}))
        }
        (Fault::Throttled | Fault::PartThrottled, _) => {
            (StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException", json!({}))
        }
        (Fault::InProgress, _) => {
            (StatusCode::BAD_REQUEST, "TransactionInProgressException", json!({}))
        }
        (
            Fault::ServerError
            | Fault::NoBody
            | Fault::AnswerLost
            | Fault::Silence
            | Fault::Half(_)
            | Fault::Death
            | Fault::Late
            | Fault::Unprocessed
            | Fault::Stale
            | Fault::Early,
            _,
        ) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", json!({})),
    };
    body["__type"] = format!("com.amazonaws.dynamodb.v20120810#{kind}").into();
    body["message"] = "a fault of the test".into();
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body.to_string())
        .into_response()
}

/// A listener that stands where a service should be, counts who comes, and answers nobody.
pub struct Nobody {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Nobody {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        let server = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                drop(connection);
            }
        });
        Self { address, connections, server }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many connections were opened before this call.
    pub async fn connections(&self) -> usize {
        // Connections are accepted in the order in which they came: once this one has been dropped,
        // all others are counted.
        let own = tokio::net::TcpStream::connect(self.address).await.expect("a connection");
        own.readable().await.expect("its end");
        self.connections.fetch_sub(1, Ordering::SeqCst) - 1
    }
}

impl Drop for Nobody {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A function of its own, warm from the second call on.
pub struct Behind {
    name: &'static str,
    invoke: Invoke,
}

impl Behind {
    /// The function in the desk's environment, save these variables.
    pub fn new(world: &World, name: &str, changed: &[(&str, &str)]) -> Self {
        Self::with_budget(world, name, changed, UNHURRIED)
    }

    /// [`Behind::new`] with so much time.
    pub fn with_budget(
        world: &World,
        name: &str,
        changed: &[(&str, &str)],
        budget: Budget,
    ) -> Self {
        Self::with_clock(world, name, changed, budget, world.desk.clock().clone())
    }

    /// [`Behind::with_budget`] by this clock.
    pub fn with_clock(
        world: &World,
        name: &str,
        changed: &[(&str, &str)],
        budget: Budget,
        clock: Clock,
    ) -> Self {
        Self::of(name, app(world, name, changed, budget, clock))
    }

    /// [`Behind::with_budget`], begun as an environment of Lambda's begins: with what it has before
    /// its first event.
    pub async fn started(
        world: &World,
        name: &str,
        changed: &[(&str, &str)],
        budget: Budget,
    ) -> Self {
        let app = app(world, name, changed, budget, world.desk.clock().clone());
        app.prepare(function(name).ahead).await;
        Self::of(name, app)
    }

    fn of(name: &str, app: App) -> Self {
        let function = function(name);
        Self { name: function.name, invoke: function.build(app) }
    }

    /// Invokes it with any event.
    pub async fn invoke(&self, event: &Value) -> Result<Value, Error> {
        self.invoke_text(&event.to_string()).await
    }

    /// Invokes it with an event as it stands on the wire.
    pub async fn invoke_text(&self, event: &str) -> Result<Value, Error> {
        let payload = RawValue::from_string(event.to_owned()).expect("JSON");
        (self.invoke)(LambdaEvent::new(payload, edge::lambda::context("test".to_owned()))).await
    }

    /// Calls it as the gateway does; `id` fills the path's parameter.
    pub async fn call(
        &self,
        person: Option<&Person<'_>>,
        id: Option<&str>,
        body: Option<Value>,
    ) -> Value {
        self.invoke(&http_event(self.name, person, id, body)).await.expect("an answer")
    }
}

fn function(name: &str) -> &'static Function {
    functions::find(name).expect("there is this function")
}

/// What a function works with, in the desk's environment, save these variables.
fn app(world: &World, name: &str, changed: &[(&str, &str)], budget: Budget, clock: Clock) -> App {
    let mut environment: BTreeMap<String, String> = world.desk.environment(name);
    environment
        .extend(changed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    App::new(&Env::from_pairs(environment), clock, budget).expect("the environment is right")
}

/// The event of a request to an HTTP function, as an HTTP API sends it (payload 2.0).
pub fn http_event(
    function: &str,
    person: Option<&Person<'_>>,
    id: Option<&str>,
    body: Option<Value>,
) -> Value {
    // The route that the id fits, or that has none.
    let routes = functions::find(function)
        .into_iter()
        .flat_map(functions::Function::triggers)
        .filter_map(Trigger::route);
    let Some((method, route)) = { routes }.find(|(_, path)| path.contains('{') == id.is_some())
    else {
        panic!("{function} has no route for the id {id:?}")
    };
    let parameter =
        route.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(name, _)| name);
    let path = match (parameter, id) {
        (Some(name), Some(id)) => route.replace(&format!("{{{name}}}"), id),
        _ => route.to_owned(),
    };
    let route_key = format!("{method} {route}");
    let mut headers = json!({ "host": "desk.example.com", "content-type": "application/json" });
    if let Some(person) = person {
        headers["authorization"] = format!("Bearer {}", person.token).into();
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "frontdesk",
            "domainName": "desk.example.com",
            "domainPrefix": "desk",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "test",
            },
            "requestId": "test",
            "routeKey": route_key,
            "stage": "$default",
            "time": "23/Nov/2026:19:40:00 +0000",
            "timeEpoch": 1_795_462_800_000_u64,
        },
        "isBase64Encoded": false,
    });
    if let (Some(name), Some(id)) = (parameter, id) {
        event["pathParameters"] = json!({ name: id });
    }
    if let Some(body) = body {
        event["body"] = body.to_string().into();
    }
    event
}

/// The event of an HTTP API's Lambda authorizer (payload 2.0) for this key.
pub fn authorizer_event(key: &str) -> Value {
    json!({
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:us-east-1:000000000000:api/$default/POST/get-configurations",
        "identitySource": [key],
        "routeKey": "POST /get-configurations",
        "rawPath": "/get-configurations",
        "rawQueryString": "",
        "headers": { "x-api-key": key },
        "requestContext": {
            "http": { "method": "POST", "path": "/get-configurations" },
            "stage": "$default",
        },
    })
}

/// The event of a key check over HTTP: of a gateway, on behalf of its client.
pub fn check_event(method: &str, key: Option<&str>) -> Value {
    let mut headers = json!({ "host": "api.example.com" });
    if let Some(key) = key {
        headers["x-api-key"] = key.into();
    }
    json!({
        "version": "2.0",
        "routeKey": "ANY /api/check",
        "rawPath": "/api/check",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "http": { "method": method, "path": "/api/check", "sourceIp": "127.0.0.1" },
            "requestId": "test",
            "routeKey": "ANY /api/check",
            "stage": "$default",
        },
        "isBase64Encoded": false,
    })
}

type WithKey = fn(&str) -> Value;

/// Both ways to ask about a key: the function, and how it is asked.
pub const KEY_CHECKS: [(&str, WithKey); 2] =
    [("authorize-key", authorizer_event), ("check-key", |key| check_event("GET", Some(key)))];

/// What a key check says.
#[track_caller]
pub fn lets_in(answer: &Value) -> bool {
    match (answer["isAuthorized"].as_bool(), answer["statusCode"].as_u64()) {
        (Some(good), None) => good,
        (None, Some(200)) => true,
        (None, Some(403)) => false,
        _ => panic!("neither yes nor no: {answer}"),
    }
}

/// Whether a key check says that a good key is over a limit.
#[track_caller]
pub fn over_limit(answer: &Value) -> bool {
    answer["statusCode"] == 429 || !answer["context"]["reason"].is_null() || !lets_in(answer)
}

/// The status and the code (empty when it went well) of an HTTP function's answer.
pub fn outcome(answer: &Value) -> (u64, String) {
    let body: Value = answer["body"]
        .as_str()
        .and_then(|body| serde_json::from_str(body).ok())
        .unwrap_or(Value::Null);
    (
        answer["statusCode"].as_u64().expect("a status"),
        body["code"].as_str().unwrap_or_default().to_owned(),
    )
}

/// The body of an HTTP function's answer.
pub fn body_of(answer: &Value) -> Value {
    serde_json::from_str(answer["body"].as_str().unwrap_or_default()).unwrap_or(Value::Null)
}
