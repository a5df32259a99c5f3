//! Clients that ask a desk about a key, and its engine for a row, in turns.

use crate::Failure;
use crate::http::{connect, once};
use crate::numbers::percentile;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, Response};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// A request that is sent again and again.
#[derive(Clone)]
pub struct Asked {
    pub to: SocketAddr,
    pub route: (&'static str, String),
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Asked {
    pub fn request(&self) -> Result<Request<Full<Bytes>>, Failure> {
        let (method, path) = &self.route;
        let mut request = Request::builder().method(*method).uri(path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        Ok(request.body(Full::new(Bytes::from(self.body.clone())))?)
    }
}

/// What came of it.
#[derive(Default)]
pub struct Came {
    /// Milliseconds of each answer that was good.
    pub taken: Vec<f64>,
    /// The first of what was no good, and how many there were.
    pub refused: Option<String>,
    pub failures: u64,
}

impl Came {
    /// Milliseconds below which this part of all answers came.
    pub fn percentile(&self, part: f64) -> f64 {
        percentile(&self.taken, part)
    }

    fn add(&mut self, other: Self) {
        self.taken.extend(other.taken);
        self.failures += other.failures;
        self.refused = self.refused.take().or(other.refused);
    }

    fn note(&mut self, began: Instant, answer: Result<Response<Bytes>, Failure>) {
        let why = match answer {
            Ok(answer) if answer.status().is_success() => {
                self.taken.push(began.elapsed().as_secs_f64() * 1e3);
                return;
            }
            Ok(answer) => {
                format!("{}: {}", answer.status(), String::from_utf8_lossy(answer.body()))
            }
            Err(error) => error.to_string(),
        };
        self.failures += 1;
        self.refused.get_or_insert(why);
    }
}

/// So many clients ask each of these in turn, for so long; each keeps a connection to each.
pub async fn ask(all: &[Asked], clients: usize, during: Duration) -> Result<Vec<Came>, Failure> {
    let until = Instant::now() + during;
    let mut working = JoinSet::new();
    for _ in 0..clients {
        let all = all.to_vec();
        working.spawn(async move { client(&all, until).await });
    }
    let mut came: Vec<Came> = all.iter().map(|_| Came::default()).collect();
    while let Some(one) = working.join_next().await {
        came.iter_mut().zip(one?).for_each(|(all, one)| all.add(one));
    }
    Ok(came)
}

async fn client(all: &[Asked], until: Instant) -> Vec<Came> {
    let mut came: Vec<Came> = all.iter().map(|_| Came::default()).collect();
    let mut kept: Vec<Option<SendRequest<Full<Bytes>>>> = all.iter().map(|_| None).collect();
    while Instant::now() < until {
        for (index, asked) in all.iter().enumerate() {
            let connection = match kept[index].take() {
                Some(connection) => Ok(connection),
                None => connect(asked.to).await,
            };
            let began = Instant::now();
            let answer = match (connection, asked.request()) {
                (Ok(mut connection), Ok(request)) => {
                    let answer = once(&mut connection, request).await;
                    kept[index] = answer.is_ok().then_some(connection);
                    answer
                }
                (Err(error), _) | (_, Err(error)) => Err(error),
            };
            came[index].note(began, answer);
        }
    }
    came
}
