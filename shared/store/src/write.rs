//! Writes with their conditions, and the transaction that carries them.
//!
//! The refusal stands beside its condition: [`Transaction::guarded`] takes a write together with
//! the function that names its refusal, from the row as it was.

use crate::layout::RowKey;
use crate::rows::{Item, NamedRow, from_item, is_suspended_account, to_item};
use crate::unanswered::Unanswered;
use crate::{Failure, Random, Store, StoreError, layout};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use domain::{AccountId, AuditId, base62};
use jiff::Timestamp;
use rand::RngExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::time::Duration;

/// One write of a transaction, with the condition that it stands on.
///
/// Expressions name attributes as they are: each gets a placeholder of its own, since many names
/// are reserved words of DynamoDB's.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    kind: Kind,
    condition: Option<String>,
    names: HashMap<String, String>,
    values: Item,
}

#[derive(Debug, Clone)]
enum Kind {
    Put(Item),
    /// It is kept as long as the trail is, from this time on.
    PutIntoTrail(Item, Timestamp),
    /// The same of what happened to an account at this time, at a place that nobody guesses.
    AddToTrail(AccountId, Item, Timestamp),
    Update(RowKey, String),
    Delete(RowKey),
    Check(RowKey),
}

impl Write {
    /// Puts `row` at `key`; with [`Write::if_new`], nothing may be there yet.
    pub fn put(key: &RowKey, row: &impl Serialize) -> Self {
        let mut item = to_item(row);
        item.extend(to_item(key));
        Self::of(Kind::Put(item))
    }

    pub fn put_into_trail(key: &RowKey, mut row: Item, at: Timestamp) -> Self {
        row.extend(to_item(key));
        Self::of(Kind::PutIntoTrail(row, at))
    }

    /// What happened to an account at this time. Its key is drawn when it is written.
    pub fn add_to_trail(account: &AccountId, row: Item, at: Timestamp) -> Self {
        Self::of(Kind::AddToTrail(account.clone(), row, at))
    }

    pub fn update(key: RowKey, expression: &str) -> Self {
        let mut write = Self::of(Kind::Check(key.clone()));
        write.kind = Kind::Update(key, write.with_placeholders(expression));
        write
    }

    pub fn delete(key: RowKey) -> Self {
        Self::of(Kind::Delete(key))
    }

    pub fn check(key: RowKey) -> Self {
        Self::of(Kind::Check(key))
    }

    fn of(kind: Kind) -> Self {
        Self { kind, condition: None, names: HashMap::new(), values: HashMap::new() }
    }

    /// The expression with a placeholder for each attribute, noted in `names`.
    fn with_placeholders(&mut self, expression: &str) -> String {
        let mut text = String::with_capacity(expression.len() * 2);
        let mut rest = expression;
        while let Some(first) = rest.chars().next() {
            let of_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':' || c == '#';
            let end = rest.find(|c| of_word(c) != of_word(first)).unwrap_or(rest.len());
            let (part, behind) = rest.split_at(end);
            // Values begin with a colon, placeholders with a hash, operators are in capitals, and
            // functions have an argument.
            if part.starts_with(|c: char| c.is_ascii_lowercase()) && !behind.starts_with('(') {
                self.names.insert(format!("#{part}"), part.to_owned());
                text.push('#');
            }
            text.push_str(part);
            rest = behind;
        }
        text
    }

    /// The first condition, or the only one.
    pub fn when(mut self, condition: &str) -> Self {
        debug_assert!(self.condition.is_none(), "one more condition is added by `and`");
        self.condition = Some(self.with_placeholders(condition));
        self
    }

    /// One more condition.
    pub fn and(mut self, condition: &str) -> Self {
        let condition = self.with_placeholders(condition);
        self.condition = Some(match self.condition {
            Some(before) => format!("{before} AND {condition}"),
            None => condition,
        });
        self
    }

    pub fn if_new(self) -> Self {
        self.when("attribute_not_exists(pk)")
    }

    pub fn if_there(self) -> Self {
        self.when("attribute_exists(pk)")
    }

