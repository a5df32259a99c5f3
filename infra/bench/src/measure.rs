//! Measuring: every program in turn, again and again, so that what the machine does meanwhile
//! befalls all of them.

use crate::Failure;
use crate::candidate::{Candidate, Kind};
use crate::certificate::Certificate;
use crate::numbers::{median, percentile};
use crate::process::Process;
use crate::store::Store;
use std::time::Duration;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How often each program is started.
    pub rounds: usize,
    /// How many calls come before those that are counted: machines that compile as they run take
    /// some.
    pub warm_up: usize,
    /// How many calls are counted after each start.
    pub calls: usize,
    /// How far the store is where waits are counted.
    pub away: Duration,
}

/// What one start of a program shows, in milliseconds, microseconds and numbers for a call.
#[derive(Debug, Default)]
struct Sample {
    first_poll: f64,
    first_answer: f64,
    cold_cpu: f64,
    cold_connections: f64,
    warm: Vec<f64>,
    cpu: f64,
    requests: f64,
    connections: f64,
    logged: f64,
    peak: f64,
    first_waits: f64,
    warm_waits: f64,
}

/// What all of them show: medians.
#[derive(Debug, Clone)]
pub struct Figures {
    pub name: String,
    pub kind: Kind,
    pub first_poll_ms: f64,
    pub first_answer_ms: f64,
    /// Until the first answer.
    pub cold_cpu_ms: f64,
    pub cold_connections: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub cpu_us: f64,
    pub requests: f64,
    pub connections: f64,
    pub logged_bytes: f64,
    pub peak_mib: f64,
    pub size_mb: f64,
    /// How often the first event waits for a store that is away, and how often a later one does.
    pub first_waits: f64,
    pub warm_waits: f64,
}

/// Measures all of them; `progress` hears of each round.
pub async fn measure(
    candidates: &[Candidate],
    certificate: &Certificate,
    plan: Plan,
    progress: impl Fn(usize),
) -> Result<Vec<Figures>, Failure> {
    let mut benches = Vec::new();
    for candidate in candidates {
        let store = |away| Store::replaying(&certificate.server, candidate.recording.clone(), away);
        let (near, far) = (store(None).await?, store(Some(plan.away)).await?);
        benches.push(Bench { candidate, near, far, samples: Vec::new() });
    }
    for round in 0..plan.rounds {
        for bench in &mut benches {
            let sample = bench.sample(plan).await;
            let sample = sample.map_err(|why| format!("{}: {why}", bench.candidate.name))?;
            bench.samples.push(sample);
        }
        progress(round + 1);
    }
    Ok(benches.iter().map(Bench::figures).collect())
}

/// How long the first call took, and how long a later one.
struct Calls {
    first: Duration,
    warm: Duration,
}

/// A program under measurement.
struct Bench<'c> {
    candidate: &'c Candidate,
    near: Store,
    far: Store,
    samples: Vec<Sample>,
}

impl Bench<'_> {
    async fn sample(&self, plan: Plan) -> Result<Sample, Failure> {
        let (mut sample, near) = self.near(plan).await?;
        let far = self.far().await?;
        // What a call takes longer when the store is away, it waits for the store.
        let waits = |call: fn(&Calls) -> Duration| {
            (call(&far).as_secs_f64() - call(&near).as_secs_f64()) / plan.away.as_secs_f64()
        };
        sample.first_waits = waits(|calls| calls.first);
        sample.warm_waits = waits(|calls| calls.warm);
        let unknown = self.near.unknown() + self.far.unknown();
        if unknown > 0 {
            return Err("it asks the store for something else than before".into());
        }
        Ok(sample)
    }

    /// One start, with the store on this machine.
    async fn near(&self, plan: Plan) -> Result<(Sample, Calls), Failure> {
        let (candidate, store) = (self.candidate, &self.near);
        let before = store.counts();
        let mut process = Process::start(&candidate.launch, store.endpoints()).await?;
        let first_poll = process.first_poll().await?;
        let first = process.invoke(&candidate.event).await?;
        candidate.check(&first.answer)?;
        let mut sample = Sample {
            first_poll: milliseconds(first_poll),
            first_answer: milliseconds(process.since_start(first.answered_at)),
            cold_cpu: milliseconds(process.cpu()?.sum()),
            cold_connections: (store.counts() - before).connections as f64,
            ..Sample::default()
        };
        for _ in 0..plan.warm_up {
            process.invoke(&candidate.event).await?;
        }
        let (counts, cpu, logged) = (store.counts(), process.cpu()?, process.logged());
        for _ in 0..plan.calls {
            let invocation = process.invoke(&candidate.event).await?;
            sample.warm.push(microseconds(invocation.took));
        }
        let a_call = |sum: f64| sum / plan.calls as f64;
        let counted = store.counts() - counts;
        sample.cpu = a_call(microseconds(process.cpu()?.since(&cpu)));
        sample.requests = a_call(counted.requests as f64);
        sample.connections = a_call(counted.connections as f64);
        sample.logged = a_call((process.logged() - logged) as f64);
        sample.peak = process.peak_memory()? as f64;
        candidate.check(&process.invoke(&candidate.event).await?.answer)?;
        process.end().await?;
        let warm = Duration::from_secs_f64(median(&sample.warm) / 1e6);
        Ok((sample, Calls { first: first.took, warm }))
    }

    /// One start, with the store elsewhere.
    async fn far(&self) -> Result<Calls, Failure> {
        let (launch, event) = (&self.candidate.launch, &self.candidate.event);
        let mut process = Process::start(launch, self.far.endpoints()).await?;
        process.first_poll().await?;
        let first = process.invoke(event).await?.took;
        // The second may open connections that the first had no need of.
        process.invoke(event).await?;
        let warm = process.invoke(event).await?.took;
        process.end().await?;
        Ok(Calls { first, warm })
    }

    fn figures(&self) -> Figures {
        let of =
            |value: fn(&Sample) -> f64| median(&self.samples.iter().map(value).collect::<Vec<_>>());
        let warm: Vec<f64> = self.samples.iter().flat_map(|one| one.warm.clone()).collect();
        Figures {
            name: self.candidate.name.clone(),
            kind: self.candidate.kind,
            first_poll_ms: of(|one| one.first_poll),
            first_answer_ms: of(|one| one.first_answer),
            cold_cpu_ms: of(|one| one.cold_cpu),
            cold_connections: of(|one| one.cold_connections),
            p50_us: median(&warm),
            p99_us: percentile(&warm, 0.99),
            cpu_us: of(|one| one.cpu),
            requests: of(|one| one.requests),
            connections: of(|one| one.connections),
            logged_bytes: of(|one| one.logged),
            peak_mib: of(|one| one.peak) / 1024.0,
            size_mb: self.candidate.size as f64 / 1e6,
            first_waits: waits(of(|one| one.first_waits)),
            warm_waits: waits(of(|one| one.warm_waits)),
        }
    }
}

/// A program that stumbles beside the store has waited for nothing.
fn waits(measured: f64) -> f64 {
    if measured < 0.5 { 0.0 } else { measured.round() }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
