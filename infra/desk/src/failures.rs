//! What the stream triggers' on-failure destination holds.

use crate::error::StartError;
use crate::journal::Journal;
use crate::state::StateFolder;
use serde_json::Value;
use std::sync::Arc;

/// Invocation records, each with the stream records that were given up; clones share them.
#[derive(Clone, Debug)]
pub struct Failures(Arc<Journal<Value>>);

impl Failures {
    pub(crate) fn open(folder: &StateFolder) -> Result<Self, StartError> {
        Journal::open(folder, "failures.jsonl").map(|journal| Self(Arc::new(journal)))
    }

    pub(crate) fn push(&self, record: Value) -> std::io::Result<()> {
        self.0.push(record)
    }

    /// Newest first.
    pub fn list(&self) -> Vec<Value> {
        self.0.newest_first()
    }
}
