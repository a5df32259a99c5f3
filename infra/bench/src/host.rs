//! Where the functions of the local desk are: each event that it sends goes to the release program
//! of its function, and is kept with what the store was asked meanwhile.

use crate::Failure;
use crate::candidate::Launch;
use crate::http::{self, Answer, plain};
use crate::process::Process;
use crate::programs::Programs;
use crate::store::{Recording, Services, Store};
use hyper::Request;
use hyper::body::Bytes;
use rustls::ServerConfig;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

/// What a function did last.
#[derive(Debug, Clone)]
pub struct Done {
    pub event: Bytes,
    pub answer: Bytes,
    pub recording: Recording,
}

/// Lambda's invoke API, until it is dropped.
pub struct Host {
    shared: Arc<Shared>,
    pub address: SocketAddr,
    server: AbortHandle,
}

struct Shared {
    programs: Programs,
    tls: Arc<ServerConfig>,
    known: OnceLock<Known>,
    functions: Mutex<BTreeMap<String, Arc<Mutex<Option<Running>>>>>,
    done: Mutex<BTreeMap<String, Done>>,
}

/// What a function is told, by its name.
type Environment = dyn Fn(&str) -> BTreeMap<String, String> + Send + Sync;

/// What is known once the desk runs.
struct Known {
    environment: Box<Environment>,
    services: Services,
}

struct Running {
    process: Process,
    store: Store,
}

impl Host {
    pub async fn start(programs: Programs, tls: Arc<ServerConfig>) -> Result<Self, Failure> {
        let (listener, address) = http::listen().await?;
        let shared = Arc::new(Shared {
            programs,
            tls,
            known: OnceLock::new(),
            functions: Mutex::default(),
            done: Mutex::default(),
        });
        let server = tokio::spawn(serve(listener, shared.clone())).abort_handle();
        Ok(Self { shared, address, server })
    }

    /// From here on functions run, each told what `environment` says.
    pub fn tell(
        &self,
        environment: impl Fn(&str) -> BTreeMap<String, String> + Send + Sync + 'static,
        services: Services,
    ) {
        // It is told once.
        let _ = self.shared.known.set(Known { environment: Box::new(environment), services });
    }

    /// What each function did last.
    pub async fn done(&self) -> BTreeMap<String, Done> {
        self.shared.done.lock().await.clone()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Some(connection) = http::accept(&listener).await {
        let shared = shared.clone();
        tokio::spawn(async move {
            http::answer(connection, |request| shared.answer(request)).await;
        });
    }
}

impl Shared {
    /// `POST /2015-03-31/functions/<name>/invocations`.
    async fn answer(&self, request: Request<Bytes>) -> Answer {
        let name = request.uri().path().split('/').nth(3).unwrap_or_default().to_owned();
        match self.invoke(&name, request.into_body()).await {
            Ok(answer) => plain(200, answer),
            Err(why) => {
                let why = serde_json::json!({ "errorMessage": format!("{name}: {why}") });
                plain(200, why.to_string())
            }
        }
    }

    async fn invoke(&self, name: &str, event: Bytes) -> Result<Bytes, Failure> {
        let function = self.functions.lock().await.entry(name.to_owned()).or_default().clone();
        let mut function = function.lock().await;
        if function.is_none() {
            *function = Some(self.start(name).await?);
        }
        let Some(Running { process, store }) = function.as_mut() else { return Err("gone".into()) };
        store.take_recording();
        let answer = process.invoke(&event).await?.answer;
        let recording = store.take_recording();
        let done = Done { event, answer: answer.clone(), recording };
        self.done.lock().await.insert(name.to_owned(), done);
        Ok(answer)
    }

    async fn start(&self, name: &str) -> Result<Running, Failure> {
        let known = self.known.get().ok_or("the desk has not started")?;
        let launch = Launch {
            program: self.programs.function(name),
            arguments: Vec::new(),
            environment: (known.environment)(name),
        };
        let store = Store::recording(&self.tls, known.services.clone()).await?;
        let mut process = Process::start(&launch, store.endpoints()).await?;
        process.first_poll().await?;
        Ok(Running { process, store })
    }
}
