//! A stream record as Lambda delivers it.

use crate::names::REGION;
use aws_sdk_dynamodbstreams::types::{self, AttributeValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// One record: the event that is delivered, and what the pump decides by.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) sequence_number: String,
    /// Records of one key are delivered in their order.
    pub(super) partition_key: String,
    /// By the desk's clock.
    pub(super) created_at: Timestamp,
    /// An entry of `Records`.
    pub(super) event: Value,
}

/// What all records of a stream have in common.
pub(super) struct StreamInfo<'s> {
    pub(super) arn: &'s str,
    /// The name of the partition key's attribute.
    pub(super) partition_key: &'s str,
}

impl Record {
    /// `None` for a record without a sequence number, which there is not.
    pub(super) fn new(
        record: types::Record,
        stream_info: &StreamInfo<'_>,
        created_at: Timestamp,
    ) -> Option<Self> {
        let stream = record.dynamodb?;
        let partition_key =
            stream.keys.as_ref().and_then(|keys| keys.get(stream_info.partition_key)).cloned();
        let sequence_number = stream.sequence_number?;
        let mut dynamodb = json!({
            "ApproximateCreationDateTime": created_at.as_second(),
            "Keys": attributes(stream.keys.unwrap_or_default()),
            "SequenceNumber": sequence_number,
            "SizeBytes": stream.size_bytes.unwrap_or_default(),
        });
        for (name, image) in [("NewImage", stream.new_image), ("OldImage", stream.old_image)] {
            if let Some(image) = image {
                dynamodb[name] = attributes(image);
            }
        }
        if let Some(view) = stream.stream_view_type {
            dynamodb["StreamViewType"] = view.as_str().into();
        }
        let mut event = json!({
            "eventID": record.event_id,
            "eventName": record.event_name.map(|name| name.as_str().to_owned()),
            "eventVersion": record.event_version,
            "eventSource": "aws:dynamodb",
            "awsRegion": REGION,
            "dynamodb": dynamodb,
            "eventSourceARN": stream_info.arn,
        });
        if let Some(identity) = record.user_identity {
            event["userIdentity"] =
                json!({"type": identity.r#type, "principalId": identity.principal_id});
        }
        let partition_key = partition_key.map(|key| attribute(key).to_string()).unwrap_or_default();
        Some(Self { sequence_number, partition_key, created_at, event })
    }

    #[cfg(test)]
    pub(super) fn for_tests(sequence_number: &str, created_at: Timestamp) -> Self {
        Self {
            sequence_number: sequence_number.to_owned(),
            partition_key: String::new(),
            created_at,
            event: Value::Null,
        }
    }
}

fn attributes(item: HashMap<String, AttributeValue>) -> Value {
    Value::Object(
        item.into_iter().map(|(name, value)| (name, attribute(value))).collect::<Map<_, _>>(),
    )
}

/// An attribute value in DynamoDB's JSON.
fn attribute(value: AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Bool(flag) => json!({"BOOL": flag}),
        AttributeValue::Null(flag) => json!({"NULL": flag}),
        AttributeValue::B(blob) => json!({"B": STANDARD.encode(blob)}),
        AttributeValue::Ss(texts) => json!({"SS": texts}),
        AttributeValue::Ns(numbers) => json!({"NS": numbers}),
        AttributeValue::Bs(blobs) => {
            json!({"BS": blobs.iter().map(|blob| STANDARD.encode(blob)).collect::<Vec<_>>()})
        }
        AttributeValue::L(list) => {
            json!({"L": list.into_iter().map(attribute).collect::<Vec<_>>()})
        }
        AttributeValue::M(map) => json!({"M": attributes(map)}),
        other => {
            tracing::error!(?other, "an attribute type that the desk does not know");
            json!({"NULL": true})
        }
    }
}