    /// A part of a path that is not known before.
    pub fn name(mut self, placeholder: &str, name: impl Into<String>) -> Self {
        self.names.insert(placeholder.to_owned(), name.into());
        self
    }

    pub fn value(mut self, placeholder: &str, value: impl Serialize) -> Self {
        let value = serde_dynamo::to_attribute_value(value).expect("values are plain");
        self.values.insert(placeholder.to_owned(), value);
        self
    }

    /// A value that the expression names only if there is one.
    pub fn some_value(self, placeholder: &str, value: Option<impl Serialize>) -> Self {
        match value {
            Some(value) => self.value(placeholder, value),
            None => self,
        }
    }

    /// A set of texts: `serde` knows lists only.
    pub fn set_of(mut self, placeholder: &str, values: impl IntoIterator<Item = String>) -> Self {
        let set = AttributeValue::Ss(values.into_iter().collect());
        self.values.insert(placeholder.to_owned(), set);
        self
    }

    fn into_item(self, store: &Store) -> TransactWriteItem {
        let condition = self.condition;
        let names = (!self.names.is_empty()).then_some(self.names);
        let values = (!self.values.is_empty()).then_some(self.values);
        // Four builders of the SDK's with the same fields, and no trait for them.
        macro_rules! complete {
            ($builder:expr) => {
                $builder
                    .table_name(&store.table)
                    .set_condition_expression(condition)
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values)
                    .return_values_on_condition_check_failure(
                        ReturnValuesOnConditionCheckFailure::AllOld,
                    )
                    .build()
                    .expect("every required field is set")
            };
        }
        let item = TransactWriteItem::builder();
        match self.kind {
            Kind::Put(row) => item.put(complete!(Put::builder().set_item(Some(row)))),
            Kind::PutIntoTrail(row, at) => {
                item.put(complete!(Put::builder().set_item(Some(store.kept(row, at)))))
            }
            Kind::AddToTrail(account, mut row, at) => {
                let id = AuditId::random(&mut store.rng());
                row.extend(to_item(&layout::audit(&account, at, &id)));
                item.put(complete!(Put::builder().set_item(Some(store.kept(row, at)))))
            }
            Kind::Update(key, expression) => item.update(complete!(
                Update::builder().set_key(Some(to_item(&key))).update_expression(expression)
            )),
            Kind::Delete(key) => {
                item.delete(complete!(Delete::builder().set_key(Some(to_item(&key)))))
            }
            Kind::Check(key) => item
                .condition_check(complete!(ConditionCheck::builder().set_key(Some(to_item(&key))))),
        }
        .build()
    }
}

/// Names the refusal of a write, from the row as it was and whether the account is suspended.
type NameRefusal<'a, R> = Box<dyn FnOnce(Option<Item>, bool) -> Result<R, StoreError> + Send + 'a>;

/// Writes that are made together or not at all. It fails as its operation does: `R` is what can
/// stand against it.
pub(crate) struct Transaction<'a, R> {
    writes: Vec<(Write, Option<NameRefusal<'a, R>>)>,
    if_suspended: Option<R>,
}

impl<'a, R> Transaction<'a, R> {
    pub fn new() -> Self {
        Self { writes: Vec::new(), if_suspended: None }
    }

    /// One that begins with the write of whoever acts. What stands against that comes first, and
    /// is named knowing of a suspension; then that the account is suspended, and then all else.
    pub fn of_actor(
        actor: Write,
        refusal: impl FnOnce(Option<Item>, bool) -> Result<R, StoreError> + Send + 'a,
        if_suspended: R,
    ) -> Self {
        Self { writes: vec![(actor, Some(Box::new(refusal)))], if_suspended: Some(if_suspended) }
    }

    /// A write without a condition.
    pub fn with(mut self, write: impl Into<Write>) -> Self {
        let write = write.into();
        debug_assert!(write.condition.is_none(), "a condition has a refusal: `guarded`");
        self.writes.push((write, None));
        self
    }

