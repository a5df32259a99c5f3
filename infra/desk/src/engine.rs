//! The store's engine with nothing between: a request in, an answer out, on the caller's thread.
//!
//! The desk serves the engine on loopback. Whoever decides about the order and the fate of each
//! request has it here, where nothing goes on by itself.

use crate::template::{Key, Table};
use dynoxide::Database;
use dynoxide::errors::DynoxideError;
use serde_json::{Value, json};

/// A table of its own, in memory.
pub struct Engine(Database);

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
        let engine = Self(Database::memory().expect("a database in memory"));
        let made = engine.call("CreateTable", &create_table(table).to_string());
        assert_eq!(made.status, 200, "{}", made.body);
        engine
    }

    /// What DynamoDB would answer to this request.
    pub fn call(&self, operation: &str, body: &str) -> Reply {
        match self.dispatch(operation, body) {
            Ok(body) => Reply { status: 200, body },
            Err(error) => Reply { status: error.status_code(), body: error.to_json() },
        }
    }

    fn dispatch(&self, operation: &str, body: &str) -> Result<String, DynoxideError> {
        /// A type of the engine's for each operation, and no trait for them.
        macro_rules! call {
            ($method:ident) => {{
                let request = serde_json::from_str(body)
                    .map_err(|error| DynoxideError::ValidationException(error.to_string()))?;
                let answer = self.0.$method(request)?;
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
