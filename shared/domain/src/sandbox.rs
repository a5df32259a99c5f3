//! The Sandbox: the connection state of the one key that the desk makes and keeps by itself.

use crate::id::{AccountId, KeyId};
use crate::keyring::Sealed;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A validation that has not ended after this long is taken for lost.
pub const VALIDATION_LIMIT: SignedDuration = SignedDuration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxState {
    Validating,
    Ready,
    NotConfigured,
}

/// Why a Sandbox is not configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    NeverProvisioned,
    KeyDeleted,
    KeyRejected,
    ApiUnreachable,
    ApiTimeout,
    ApiError,
    ApiRateLimited,
    TimedOut,
}

/// What the product API said to the Sandbox key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    Refused(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    KeyRejected,
    Unreachable,
    Timeout,
    Error,
    RateLimited,
}

impl Refusal {
    /// Whether the same call may go well a moment later.
    pub fn may_pass(self) -> bool {
        match self {
            Refusal::KeyRejected => false,
            Refusal::Unreachable | Refusal::Timeout | Refusal::Error | Refusal::RateLimited => true,
        }
    }
}

impl Verdict {
    pub fn state(self) -> SandboxState {
        match self {
            Verdict::Accepted => SandboxState::Ready,
            Verdict::Refused(_) => SandboxState::NotConfigured,
        }
    }

    /// A word for it: that of the state, or of the reason.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Accepted => "ready",
            Verdict::Refused(Refusal::KeyRejected) => "key_rejected",
            Verdict::Refused(Refusal::Unreachable) => "api_unreachable",
            Verdict::Refused(Refusal::Timeout) => "api_timeout",
            Verdict::Refused(Refusal::Error) => "api_error",
            Verdict::Refused(Refusal::RateLimited) => "api_rate_limited",
        }
    }

    pub fn reason(self) -> Option<Reason> {
        match self {
            Verdict::Accepted => None,
            Verdict::Refused(Refusal::KeyRejected) => Some(Reason::KeyRejected),
            Verdict::Refused(Refusal::Unreachable) => Some(Reason::ApiUnreachable),
            Verdict::Refused(Refusal::Timeout) => Some(Reason::ApiTimeout),
            Verdict::Refused(Refusal::Error) => Some(Reason::ApiError),
            Verdict::Refused(Refusal::RateLimited) => Some(Reason::ApiRateLimited),
        }
    }
}

/// The Sandbox as it is on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    pub state: SandboxState,
    /// While validating, the reason that the last validation ended with.
    pub reason: Option<Reason>,
    pub key: Option<SandboxKey>,
    pub validated_at: Option<Timestamp>,
    pub since: Timestamp,
}

/// The Sandbox key, sealed so that the desk can use it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxKey {
    pub id: KeyId,
    /// Rises when the secret is replaced.
    pub version: u32,
    pub sealed: Sealed,
}

impl SandboxKey {
    /// What the sealed text is bound to: a row copied elsewhere does not open.
    pub fn place(account: &AccountId, id: &KeyId, version: u32) -> String {
        format!("frontdesk/sandbox-key/1/{account}/{id}/{version}")
    }
}

impl Sandbox {
    /// An account's Sandbox before its first login.
    pub fn never_provisioned(now: Timestamp) -> Sandbox {
        Sandbox {
            state: SandboxState::NotConfigured,
            reason: Some(Reason::NeverProvisioned),
            key: None,
            validated_at: None,
            since: now,
        }
    }

    /// State and reason as they read at `now`: a validation that takes too long has timed out,
    /// whoever died over it.
    pub fn reading(&self, now: Timestamp) -> (SandboxState, Option<Reason>) {
        match self.state {
            SandboxState::Validating if now >= self.since + VALIDATION_LIMIT => {
                (SandboxState::NotConfigured, Some(Reason::TimedOut))
            }
            SandboxState::Validating => (SandboxState::Validating, None),
            SandboxState::Ready => (SandboxState::Ready, None),
            SandboxState::NotConfigured => (SandboxState::NotConfigured, self.reason),
        }
    }

    /// The Sandbox once `verdict` is on record; a state that stays the same keeps its beginning.
    pub fn judged(&self, verdict: Verdict, now: Timestamp) -> Sandbox {
        let (state, reason) = (verdict.state(), verdict.reason());
        let since = if (self.state, self.reason) == (state, reason) { self.since } else { now };
        Sandbox { state, reason, key: self.key.clone(), validated_at: Some(now), since }
    }

    /// Whether the product API's last word on this key was no: only a new secret can help.
    pub fn was_rejected(&self) -> bool {
        self.key.is_some() && self.reason == Some(Reason::KeyRejected)
    }
}
