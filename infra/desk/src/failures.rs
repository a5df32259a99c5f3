//! What the on-failure destination holds: stream records, and events of asynchronous invocations,
//! that were given up.

use crate::error::StartError;
use crate::iam::Iam;
use crate::journal::Journal;
use crate::policy::AccessRequest;
use crate::state::StateFolder;
use serde_json::Value;
use std::sync::Arc;

/// Invocation records, each with what was given up; clones share them.
#[derive(Clone, Debug)]
pub struct Failures(Arc<Journal<Value>>);

impl Failures {
    pub(crate) fn open(folder: &StateFolder) -> Result<Self, StartError> {
        Journal::open(folder, "failures.jsonl").map(|journal| Self(Arc::new(journal)))
    }

    /// Whether Lambda may put something into this bucket as the function. It first looks whether
    /// the bucket is there.
    pub(crate) fn may_hold(iam: &Iam, function: &str, bucket: &str, key: &str) -> bool {
        let requests = [
            AccessRequest::new("s3:ListBucket", bucket),
            AccessRequest::new("s3:PutObject", format!("{bucket}/{key}")),
        ];
        requests.iter().all(|request| iam.authorize(function, request).is_ok())
    }

    pub(crate) fn push(&self, record: Value) -> std::io::Result<()> {
        self.0.push(record)
    }

    /// Newest first.
    pub fn list(&self) -> Vec<Value> {
        self.0.newest_first()
    }
}
