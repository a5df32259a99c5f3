//! API keys: found by primary key, counted against their limit, made once however often it is
//! asked for.

use crate::actor::{self, ActorRefusal, Admin, Caller};
use crate::plan;
use crate::rows::{AddressedRow, Asked, IdempotencyRow, Item, KeyRow, PlanRow, from_item, to_item};
use crate::write::{Backoff, Obstacle, Transaction, Write};
use crate::{Failure, Store, StoreError, account, audit, layout, outbox, sandbox};
use aws_sdk_dynamodb::Config;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::key::{
    IDEMPOTENCY_WINDOW, IdempotencyKey, Invalid, KeyChange, KeySecret, Overlap, USE_MARKED_EVERY,
    in_listing_order, may_expire,
};
use domain::{
    AccountId, ApiKey, EmailAddress, KeyId, KeyKind, MemberId, PlainKey, Plan, SessionToken, base62,
};
use jiff::Timestamp;
use rand::CryptoRng;
use std::collections::HashMap;

/// The row that a presented key leads to.
#[derive(Debug, Clone)]
pub struct FoundKey {
    pub key: ApiKey,
    pub suspended: bool,
    /// What the account's calls are held to.
    pub plan: Plan,
}

/// All keys of an account, as one of its members finds them.
#[derive(Debug, Clone)]
pub struct FoundKeys {
    pub caller: Caller,
    pub keys: Vec<ApiKey>,
    /// The addresses of those who are members now.
    pub addresses: HashMap<MemberId, EmailAddress>,
}

/// A request that may be repeated: its row's name, and the nonce that its key is derived with.
#[derive(Debug, Clone)]
pub struct IdempotentRequest {
    pub digest: String,
    pub nonce: String,
}

impl IdempotentRequest {
    /// Base62 characters of the nonce: 131 bits.
    const NONCE_LEN: usize = 22;

    pub fn new(once: &IdempotencyKey, caller: &SessionToken, rng: &mut impl CryptoRng) -> Self {
        Self { digest: once.digest(caller), nonce: base62::random(Self::NONCE_LEN, rng) }
    }
}

