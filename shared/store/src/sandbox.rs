//! The Sandbox's row, and the transactions that keep it, its key and the counter together.

use crate::account::{self, AccountRow};
use crate::actor::{self, ActorRefusal, Caller};
use crate::api_key::KeyRow;
use crate::outbox::{self, OutboxKey, OutboxRow};
use crate::write::{Cancelled, Transaction, Write, from_item};
use crate::{Failure, Store, StoreError, audit, layout};
use domain::keyring::Sealed;
use domain::sandbox::{SandboxKey, VALIDATION_LIMIT};
use domain::{AccountId, ApiKey, EventId, KeyId, Reason, Sandbox, SandboxState, SessionToken};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SandboxRow {
    #[serde(rename = "type")]
    kind: String,
    state: SandboxState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    /// The Sandbox key, sealed. Named so that a condition can look inside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sandbox_key: Option<SandboxKey>,
    #[serde(
        default,
        with = "jiff::fmt::serde::timestamp::millisecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    validated_at: Option<Timestamp>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    since: Timestamp,
}

impl From<Sandbox> for SandboxRow {
    fn from(sandbox: Sandbox) -> SandboxRow {
        let Sandbox { state, reason, key, validated_at, since } = sandbox;
        SandboxRow {
            kind: "sandbox".to_owned(),
            state,
            reason,
            sandbox_key: key,
            validated_at,
            since,
        }
    }
}

impl SandboxRow {
    fn into_sandbox(self) -> Sandbox {
        let SandboxRow { state, reason, sandbox_key, validated_at, since, kind: _ } = self;
        Sandbox { state, reason, key: sandbox_key, validated_at, since }
    }
}

/// A request for provisioning that found one running: the Sandbox as that one has it.
#[derive(Debug, Clone)]
pub enum Joined {
    Started,
    Running,
}

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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnsureKeyRefusal {
    #[error("the account is suspended, or gone")]
    NoAccount,
    #[error("another run was faster")]
    Overtaken,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Actor,
    Account,
    Key,
    Sandbox,
    Event,
    Audit,
}

