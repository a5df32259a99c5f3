//! A gate in front of the desk's store: what is to be held waits there until it is opened.
//!
//! Where transactions are held, whoever is behind it has looked and decided all that it ever will;
//! what happens before the gate opens happens in between. So a race is run in its worst order, each
//! time.

use crate::proxy::{Behind, outcome};
use crate::support::{self, UNHURRIED, World};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use edge::Clock;
use futures::future::join;
use serde_json::Value;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// What waits at a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Transactions,
    /// Reads of an account's own row.
    AccountReads,
    /// Updates of a key's reminders.
    Reminders,
    /// Updates of events in the outbox.
    Events,
}

impl Held {
    fn has(self, target: &str, body: &[u8]) -> bool {
        let key = || -> Value {
            let request: Value = serde_json::from_slice(body).unwrap_or_default();
            request["Key"]["sk"]["S"].clone()
        };
        match self {
            Self::Transactions => target.ends_with(".TransactWriteItems"),
            Self::AccountReads => target.ends_with(".GetItem") && key() == "ACCOUNT",
            Self::Reminders | Self::Events => {
                let prefix = if self == Self::Events { "EVENT#" } else { "EXPIRY#" };
                let is_it = |key: &str| key.starts_with(prefix);
                target.ends_with(".UpdateItem") && key().as_str().is_some_and(is_it)
            }
        }
    }
}

pub struct Gate {
    shared: Arc<Shared>,
    url: String,
    server: JoinHandle<()>,
}

struct Shared {
    store: String,
    client: reqwest::Client,
    held: Held,
    /// A permit for each request that has come to be held.
    come: Semaphore,
    open: watch::Sender<bool>,
}

impl Gate {
    /// A closed gate for transactions.
    pub async fn new(world: &World) -> Self {
        Self::before(world, Held::Transactions).await
    }

    /// A closed gate.
    pub async fn before(world: &World, held: Held) -> Self {
        let shared = Arc::new(Shared {
            store: world.desk.environment("authorize-key")["AWS_ENDPOINT_URL_DYNAMODB"].clone(),
            client: support::client(),
            held,
            come: Semaphore::new(0),
            open: watch::Sender::new(false),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(pass).with_state(shared.clone());
        let server =
            tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { shared, url, server }
    }

    /// A function that has the gate between itself and the store.
    pub fn function(&self, world: &World, name: &str) -> Behind {
        Behind::new(world, name, &[("AWS_ENDPOINT_URL_DYNAMODB", &self.url)])
    }

    /// [`Gate::function`] by this clock.
    pub fn function_at(&self, world: &World, name: &str, clock: Clock) -> Behind {
        let changed = [("AWS_ENDPOINT_URL_DYNAMODB", self.url.as_str())];
        Behind::with_clock(world, name, &changed, UNHURRIED, clock)
    }

    /// Returns when so many requests wait.
    pub async fn holds(&self, requests: u32) {
        self.shared.come.acquire_many(requests).await.expect("it is open").forget();
    }

    pub fn open(&self) {
        self.shared.open.send_replace(true);
    }

    /// Has `between` happen while a request waits, and opens then.
    pub async fn around<T>(&self, between: impl Future<Output = T>) -> T {
        self.holds(1).await;
        let happened = between.await;
        self.open();
        happened
    }
}

/// What a call comes to that has decided all when `between` happens, and writes only then.
pub async fn overtaken(
    world: &World,
    function: &str,
    event: &Value,
    between: impl Future<Output = ()>,
) -> (u64, String) {
    let gate = Gate::new(world).await;
    let function = gate.function(world, function);
    let (answer, ()) = join(function.invoke(event), gate.around(between)).await;
    outcome(&answer.expect("an answer"))
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn pass(
    State(shared): State<Arc<Shared>>,
    mut headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, Bytes) {
    let target =
        headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if shared.held.has(target, &body) {
        shared.come.add_permits(1);
        shared.open.subscribe().wait_for(|open| *open).await.expect("the gate is there");
    }
    headers.remove(header::HOST);
    headers.remove(header::CONTENT_LENGTH);
    let answer = shared
        .client
        .post(&shared.store)
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
