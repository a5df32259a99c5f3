//! A program that runs as a function does, and what the system says of it.

use crate::Failure;
use crate::candidate::Launch;
use crate::runtime_api::{Invocation, RuntimeApi};
use hyper::body::Bytes;
use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// A program that was started, until it is dropped.
pub struct Process {
    child: Child,
    runtime: RuntimeApi,
    started_at: Instant,
    /// How many bytes it has written to standard output, where Lambda collects its log.
    logged: Arc<AtomicU64>,
}

impl Process {
    pub async fn start(
        launch: &Launch,
        store: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, Failure> {
        let runtime = RuntimeApi::start().await?;
        let mut command = Command::new(&launch.program);
        command
            .args(&launch.arguments)
            .env_clear()
            .envs(&launch.environment)
            .envs(store)
            .env("AWS_LAMBDA_RUNTIME_API", runtime.address())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        let started_at = Instant::now();
        let mut child =
            command.spawn().map_err(|error| format!("{}: {error}", launch.program.display()))?;
        let logged = Arc::<AtomicU64>::default();
        if let Some(log) = child.stdout.take() {
            tokio::spawn(count(log, logged.clone()));
        }
        Ok(Self { child, runtime, started_at, logged })
    }

    /// How long it took until the process asked for an event.
    pub async fn first_poll(&mut self) -> Result<Duration, Failure> {
        let polled = tokio::select! {
            polled = self.runtime.first_poll() => polled?,
            ended = self.child.wait() => return Err(format!("it has ended: {}", ended?).into()),
        };
        Ok(polled - self.started_at)
    }

    pub async fn invoke(&mut self, event: &Bytes) -> Result<Invocation, Failure> {
        tokio::select! {
            invocation = self.runtime.invoke(event) => invocation,
            ended = self.child.wait() => Err(format!("it has ended: {}", ended?).into()),
        }
    }

    /// How long ago, at that time, it was started.
    pub fn since_start(&self, at: Instant) -> Duration {
        at - self.started_at
    }

    pub fn logged(&self) -> u64 {
        self.logged.load(Ordering::Relaxed)
    }

    /// What each of its threads has had of a processor. The sum of it is what the process had, as
    /// long as no thread ends.
    pub fn cpu(&self) -> Result<Cpu, Failure> {
        let mut threads = BTreeMap::new();
        for thread in std::fs::read_dir(self.folder()?.join("task"))? {
            let path = thread?.path();
            // One that ended meanwhile is not there.
            let Ok(text) = read_to_string(path.join("schedstat")) else { continue };
            let nanoseconds = text.split(' ').next().ok_or("an empty schedstat")?.parse()?;
            threads.insert(path, Duration::from_nanos(nanoseconds));
        }
        Ok(Cpu(threads))
    }

    /// The most memory that it has had, in KiB (`VmHWM`).
    pub fn peak_memory(&self) -> Result<u64, Failure> {
        let status = read_to_string(self.folder()?.join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("no VmHWM")?.parse()?)
    }

    fn folder(&self) -> Result<PathBuf, Failure> {
        let id = self.child.id().ok_or("it has ended")?;
        Ok(PathBuf::from(format!("/proc/{id}")))
    }

    /// Ends it, and waits until it is gone: the next one is not to share the processor with it.
    pub async fn end(mut self) -> Result<(), Failure> {
        Ok(self.child.kill().await?)
    }
}

/// The time on a processor, by thread.
pub struct Cpu(BTreeMap<PathBuf, Duration>);

impl Cpu {
    pub fn sum(&self) -> Duration {
        self.0.values().sum()
    }

    /// What was used since then; of threads that have ended, nothing.
    pub fn since(&self, before: &Self) -> Duration {
        let used = |(thread, now): (&PathBuf, &Duration)| {
            now.saturating_sub(before.0.get(thread).copied().unwrap_or_default())
        };
        self.0.iter().map(used).sum()
    }
}

async fn count(mut log: impl AsyncRead + Unpin, into: Arc<AtomicU64>) {
    let mut piece = vec![0; 8192];
    while let Ok(length @ 1..) = log.read(&mut piece).await {
        into.fetch_add(length as u64, Ordering::Relaxed);
    }
}
