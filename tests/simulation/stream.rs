//! The table's stream: which workers hear of a row that was committed, as the filters of
//! `template.yaml` say.

use crate::deployment::TEMPLATE;
use serde_json::{Value, json};

/// A record on its way to a worker.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The worker, as an actor of its own.
    pub actor: usize,
    pub function: &'static str,
    /// The row that it is about.
    pub row: String,
    pub event: Value,
}

/// The rows by which something is owed, and what becomes of the Sandbox.
const WATCHED: [&str; 5] = ["EVENT#", "MAIL#", "EXPIRY#", "WARNING#", "SANDBOX"];

pub fn is_watched(row: &str) -> bool {
    let sort = row.split_once('/').map_or(row, |(_, sort)| sort);
    WATCHED.iter().any(|watched| sort.starts_with(watched))
}

/// Who hears of a row that was committed, each with the event that it gets.
pub fn heard_by(before: Option<&Value>, after: &Value) -> Vec<(&'static str, Value)> {
    let record = record(before, after);
    let functions = functions::FUNCTIONS.iter().filter(|function| {
        let streams = &TEMPLATE.function(function.name).expect("a function of it").streams;
        let mut filters = streams.iter().flat_map(|stream| &stream.filters);
        filters.any(|filter| filter.matches(&record))
    });
    let event = json!({ "Records": [record] });
    functions.map(|function| (function.name, event.clone())).collect()
}

fn record(before: Option<&Value>, after: &Value) -> Value {
    json!({
        "eventID": "1",
        "eventName": if before.is_none() { "INSERT" } else { "MODIFY" },
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 0,
            "Keys": { "pk": after["pk"], "sk": after["sk"] },
            "NewImage": after,
            "SequenceNumber": "1",
            "SizeBytes": 1,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": "arn",
    })
}