/// The Sandbox of an account whose Sandbox key is deleted in the same transaction.
pub(crate) fn without_key(account: &AccountId, key: &KeyId, now: Timestamp) -> Write {
    let write = Write::update(
        layout::sandbox(account),
        "SET #state = :state, reason = :reason, since = :now REMOVE sandbox_key, validated_at",
    );
    let write = write
        .when("sandbox_key.id = :key")
        .name("#state", "state")
        .value(":state", SandboxState::NotConfigured);
    write
        .value(":reason", Reason::KeyDeleted)
        .value(":now", now.as_millisecond())
        .value(":key", key)
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
    let set = format!("SET #state = :state, since = :since, validated_at = :at{sealing}{reason}");
    let write = Write::update(layout::sandbox(account), set)
        .name("#state", "state")
        .value(":state", after.state);
    let write = write
        .value(":since", after.since.as_millisecond())
        .value(":at", after.validated_at.map(Timestamp::as_millisecond));
    let write = write.some_value(":sealed", sealed).some_value(":reason", after.reason);
    write
        .when("sandbox_key.id = :key AND sandbox_key.version = :version")
        .value(":key", &key.id)
        .value(":version", key.version)
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

    /// The caller and the Sandbox of its account.
    pub async fn find_sandbox_as(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<(Caller, Sandbox), Failure<ActorRefusal>> {
        let (caller, sandbox) =
            tokio::join!(self.find_caller(token, now), self.find_sandbox(&token.account));
        Ok((caller?, sandbox?.unwrap_or_else(|| Sandbox::never_provisioned(now))))
    }

    /// Asks for the whole provisioning again; a call while one is running joins it.
    pub async fn request_provisioning(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<(Joined, Sandbox), Failure<ActorRefusal>> {
        let account = &token.account;
        let start =
            Write::update(layout::sandbox(account), "SET #state = :validating, since = :now");
        let start = start.when("#state <> :validating OR since <= :lost").name("#state", "state");
        let start = start
            .value(":validating", SandboxState::Validating)
            .value(":now", now.as_millisecond());
        let start = start.value(":lost", (now - VALIDATION_LIMIT).as_millisecond());
        let (key, request) = OutboxRow::provision_request(
            account,
            &token.member,
            now,
            &EventId::random(&mut crate::rng()),
        );
        let requested = Transaction::new()
            .with(Part::Actor, actor::acting(token, None, now))
            .with(Part::Account, account::not_suspended(account))
            .with(Part::Sandbox, start)
            .with(Part::Event, Write::put(&key, &request))
            .with(
                Part::Audit,
                audit::row(
                    account,
                    "provisioning_requested",
                    Some(token.member.as_str()),
                    None,
                    now,
                ),
            );
        let (requested, sandbox) = tokio::join!(requested.commit(self), self.find_sandbox(account));
        let started = |sandbox: Option<Sandbox>| {
            let known = sandbox.unwrap_or_else(|| Sandbox::never_provisioned(now));
            Sandbox { state: SandboxState::Validating, since: now, ..known }
        };
        let Err(cancelled) = requested else { return Ok((Joined::Started, started(sandbox?))) };
        found_instead(cancelled, token, now).map(|sandbox| (Joined::Running, sandbox))
    }

    /// Hands out the sealed Sandbox key of a ready Sandbox; that somebody asked is in the audit
    /// trail before it is opened.
    pub async fn reveal_sandbox_key(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<SandboxKey, Failure<RevealRefusal>> {
        let account = &token.account;
        let ready =
            Write::check(layout::sandbox(account)).when("#state = :ready").name("#state", "state");
        let revealed = Transaction::new()
            .with(Part::Actor, actor::acting(token, None, now))
            .with(Part::Account, account::not_suspended(account))
            .with(Part::Sandbox, ready.value(":ready", SandboxState::Ready))
            .with(
                Part::Audit,
                audit::row(account, "sandbox_key_revealed", Some(token.member.as_str()), None, now),
            );
        let (revealed, sandbox) = tokio::join!(revealed.commit(self), self.find_sandbox(account));
        revealed.map_err(|cancelled| {
            actor::sort_out(cancelled, Part::Actor, token, now, |refused| match &refused[0] {
                (Part::Account, row) => AccountRow::refused(row.clone(), RevealRefusal::NotReady),
                (Part::Sandbox, _) => Ok(RevealRefusal::NotReady),
                (Part::Actor | Part::Key | Part::Event | Part::Audit, _) => {
                    unreachable!("these have no condition, or were sorted out")
                }
            })
        })?;
        sandbox?.and_then(|sandbox| sandbox.key).ok_or(Failure::Refused(RevealRefusal::NotReady))
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
        let account = &token.account;
        let recorded = Transaction::new()
            .with(Part::Actor, actor::acting(token, None, now))
            .with(Part::Account, account::not_suspended(account))
            .with(Part::Sandbox, judged(account, key, after, None))
            .with(
                Part::Audit,
                audit::row(
                    account,
                    outcome(after),
                    Some(token.member.as_str()),
                    Some(key.id.as_str()),
                    now,
                ),
            );
        let Err(cancelled) = recorded.commit(self).await else { return Ok(after.clone()) };
        found_instead(cancelled, token, now)
    }

    /// Makes the account's Sandbox key: key row, sealed plaintext, state and counter in one
    /// transaction, or nothing.
    pub async fn insert_sandbox_key(
        &self,
        account: &AccountId,
        key: &ApiKey,
        sandbox_key: &SandboxKey,
        now: Timestamp,
    ) -> Result<(), Failure<EnsureKeyRefusal>> {
        let counted = Write::update(
            layout::account(account),
            "SET has_sandbox_key = :yes, #version = #version + :one",
        );
        let counted =
            counted.when("suspended = :no").unless_locked(now).name("#version", "version");
        let sandbox =
            with_sandbox_key(account, sandbox_key, now).when("attribute_not_exists(sandbox_key)");
        let made = Transaction::new()
            .with(Part::Account, counted.value(":yes", true).value(":no", false).value(":one", 1))
            .with(Part::Sandbox, sandbox)
            .with(
                Part::Key,
                Write::put(&layout::api_key(account, &key.id), &KeyRow::from(key)).if_new(),
            )
            .with(
                Part::Audit,
                audit::row(account, "sandbox_key_created", None, Some(key.id.as_str()), now),
            );
        made.commit(self).await.map_err(ensure_refused)
    }

    /// Replaces the Sandbox key's secret, in its row and sealed, if nobody else did.
    pub async fn replace_sandbox_secret(
        &self,
        account: &AccountId,
        key: &ApiKey,
        sandbox_key: &SandboxKey,
        now: Timestamp,
    ) -> Result<(), Failure<EnsureKeyRefusal>> {
        let row = Write::update(
            layout::api_key(account, &key.id),
            "SET digest = :digest, #start = :start",
        )
        .if_there();
        let row =
            row.name("#start", "start").value(":digest", &key.digest).value(":start", &key.start);
        let sandbox = with_sandbox_key(account, sandbox_key, now)
            .when("sandbox_key.id = :key AND sandbox_key.version = :before");
        let replaced = Transaction::new()
            .with(Part::Account, account::not_suspended(account))
            .with(
                Part::Sandbox,
                sandbox.value(":key", &key.id).value(":before", sandbox_key.version - 1),
            )
            .with(Part::Key, row)
            .with(
                Part::Audit,
                audit::row(account, "sandbox_key_replaced", None, Some(key.id.as_str()), now),
            );
        replaced.commit(self).await.map_err(ensure_refused)
    }

    /// Marks that this key is being validated, if it is still the Sandbox key.
    pub async fn begin_validation(
        &self,
        account: &AccountId,
        key: &SandboxKey,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let begun =
            Write::update(layout::sandbox(account), "SET #state = :validating, since = :now")
                .name("#state", "state");
        let begun = begun
            .when("sandbox_key.id = :key AND sandbox_key.version = :version")
            .value(":validating", SandboxState::Validating);
        self.update(
            begun
                .value(":now", now.as_millisecond())
                .value(":key", &key.id)
                .value(":version", key.version),
        )
        .await
        .map(drop)
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
        let recorded = Transaction::new()
            .with(Part::Sandbox, judged(account, key, after, Some(&key.sealed)))
            .with(Part::Event, outbox::finished(event, false))
            .with(
                Part::Audit,
                audit::row(account, outcome(after), None, Some(key.id.as_str()), now),
            );
        match recorded.commit(self).await {
            Ok(()) => Ok(()),
            Err(Cancelled::Store(error)) => Err(error.into()),
            Err(Cancelled::Refused(refused))
                if refused.iter().any(|(part, _)| *part == Part::Event) =>
            {
                Ok(())
            }
            Err(Cancelled::Refused(_)) => Err(Failure::Refused(VerdictRefusal::KeyChanged)),
        }
    }
}

/// The Sandbox that stood against a member's write, unless the member was refused itself.
fn found_instead(
    cancelled: Cancelled<Part>,
    token: &SessionToken,
    now: Timestamp,
) -> Result<Sandbox, Failure<ActorRefusal>> {
    let mut found = None;
    let failure =
        actor::sort_out(cancelled, Part::Actor, token, now, |refused| match &refused[0] {
            (Part::Account, row) => AccountRow::refused(row.clone(), ActorRefusal::SessionEnded),
            (Part::Sandbox, Some(row)) => {
                found = Some(from_item::<SandboxRow>("sandbox", row.clone())?.into_sandbox());
                Ok(ActorRefusal::SessionEnded)
            }
            (Part::Sandbox, None) => Ok(ActorRefusal::SessionEnded),
            (Part::Actor | Part::Key | Part::Event | Part::Audit, _) => {
                unreachable!("these have no condition, or were sorted out")
            }
        });
    found.ok_or(failure)
}

fn with_sandbox_key(account: &AccountId, sandbox_key: &SandboxKey, now: Timestamp) -> Write {
    let write = Write::update(
        layout::sandbox(account),
        "SET sandbox_key = :sandbox_key, #state = :validating, since = :now REMOVE validated_at",
    );
    let write = write
        .name("#state", "state")
        .value(":sandbox_key", sandbox_key)
        .value(":validating", SandboxState::Validating);
    write.value(":now", now.as_millisecond())
}

fn ensure_refused(cancelled: Cancelled<Part>) -> Failure<EnsureKeyRefusal> {
    match cancelled {
        Cancelled::Store(error) => Failure::Store(error),
        Cancelled::Refused(refused) if refused.iter().any(|(part, _)| *part == Part::Account) => {
            Failure::Refused(EnsureKeyRefusal::NoAccount)
        }
        Cancelled::Refused(_) => Failure::Refused(EnsureKeyRefusal::Overtaken),
    }
}
