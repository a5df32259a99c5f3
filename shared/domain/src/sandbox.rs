//! The Sandbox: the connection state of the one key that Frontdesk makes and keeps by itself.

use crate::id::{AccountId, KeyId};
use crate::key::PlainKey;
use crate::keyring::{Keyring, Sealed};
use crate::secret::Secret;
use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;
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
            Self::KeyRejected => false,
            Self::Unreachable | Self::Timeout | Self::Error | Self::RateLimited => true,
        }
    }
}

impl Verdict {
    pub fn state(self) -> SandboxState {
        match self {
            Self::Accepted => SandboxState::Ready,
            Self::Refused(_) => SandboxState::NotConfigured,
        }
    }

    /// A word for it: that of the state, or of the reason.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "ready",
            Self::Refused(Refusal::KeyRejected) => "key_rejected",
            Self::Refused(Refusal::Unreachable) => "api_unreachable",
            Self::Refused(Refusal::Timeout) => "api_timeout",
            Self::Refused(Refusal::Error) => "api_error",
            Self::Refused(Refusal::RateLimited) => "api_rate_limited",
        }
    }

    pub fn reason(self) -> Option<Reason> {
        match self {
            Self::Accepted => None,
            Self::Refused(Refusal::KeyRejected) => Some(Reason::KeyRejected),
            Self::Refused(Refusal::Unreachable) => Some(Reason::ApiUnreachable),
            Self::Refused(Refusal::Timeout) => Some(Reason::ApiTimeout),
            Self::Refused(Refusal::Error) => Some(Reason::ApiError),
            Self::Refused(Refusal::RateLimited) => Some(Reason::ApiRateLimited),
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

/// The Sandbox key, sealed so that Frontdesk can use it again.
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

    /// Seals a key's value with the keyring's current version.
    pub fn seal(plain: &PlainKey, version: u32, ring: &Keyring, rng: &mut impl CryptoRng) -> Self {
        let place = Self::place(&plain.account, &plain.id, version);
        Self { id: plain.id.clone(), version, sealed: ring.seal(plain.secret(), &place, rng) }
    }

    /// The key's value; `None` when the keyring does not open it (any more).
    pub fn open(&self, account: &AccountId, ring: &Keyring) -> Option<Secret> {
        ring.open(&self.sealed, &Self::place(account, &self.id, self.version)).ok()
    }

    /// The same key under the keyring's current version, so that older ones are needed by nobody
    /// some day.
    pub fn with_current_seal(
        &self,
        account: &AccountId,
        plain: &Secret,
        ring: &Keyring,
        rng: &mut impl CryptoRng,
    ) -> Self {
        if self.sealed.version == ring.current() {
            return self.clone();
        }
        let place = Self::place(account, &self.id, self.version);
        Self { sealed: ring.seal(plain, &place, rng), ..self.clone() }
    }
}

/// What provisioning does about the Sandbox key.
#[derive(Debug)]
pub enum KeyStep<'a> {
    /// There is none yet.
    Make,
    /// It is there, and its value is known.
    Use { key: &'a SandboxKey, plain: Secret },
    /// It is there, but only a new secret can help.
    Replace { key: &'a SandboxKey },
}

impl Sandbox {
    /// An account's Sandbox before its first login.
    pub fn never_provisioned(now: Timestamp) -> Self {
        Self {
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
    pub fn judged(&self, verdict: Verdict, now: Timestamp) -> Self {
        let state = verdict.state();
        let reason = verdict.reason();
        let since = if (self.state, self.reason) == (state, reason) { self.since } else { now };
        Self { state, reason, key: self.key.clone(), validated_at: Some(now), since }
    }

    /// The Sandbox once nobody is at work on it: what was not validated by then has timed out.
    pub fn abandoned(&self, now: Timestamp) -> Self {
        match self.state {
            SandboxState::Validating => Self {
                state: SandboxState::NotConfigured,
                reason: Some(Reason::TimedOut),
                since: now,
                ..self.clone()
            },
            SandboxState::Ready | SandboxState::NotConfigured => self.clone(),
        }
    }

    /// Decides what is done about the Sandbox key: `opened` is its value, unless no keyring opens
    /// it, and `retry` is whether somebody asked for the whole provisioning again.
    ///
    /// A key that the product API has rejected is given a new secret when somebody asks for it, not
    /// at every login: until then it may be the product API that is wrong.
    pub fn key_step(&self, opened: Option<Secret>, retry: bool) -> KeyStep<'_> {
        let rejected = self.reason == Some(Reason::KeyRejected);
        match (&self.key, opened) {
            (None, _) => KeyStep::Make,
            (Some(key), Some(plain)) if !(retry && rejected) => KeyStep::Use { key, plain },
            (Some(key), _) => KeyStep::Replace { key },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::KeyKind;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    /// A Sandbox with a key, whose last validation ended so.
    fn with_key(reason: Option<Reason>) -> Sandbox {
        let mut rng = StdRng::seed_from_u64(11);
        let account = AccountId::random(&mut rng);
        let id = KeyId::random(KeyKind::Sandbox, &mut rng);
        let plain = PlainKey::mint(&"fd".parse().unwrap(), &account, &id, &mut rng);
        let ring = Keyring::parse(&Keyring::generate(&mut rng)).unwrap();
        Sandbox {
            state: reason.map_or(SandboxState::Ready, |_| SandboxState::NotConfigured),
            reason,
            key: Some(SandboxKey::seal(&plain, 1, &ring, &mut rng)),
            ..Sandbox::never_provisioned(Timestamp::UNIX_EPOCH)
        }
    }

    fn opened() -> Option<Secret> {
        Some(Secret::new("fd_sandbox_x"))
    }

    const REASONS: [Option<Reason>; 6] = [
        None,
        Some(Reason::KeyRejected),
        Some(Reason::ApiUnreachable),
        Some(Reason::ApiTimeout),
        Some(Reason::ApiError),
        Some(Reason::ApiRateLimited),
    ];

    #[test]
    fn a_validation_of_a_minute_has_timed_out_and_all_else_reads_as_it_is() {
        let since = Timestamp::UNIX_EPOCH;
        let limit = since + SignedDuration::from_secs(60);
        let rejected = with_key(Some(Reason::KeyRejected));
        let validating = Sandbox { state: SandboxState::Validating, ..rejected.clone() };
        let (millisecond, none) = (SignedDuration::from_millis(1), SandboxState::NotConfigured);
        assert_eq!(validating.reading(limit - millisecond), (SandboxState::Validating, None));
        assert_eq!(validating.reading(limit), (none, Some(Reason::TimedOut)));
        assert_eq!(rejected.reading(limit), (none, Some(Reason::KeyRejected)));
        assert_eq!(with_key(None).reading(limit), (SandboxState::Ready, None));
        let never = Sandbox::never_provisioned(since);
        assert_eq!(never.reading(since), (none, Some(Reason::NeverProvisioned)));
    }

    #[test]
    fn a_validation_that_nobody_is_at_work_on_has_timed_out_now_and_all_else_stays() {
        let now = Timestamp::from_second(5).unwrap();
        for reason in REASONS {
            let other = with_key(reason);
            let validating = Sandbox { state: SandboxState::Validating, ..other.clone() };
            let abandoned = Sandbox {
                state: SandboxState::NotConfigured,
                reason: Some(Reason::TimedOut),
                since: now,
                ..other.clone()
            };
            assert_eq!(validating.abandoned(now), abandoned);
            assert_eq!(other.abandoned(now), other);
        }
    }

    #[test]
    fn a_verdict_is_on_record_and_a_state_that_stays_keeps_its_beginning() {
        let [first, later] = [1, 2].map(|second| Timestamp::from_second(second).unwrap());
        for (verdict, name, passes) in [
            (Verdict::Accepted, "ready", false),
            (Verdict::Refused(Refusal::KeyRejected), "key_rejected", false),
            (Verdict::Refused(Refusal::Unreachable), "api_unreachable", true),
            (Verdict::Refused(Refusal::Timeout), "api_timeout", true),
            (Verdict::Refused(Refusal::Error), "api_error", true),
            (Verdict::Refused(Refusal::RateLimited), "api_rate_limited", true),
        ] {
            let before = with_key(Some(Reason::TimedOut));
            let judged = before.judged(verdict, first);
            let words = [serde_json::json!(judged.state), serde_json::json!(judged.reason)];
            let expected = match verdict {
                Verdict::Accepted => [name.into(), serde_json::Value::Null],
                Verdict::Refused(refusal) => {
                    assert_eq!(refusal.may_pass(), passes, "{name}");
                    ["not_configured".into(), name.into()]
                }
            };
            assert_eq!((verdict.name(), words), (name, expected));
            assert_eq!((judged.since, judged.validated_at), (first, Some(first)));
            assert_eq!(judged.key, before.key);
            let again = judged.judged(verdict, later);
            assert_eq!((again.since, again.validated_at), (first, Some(later)));
        }
    }

    #[test]
    fn a_sandbox_without_a_key_gets_one_whoever_asks() {
        let mut deleted = with_key(Some(Reason::KeyDeleted));
        deleted.key = None;
        for sandbox in [Sandbox::never_provisioned(Timestamp::UNIX_EPOCH), deleted] {
            for retry in [false, true] {
                assert!(matches!(sandbox.key_step(None, retry), KeyStep::Make));
            }
        }
    }

    #[test]
    fn a_login_uses_the_key_that_is_there_whatever_the_product_api_said_of_it() {
        for reason in REASONS {
            let sandbox = with_key(reason);
            let step = sandbox.key_step(opened(), false);
            assert!(matches!(step, KeyStep::Use { .. }), "{reason:?}: {step:?}");
        }
    }

    #[test]
    fn a_retry_replaces_the_secret_of_a_key_that_was_rejected_and_of_no_other() {
        for reason in REASONS {
            let sandbox = with_key(reason);
            let step = sandbox.key_step(opened(), true);
            let replaced = matches!(step, KeyStep::Replace { .. });
            assert_eq!(replaced, reason == Some(Reason::KeyRejected), "{reason:?}: {step:?}");
        }
    }

    #[test]
    fn a_key_that_no_keyring_opens_gets_a_new_secret_whoever_asks() {
        for reason in REASONS {
            for retry in [false, true] {
                let sandbox = with_key(reason);
                let step = sandbox.key_step(None, retry);
                assert!(matches!(step, KeyStep::Replace { .. }), "{reason:?}: {step:?}");
            }
        }
    }

    #[test]
    fn a_sandbox_key_opens_for_its_own_account_and_version_and_survives_a_rotation() {
        let mut rng = StdRng::seed_from_u64(12);
        let account = AccountId::random(&mut rng);
        let other = AccountId::random(&mut rng);
        let id = KeyId::random(KeyKind::Sandbox, &mut rng);
        let plain = PlainKey::mint(&"fd".parse().unwrap(), &account, &id, &mut rng);
        let value = "v".repeat(64);
        let ring = Keyring::parse(&format!(r#"{{"current":"1","1":"{value}"}}"#)).unwrap();
        let key = SandboxKey::seal(&plain, 3, &ring, &mut rng);
        let opened = key.open(&account, &ring).unwrap();
        assert_eq!(opened.expose(), plain.secret().expose());
        assert!(key.open(&other, &ring).is_none());
        let next = SandboxKey { version: 4, ..key.clone() };
        assert!(next.open(&account, &ring).is_none());
        assert_eq!(key.with_current_seal(&account, &opened, &ring, &mut rng), key);

        let newer = "w".repeat(64);
        let rotated =
            Keyring::parse(&format!(r#"{{"current":"2","1":"{value}","2":"{newer}"}}"#)).unwrap();
        let resealed = key.with_current_seal(&account, &opened, &rotated, &mut rng);
        assert_eq!(resealed.sealed.version, "2");
        assert_eq!(resealed.open(&account, &rotated).unwrap().expose(), plain.secret().expose());
        assert!(resealed.open(&account, &ring).is_none());
    }
}
