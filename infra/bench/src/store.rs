//! What stands for DynamoDB, Secrets Manager and SES: a port with TLS for each, where requests and
//! connections are counted.
//!
//! A store that [records](Store::recording) hands requests on to the desk and remembers the
//! answers; one that [replays](Store::replaying) them says the same again, as fast each time.

use crate::Failure;
use crate::http::{self, Answer, plain};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{Method, Request, Response};
use rustls::ServerConfig;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

/// The settings of the SDK that name the services.
pub const ENDPOINTS: [&str; 3] =
    ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_SES"];

/// Where a service of the desk's is.
pub type Services = BTreeMap<&'static str, SocketAddr>;

/// What was asked, and what the answer was.
pub type Recording = BTreeMap<Question, Kept>;

/// An operation, and the rows that it is about, as far as they are the same each time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    pub operation: String,
    rows: String,
}

/// A request's body, and its answer.
#[derive(Debug, Clone)]
pub struct Kept {
    pub asked: Bytes,
    status: u16,
    content_type: String,
    body: Bytes,
}

/// What came to the ports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub requests: u64,
    pub connections: u64,
}

impl std::ops::Sub for Counts {
    type Output = Self;
    fn sub(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            connections: self.connections - before.connections,
        }
    }
}

/// Three ports, until it is dropped.
pub struct Store {
    shared: Arc<Shared>,
    endpoints: BTreeMap<&'static str, String>,
    servers: Vec<AbortHandle>,
}

struct Shared {
    tls: TlsAcceptor,
    source: Source,
    recording: Mutex<Recording>,
    requests: AtomicU64,
    connections: AtomicU64,
    /// What was asked and had not been recorded.
    unknown: AtomicU64,
}

enum Source {
    Desk(Services),
    Recording,
}

impl Store {
    /// One that asks the desk.
    pub async fn recording(tls: &Arc<ServerConfig>, desk: Services) -> Result<Self, Failure> {
        Self::start(tls, Source::Desk(desk), Recording::new(), None).await
    }

    /// One that knows what to say. `away` is how long a packet takes there and back.
    pub async fn replaying(
        tls: &Arc<ServerConfig>,
        recording: Recording,
        away: Option<Duration>,
    ) -> Result<Self, Failure> {
        Self::start(tls, Source::Recording, recording, away).await
    }

    async fn start(
        tls: &Arc<ServerConfig>,
        source: Source,
        recording: Recording,
        away: Option<Duration>,
    ) -> Result<Self, Failure> {
        let shared = Arc::new(Shared {
            tls: TlsAcceptor::from(Arc::clone(tls)),
            source,
            recording: Mutex::new(recording),
            requests: AtomicU64::default(),
            connections: AtomicU64::default(),
            unknown: AtomicU64::default(),
        });
        let mut endpoints = BTreeMap::new();
        let mut servers = Vec::new();
        for service in ENDPOINTS {
            let (listener, mut address) = http::listen().await?;
            servers.push(tokio::spawn(serve(listener, service, shared.clone())).abort_handle());
            if let Some(away) = away {
                let (listener, nearer) = http::listen().await?;
                servers.push(tokio::spawn(delay(listener, address, away)).abort_handle());
                address = nearer;
            }
            // By its name: looking that up is part of each connection.
            endpoints.insert(service, format!("https://localhost:{}", address.port()));
        }
        Ok(Self { shared, endpoints, servers })
    }

    /// What the programs are told of it.
    pub fn endpoints(&self) -> impl Iterator<Item = (String, String)> {
        self.endpoints.iter().map(|(name, url)| ((*name).to_owned(), url.clone()))
    }

    pub fn counts(&self) -> Counts {
        Counts {
            requests: self.shared.requests.load(Ordering::Relaxed),
            connections: self.shared.connections.load(Ordering::Relaxed),
        }
    }

    /// How many requests it had no answer to.
    pub fn unknown(&self) -> u64 {
        self.shared.unknown.load(Ordering::Relaxed)
    }

    /// What was asked since this was asked last, and every secret: a process fetches those once.
    pub fn take_recording(&self) -> Recording {
        let mut kept = self.shared.kept();
        let all = kept.clone();
        kept.retain(|question, _| question.operation.ends_with(".GetSecretValue"));
        all
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        for server in &self.servers {
            server.abort();
        }
    }
}

