//! The Sandbox's row, and the transactions that keep it, its key and the counter together.

use crate::actor::{self, ActorRefusal};
use crate::outbox::OutboxKey;
use crate::rows::{Item, KeyRow, OutboxStatus, SandboxRow, from_item, is_suspended_account};
use crate::write::{Obstacle, Transaction, Write};
use crate::{Failure, Store, StoreError, account, audit, layout, outbox, plan};
use domain::keyring::Sealed;
use domain::sandbox::{SandboxKey, VALIDATION_LIMIT};
use domain::{AccountId, ApiKey, KeyId, Plan, Reason, Sandbox, SandboxState, SessionToken};
use jiff::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RevealRefusal {
    #[error(transparent)]
    Actor(#[from] ActorRefusal),
    #[error("the Sandbox is not ready")]
    NotReady,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerdictRefusal {
    #[error("the key that was validated is not the Sandbox key any more")]
    KeyChanged,
    #[error("the account is suspended, so its key is refused whatever it is")]
    Suspended,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnsureKeyRefusal {
    #[error("the account is suspended")]
    Suspended,
    #[error("another run was faster")]
    Overtaken,
    #[error("the event that asked for it is done")]
    Settled,
}

/// The Sandbox of an account whose Sandbox key is deleted in the same transaction.
pub(crate) fn without_key(account: &AccountId, key: &KeyId, now: Timestamp) -> Write {
    Write::update(
        layout::sandbox(account),
        "SET state = :state, reason = :reason, since = :now REMOVE sandbox_key, validated_at",
    )
    .when("sandbox_key.id = :key")
    .value(":key", key)
    .value(":state", SandboxState::NotConfigured)
    .value(":reason", Reason::KeyDeleted)
    .value(":now", now.as_millisecond())
}

/// The write that puts a verdict on record, if the key that it is about is still the Sandbox key;
/// with `sealed`, the key as it is sealed from now on.
fn judged(
    account: &AccountId,
    key: &SandboxKey,
    after: &Sandbox,
    sealed: Option<&Sealed>,
) -> Write {
    let sealing = sealed.map_or("", |_| ", sandbox_key.sealed = :sealed");
    let reason = after.reason.map_or(" REMOVE reason", |_| ", reason = :reason");
    let set = format!("SET state = :state, since = :since, validated_at = :at{sealing}{reason}");
    Write::update(layout::sandbox(account), &set)
        .when("sandbox_key.id = :key AND sandbox_key.version = :version")
        .value(":key", &key.id)
        .value(":version", key.version)
        .value(":state", after.state)
        .value(":since", after.since.as_millisecond())
        .value(":at", after.validated_at.map(Timestamp::as_millisecond))
        .some_value(":sealed", sealed)
        .some_value(":reason", after.reason)
}

fn outcome(after: &Sandbox) -> &'static str {
    match after.state {
        SandboxState::Ready => "sandbox_ready",
        SandboxState::Validating | SandboxState::NotConfigured => "sandbox_not_configured",
    }
}

impl Store {
    pub async fn find_sandbox(&self, account: &AccountId) -> Result<Option<Sandbox>, StoreError> {
        let row = self.get::<SandboxRow>("sandbox", layout::sandbox(account)).await?;
        Ok(row.map(SandboxRow::into_sandbox))
    }

    /// The Sandbox of the caller's account.
    pub async fn find_sandbox_as(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<Sandbox, Failure<ActorRefusal>> {
        let (caller, sandbox) =
            tokio::join!(self.find_caller(token, now), self.find_sandbox(&token.account));
        caller?;
        Ok(sandbox?.unwrap_or_else(|| Sandbox::never_provisioned(now)))
    }

    /// Asks for the whole provisioning again; a call while one is running joins it.
    pub async fn request_provisioning(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<Sandbox, Failure<ActorRefusal>> {
        let account = &token.account;
        let start =
            Write::update(layout::sandbox(account), "SET state = :validating, since = :now")
                .when("state <> :validating OR since <= :lost")
                .value(":validating", SandboxState::Validating)
                .value(":now", now.as_millisecond())
                .value(":lost", (now - VALIDATION_LIMIT).as_millisecond());
        let requested = actor::member_transaction(token, now)
            .guarded(account::not_suspended(account), account::ended)
            .guarded(start, found)
            .with(outbox::provision_request(account, &token.member, now, &mut self.rng()))
            .with(audit::by_member(token, "provisioning_requested", None, now));
        let (requested, sandbox) = tokio::join!(requested.commit(self), self.find_sandbox(account));
        match requested {
            Ok(()) => {
                let sandbox = sandbox.map_err(StoreError::beside_a_change)?;
                let known = sandbox.unwrap_or_else(|| Sandbox::never_provisioned(now));
                Ok(Sandbox { state: SandboxState::Validating, since: now, ..known })
            }
            Err(failure) => failure.found(),
        }
    }

    /// Hands out the sealed Sandbox key of a ready Sandbox; that somebody asked is in the audit
    /// trail before it is opened.
    pub async fn reveal_sandbox_key(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<SandboxKey, Failure<RevealRefusal>> {
        let account = &token.account;
        let ready = Write::check(layout::sandbox(account))
            .when("state = :ready")
            .value(":ready", SandboxState::Ready);
        let revealed = actor::member_transaction(token, now)
            .guarded(account::not_suspended(account), account::ended)
            .guarded(ready, |_| Ok(RevealRefusal::NotReady))
            .with(audit::by_member(token, "sandbox_key_revealed", None, now));
        let (revealed, sandbox) = tokio::join!(revealed.commit(self), self.find_sandbox(account));
        revealed?;
        let sandbox = sandbox.map_err(StoreError::beside_a_change)?;
        sandbox.and_then(|sandbox| sandbox.key).ok_or(Failure::Refused(RevealRefusal::NotReady))
    }

    /// Records what the product API said when a member tested the connection, and gives the Sandbox
    /// as it is then: if the key was deleted or replaced meanwhile, the verdict is about nothing
    /// that is there.
    pub async fn record_test(
        &self,
        token: &SessionToken,
        key: &SandboxKey,
        after: &Sandbox,
        now: Timestamp,
    ) -> Result<Sandbox, Failure<ActorRefusal>> {
        let recorded = actor::member_transaction(token, now)
            .guarded(account::not_suspended(&token.account), account::ended)
            .guarded(judged(&token.account, key, after, None), found)
            .with(audit::by_member(token, outcome(after), Some(key.id.as_str()), now));
        match recorded.commit(self).await {
            Ok(()) => Ok(after.clone()),
            Err(failure) => failure.found(),
        }
    }

    /// Makes the key of an account that has these limits: key row, sealed plaintext, state and
    /// counter in one transaction, or nothing. Not for an event that is done, as all that leaves
    /// the Sandbox validating: nobody would put an end to that, and a key that was deleted since
    /// would be back.
    pub async fn insert_sandbox_key(
        &self,
        account: &AccountId,
        event: &OutboxKey,
        key: &ApiKey,
        sandbox_key: &SandboxKey,
        plan: &Plan,
        now: Timestamp,
    ) -> Result<(), Failure<EnsureKeyRefusal>> {
        let place_taken = account::counted(account, "has_sandbox_key = :yes").value(":yes", true);
        let place_taken = plan::is(place_taken, plan);
        let sandbox =
            with_sandbox_key(account, sandbox_key, now).when("attribute_not_exists(sandbox_key)");
        let row = Write::put(&layout::api_key(account, &key.id), &KeyRow::new(key, plan)).if_new();
        Transaction::new()
            .guarded(outbox::is_owed(event), |_| Ok(EnsureKeyRefusal::Settled))
            .guarded(place_taken, |row| {
                let is_suspended = row.as_ref().is_none_or(is_suspended_account);
                Ok(if is_suspended {
                    EnsureKeyRefusal::Suspended
                } else {
                    EnsureKeyRefusal::Overtaken
                })
            })
            .guarded(sandbox, |_| Ok(EnsureKeyRefusal::Overtaken))
            .guarded(row, |_| Ok(EnsureKeyRefusal::Overtaken))
            .with(audit::by_no_member(account, "sandbox_key_created", key.id.as_str(), now))
            .commit(self)
            .await
    }

    /// Replaces the Sandbox key's secret, in its row and sealed, if nobody else did.
    pub async fn replace_sandbox_secret(
        &self,
        account: &AccountId,
        event: &OutboxKey,
        key: &ApiKey,
        sandbox_key: &SandboxKey,
        now: Timestamp,
    ) -> Result<(), Failure<EnsureKeyRefusal>> {
        let row = Write::update(
            layout::api_key(account, &key.id),
            "SET digest = :digest, start = :start",
        )
        .if_there()
        .value(":digest", &key.digest)
        .value(":start", &key.start);
        let sandbox = with_sandbox_key(account, sandbox_key, now)
            .when("sandbox_key.id = :key AND sandbox_key.version = :before")
            .value(":key", &key.id)
            .value(":before", sandbox_key.version - 1);
        Transaction::new()
            .guarded(outbox::is_owed(event), |_| Ok(EnsureKeyRefusal::Settled))
            .guarded(account::not_suspended(account), |_| Ok(EnsureKeyRefusal::Suspended))
            .guarded(sandbox, |_| Ok(EnsureKeyRefusal::Overtaken))
            .guarded(row, |_| Ok(EnsureKeyRefusal::Overtaken))
            .with(audit::by_no_member(account, "sandbox_key_replaced", key.id.as_str(), now))
            .commit(self)
            .await
    }

    /// Marks that this key is being validated. If it is not the Sandbox key any more, it is for the
    /// verdict's transaction to find out.
    pub async fn begin_validation(
        &self,
        account: &AccountId,
        event: &OutboxKey,
        key: &SandboxKey,
        now: Timestamp,
    ) -> Result<(), Failure<EnsureKeyRefusal>> {
        let begun =
            Write::update(layout::sandbox(account), "SET state = :validating, since = :now")
                .when("sandbox_key.id = :key AND sandbox_key.version = :version")
                .value(":key", &key.id)
                .value(":version", key.version)
                .value(":validating", SandboxState::Validating)
                .value(":now", now.as_millisecond());
        let committed = Transaction::new()
            .guarded(outbox::is_owed(event), |_| Ok(Obstacle::Refused(EnsureKeyRefusal::Settled)))
            .guarded(begun, |_| Ok(Obstacle::Found(())))
            .commit(self)
            .await;
        committed.or_else(Failure::found)
    }

    /// Records that an event is done without a verdict, if the Sandbox is still as it was read:
    /// else somebody may have begun to validate for this event, and have its verdict to record.
    /// Whether it was.
    pub async fn leave_provisioning(
        &self,
        account: &AccountId,
        event: &OutboxKey,
        was: &Sandbox,
    ) -> Result<bool, StoreError> {
        self.end_provisioning(account, outbox::finished(event, OutboxStatus::Done), was, was).await
    }

    /// Records that an event was given up, and what was waited for with it, on the same condition.
    pub async fn give_up_provisioning(
        &self,
        account: &AccountId,
        event: &OutboxKey,
        was: &Sandbox,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let failed = outbox::finished(event, OutboxStatus::Failed);
        self.end_provisioning(account, failed, was, &was.abandoned(now)).await
    }

    async fn end_provisioning(
        &self,
        account: &AccountId,
        ended: Write,
        was: &Sandbox,
        after: &Sandbox,
    ) -> Result<bool, StoreError> {
        let reason = after.reason.map_or(" REMOVE reason", |_| ", reason = :reason");
        let set = format!("SET state = :state, since = :since{reason}");
        let sandbox = Write::update(layout::sandbox(account), &set)
            .when("state = :was_state AND since = :was_since")
            .value(":was_state", was.state)
            .value(":was_since", was.since.as_millisecond())
            .value(":state", after.state)
            .value(":since", after.since.as_millisecond())
            .some_value(":reason", after.reason);
        let over = Transaction::new().guarded(ended, |_| Ok(true)).guarded(sandbox, |_| Ok(false));
        // The trail tells of a Sandbox by its key.
        let over = match after.key.as_ref().filter(|_| after != was) {
            Some(key) => over.with(audit::by_no_member(
                account,
                outcome(after),
                key.id.as_str(),
                after.since,
            )),
            None => over,
        };
        match over.commit(self).await {
            Ok(()) => Ok(true),
            // Somebody else has put an end to it, or it is not as it was read.
            Err(Failure::Refused(is_over)) => Ok(is_over),
            Err(Failure::Store(error)) => Err(error),
        }
    }

    /// Records a provisioning's verdict, the key as it is sealed now, and that its event is done,
    /// in one transaction.
    pub async fn record_provisioning(
        &self,
        account: &AccountId,
        event: &OutboxKey,
        key: &SandboxKey,
        after: &Sandbox,
        now: Timestamp,
    ) -> Result<(), Failure<VerdictRefusal>> {
        // The event first: that it is done already comes before what has become of the key.
        let done = outbox::finished(event, OutboxStatus::Done);
        let committed = Transaction::new()
            .guarded(done, |_| Ok(Obstacle::Found(())))
            .guarded(account::not_suspended(account), |_| {
                Ok(Obstacle::Refused(VerdictRefusal::Suspended))
            })
            .guarded(judged(account, key, after, Some(&key.sealed)), |_| {
                Ok(Obstacle::Refused(VerdictRefusal::KeyChanged))
            })
            .with(audit::by_no_member(account, outcome(after), key.id.as_str(), now))
            .commit(self)
            .await;
        committed.or_else(Failure::found)
    }
}

/// Finds the Sandbox that stood against a member's write.
fn found(row: Option<Item>) -> Result<Obstacle<ActorRefusal, Sandbox>, StoreError> {
    Ok(match row {
        Some(row) => Obstacle::Found(from_item::<SandboxRow>("sandbox", row)?.into_sandbox()),
        None => Obstacle::Refused(ActorRefusal::SessionEnded),
    })
}

fn with_sandbox_key(account: &AccountId, sandbox_key: &SandboxKey, now: Timestamp) -> Write {
    Write::update(
        layout::sandbox(account),
        "SET sandbox_key = :sandbox_key, state = :validating, since = :now REMOVE validated_at",
    )
    .value(":sandbox_key", sandbox_key)
    .value(":validating", SandboxState::Validating)
    .value(":now", now.as_millisecond())
}