    /// A write with a condition, and what it means that it did not hold.
    pub fn guarded(
        mut self,
        write: Write,
        refusal: impl FnOnce(Option<Item>) -> Result<R, StoreError> + Send + 'a,
    ) -> Self {
        self.writes.push((write, Some(Box::new(|row, _| refusal(row)))));
        self
    }

    /// Commits, or says what stood against it: the first of the refused writes decides.
    pub async fn commit(self, store: &Store) -> Result<(), Failure<R>> {
        let (writes, refusals): (Vec<_>, Vec<_>) = self.writes.into_iter().unzip();
        let Some(reasons) = store.transact(writes).await? else { return Ok(()) };
        let refused: Vec<_> = refusals
            .into_iter()
            .zip(reasons)
            .enumerate()
            .filter(|(_, (_, reason))| is_refused(reason))
            .collect();
        let mut items = refused.iter().filter_map(|(_, (_, reason))| reason.item());
        let suspended = items.any(is_suspended_account);
        let Some((place, (Some(name), reason))) = refused.into_iter().next() else {
            return Err(StoreError::Unavailable("refused without a condition".to_owned()).into());
        };
        match self.if_suspended {
            Some(refusal) if suspended && place > 0 => Err(Failure::Refused(refusal)),
            Some(_) | None => {
                Err(name(reason.item, suspended).map_or_else(Failure::Store, Failure::Refused))
            }
        }
    }
}

fn is_refused(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

/// What the store says of a row that a write of the transaction cannot be made on.
fn damage(reasons: &[CancellationReason]) -> Option<String> {
    let damaged = reasons.iter().find(|reason| reason.code() == Some("ValidationError"))?;
    Some(format!("ValidationError: {}", damaged.message().unwrap_or_default()))
}

/// What stood against a write: a refusal, or what was found there instead.
pub(crate) enum Obstacle<R, T> {
    Refused(R),
    Found(T),
}

impl<R, T> Failure<Obstacle<R, T>> {
    /// What was found instead, or the failure that it is to the caller.
    pub fn found(self) -> Result<T, Failure<R>> {
        match self {
            Self::Refused(Obstacle::Found(found)) => Ok(found),
            Self::Refused(Obstacle::Refused(refusal)) => Err(Failure::Refused(refusal)),
            Self::Store(error) => Err(Failure::Store(error)),
        }
    }
}

/// Base62 characters of a transaction's token: 190 bits. The store takes 36 at most.
const REQUEST_TOKEN_LEN: usize = 32;
/// How often something contended is tried again.
const MAX_RETRIES: u32 = 6;
/// The longest first wait; each further one may be twice as long.
const FIRST_WAIT_MILLIS: u64 = 20;

/// Waits between tries at contended rows: full jitter, in all about a second at most.
pub(crate) struct Backoff {
    retries: u32,
    rng: Random,
}

impl Backoff {
    pub fn new(store: &Store) -> Self {
        Self { retries: 0, rng: store.rng() }
    }

    /// [`Backoff::wait`] before a write is tried again: when it is tried no more, it was not made,
    /// unless a try of it was not answered.
    async fn wait_for(&mut self, unanswered: &Unanswered) -> Result<(), StoreError> {
        self.wait().await.map_err(|error| {
            if unanswered.any() { StoreError::Unknown(error.to_string()) } else { error }
        })
    }

    pub async fn wait(&mut self) -> Result<(), StoreError> {
        if self.retries == MAX_RETRIES {
            return Err(StoreError::Contended);
        }
        let most = FIRST_WAIT_MILLIS << self.retries;
        self.retries += 1;
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(1..=most))).await;
        Ok(())
    }
}

impl Store {
    /// A row of the trail, with the end of its time if it has one.
    fn kept(&self, mut row: Item, at: Timestamp) -> Item {
        if let Some(kept_for) = self.trail_kept_for {
            let ttl = AttributeValue::N((at + kept_for).as_second().to_string());
            row.insert("ttl".to_owned(), ttl);
        }
        row
    }

