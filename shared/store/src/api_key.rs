//! API keys: rows found by primary key, the counter that limits them, and idempotent creation.

use crate::account::AccountRow;
use crate::actor::{self, ActorRefusal, Admin, Caller};
use crate::sandbox;
use crate::write::{Transaction, Write, from_item};
use crate::{Failure, Store, StoreError, audit, layout};
use domain::key::{IDEMPOTENCY_WINDOW, in_listing_order};
use domain::{AccountId, ApiKey, KeyDigest, KeyId, KeyKind, KeyName, PlainKey, Role, SessionToken};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KeyRow {
    #[serde(rename = "type")]
    kind: String,
    pub id: KeyId,
    name: KeyName,
    start: String,
    digest: KeyDigest,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    created_at: Timestamp,
    /// The account's suspension, so that one read decides.
    suspended: bool,
}

impl From<&ApiKey> for KeyRow {
    fn from(key: &ApiKey) -> KeyRow {
        let ApiKey { id, name, start, digest, created_at } = key.clone();
        KeyRow { kind: "api_key".to_owned(), id, name, start, digest, created_at, suspended: false }
    }
}

impl KeyRow {
    fn into_key(self) -> ApiKey {
        let KeyRow { id, name, start, digest, created_at, kind: _, suspended: _ } = self;
        ApiKey { id, name, start, digest, created_at }
    }
}

/// The row that a presented key leads to.
#[derive(Debug, Clone)]
pub struct FoundKey {
    pub key: ApiKey,
    pub suspended: bool,
}

