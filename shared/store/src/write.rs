//! Writes with their conditions, and the transaction that carries them.

use crate::layout::RowKey;
use crate::{Store, StoreError};
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::time::Duration;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// One write of a transaction, with the condition that it stands on.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    kind: Kind,
    condition: Option<String>,
    names: HashMap<String, String>,
    values: Item,
    /// When it is made, if it gives way to an operator's hold on the account.
    moment: Option<i64>,
}

#[derive(Debug, Clone)]
enum Kind {
    Put(Item),
    Update(RowKey, String),
    Delete(RowKey),
    Check(RowKey),
}

impl Write {
    /// Puts `row` at `key`; with [`Write::if_new`], nothing may be there yet.
    pub fn put(key: &RowKey, row: &impl Serialize) -> Write {
        let mut item = to_item(row);
        item.extend(to_item(key));
        Write::of(Kind::Put(item))
    }

    pub fn update(key: RowKey, expression: impl Into<String>) -> Write {
        Write::of(Kind::Update(key, expression.into()))
    }

    pub fn delete(key: RowKey) -> Write {
        Write::of(Kind::Delete(key))
    }

    pub fn check(key: RowKey) -> Write {
        Write::of(Kind::Check(key))
    }

    fn of(kind: Kind) -> Write {
        Write { kind, condition: None, names: HashMap::new(), values: HashMap::new(), moment: None }
    }

    /// Gives way to an operator who holds the account still: as long as that lasts, the transaction
    /// waits and tries again.
    pub fn unless_locked(mut self, now: Timestamp) -> Write {
        let condition =
            self.condition.take().map(|condition| format!("{condition} AND ")).unwrap_or_default();
        self.moment = Some(now.as_millisecond());
        self.when(format!(
            "{condition}(attribute_not_exists(locked_until) OR locked_until <= :moment)"
        ))
        .value(":moment", now.as_millisecond())
    }

    /// Whether this row, which did not meet the condition, is an account that is held.
    fn is_locked(&self, row: Option<&Item>) -> bool {
        let until = row
            .and_then(|row| row.get("locked_until"))
            .and_then(|until| until.as_n().ok()?.parse::<i64>().ok());
        self.moment.zip(until).is_some_and(|(moment, until)| until > moment)
    }

    pub fn when(mut self, condition: impl Into<String>) -> Write {
        self.condition = Some(condition.into());
        self
    }

    pub fn if_new(self) -> Write {
        self.when("attribute_not_exists(pk)")
    }

    pub fn if_there(self) -> Write {
        self.when("attribute_exists(pk)")
    }

    pub fn name(mut self, placeholder: &str, name: impl Into<String>) -> Write {
        self.names.insert(placeholder.to_owned(), name.into());
        self
    }

    pub fn value(mut self, placeholder: &str, value: impl Serialize) -> Write {
        self.values.insert(placeholder.to_owned(), to_attribute(value));
        self
    }

    /// A value that the expression names only if there is one.
    pub fn some_value(self, placeholder: &str, value: Option<impl Serialize>) -> Write {
        match value {
            Some(value) => self.value(placeholder, value),
            None => self,
        }
    }

    /// A set of one text: `serde` knows lists only.
    pub fn set_of_one(mut self, placeholder: &str, value: &str) -> Write {
        self.values.insert(placeholder.to_owned(), AttributeValue::Ss(vec![value.to_owned()]));
        self
    }

    fn into_item(self, table: &str) -> TransactWriteItem {
        let names = (!self.names.is_empty()).then_some(self.names);
        let values = (!self.values.is_empty()).then_some(self.values);
        let all_old = ReturnValuesOnConditionCheckFailure::AllOld;
        let complete = "every required field is set";
        let item = TransactWriteItem::builder();
        match self.kind {
            Kind::Put(row) => {
                let put = Put::builder()
                    .table_name(table)
                    .set_item(Some(row))
                    .set_condition_expression(self.condition);
                let put = put
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values);
                item.put(
                    put.return_values_on_condition_check_failure(all_old).build().expect(complete),
                )
                .build()
            }
            Kind::Update(key, expression) => {
                let update = Update::builder()
                    .table_name(table)
                    .set_key(Some(to_item(&key)))
                    .update_expression(expression);
                let update = update
                    .set_condition_expression(self.condition)
                    .set_expression_attribute_names(names);
                let update = update.set_expression_attribute_values(values);
                item.update(
                    update
                        .return_values_on_condition_check_failure(all_old)
                        .build()
                        .expect(complete),
                )
                .build()
            }
            Kind::Delete(key) => {
                let delete = Delete::builder()
                    .table_name(table)
                    .set_key(Some(to_item(&key)))
                    .set_condition_expression(self.condition);
                let delete = delete
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values);
                item.delete(
                    delete
                        .return_values_on_condition_check_failure(all_old)
                        .build()
                        .expect(complete),
                )
                .build()
            }
            Kind::Check(key) => {
                let check = ConditionCheck::builder()
                    .table_name(table)
                    .set_key(Some(to_item(&key)))
                    .set_condition_expression(self.condition);
                let check = check
                    .set_expression_attribute_names(names)
                    .set_expression_attribute_values(values);
                item.condition_check(
                    check
                        .return_values_on_condition_check_failure(all_old)
                        .build()
                        .expect(complete),
                )
                .build()
            }
        }
    }
}

/// A transaction whose writes have names, so that a refusal says which of them it was.
#[derive(Debug, Clone)]
pub(crate) struct Transaction<P> {
    parts: Vec<(P, Write)>,
}

/// How a transaction failed.
#[derive(Debug)]
pub(crate) enum Cancelled<P> {
    /// The parts whose conditions did not hold, in order, each with the row as it was.
    Refused(Vec<(P, Option<Item>)>),
    Store(StoreError),
}