impl Shared {
    fn kept(&self) -> std::sync::MutexGuard<'_, Recording> {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, service: &'static str, request: Request<Bytes>) -> Answer {
        self.requests.fetch_add(1, Ordering::Relaxed);
        // Whoever wants to know whether it is there is told so, as DynamoDB does.
        if request.method() == Method::GET {
            return plain(200, "healthy");
        }
        let question = Question::of(&request);
        let known = match &self.source {
            Source::Desk(desk) => self.ask(desk[service], question, request).await.ok(),
            Source::Recording => find(&self.kept(), &question).cloned(),
        };
        match known {
            Some(kept) => kept.answer(),
            None => {
                self.unknown.fetch_add(1, Ordering::Relaxed);
                plain(500, "")
            }
        }
    }

    async fn ask(
        &self,
        desk: SocketAddr,
        question: Question,
        request: Request<Bytes>,
    ) -> Result<Kept, Failure> {
        let asked = request.body().clone();
        let answer = http::send(desk, request.map(Full::new)).await?;
        let content_type = answer.headers().get(CONTENT_TYPE);
        let kept = Kept {
            asked,
            status: answer.status().as_u16(),
            content_type: content_type.map_or(Ok(""), |own| own.to_str())?.to_owned(),
            body: answer.into_body(),
        };
        self.kept().insert(question, kept.clone());
        Ok(kept)
    }
}

/// The answer to just this, or to the same operation about other rows: ids may be new each time.
fn find<'r>(recording: &'r Recording, question: &Question) -> Option<&'r Kept> {
    let alike = |(known, _): &(&Question, &Kept)| known.operation == question.operation;
    recording.get(question).or_else(|| recording.iter().find(alike).map(|(_, kept)| kept))
}

impl Question {
    fn of(request: &Request<Bytes>) -> Self {
        let target = request.headers().get("x-amz-target").and_then(|name| name.to_str().ok());
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let rows = ["Key", "SecretId", "ExpressionAttributeValues", "IndexName"]
            .map(|name| body.get(name).map(Value::to_string).unwrap_or_default());
        let is_read = body.get("Key").is_some();
        Self {
            // SES alone names no target.
            operation: target.unwrap_or("SendEmail").to_owned(),
            // Which values an update writes depends on the time.
            rows: if is_read { rows[0].clone() } else { rows.concat() },
        }
    }
}

impl Kept {
    fn answer(&self) -> Answer {
        let mut answer = Response::new(Full::new(self.body.clone()));
        *answer.status_mut() = self.status.try_into().unwrap_or_default();
        if let Ok(content_type) = self.content_type.parse() {
            answer.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        answer
    }
}

async fn serve(listener: TcpListener, service: &'static str, shared: Arc<Shared>) {
    while let Some(connection) = http::accept(&listener).await {
        shared.connections.fetch_add(1, Ordering::Relaxed);
        let shared = shared.clone();
        tokio::spawn(async move {
            if let Ok(connection) = shared.tls.accept(connection).await {
                http::answer(connection, |request| shared.answer(service, request)).await;
            }
        });
    }
}

/// Stands before a port, and keeps each packet for so long: the one that opens a connection, and
/// then whatever is sent to it.
async fn delay(listener: TcpListener, there: SocketAddr, away: Duration) {
    while let Some(connection) = http::accept(&listener).await {
        tokio::spawn(carry(connection, there, away));
    }
}

async fn carry(near: TcpStream, there: SocketAddr, away: Duration) -> std::io::Result<()> {
    tokio::time::sleep(away).await;
    let far = TcpStream::connect(there).await?;
    far.set_nodelay(true)?;
    let (mut from_near, mut to_near) = near.into_split();
    let (mut from_far, mut to_far) = far.into_split();
    let (sends, mut sent) = mpsc::unbounded_channel::<(Instant, Bytes)>();
    let back = tokio::spawn(async move { tokio::io::copy(&mut from_far, &mut to_near).await });
    let forth = tokio::spawn(async move {
        while let Some((at, packet)) = sent.recv().await {
            tokio::time::sleep_until(at + away).await;
            to_far.write_all(&packet).await?;
        }
        Ok::<_, std::io::Error>(())
    });
    let mut packet = vec![0; 65_536];
    while let Ok(length @ 1..) = from_near.read(&mut packet).await {
        let sent = sends.send((Instant::now(), Bytes::copy_from_slice(&packet[..length])));
        if sent.is_err() {
            break;
        }
    }
    back.abort();
    forth.abort();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(body: &'static str) -> Question {
        let request = Request::builder().header("x-amz-target", "DynamoDB_20120810.UpdateItem");
        Question::of(&request.body(Bytes::from(body)).expect("a request"))
    }

    #[test]
    fn a_question_is_the_same_whatever_time_it_writes() {
        let one = question(r#"{"Key":{"pk":{"S":"a"}},"ExpressionAttributeValues":{":now":1}}"#);
        let two = question(r#"{"Key":{"pk":{"S":"a"}},"ExpressionAttributeValues":{":now":2}}"#);
        let other = question(r#"{"Key":{"pk":{"S":"b"}},"ExpressionAttributeValues":{":now":1}}"#);
        assert_eq!(one, two);
        assert_ne!(one, other);
        let kept = Kept {
            asked: Bytes::new(),
            status: 200,
            content_type: String::new(),
            body: Bytes::from_static(b"one"),
        };
        let recording = Recording::from([(one, kept)]);
        assert_eq!(find(&recording, &other).expect("the same operation").body, "one");
    }
}