/// A request that may be repeated: its row's name, what it asks for, and the nonce that its key is
/// derived with.
#[derive(Debug, Clone)]
pub struct IdempotentRequest {
    pub digest: String,
    pub nonce: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct IdempotencyRow {
    #[serde(rename = "type")]
    kind: String,
    key_id: KeyId,
    name: KeyName,
    start: String,
    key_digest: KeyDigest,
    nonce: String,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    created_at: Timestamp,
    ttl: i64,
}

/// What an insertion came to.
#[derive(Debug, Clone)]
pub enum Inserted {
    New,
    /// The same request was answered before: this is its key, to be derived with this nonce.
    Before {
        key: ApiKey,
        nonce: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InsertKeyRefusal {
    #[error(transparent)]
    Actor(#[from] ActorRefusal),
    #[error("the account has as many keys as it may")]
    LimitReached,
    #[error("another request was made under this idempotency key")]
    IdempotencyKeyReused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeleteKeyRefusal {
    #[error(transparent)]
    Actor(#[from] ActorRefusal),
    #[error("the account has no such key")]
    NotFound,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Actor,
    Idempotency,
    Key,
    Account,
    Sandbox,
    Audit,
}

impl Store {
    /// The row behind a presented key: one strongly consistent read by primary key.
    pub async fn find_key(&self, plain: &PlainKey) -> Result<Option<FoundKey>, StoreError> {
        let row = self.get::<KeyRow>("key", layout::api_key(&plain.account, &plain.id)).await?;
        Ok(row.map(|row| FoundKey { suspended: row.suspended, key: row.into_key() }))
    }

    /// All keys of the caller's account, in listing order.
    pub async fn find_keys(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<(Caller, Vec<ApiKey>), Failure<ActorRefusal>> {
        let partition = layout::account_partition(&token.account);
        let (caller, rows) = tokio::join!(
            self.find_caller(token, now),
            self.query::<KeyRow>("key", partition, layout::KEYS)
        );
        let mut keys: Vec<ApiKey> = rows?.into_iter().map(KeyRow::into_key).collect();
        in_listing_order(&mut keys);
        Ok((caller?, keys))
    }

    /// Adds a key to the admin's account, if a place is free; the Sandbox key's place is not.
    pub async fn insert_key(
        &self,
        actor: &Admin,
        key: &ApiKey,
        request: Option<&IdempotentRequest>,
        now: Timestamp,
    ) -> Result<Inserted, Failure<InsertKeyRefusal>> {
        let token = &actor.session;
        let account = Write::update(
            layout::account(&token.account),
            "SET own_keys = own_keys + :one, #version = #version + :one",
        );
        let account = account
            .when("suspended = :no AND own_keys < own_key_limit")
            .unless_locked(now)
            .name("#version", "version");
        let once = request.map(|request| {
            let row = IdempotencyRow {
                kind: "idempotency".to_owned(),
                key_id: key.id.clone(),
                name: key.name.clone(),
                start: key.start.clone(),
                key_digest: key.digest.clone(),
                nonce: request.nonce.clone(),
                created_at: now,
                ttl: (now + IDEMPOTENCY_WINDOW).as_second(),
            };
            let put = Write::put(&layout::idempotency(&token.account, &request.digest), &row);
            put.when("attribute_not_exists(pk) OR created_at <= :expired")
                .value(":expired", (now - IDEMPOTENCY_WINDOW).as_millisecond())
        });
        let inserted = Transaction::new()
            .with(Part::Actor, actor::acting(token, Some(Role::Admin), now))
            .with_some(Part::Idempotency, once)
            .with(
                Part::Key,
                Write::put(&layout::api_key(&token.account, &key.id), &KeyRow::from(key)).if_new(),
            )
            .with(Part::Account, account.value(":one", 1).value(":no", false))
            .with(
                Part::Audit,
                audit::row(
                    &token.account,
                    "key_created",
                    Some(token.member.as_str()),
                    Some(key.id.as_str()),
                    now,
                ),
            );
        let Err(cancelled) = inserted.commit(self).await else { return Ok(Inserted::New) };

        let mut before = None;
        let failure =
            actor::sort_out(cancelled, Part::Actor, token, now, |refused| match refused[0] {
                (Part::Idempotency, ref row) => {
                    let row: IdempotencyRow =
                        from_item("idempotency", row.clone().unwrap_or_default())?;
                    before = (row.name == key.name).then_some(row);
                    Ok(InsertKeyRefusal::IdempotencyKeyReused)
                }
                (Part::Account, ref row) => {
                    AccountRow::refused(row.clone(), InsertKeyRefusal::LimitReached)
                }
                (Part::Key, _) => Err(StoreError::Contended),
                (Part::Actor | Part::Sandbox | Part::Audit, _) => {
                    unreachable!("these have no condition, or were sorted out")
                }
            });
        match before {
            Some(row) => {
                let IdempotencyRow {
                    key_id: id,
                    name,
                    start,
                    key_digest: digest,
                    nonce,
                    created_at,
                    kind: _,
                    ttl: _,
                } = row;
                Ok(Inserted::Before { key: ApiKey { id, name, start, digest, created_at }, nonce })
            }
            None => Err(failure),
        }
    }

    /// Deletes a key: from the moment this returns, the next call with it is refused.
    pub async fn delete_key(
        &self,
        actor: &Admin,
        key: &KeyId,
        now: Timestamp,
    ) -> Result<(), Failure<DeleteKeyRefusal>> {
        let token = &actor.session;
        let sandbox = key.kind() == KeyKind::Sandbox;
        let gone = Write::delete(layout::api_key(&token.account, key)).if_there();
        let deleted = Transaction::new()
            .with(Part::Actor, actor::acting(token, Some(Role::Admin), now))
            .with(Part::Key, gone)
            .with(Part::Account, one_key_less(&token.account, sandbox, now))
            .with_some(
                Part::Sandbox,
                sandbox.then(|| sandbox::without_key(&token.account, key, now)),
            )
            .with(
                Part::Audit,
                audit::row(
                    &token.account,
                    "key_deleted",
                    Some(token.member.as_str()),
                    Some(key.as_str()),
                    now,
                ),
            );
        deleted.commit(self).await.map_err(|cancelled| {
            actor::sort_out(cancelled, Part::Actor, token, now, |refused| match refused[0] {
                (Part::Key | Part::Sandbox, _) => Ok(DeleteKeyRefusal::NotFound),
                (Part::Account, ref row) => {
                    AccountRow::refused(row.clone(), DeleteKeyRefusal::NotFound)
                }
                (Part::Actor | Part::Idempotency | Part::Audit, _) => {
                    unreachable!("these have no condition, or were sorted out")
                }
            })
        })
    }
}

fn one_key_less(account: &AccountId, sandbox: bool, now: Timestamp) -> Write {
    let write = if sandbox {
        Write::update(
            layout::account(account),
            "SET has_sandbox_key = :no, #version = #version + :one",
        )
    } else {
        Write::update(
            layout::account(account),
            "SET own_keys = own_keys - :one, #version = #version + :one",
        )
    };
    write
        .when("suspended = :no")
        .unless_locked(now)
        .name("#version", "version")
        .value(":one", 1)
        .value(":no", false)
}
