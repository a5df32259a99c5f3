//! Lambda's runtime API, for one process: it asks for the next event, and posts what it answers.

use crate::Failure;
use crate::http::{self, Answer, plain};
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use hyper::{Method, Request};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

/// Longer than anything takes that is not stuck.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a function is told that it has.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a process said.
enum Said {
    /// It waits for an event.
    Waits {
        since: Instant,
        event: oneshot::Sender<Bytes>,
    },
    Answers {
        at: Instant,
        body: Bytes,
    },
    Fails(Bytes),
}

/// A port that one process asks.
pub struct RuntimeApi {
    address: SocketAddr,
    said: mpsc::UnboundedReceiver<Said>,
    waiting: Option<oneshot::Sender<Bytes>>,
    server: AbortHandle,
}

/// How an event was answered.
pub struct Invocation {
    /// From handing over the event to the last byte of the answer.
    pub took: Duration,
    pub answered_at: Instant,
    pub answer: Bytes,
}

impl RuntimeApi {
    pub async fn start() -> Result<Self, Failure> {
        let (listener, address) = http::listen().await?;
        let (says, said) = mpsc::unbounded_channel();
        let server = tokio::spawn(serve(listener, says)).abort_handle();
        Ok(Self { address, said, waiting: None, server })
    }

    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// When the process first asked for an event.
    pub async fn first_poll(&mut self) -> Result<Instant, Failure> {
        self.wait().await
    }

    /// Hands over an event, and waits for the answer and for the process to ask for another one.
    pub async fn invoke(&mut self, event: &Bytes) -> Result<Invocation, Failure> {
        let waiting = self.waiting.take().ok_or("it does not wait for an event")?;
        let handed_at = Instant::now();
        waiting.send(event.clone()).map_err(|_| "it waits no more")?;
        match self.hear().await? {
            Said::Answers { at, body } => {
                self.wait().await?;
                Ok(Invocation { took: at - handed_at, answered_at: at, answer: body })
            }
            Said::Fails(why) => Err(String::from_utf8_lossy(&why).into()),
            Said::Waits { .. } => Err("it asks for another event and has not answered".into()),
        }
    }

    async fn wait(&mut self) -> Result<Instant, Failure> {
        match self.hear().await? {
            Said::Waits { since, event } => {
                self.waiting = Some(event);
                Ok(since)
            }
            Said::Fails(why) => Err(String::from_utf8_lossy(&why).into()),
            Said::Answers { .. } => Err("it answers, and was not asked".into()),
        }
    }

    async fn hear(&mut self) -> Result<Said, Failure> {
        let said = tokio::time::timeout(PATIENCE, self.said.recv()).await;
        said.map_err(|_| "it says nothing")?.ok_or_else(|| "nobody listens to it".into())
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, says: mpsc::UnboundedSender<Said>) {
    while let Some(connection) = http::accept(&listener).await {
        let says = says.clone();
        tokio::spawn(async move {
            http::answer(connection, |request| answer(&says, request)).await;
        });
    }
}

async fn answer(says: &mpsc::UnboundedSender<Said>, request: Request<Bytes>) -> Answer {
    let at = Instant::now();
    let path = request.uri().path();
    if request.method() == Method::GET {
        let (event, next) = oneshot::channel();
        let _ = says.send(Said::Waits { since: at, event });
        // Nobody has one any more: the bench has ended the process.
        return next.await.map_or_else(|_| plain(500, ""), with_head);
    }
    let said = if path.ends_with("/response") {
        Said::Answers { at, body: request.into_body() }
    } else {
        Said::Fails(request.into_body())
    };
    let _ = says.send(said);
    plain(202, "{}")
}

/// The event, with what Lambda says of it.
fn with_head(event: Bytes) -> Answer {
    #[expect(clippy::disallowed_methods, reason = "the programs go by the machine's clock, too")]
    let deadline = jiff::Timestamp::now() + TIMEOUT;
    let mut answer = plain(200, event);
    let head = answer.headers_mut();
    for (name, value) in [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", "5b8a6a7e-2f7c-4d8e-9d55-0d1a8a5a7c11"),
        ("lambda-runtime-trace-id", "Root=1-69276f5a-3c1b2a5d6e7f8091a2b3c4d5;Sampled=0"),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:bench",
        ),
    ] {
        head.insert(name, HeaderValue::from_static(value));
    }
    head.insert("lambda-runtime-deadline-ms", deadline.as_millisecond().into());
    answer
}