    /// One strongly consistent read by primary key.
    pub(crate) async fn get<R: DeserializeOwned>(
        &self,
        kind: &'static str,
        key: RowKey,
    ) -> Result<Option<R>, StoreError> {
        let read = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(to_item(&key)))
            .consistent_read(true);
        let item = read.send().await.map_err(StoreError::unavailable)?.item;
        item.map(|item| from_item(kind, item)).transpose()
    }

    /// What people call what a row is of, if it is there and says so.
    pub(crate) async fn name_at(
        &self,
        kind: &'static str,
        key: RowKey,
    ) -> Result<Option<String>, StoreError> {
        match self.get::<NamedRow>(kind, key).await {
            Ok(row) => Ok(row.map(|row| row.name)),
            Err(StoreError::Row { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All rows of a partition whose sort key begins with `prefix`, strongly consistent.
    pub(crate) async fn query<R: DeserializeOwned>(
        &self,
        kind: &'static str,
        pk: String,
        prefix: &str,
    ) -> Result<Vec<R>, StoreError> {
        self.query_each(kind, pk, prefix).await?.into_iter().collect()
    }

    /// The same of rows of which some may not be readable.
    pub(crate) async fn query_each<R: DeserializeOwned>(
        &self,
        kind: &'static str,
        pk: String,
        prefix: &str,
    ) -> Result<Vec<Result<R, StoreError>>, StoreError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut rows = Vec::new();
        while let Some(item) = pages.next().await {
            rows.push(from_item(kind, item.map_err(StoreError::unavailable)?));
        }
        Ok(rows)
    }

    /// What a transaction is known by to the store for ten minutes, which is longer than any of
    /// them is tried.
    fn request_token(&self) -> String {
        base62::random(REQUEST_TOKEN_LEN, &mut self.rng())
    }

    /// Sends writes until they are committed (`None`), or refused: then the reason of each. A
    /// conflict with another transaction is no refusal: it is tried again.
    ///
    /// What may be made already is sent under the token that it was sent under before, so that the
    /// store makes it once; what was cancelled was not made, and gets a new one. A refusal speaks
    /// for its own try alone: with another one unanswered it is not known what becomes of it.
    async fn transact(
        &self,
        writes: Vec<Write>,
    ) -> Result<Option<Vec<CancellationReason>>, StoreError> {
        let items: Vec<_> = writes.into_iter().map(|write| write.into_item(self)).collect();
        let mut backoff = Backoff::new(self);
        let unanswered = Unanswered::default();
        let mut token = self.request_token();
        loop {
            let sent = self
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .client_request_token(&token)
                .customize()
                .interceptor(unanswered.clone())
                .send()
                .await;
            let Err(error) = sent else { return Ok(None) };
            let reasons = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    cancelled.cancellation_reasons()
                }
                // A try under this token is being worked on: the same again finds out how it ended.
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
                    backoff.wait_for(&unanswered).await?;
                    continue;
                }
                _ => return Err(StoreError::of_write(error, &unanswered)),
            };
            let any = |codes: &[&str]| {
                reasons.iter().filter_map(|reason| reason.code()).any(|code| codes.contains(&code))
            };
            if reasons.iter().any(is_refused) {
                // An earlier try may be made yet, once what stood against this one is gone.
                let made_yet = || StoreError::Unknown("refused, and perhaps made yet".to_owned());
                return if unanswered.any() { Err(made_yet()) } else { Ok(Some(reasons.to_vec())) };
            } else if any(&["ThrottlingError", "ProvisionedThroughputExceeded"]) {
                // Throttled in one of its parts: the SDK does not see that and tries no more.
                let waited = backoff.wait_for(&unanswered).await;
                waited.or(Err(StoreError::of_write(error, &unanswered)))?;
            } else if any(&["TransactionConflict"]) {
                backoff.wait_for(&unanswered).await?;
            } else if let Some(damage) = damage(reasons)
                && !unanswered.any()
            {
                return Err(StoreError::Damaged(damage));
            } else {
                return Err(StoreError::of_write(error, &unanswered));
            }
            // Cancelled, so not made under this token; unless an earlier try of it is under way.
            if !unanswered.any() {
                token = self.request_token();
            }
        }
    }

    /// One conditional update outside a transaction: the row after it, or why it was not made.
    ///
    /// No token guards it. A try whose answer got lost may have been made, and the next one is made
    /// again or refused because of it; each caller says what that means.
    pub(crate) async fn update(&self, write: Write) -> Result<Result<Item, NotMet>, StoreError> {
        let row = ReturnValuesOnConditionCheckFailure::AllOld;
        self.send_update(write, ReturnValue::AllNew, Some(row)).await
    }

    /// The same for a role that may be told nothing of the row: whether it was made. Made twice, it
    /// has to come to the same.
    pub(crate) async fn update_blindly(&self, write: Write) -> Result<bool, StoreError> {
        Ok(self.send_update(write, ReturnValue::None, None).await?.is_ok())
    }

    async fn send_update(
        &self,
        write: Write,
        after: ReturnValue,
        unless_met: Option<ReturnValuesOnConditionCheckFailure>,
    ) -> Result<Result<Item, NotMet>, StoreError> {
        let Kind::Update(key, expression) = write.kind else {
            unreachable!("only updates are sent alone: every caller builds one by Write::update")
        };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(to_item(&key)))
            .update_expression(expression)
            .set_condition_expression(write.condition)
            .set_expression_attribute_names((!write.names.is_empty()).then_some(write.names))
            .set_expression_attribute_values((!write.values.is_empty()).then_some(write.values))
            .return_values(after)
            .set_return_values_on_condition_check_failure(unless_met);
        let mut backoff = Backoff::new(self);
        let unanswered = Unanswered::default();
        loop {
            let sent = update.clone().customize().interceptor(unanswered.clone()).send().await;
            let error = match sent {
                Ok(done) => return Ok(Ok(done.attributes.unwrap_or_default())),
                Err(error) => error,
            };
            match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                    let row = failed.item.clone();
                    return Ok(Err(NotMet { row, perhaps_own: unanswered.any() }));
                }
                Some(conflict) if conflict.code() == Some("TransactionConflictException") => {
                    backoff.wait_for(&unanswered).await?;
                }
                _ => return Err(StoreError::of_write(error, &unanswered)),
            }
        }
    }
}

