//! A program to measure, and what it does.

use crate::Failure;
use crate::store::Recording;
use hyper::body::Bytes;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a program is, beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What nothing can be faster than.
    Floor,
    /// One of Frontdesk's.
    Function,
    /// What somebody would take instead.
    Peer,
}

/// How a program is started.
#[derive(Debug, Clone)]
pub struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
pub struct Candidate {
    pub name: String,
    pub kind: Kind,
    pub launch: Launch,
    /// The event that it is handed each time.
    pub event: Bytes,
    /// What the store answers it.
    pub recording: Recording,
    /// What its answers have in common.
    pub outcome: String,
    /// What is deployed, in bytes.
    pub size: u64,
}

impl Candidate {
    /// Whether it has done what it is to do: a program that fails may well be fast.
    pub fn check(&self, answer: &[u8]) -> Result<(), Failure> {
        let found = outcome(answer);
        if found == self.outcome {
            return Ok(());
        }
        let text = String::from_utf8_lossy(answer);
        Err(format!("{}: {found} instead of {}: {text}", self.name, self.outcome).into())
    }
}

/// How an answer went: its status, the authorizer's word, or which fields it has.
pub fn outcome(answer: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let told = answer.get("statusCode").or_else(|| answer.get("isAuthorized"));
    let names = || answer.as_object().map(|all| all.keys().cloned().collect::<Vec<_>>().join(" "));
    told.map(ToString::to_string).or_else(names).unwrap_or_default()
}
