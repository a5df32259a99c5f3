//! What was found, with when and where; as JSON, too.

use crate::candidate::Kind;
use crate::candidates::{
    AUTHORIZE_KEY, AUTHORIZE_KEY_THIN_LTO, BETTER_AUTH, HELLO, NODE, SDK, SDK_THIN_LTO,
};
use crate::measure::{Figures, Plan};
use serde_json::{Value, json};

pub struct Report {
    /// The day, such as `2026-01-31`.
    pub date: String,
    pub machine: String,
    pub command: String,
    pub plan: Plan,
    pub figures: Vec<Figures>,
    /// What was not measured, and why.
    pub left_out: Vec<(String, String)>,
}

/// What is aimed at, and what was found.
#[derive(Debug, PartialEq)]
pub struct Target {
    pub what: String,
    pub found: f64,
    pub at_most: f64,
}

impl Target {
    fn new(what: impl Into<String>, found: f64, at_most: f64) -> Self {
        Self { what: what.into(), found, at_most }
    }

    pub fn is_met(&self) -> bool {
        self.found <= self.at_most
    }
}

impl Report {
    pub fn of(&self, name: &str) -> Option<&Figures> {
        self.figures.iter().find(|figures| figures.name == name)
    }

    /// Ratios of one run, and numbers that no machine changes. What was not measured has none.
    pub fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        type Value = fn(&Figures) -> f64;
        let (start, cpu): (Value, Value) = (|one| one.first_answer_ms, |one| one.cpu_us);
        let ratios = [
            ("spawn to first answer", start, AUTHORIZE_KEY, HELLO, 2.8),
            ("spawn to first answer", start, AUTHORIZE_KEY, NODE, 0.035),
            ("CPU of a warm call", cpu, AUTHORIZE_KEY, SDK, 1.05),
            ("CPU of a warm call", cpu, AUTHORIZE_KEY_THIN_LTO, SDK_THIN_LTO, 1.05),
            ("CPU of a warm call", cpu, AUTHORIZE_KEY, BETTER_AUTH, 0.10),
        ];
        for (what, value, one, other, at_most) in ratios {
            if let (Some(own), Some(theirs)) = (self.of(one), self.of(other)) {
                let what = format!("{what}: `{one}` against {other}");
                targets.push(Target::new(what, value(own) / value(theirs), at_most));
            }
        }
        if let Some(check) = self.of(AUTHORIZE_KEY) {
            let waits = check.first_waits;
            targets.push(Target::new("waits of the first `authorize-key`", waits, 1.0));
            targets.push(Target::new("requests of a key check", check.requests, 1.0));
            targets.push(Target::new("connections of a warm key check", check.connections, 0.0));
        }
        let own = self.figures.iter().filter(|figures| figures.kind == Kind::Function);
        let more = own.clone().map(|one| one.first_waits - one.warm_waits);
        let most = more.fold(0.0, f64::max);
        targets.push(Target::new("waits of a first call, more than of a warm one", most, 0.0));
        let peak = own.map(|one| one.peak_mib).fold(0.0, f64::max);
        targets.push(Target::new("most memory of a function, MiB", peak, 12.0));
        targets
    }

    pub fn json(&self) -> Value {
        let plan = &self.plan;
        let left_out = self.left_out.iter().map(|(name, why)| json!({ "name": name, "why": why }));
        let targets = self.targets();
        let targets = targets.iter().map(|target| {
            let (found, met) = (round(target.found), target.is_met());
            json!({ "what": target.what, "found": found, "at_most": target.at_most, "met": met })
        });
        json!({
            "date": self.date,
            "machine": self.machine,
            "command": self.command,
            "rounds": plan.rounds,
            "warm_up": plan.warm_up,
            "calls": plan.calls,
            "away_ms": plan.away.as_millis(),
            "programs": self.figures.iter().map(program).collect::<Vec<_>>(),
            "targets": targets.collect::<Vec<_>>(),
            "left_out": left_out.collect::<Vec<_>>(),
        })
    }
}

fn program(figures: &Figures) -> Value {
    let kind = match figures.kind {
        Kind::Floor => "floor",
        Kind::Function => "function",
        Kind::Peer => "peer",
    };
    json!({
        "name": figures.name,
        "kind": kind,
        "first_poll_ms": round(figures.first_poll_ms),
        "first_answer_ms": round(figures.first_answer_ms),
        "cold_cpu_ms": round(figures.cold_cpu_ms),
        "cold_connections": figures.cold_connections,
        "p50_us": round(figures.p50_us),
        "p99_us": round(figures.p99_us),
        "cpu_us": round(figures.cpu_us),
        "requests": figures.requests,
        "connections": figures.connections,
        "logged_bytes": round(figures.logged_bytes),
        "peak_mib": round(figures.peak_mib),
        "size_mb": round(figures.size_mb),
        "first_waits": figures.first_waits,
        "warm_waits": figures.warm_waits,
    })
}

/// Three digits behind the point tell all that there is to tell.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