/// The row that did not meet an update's condition.
pub(crate) struct NotMet {
    pub row: Option<Item>,
    /// Whether an earlier try of the same update may have made it so.
    pub perhaps_own: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_of_an_expression_gets_a_placeholder_and_nothing_else_does() {
        let key = RowKey { pk: "P".to_owned(), sk: "S".to_owned() };
        let write = Write::update(
            key,
            "SET version = version + :one, sessions.#slot.used_at = :n REMOVE x",
        )
        .when("attribute_not_exists(pk) OR (NOT contains(admins, :id) AND size(admins) > :one)")
        .name("#slot", "s3");
        let Kind::Update(_, expression) = &write.kind else { panic!("an update") };
        assert_eq!(
            expression,
            "SET #version = #version + :one, #sessions.#slot.#used_at = :n REMOVE #x"
        );
        assert_eq!(
            write.condition.as_deref(),
            Some(
                "attribute_not_exists(#pk) OR (NOT contains(#admins, :id) AND size(#admins) > :one)"
            )
        );
        let mut names: Vec<_> =
            write.names.iter().map(|(placeholder, name)| format!("{placeholder}={name}")).collect();
        names.sort();
        let expected =
            ["#admins=admins", "#pk=pk", "#sessions=sessions", "#slot=s3", "#used_at=used_at"];
        assert_eq!(names[..5], expected);
        assert_eq!(names[5..], ["#version=version", "#x=x"]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_contended_is_tried_six_more_times() {
        let mut backoff = Backoff { retries: 0, rng: Random::seeded(1) };
        for _ in 0..6 {
            backoff.wait().await.unwrap();
        }
        assert!(matches!(backoff.wait().await, Err(StoreError::Contended)));
    }
}
