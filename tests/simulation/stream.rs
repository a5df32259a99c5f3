//! The table's stream: which workers hear of a row that was committed, as the filters of
//! `template.yaml` say.

use crate::deployment::TEMPLATE;
use serde_json::{Value, json};

/// Records on their way to a worker, in one batch.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The worker, as an actor of its own.
    pub actor: usize,
    pub function: &'static str,
    pub records: Vec<Record>,
}

#[derive(Debug, Clone)]
pub struct Record {
    /// The row that it is about.
    pub row: String,
    pub event: Value,
}

impl Delivery {
    pub fn is_about(&self, row: &str) -> bool {
        self.records.iter().any(|record| record.row == row)
    }

    pub fn event(&self) -> Value {
        let numbered = self.records.iter().enumerate();
        let records: Vec<_> = numbered.map(|(place, record)| record.numbered(place)).collect();
        json!({ "Records": records })
    }

    /// What comes again: from the first that failed on, or all of it.
    pub fn failed(&self, answer: &Value) -> Self {
        let first = answer["batchItemFailures"][0]["itemIdentifier"].as_str();
        let done = first.map_or(0, |first| first.parse().expect("a place in the batch"));
        Self { records: self.records[done..].to_vec(), ..self.clone() }
    }

    /// What comes of it, one after the other, when nothing was answered.
    pub fn halves(self) -> Vec<Self> {
        let half = |records: &[Record]| Self { records: records.to_vec(), ..self.clone() };
        let (first, second) = self.records.split_at(self.records.len().div_ceil(2));
        [first, second].into_iter().filter(|part| !part.is_empty()).map(half).collect()
    }
}

impl Record {
    /// The row as it was written.
    pub fn written(&self) -> &Value {
        &self.event["dynamodb"]["NewImage"]
    }

    fn numbered(&self, place: usize) -> Value {
        let mut event = self.event.clone();
        event["dynamodb"]["SequenceNumber"] = place.to_string().into();
        event
    }
}

/// The rows by which something is owed, and what becomes of the Sandbox.
const WATCHED: [&str; 5] = ["EVENT#", "MAIL#", "EXPIRY#", "WARNING#", "SANDBOX"];

pub fn is_watched(row: &str) -> bool {
    let sort = row.split_once('/').map_or(row, |(_, sort)| sort);
    WATCHED.iter().any(|watched| sort.starts_with(watched))
}

/// Who hears of a row that was committed, each with the record that it gets.
pub fn heard_by(before: Option<&Value>, after: &Value) -> Vec<(&'static str, Value)> {
    let record = record(before, after);
    let functions = functions::FUNCTIONS.iter().filter(|function| {
        let streams = &TEMPLATE.function(function.name).expect("a function of it").streams;
        let mut filters = streams.iter().flat_map(|stream| &stream.filters);
        filters.any(|filter| filter.matches(&record))
    });
    functions.map(|function| (function.name, record.clone())).collect()
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
            "SizeBytes": 1,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN": "arn",
    })
}
