//! What the functions' requests to AWS meet: the store's engine in this process, and answers of
//! Secrets Manager and SES.
//!
//! After each input the table is what it was, so that an input does the same whatever came before.

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use desk::inside::{self, Sent, Service};
use desk::template::Table;
use desk::{Engine, Reply};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Formatter, Result as Written};
use std::sync::{Arc, Mutex, MutexGuard};

/// Partition key and sort key.
pub type Key = (String, String);

/// More requests than any input needs. One that sends more would never end.
const MOST_REQUESTS: u32 = 2000;

#[derive(Clone)]
pub struct Store {
    table: String,
    keyring: String,
    engine: Arc<Engine>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The rows as they are before each input.
    rows: BTreeMap<Key, Value>,
    /// Rows that were written since.
    written: BTreeSet<Key>,
    /// Requests that were sent since.
    sent: u32,
    /// Of all inputs.
    number: u64,
}

impl Debug for Store {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        f.write_str("Store")
    }
}

impl Store {
    pub fn new(table: &Table, keyring: &str) -> Self {
        let engine = Arc::new(Engine::with_table(table));
        let state = Arc::default();
        Self { table: table.name.clone(), keyring: keyring.to_owned(), engine, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn ask(&self, operation: &str, mut request: Value) -> Reply {
        request["TableName"] = self.table.as_str().into();
        self.engine.call(operation, &request.to_string())
    }

    /// What is in the table now is what it comes back to.
    pub fn keep(&self) {
        let scan: Value =
            serde_json::from_str(&self.ask("Scan", json!({})).body).expect("the engine's JSON");
        assert!(scan.get("LastEvaluatedKey").is_none(), "one page has all rows");
        let rows = scan["Items"].as_array().expect("rows");
        let mut state = self.state();
        state.rows = rows.iter().map(|row| (key_of(row), row.clone())).collect();
        (state.written, state.sent) = (BTreeSet::new(), 0);
    }

    pub fn rows(&self) -> BTreeMap<Key, Value> {
        self.state().rows.clone()
    }

    /// Puts a row in the place of one that is there, if the engine takes it.
    pub fn put(&self, row: &Value) {
        if self.ask("PutItem", json!({ "Item": row })).status == 200 {
            self.state().written.insert(key_of(row));
        }
    }

    /// Makes the table what it was.
    pub fn restore(&self) {
        let mut state = self.state();
        state.sent = 0;
        for key in std::mem::take(&mut state.written) {
            let reply = match state.rows.get(&key) {
                Some(row) => self.ask("PutItem", json!({ "Item": row })),
                None => {
                    let key = json!({ "pk": { "S": key.0 }, "sk": { "S": key.1 } });
                    self.ask("DeleteItem", json!({ "Key": key }))
                }
            };
            assert_eq!(reply.status, 200, "{}", reply.body);
        }
        self.engine.forget_tokens();
    }

    /// What it looks like to the SDK.
    pub fn client(&self) -> SharedHttpClient {
        let store = self.clone();
        inside::client(move |sent| {
            let store = store.clone();
            async move { Ok(store.answer(&sent)) }
        })
    }

    fn answer(&self, sent: &Sent) -> Reply {
        let mut state = self.state();
        state.sent += 1;
        assert!(state.sent < MOST_REQUESTS, "it asks and asks: {}", sent.operation);
        match sent.service {
            Service::Ses => return inside::mail_taken(),
            Service::SecretsManager => return inside::secret(&self.keyring),
            Service::DynamoDb => {}
        }
        let mut request: Value = serde_json::from_slice(&sent.body).expect("the SDK sends JSON");
        // The engine knows tokens for ten minutes, and the same may come again.
        if let Some(token) = request["ClientRequestToken"].as_str() {
            state.number += 1;
            let number = state.number;
            request["ClientRequestToken"] = format!("{token:.20}{number:x}").into();
        }
        let reply = self.engine.call(&sent.operation, &request.to_string());
        if reply.status == 200 {
            state.written.extend(written_by(&sent.operation, &request));
        }
        reply
    }
}

fn key_of(row: &Value) -> Key {
    let text = |name: &str| row[name]["S"].as_str().expect("a row has its key").to_owned();
    (text("pk"), text("sk"))
}

fn written_by(operation: &str, request: &Value) -> Vec<Key> {
    match operation {
        "UpdateItem" | "DeleteItem" => vec![key_of(&request["Key"])],
        "PutItem" => vec![key_of(&request["Item"])],
        "TransactWriteItems" => {
            let items = request["TransactItems"].as_array().into_iter().flatten();
            let items = items.filter_map(Value::as_object).flatten();
            let changes = items.filter(|(what, _)| *what != "ConditionCheck");
            changes.map(|(_, item)| key_of(item.get("Key").unwrap_or(&item["Item"]))).collect()
        }
        _ => Vec::new(),
    }
}
