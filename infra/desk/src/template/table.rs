//! The table: keys, indexes, stream and time to live, as `CreateTable` and `UpdateTimeToLive` need
//! them.

use crate::names;
use crate::template::error::TemplateError;
use crate::template::intrinsics::{ResourceScope, properties};
use serde::Deserialize;
use serde_yaml_ng::Value;

/// The table's schema.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name at the desk.
    pub name: String,
    /// The source that events name.
    pub stream_arn: String,
    /// Attribute names and types of all keys.
    pub attributes: Vec<(String, String)>,
    /// The primary key.
    pub key: Key,
    /// Global secondary indexes.
    pub indexes: Vec<Index>,
    /// What the stream shows, if there is one.
    pub stream_view: Option<String>,
    /// The attribute by which rows are collected as garbage.
    pub ttl: Option<String>,
}

/// A key: the hash attribute and, if there is one, the range attribute.
#[derive(Clone, Debug)]
pub struct Key {
    pub hash: String,
    pub range: Option<String>,
}

/// A global secondary index.
#[derive(Clone, Debug)]
pub struct Index {
    pub name: String,
    pub key: Key,
    pub projection: String,
    pub non_key_attributes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    attribute_definitions: Vec<Attribute>,
    key_schema: Vec<KeyElement>,
    #[serde(default)]
    global_secondary_indexes: Vec<GlobalIndex>,
    stream_specification: Option<StreamSpecification>,
    time_to_live_specification: Option<TimeToLive>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    attribute_name: String,
    attribute_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyElement {
    attribute_name: String,
    key_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GlobalIndex {
    index_name: String,
    key_schema: Vec<KeyElement>,
    projection: Projection,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Projection {
    projection_type: String,
    #[serde(default)]
    non_key_attributes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamSpecification {
    stream_view_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TimeToLive {
    attribute_name: String,
    enabled: bool,
}

pub(super) fn read(scope: &ResourceScope<'_>, resource: &Value) -> Result<Table, TemplateError> {
    let names = [
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
        "StreamSpecification",
        "TimeToLiveSpecification",
    ];
    let properties: Properties = serde_json::from_value(properties(scope, resource, &names)?)
        .map_err(|error| scope.error("Properties", error.to_string()))?;
    let indexes = properties.global_secondary_indexes.into_iter().map(|index| {
        Ok(Index {
            key: key(scope, "GlobalSecondaryIndexes", index.key_schema)?,
            name: index.index_name,
            projection: index.projection.projection_type,
            non_key_attributes: index.projection.non_key_attributes,
        })
    });
    let name = names::table(scope.resource);
    Ok(Table {
        stream_arn: names::stream_arn(&name),
        name,
        key: key(scope, "KeySchema", properties.key_schema)?,
        indexes: indexes.collect::<Result<_, TemplateError>>()?,
        attributes: properties
            .attribute_definitions
            .into_iter()
            .map(|attribute| (attribute.attribute_name, attribute.attribute_type))
            .collect(),
        stream_view: properties.stream_specification.map(|stream| stream.stream_view_type),
        ttl: properties
            .time_to_live_specification
            .filter(|ttl| ttl.enabled)
            .map(|ttl| ttl.attribute_name),
    })
}

fn key(
    scope: &ResourceScope<'_>,
    property: &str,
    schema: Vec<KeyElement>,
) -> Result<Key, TemplateError> {
    let attribute = |kind: &str| {
        schema
            .iter()
            .find(|element| element.key_type == kind)
            .map(|element| element.attribute_name.clone())
    };
    let hash = attribute("HASH").ok_or_else(|| scope.error(property, "has no HASH key"))?;
    Ok(Key { hash, range: attribute("RANGE") })
}