impl<P: Copy> Transaction<P> {
    pub fn new() -> Self {
        Transaction { parts: Vec::new() }
    }

    pub fn with(mut self, part: P, write: Write) -> Self {
        self.parts.push((part, write));
        self
    }

    pub fn with_some(self, part: P, write: Option<Write>) -> Self {
        match write {
            Some(write) => self.with(part, write),
            None => self,
        }
    }

    /// Commits, or says what stood against it. A conflict with another transaction is no refusal:
    /// it is tried again.
    pub async fn commit(self, store: &Store) -> Result<(), Cancelled<P>> {
        let items: Vec<TransactWriteItem> =
            self.parts.iter().map(|(_, write)| write.clone().into_item(&store.table)).collect();
        let mut backoff = Backoff::new();
        loop {
            let sent = store
                .client
                .transact_write_items()
                .set_transact_items(Some(items.clone()))
                .send()
                .await;
            let Err(error) = sent else { return Ok(()) };
            let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
                error.as_service_error()
            else {
                if matches!(
                    error.as_service_error(),
                    Some(TransactWriteItemsError::TransactionInProgressException(_))
                ) {
                    backoff.wait().await.map_err(Cancelled::Store)?;
                    continue;
                }
                return Err(Cancelled::Store(StoreError::unavailable(error)));
            };
            let reasons = cancelled.cancellation_reasons();
            let refused = self
                .parts
                .iter()
                .zip(reasons)
                .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"));
            if refused.clone().any(|((_, write), reason)| write.is_locked(reason.item())) {
                backoff.wait().await.map_err(Cancelled::Store)?;
                continue;
            }
            let refused: Vec<(P, Option<Item>)> =
                refused.map(|((part, _), reason)| (*part, reason.item().cloned())).collect();
            if !refused.is_empty() {
                return Err(Cancelled::Refused(refused));
            }
            let any = |codes: &[&str]| {
                reasons.iter().any(|reason| reason.code().is_some_and(|code| codes.contains(&code)))
            };
            // Throttled in one of its parts: the SDK does not see that and tries no more.
            if any(&["ThrottlingError", "ProvisionedThroughputExceeded"]) {
                backoff.wait().await.or(Err(Cancelled::Store(StoreError::unavailable(error))))?;
            } else if any(&["TransactionConflict"]) {
                backoff.wait().await.map_err(Cancelled::Store)?;
            } else {
                return Err(Cancelled::Store(StoreError::unavailable(error)));
            }
        }
    }
}

/// Waits between tries at contended rows: full jitter, at most seven tries within about a second.
pub(crate) struct Backoff {
    tries: u32,
}

impl Backoff {
    pub fn new() -> Backoff {
        Backoff { tries: 0 }
    }

    pub async fn wait(&mut self) -> Result<(), StoreError> {
        use rand::RngExt;
        self.tries += 1;
        if self.tries > 6 {
            return Err(StoreError::Contended);
        }
        let most = 10u64 << self.tries;
        tokio::time::sleep(Duration::from_millis(crate::rng().random_range(1..=most))).await;
        Ok(())
    }
}

impl Store {
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

    /// All rows of a partition whose sort key begins with `prefix`, strongly consistent.
    pub(crate) async fn query<R: DeserializeOwned>(
        &self,
        kind: &'static str,
        pk: String,
        prefix: &str,
    ) -> Result<Vec<R>, StoreError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(pk));
        let mut pages = query
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut rows = Vec::new();
        while let Some(item) = pages.next().await {
            rows.push(from_item(kind, item.map_err(StoreError::unavailable)?)?);
        }
        Ok(rows)
    }

    /// One conditional update outside a transaction: the row after it, or the row that did not meet
    /// the condition.
    pub(crate) async fn update(
        &self,
        write: Write,
    ) -> Result<Result<Item, Option<Item>>, StoreError> {
        use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
        let Kind::Update(key, expression) = write.kind else {
            unreachable!("only updates are sent alone")
        };
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(to_item(&key)))
            .update_expression(expression);
        let update = update.set_condition_expression(write.condition);
        let update =
            update.set_expression_attribute_names((!write.names.is_empty()).then_some(write.names));
        let update = update
            .set_expression_attribute_values((!write.values.is_empty()).then_some(write.values));
        let update = update.return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew);
        let update = update
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut backoff = Backoff::new();
        loop {
            let error = match update.clone().send().await {
                Ok(done) => return Ok(Ok(done.attributes.unwrap_or_default())),
                Err(error) => error,
            };
            match error {
                SdkError::ServiceError(refused)
                    if refused.err().is_conditional_check_failed_exception() =>
                {
                    let UpdateItemError::ConditionalCheckFailedException(failed) =
                        refused.into_err()
                    else {
                        unreachable!("just matched")
                    };
                    return Ok(Err(failed.item));
                }
                SdkError::ServiceError(conflict)
                    if conflict.err().code() == Some("TransactionConflictException") =>
                {
                    backoff.wait().await?
                }
                other => return Err(StoreError::unavailable(other)),
            }
        }
    }
}

pub(crate) fn to_item(row: &impl Serialize) -> Item {
    serde_dynamo::to_item(row).expect("rows are structs of plain fields")
}

fn to_attribute(value: impl Serialize) -> AttributeValue {
    serde_dynamo::to_attribute_value(value).expect("values are plain")
}

pub(crate) fn from_item<R: DeserializeOwned>(
    kind: &'static str,
    item: Item,
) -> Result<R, StoreError> {
    serde_dynamo::from_item(item)
        .map_err(|cause| StoreError::Row { kind, cause: cause.to_string() })
}
