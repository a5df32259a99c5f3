//! A product API of the test's own, on loopback: it remembers every call and answers as it is told.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// How a call is answered.
#[derive(Debug, Clone, Copy)]
pub enum Says {
    Status(u16),
    /// 307 to another path of the same server.
    Elsewhere,
    /// 200, and a body that never ends.
    Endless,
    /// 200, once [`Product::let_go`] says so.
    Held,
}

/// A call, as it came in.
#[derive(Debug, Clone)]
pub struct Seen {
    pub line: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    pub fn key(&self) -> &str {
        self.headers["x-api-key"].to_str().expect("a text")
    }
}

#[derive(Clone)]
pub struct Product {
    pub url: String,
    seen: watch::Sender<Vec<Seen>>,
    says: Arc<Mutex<VecDeque<Says>>>,
    held: watch::Sender<bool>,
}

impl Product {
    /// Listens, and answers every call with 200.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/check", listener.local_addr().expect("an address"));
        let says = Arc::new(Mutex::new(VecDeque::from([Says::Status(200)])));
        let product = Self {
            url,
            seen: watch::Sender::new(Vec::new()),
            says,
            held: watch::Sender::new(false),
        };
        let router = Router::new().fallback(answer).with_state(product.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        product
    }

    /// From now on: one answer for each call, the last one for all that follow.
    pub fn says(&self, answers: impl IntoIterator<Item = Says>) {
        *self.says.lock().expect("no panic inside") = answers.into_iter().collect();
    }

    /// Holds the next calls until [`Product::let_go`].
    pub fn hold(&self) {
        self.held.send_replace(true);
        self.says([Says::Held]);
    }

    pub fn let_go(&self) {
        self.held.send_replace(false);
    }

    /// Waits until so many calls have come in since the start.
    pub async fn called(&self, times: usize) {
        self.seen.subscribe().wait_for(|seen| seen.len() >= times).await.expect("the sender lives");
    }

    pub fn calls(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    /// What has come in since the last time that this was asked.
    pub fn take_calls(&self) -> Vec<Seen> {
        self.seen.send_replace(Vec::new())
    }
}

async fn answer(State(product): State<Product>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    let line = format!("{} {}", parts.method, parts.uri);
    product.seen.send_modify(|seen| seen.push(Seen { line, headers: parts.headers, body }));
    let says = {
        let mut says = product.says.lock().expect("no panic inside");
        if says.len() > 1 { says.pop_front() } else { says.front().copied() }
    };
    match says.expect("there is always a last answer") {
        Says::Status(status) => StatusCode::from_u16(status).expect("a status").into_response(),
        Says::Elsewhere => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/elsewhere")]).into_response()
        }
        Says::Endless => Body::from_stream(futures::stream::repeat_with(|| {
            Ok::<_, std::io::Error>(vec![b'x'; 4096])
        }))
        .into_response(),
        Says::Held => {
            let mut held = product.held.subscribe();
            held.wait_for(|held| !held).await.expect("the sender lives");
            StatusCode::OK.into_response()
        }
    }
}