/// What an idempotent insertion came to.
#[derive(Debug, Clone)]
pub enum Inserted {
    New,
    /// The same request was answered before: this is its key, to be derived with this nonce.
    Before {
        key: Box<ApiKey>,
        nonce: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InsertKeyRefusal {
    #[error(transparent)]
    Actor(#[from] ActorRefusal),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("the account has as many keys as it may")]
    LimitReached,
    #[error("another request was made under this idempotency key")]
    IdempotencyKeyReused,
    #[error("the key that this request made has been deleted since")]
    DeletedSince,
    #[error("the key that this request made has been rotated since")]
    RotatedSince,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeleteKeyRefusal {
    #[error(transparent)]
    Actor(#[from] ActorRefusal),
    #[error("the account has no such key")]
    NotFound,
}

/// What is to become of a key's value.
#[derive(Debug, Clone)]
pub struct Rotation {
    pub secret: KeySecret,
    pub keep_old: Overlap,
    pub once: Option<IdempotentRequest>,
}

/// What a rotation came to.
#[derive(Debug, Clone)]
pub enum Rotated {
    New {
        key: ApiKey,
        value: PlainKey,
    },
    /// The same request was answered before: this is the key now, and its secret was derived with
    /// this nonce then.
    Before {
        key: ApiKey,
        nonce: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RotateKeyRefusal {
    #[error(transparent)]
    Key(#[from] ChangeKeyRefusal),
    #[error("the key has expired")]
    Expired,
    #[error("another request was made under this idempotency key")]
    IdempotencyKeyReused,
}

impl From<ActorRefusal> for RotateKeyRefusal {
    fn from(refusal: ActorRefusal) -> Self {
        Self::Key(refusal.into())
    }
}

/// Why a key was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChangeKeyRefusal {
    #[error(transparent)]
    Actor(#[from] ActorRefusal),
    #[error("the account has no such key")]
    NotFound,
    #[error("the Sandbox key is the desk's own")]
    SandboxKey,
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

impl Store {
    /// The row behind a presented key: one strongly consistent read by primary key.
    pub async fn find_key(&self, plain: &PlainKey) -> Result<Option<FoundKey>, StoreError> {
        let row = self.get::<KeyRow>("key", layout::api_key(&plain.account, &plain.id)).await?;
        Ok(row.map(|row| FoundKey {
            suspended: row.suspended,
            plan: row.plan.0,
            key: row.into_key(),
        }))
    }

    /// Marks a key as used now, if it is there, and nobody did within the hour: a deleted one does
    /// not come back by it, and a slower clock turns none back. It is sent once, whatever becomes
    /// of it, for whoever checks a key waits for it, and the next use makes up for it. The check's
    /// role may do this and nothing else, so it asks nothing back.
    pub async fn mark_key_used(&self, plain: &PlainKey, now: Timestamp) -> Result<(), StoreError> {
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let marked = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(to_item(&layout::api_key(&plain.account, &plain.id))))
            .update_expression("SET last_used_at = :now")
            .condition_expression(
                "attribute_exists(pk) AND \
                 (attribute_not_exists(last_used_at) OR last_used_at <= :due)",
            )
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":due", time(now - USE_MARKED_EVERY))
            .return_values(ReturnValue::None)
            .customize()
            .config_override(once)
            .send()
            .await;
        match marked {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                Some(_) | None => Err(StoreError::unavailable(error)),
            },
        }
    }

    /// All keys of the caller's account, in listing order. One that cannot be read fails the list:
    /// a key that is not shown would be missed by nobody, and go on opening the product API.
    ///
    /// Who made them is read beside them: only then is it known whether the caller is an admin.
    pub async fn find_keys(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<FoundKeys, Failure<ActorRefusal>> {
        let partition = layout::account_partition(&token.account);
        let (caller, rows, members) = tokio::join!(
            self.find_caller(token, now),
            self.query::<KeyRow>("key", partition.clone(), layout::KEY_PREFIX),
            self.query::<AddressedRow>("member", partition, layout::MEMBER_PREFIX)
        );
        let mut keys: Vec<ApiKey> = rows?.into_iter().map(KeyRow::into_key).collect();
        in_listing_order(&mut keys);
        let addresses = members?.into_iter().filter_map(AddressedRow::into_address).collect();
        Ok(FoundKeys { caller: caller?, keys, addresses })
    }

    /// Why an admin's request for a key is refused that cannot be taken: who asks comes first.
    pub async fn refuse_key(
        &self,
        actor: &Admin,
        invalid: Invalid,
        now: Timestamp,
    ) -> Failure<InsertKeyRefusal> {
        let refused = refused(actor::transaction(actor, now), actor, invalid.into());
        refused.commit(self).await.expect_err(NEVER)
    }

    /// Adds a key to the admin's account, if a place is free; the Sandbox key's place is not.
    pub async fn insert_key(
        &self,
        actor: &Admin,
        key: &ApiKey,
        now: Timestamp,
    ) -> Result<(), Failure<InsertKeyRefusal>> {
        let mut backoff = Backoff::new(self);
        loop {
            match self.with_key(actor::transaction(actor, now), actor, key, now).commit(self).await
            {
                Ok(()) => return Ok(()),
                Err(failure) => match failure.found()? {
                    Instead::Limits(plan) => self.plans.see(&actor.session.account, plan),
                    Instead::Before(_) => unreachable!("it is put on record by `once` alone"),
                },
            }
            backoff.wait().await?;
        }
    }

    /// [`Store::insert_key`] for a request that may be repeated: within the window, the same
    /// request finds what it made before, if that is still there. A deleted key never comes back,
    /// so one consistent read of its row after the transaction says it for both.
    pub async fn insert_key_once(
        &self,
        actor: &Admin,
        key: &ApiKey,
        request: &IdempotentRequest,
        now: Timestamp,
    ) -> Result<Inserted, Failure<InsertKeyRefusal>> {
        let asked = Asked::Creation { name: key.name.clone(), expires_at: key.expires_at };
        let mut backoff = Backoff::new(self);
        let made = loop {
            let (asked, account) = (asked.clone(), &actor.session.account);
            let once = once(account, request, &asked, &key.id, now);
            let transaction = actor::transaction(actor, now).guarded(once, move |row| {
                let row: IdempotencyRow = from_item("idempotency", row.unwrap_or_default())?;
                Ok(if row.asked == asked {
                    Obstacle::Found(Instead::Before(row))
                } else {
                    Obstacle::Refused(InsertKeyRefusal::IdempotencyKeyReused)
                })
            });
            match self.with_key(transaction, actor, key, now).commit(self).await {
                Ok(()) => return Ok(Inserted::New),
                Err(failure) => match failure.found()? {
                    Instead::Before(made) => break made,
                    Instead::Limits(plan) => self.plans.see(account, plan),
                },
            }
            backoff.wait().await?;
        };
        let key = self.find_key_of(&actor.session.account, &made.key_id).await?;
        let key = key.ok_or(Failure::Refused(InsertKeyRefusal::DeletedSince))?;
        Ok(Inserted::Before { key: Box::new(key), nonce: made.nonce })
    }

    /// Changes a key's name, when it expires, or both. The key is read for the answer and the
    /// trail; the write alone decides, on condition that the key is still as it was read.
    pub async fn change_key(
        &self,
        actor: &Admin,
        id: &KeyId,
        change: &Result<KeyChange, Invalid>,
        now: Timestamp,
    ) -> Result<ApiKey, Failure<ChangeKeyRefusal>> {
        let mut backoff = Backoff::new(self);
        loop {
            let was = self.find_key_of(&actor.session.account, id).await?;
            match self.change_as_read(actor, was, change, now).await {
                Ok(key) => return Ok(key),
                Err(failure) => failure.found()?,
            }
            backoff.wait().await?;
        }
    }

    async fn change_as_read(
        &self,
        actor: &Admin,
        was: Option<ApiKey>,
        change: &Result<KeyChange, Invalid>,
        now: Timestamp,
    ) -> Result<ApiKey, Failure<Obstacle<ChangeKeyRefusal, ()>>> {
        let token = &actor.session;
        let changing = actor::transaction(actor, now);
        let (was, is) = match decided(was, change, now) {
            Ok(decided) => decided,
            Err(refusal) => {
                let refused = refused(changing, actor, Obstacle::Refused(refusal)).commit(self);
                return Err(refused.await.expect_err(NEVER));
            }
        };
        let target = Some(was.id.as_str());
        let about =
            |action| audit::by_member(token, action, target, now).labelled(was.name.as_str());
        let until = |key: &ApiKey| key.expires_at.map(Timestamp::as_millisecond);
        let mut changing = changing
            .guarded(account::not_suspended(&token.account), account::ended)
            .guarded(changed(&token.account, &was, &is), anew);
        if was.name != is.name {
            changing = changing.with(about("key_renamed").changed("name", &was.name, &is.name));
        }
        if was.expires_at != is.expires_at {
            let entry = about("key_expiry_changed");
            let reminders = outbox::reminders(&token.account, &is, now, &mut self.rng());
            let none = || outbox::no_reminders(&token.account, &is.id);
            changing = changing.with(reminders.unwrap_or_else(none)).with(entry.changed(
                "expires_at",
                until(&was),
                until(&is),
            ));
        }
        changing.commit(self).await?;
        Ok(is)
    }

    /// Gives a key a new value, and leaves it the old one for a while. The key is read for the
    /// answer and the trail; the write alone decides, on condition that the key is still as it was
    /// read.
    pub async fn rotate_key(
        &self,
        actor: &Admin,
        id: &KeyId,
        rotation: &Result<Rotation, Invalid>,
        now: Timestamp,
    ) -> Result<Rotated, Failure<RotateKeyRefusal>> {
        let mut backoff = Backoff::new(self);
        loop {
            let was = self.find_key_of(&actor.session.account, id).await?;
            match self.rotate_as_read(actor, was.clone(), rotation, now).await {
                Ok((key, value)) => return Ok(Rotated::New { key, value }),
                Err(failure) => match (failure.found()?, was) {
                    (Some(before), Some(key)) => {
                        return Ok(Rotated::Before { key, nonce: before.nonce });
                    }
                    (None, _) | (_, None) => backoff.wait().await?,
                },
            }
        }
    }

    async fn rotate_as_read(
        &self,
        actor: &Admin,
        was: Option<ApiKey>,
        rotation: &Result<Rotation, Invalid>,
        now: Timestamp,
    ) -> Result<(ApiKey, PlainKey), Failure<Obstacle<RotateKeyRefusal, Option<IdempotencyRow>>>>
    {
        let token = &actor.session;
        let rotating = actor::transaction(actor, now);
        let (was, rotation) = match rotatable(was, rotation, now) {
            Ok(rotatable) => rotatable,
            Err(refusal) => {
                let refused = refused(rotating, actor, Obstacle::Refused(refusal)).commit(self);
                return Err(refused.await.expect_err(NEVER));
            }
        };
        let value = was.value(&token.account, &rotation.secret);
        let is = was.rotated(&value, rotation.keep_old, now);
        let gone = Obstacle::Refused(ChangeKeyRefusal::NotFound.into());
        let rotated = rotated(&token.account, &was, &is, rotation.once.is_some());
        let rotating = rotating
            .guarded(account::not_suspended(&token.account), account::ended)
            .guarded(rotated, |row| Ok(row.map_or(gone, |_| Obstacle::Found(None))));
        let rotating = match &rotation.once {
            None => rotating,
            Some(request) => {
                let asked = Asked::Rotation { keep_old_seconds: rotation.keep_old.seconds() };
                let once = once(&token.account, request, &asked, &was.id, now);
                let id = was.id.clone();
                rotating.guarded(once, move |row| {
                    let row: IdempotencyRow = from_item("idempotency", row.unwrap_or_default())?;
                    Ok(if row.asked == asked && row.key_id == id {
                        Obstacle::Found(Some(row))
                    } else {
                        Obstacle::Refused(RotateKeyRefusal::IdempotencyKeyReused)
                    })
                })
            }
        };
        let until = is.old.as_ref().map(|old| old.valid_until.as_millisecond());
        let audited = audit::by_member(token, "key_rotated", Some(was.id.as_str()), now)
            .labelled(was.name.as_str())
            .changed("old_valid_until", None::<i64>, until);
        rotating.with(audited).commit(self).await?;
        Ok((is, value))
    }

    pub async fn find_key_of(
        &self,
        account: &AccountId,
        id: &KeyId,
    ) -> Result<Option<ApiKey>, StoreError> {
        let row = self.get::<KeyRow>("key", layout::api_key(account, id)).await?;
        Ok(row.map(KeyRow::into_key))
    }

    /// Deletes a key: from the moment this returns, the next call with it is refused. Its name is
    /// read for the trail, and one that cannot be read keeps no key from being deleted.
    pub async fn delete_key(
        &self,
        actor: &Admin,
        key: &KeyId,
        now: Timestamp,
    ) -> Result<(), Failure<DeleteKeyRefusal>> {
        let row = layout::api_key(&actor.session.account, key);
        let mut backoff = Backoff::new(self);
        loop {
            let name = self.name_at("key", row.clone()).await?;
            match deleting(actor, key, name.as_deref(), now).commit(self).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure.found()?,
            }
            backoff.wait().await?;
        }
    }
}

/// What stands against a deletion, or that the key has another name than was read.
type Undeleted = Obstacle<DeleteKeyRefusal, ()>;

fn deleting<'a>(
    actor: &'a Admin,
    key: &'a KeyId,
    name: Option<&'a str>,
    now: Timestamp,
) -> Transaction<'a, Undeleted> {
    const NOT_FOUND: Undeleted = Obstacle::Refused(DeleteKeyRefusal::NotFound);
    let account = &actor.session.account;
    let gone = Write::delete(layout::api_key(account, key));
    let gone = match name {
        Some(name) => gone.when("name = :name").value(":name", name),
        None => gone.if_there(),
    };
    let deleted = actor::transaction(actor, now)
        .guarded(gone, |row| Ok(row.map_or(NOT_FOUND, |_| Obstacle::Found(()))));
    let deleted = match key.kind() {
        KeyKind::Live => {
            let one_less = account::counted(account, "own_keys = own_keys - :one");
            deleted
                .guarded(one_less, |row| account::refused(row, NOT_FOUND))
                .with(outbox::no_reminders(account, key))
        }
        KeyKind::Sandbox => {
            let place_free = account::counted(account, "has_sandbox_key = :no");
            let sandbox = sandbox::without_key(account, key, now);
            deleted
                .guarded(place_free, |row| account::refused(row, NOT_FOUND))
                .guarded(sandbox, |_| Ok(NOT_FOUND))
        }
    };
    deleted.with(
        audit::by_member(&actor.session, "key_deleted", Some(key.as_str()), now).some_label(name),
    )
}

/// What stands against an insertion, or was found instead.
type Uninserted = Obstacle<InsertKeyRefusal, Instead>;

enum Instead {
    /// The request was made before.
    Before(IdempotencyRow),
    /// The account has other limits than this process has seen.
    Limits(Plan),
}

impl Store {
    /// What every insertion of a key writes: its row with the account's limits, the counter under
    /// its limit, its reminders, the audit row. When it may end is judged here, behind what a
    /// repetition finds.
    fn with_key<'a>(
        &self,
        transaction: Transaction<'a, Uninserted>,
        actor: &Admin,
        key: &ApiKey,
        now: Timestamp,
    ) -> Transaction<'a, Uninserted> {
        let token = &actor.session;
        if !key.expires_at.is_none_or(|at| may_expire(at, now)) {
            return refused(transaction, actor, Obstacle::Refused(Invalid::Expiry.into()));
        }
        let plan = self.plans.of(&token.account);
        let row = KeyRow::new(key, &plan);
        let row = Write::put(&layout::api_key(&token.account, &key.id), &row).if_new();
        let one_more = account::counted(&token.account, "own_keys = own_keys + :one")
            .and("own_keys < own_key_limit");
        let transaction = match outbox::reminders(&token.account, key, now, &mut self.rng()) {
            Some(reminders) => transaction.with(reminders),
            None => transaction,
        };
        transaction
            // An id that is drawn twice is drawn anew by the next request.
            .guarded(row, |_| Err(StoreError::Contended))
            .guarded(plan::is(one_more, &plan), move |row| {
                if let Some(PlanRow(is)) =
                    row.clone().map(|row| from_item("account", row)).transpose()?
                    && is.version != plan.version
                {
                    return Ok(Obstacle::Found(Instead::Limits(is)));
                }
                account::refused(row, Obstacle::Refused(InsertKeyRefusal::LimitReached))
            })
            .with(
                audit::by_member(token, "key_created", Some(key.id.as_str()), now)
                    .labelled(key.name.as_str()),
            )
    }
}

/// Puts on record what a request asks for, and about which key, if it was not made before.
fn once(
    account: &AccountId,
    request: &IdempotentRequest,
    asked: &Asked,
    key: &KeyId,
    now: Timestamp,
) -> Write {
    let row = IdempotencyRow::new(asked, key, &request.nonce, now, IDEMPOTENCY_WINDOW);
    Write::put(&layout::idempotency(account, &request.digest), &row)
        .when("attribute_not_exists(pk) OR created_at <= :expired")
        .value(":expired", (now - IDEMPOTENCY_WINDOW).as_millisecond())
}

/// The account's key of that id, if admins made it.
fn own_key(found: Option<ApiKey>) -> Result<ApiKey, ChangeKeyRefusal> {
    let key = found.ok_or(ChangeKeyRefusal::NotFound)?;
    if key.is_sandbox() { Err(ChangeKeyRefusal::SandboxKey) } else { Ok(key) }
}

/// The key and what is to become of its value.
fn rotatable(
    found: Option<ApiKey>,
    rotation: &Result<Rotation, Invalid>,
    now: Timestamp,
) -> Result<(ApiKey, &Rotation), RotateKeyRefusal> {
    let was = own_key(found)?;
    if was.has_expired(now) {
        return Err(RotateKeyRefusal::Expired);
    }
    let rotation = rotation.as_ref().map_err(|invalid| ChangeKeyRefusal::from(*invalid))?;
    Ok((was, rotation))
}

/// A key with a new value. Rotations at once need not know of each other, save those that may be
/// repetitions: what these are depends on the value that there is.
fn rotated(account: &AccountId, was: &ApiKey, is: &ApiKey, perhaps_again: bool) -> Write {
    let old = is.old.as_ref().map_or(
        " REMOVE old_digest, old_valid_until",
        |_| ", old_digest = digest, old_valid_until = :until",
    );
    let set = format!("SET digest = :digest, rotated_at = :at{old}");
    let rotated = Write::update(layout::api_key(account, &was.id), &set)
        .value(":digest", &is.digest)
        .value(":at", is.rotated_at.map(Timestamp::as_millisecond))
        .some_value(":until", is.old.as_ref().map(|old| old.valid_until.as_millisecond()));
    let rotated = as_read(rotated, was);
    if perhaps_again { rotated.and("digest = :was").value(":was", &was.digest) } else { rotated }
}

/// A key as it was, and as it is to be.
fn decided(
    found: Option<ApiKey>,
    change: &Result<KeyChange, Invalid>,
    now: Timestamp,
) -> Result<(ApiKey, ApiKey), ChangeKeyRefusal> {
    let was = own_key(found)?;
    let change = change.as_ref().map_err(|invalid| *invalid)?;
    let is = was.changed(change, now)?;
    Ok((was, is))
}

/// A key from how it was read to how it is to be.
fn changed(account: &AccountId, was: &ApiKey, is: &ApiKey) -> Write {
    let until = is.expires_at.map_or(" REMOVE expires_at", |_| ", expires_at = :until");
    let set = format!("SET name = :name{until}");
    let changed = Write::update(layout::api_key(account, &was.id), &set)
        .value(":name", &is.name)
        .some_value(":until", is.expires_at.map(Timestamp::as_millisecond));
    as_read(changed, was)
}

/// On condition that the key is still as it was read, as far as an act tells of it or stands on it.
fn as_read(write: Write, was: &ApiKey) -> Write {
    let until =
        was.expires_at.map_or("attribute_not_exists(expires_at)", |_| "expires_at = :was_until");
    write
        .when("name = :was_name")
        .and(until)
        .value(":was_name", &was.name)
        .some_value(":was_until", was.expires_at.map(Timestamp::as_millisecond))
}

/// That the key is gone, or that somebody changed it meanwhile: then it is read and decided anew.
fn anew(row: Option<Item>) -> Result<Obstacle<ChangeKeyRefusal, ()>, StoreError> {
    Ok(row.map_or(Obstacle::Refused(ChangeKeyRefusal::NotFound), |_| Obstacle::Found(())))
}

/// Why a request that is refused by itself never commits.
const NEVER: &str = "its condition holds for no row";

/// A request that is refused whatever there is, in its place among the other refusals.
fn refused<'a, R: From<ActorRefusal> + Send + 'a>(
    transaction: Transaction<'a, R>,
    actor: &Admin,
    refusal: R,
) -> Transaction<'a, R> {
    let account = account::of_customer(account::changed(&actor.session.account, ""));
    transaction.guarded(account::never(account), |row| account::refused(row, refusal))
}

fn time(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.as_millisecond().to_string())
}
