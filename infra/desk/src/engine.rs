//! The store's engine with nothing between: a request in, an answer out, on the caller's thread.
//!
//! The desk serves the engine on loopback. Whoever decides about the order and the fate of each
//! request has it here, where nothing goes on by itself.

use crate::template::{Key, Table};
use dynoxide::Database;
use dynoxide::errors::DynoxideError;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

/// A table of its own, in memory.
pub struct Engine {
    table: Table,
    database: RwLock<Database>,
    /// How many transactions the database has had.
    transactions: AtomicU64,
}

/// With so many it is worth to begin anew: at each transaction a database looks through the tokens
/// of all that it had in ten minutes.
const MOST_TRANSACTIONS: u64 = 1000;

/// What DynamoDB answers: the status and the JSON document.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Engine")
    }
}

impl Engine {
    /// One that has the template's table, and nothing in it.
    pub fn with_table(table: &Table) -> Self {
        let database = RwLock::new(Database::memory().expect("a database in memory"));
        let engine = Self { table: table.clone(), database, transactions: AtomicU64::new(0) };
        engine.answered("CreateTable", &create_table(table));
        engine
    }

    /// What DynamoDB would answer to this request.
    pub fn call(&self, operation: &str, body: &str) -> Reply {
        match self.dispatch(operation, body) {
            Ok(body) => Reply { status: 200, body },
            Err(error) => Reply { status: error.status_code(), body: error.to_json() },
        }
    }

    /// Goes on with the same rows and without the tokens of transactions, if there were many. For
    /// whoever tries one thing after the other, none of which repeats what another one sent.
    pub fn forget_tokens(&self) {
        if self.transactions.load(Ordering::Relaxed) < MOST_TRANSACTIONS {
            return;
        }
        let scan = self.answered("Scan", &json!({ "TableName": self.table.name }));
        assert!(scan.get("LastEvaluatedKey").is_none(), "one page has all rows");
        let new = Self::with_table(&self.table);
        for row in scan["Items"].as_array().into_iter().flatten() {
            new.answered("PutItem", &json!({ "TableName": self.table.name, "Item": row }));
        }
        let new = new.database.into_inner().unwrap_or_else(PoisonError::into_inner);
        *self.database.write().unwrap_or_else(PoisonError::into_inner) = new;
        self.transactions.store(0, Ordering::Relaxed);
    }

    fn answered(&self, operation: &str, request: &Value) -> Value {
        let reply = self.call(operation, &request.to_string());
        assert_eq!(reply.status, 200, "{}", reply.body);
        serde_json::from_str(&reply.body).expect("an answer is JSON")
    }

    fn dispatch(&self, operation: &str, body: &str) -> Result<String, DynoxideError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        if operation == "TransactWriteItems" {
            self.transactions.fetch_add(1, Ordering::Relaxed);
        }
        /// A type of the engine's for each operation, and no trait for them.
        macro_rules! call {
            ($method:ident) => {{
                let request = serde_json::from_str(body)
                    .map_err(|error| DynoxideError::ValidationException(error.to_string()))?;
                let answer = database.$method(request)?;
                Ok(serde_json::to_string(&answer).expect("an answer is JSON"))
            }};
        }
        match operation {
            "CreateTable" => call!(create_table),
            "BatchGetItem" => call!(batch_get_item),
            "GetItem" => call!(get_item),
            "PutItem" => call!(put_item),
            "UpdateItem" => call!(update_item),
            "DeleteItem" => call!(delete_item),
            "Query" => call!(query),
            "Scan" => call!(scan),
            "TransactWriteItems" => call!(transact_write_items),
            other => {
                let unknown = format!("{other} is no operation that the functions use");
                Err(DynoxideError::ValidationException(unknown))
            }
        }
    }
}

fn create_table(table: &Table) -> Value {
    let attribute =
        |(name, kind): &(String, String)| json!({ "AttributeName": name, "AttributeType": kind });
    let attributes: Vec<_> = table.attributes.iter().map(attribute).collect();
    let indexes: Vec<_> = table
        .indexes
        .iter()
        .map(|index| {
            let mut projection = json!({ "ProjectionType": index.projection });
            if !index.non_key_attributes.is_empty() {
                projection["NonKeyAttributes"] = json!(index.non_key_attributes);
            }
            json!({
                "IndexName": index.name,
                "KeySchema": key_schema(&index.key),
                "Projection": projection,
            })
        })
        .collect();
    let mut create = json!({
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": key_schema(&table.key),
        "AttributeDefinitions": attributes,
    });
    if !indexes.is_empty() {
        create["GlobalSecondaryIndexes"] = json!(indexes);
    }
    create
}

fn key_schema(key: &Key) -> Value {
    let element = |name: &String, kind| json!({ "AttributeName": name, "KeyType": kind });
    let hash = element(&key.hash, "HASH");
    let range = key.range.as_ref().map(|range| element(range, "RANGE"));
    Value::Array(std::iter::once(hash).chain(range).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inside;

    #[test]
    fn without_its_tokens_an_engine_has_its_rows_and_takes_nothing_for_a_repetition() {
        let template = inside::template("https://api.example.com/validate");
        let table = template.table();
        let engine = Engine::with_table(table);
        let insert = |number: u64| {
            let row = json!({ "pk": { "S": number.to_string() }, "sk": { "S": "ROW" } });
            let put = json!({
                "TableName": table.name,
                "Item": row,
                "ConditionExpression": "attribute_not_exists(pk)",
            });
            let request = json!({
                "ClientRequestToken": format!("token-{number}"),
                "TransactItems": [{ "Put": put }],
            });
            engine.call("TransactWriteItems", &request.to_string()).status
        };
        let rows = || engine.answered("Scan", &json!({ "TableName": table.name }))["Items"].clone();

        let done: Vec<_> = (1..MOST_TRANSACTIONS).map(insert).collect();
        assert!(done.iter().all(|status| *status == 200), "{done:?}");
        let before = rows();
        engine.forget_tokens();
        assert_eq!(insert(1), 200, "there were few, and all of them are known");
        engine.forget_tokens();
        assert_eq!(rows(), before);
        assert_eq!(insert(1), 400, "it is tried anew, and the row is there");
    }
}
