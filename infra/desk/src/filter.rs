//! Filter patterns of event source mappings, as Lambda applies them to a stream record.
//!
//! A pattern is a JSON object: every key in it must match, and at a leaf one entry of the list
//! must.

use serde_json::Value;
use std::collections::BTreeMap;
use std::str::FromStr;

/// One parsed pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter(Node);

#[derive(Clone, Debug, PartialEq)]
enum Node {
    All(BTreeMap<String, Self>),
    Any(Vec<Rule>),
}

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    Equals(Value),
    Prefix(String),
    AnythingBut(Vec<Value>),
    Exists(bool),
}

/// Why a pattern cannot be applied.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum FilterError {
    #[error("the filter pattern is not JSON: {0}")]
    Syntax(String),
    #[error("the filter pattern has {0} where an object or a list belongs")]
    Shape(String),
    #[error(
        "the desk does not know the filter operator {0}; it knows prefix, anything-but and exists"
    )]
    Operator(String),
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let pattern: Value =
            serde_json::from_str(text).map_err(|error| FilterError::Syntax(error.to_string()))?;
        match pattern {
            Value::Object(_) => node(&pattern).map(Self),
            other => Err(FilterError::Shape(other.to_string())),
        }
    }
}

fn node(pattern: &Value) -> Result<Node, FilterError> {
    match pattern {
        Value::Object(object) => {
            let mut all = BTreeMap::new();
            for (key, inner) in object {
                if key.starts_with('$') {
                    return Err(FilterError::Operator(key.clone()));
                }
                all.insert(key.clone(), node(inner)?);
            }
            Ok(Node::All(all))
        }
        Value::Array(rules) => rules.iter().map(rule).collect::<Result<_, _>>().map(Node::Any),
        other => Err(FilterError::Shape(other.to_string())),
    }
}

fn rule(pattern: &Value) -> Result<Rule, FilterError> {
    let operator = match pattern {
        Value::Object(operator) => operator,
        Value::Array(_) => return Err(FilterError::Shape(pattern.to_string())),
        scalar => return Ok(Rule::Equals(scalar.clone())),
    };
    let unknown = || FilterError::Operator(pattern.to_string());
    let mut entries = operator.iter();
    let (Some((name, argument)), None) = (entries.next(), entries.next()) else {
        return Err(unknown());
    };
    match (name.as_str(), argument) {
        ("prefix", Value::String(prefix)) => Ok(Rule::Prefix(prefix.clone())),
        ("exists", Value::Bool(wanted)) => Ok(Rule::Exists(*wanted)),
        ("anything-but", Value::Array(values)) => Ok(Rule::AnythingBut(values.clone())),
        ("anything-but", scalar) if !scalar.is_object() => {
            Ok(Rule::AnythingBut(vec![scalar.clone()]))
        }
        _ => Err(unknown()),
    }
}

impl Filter {
    /// Whether the record passes.
    pub fn matches(&self, record: &Value) -> bool {
        self.0.matches(Some(record))
    }
}

impl Node {
    fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            // A key that the record lacks can still match, by `{"exists": false}` further down.
            Self::All(all) => {
                all.iter().all(|(key, inner)| inner.matches(value.and_then(|value| value.get(key))))
            }
            Self::Any(rules) => rules.iter().any(|rule| rule.matches(value)),
        }
    }
}

impl Rule {
    fn matches(&self, value: Option<&Value>) -> bool {
        if let Self::Exists(wanted) = self {
            // Existence is asked of leaves only: an object there does not count.
            return value.is_some_and(|value| !value.is_object()) == *wanted;
        }
        match value {
            // A list in the record (a string set, say) matches when one of its entries does.
            Some(Value::Array(entries)) => entries.iter().any(|entry| self.matches_scalar(entry)),
            Some(scalar) => self.matches_scalar(scalar),
            None => false,
        }
    }

    fn matches_scalar(&self, value: &Value) -> bool {
        match self {
            Self::Equals(wanted) => wanted == value,
            Self::Prefix(prefix) => value.as_str().is_some_and(|text| text.starts_with(prefix)),
            Self::AnythingBut(refused) => !value.is_object() && !refused.contains(value),
            Self::Exists(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matches(pattern: &str, record: &Value) -> bool {
        pattern.parse::<Filter>().expect("a good pattern").matches(record)
    }

    #[test]
    fn keys_are_joined_by_and_and_lists_by_or() {
        let pattern = r#"{
            "eventName": ["INSERT", "MODIFY"],
            "dynamodb": {"NewImage": {"type": {"S": ["mail"]}, "status": {"S": ["pending"]}}}
        }"#;
        let record = |event: &str, kind: &str, status: &str| {
            json!({
                "eventName": event,
                "dynamodb": {"NewImage": {"type": {"S": kind}, "status": {"S": status}}},
            })
        };
        assert!(matches(pattern, &record("INSERT", "mail", "pending")));
        assert!(matches(pattern, &record("MODIFY", "mail", "pending")));
        assert!(!matches(pattern, &record("REMOVE", "mail", "pending")));
        assert!(!matches(pattern, &record("INSERT", "login_event", "pending")));
        assert!(!matches(pattern, &record("INSERT", "mail", "done")));
        assert!(!matches(pattern, &json!({"eventName": "INSERT", "dynamodb": {"Keys": {}}})));
    }

    #[test]
    fn each_operator_decides_as_lambda_does() {
        let record =
            json!({"name": "alpha", "tags": ["x", "y"], "nested": {"S": "v"}, "nothing": null});
        for (pattern, expected) in [
            (r#"{"name":[{"prefix":"al"}]}"#, true),
            (r#"{"name":[{"prefix":"be"}]}"#, false),
            (r#"{"name":[{"prefix":"be"},"alpha"]}"#, true),
            (r#"{"name":[{"anything-but":["beta"]}]}"#, true),
            (r#"{"name":[{"anything-but":"alpha"}]}"#, false),
            (r#"{"gone":[{"anything-but":["beta"]}]}"#, false),
            (r#"{"name":[{"exists":true}]}"#, true),
            (r#"{"gone":[{"exists":false}]}"#, true),
            (r#"{"gone":{"S":[{"exists":false}]}}"#, true),
            (r#"{"nested":{"S":[{"exists":true}]}}"#, true),
            (r#"{"nested":[{"exists":true}]}"#, false),
            (r#"{"tags":["y"]}"#, true),
            (r#"{"tags":["z"]}"#, false),
            (r#"{"nothing":[null]}"#, true),
            (r#"{"name":[]}"#, false),
        ] {
            assert_eq!(matches(pattern, &record), expected, "{pattern}");
        }
    }

    #[test]
    fn what_the_desk_cannot_apply_is_refused_when_the_template_is_read() {
        for pattern in [
            r#"{"a":[{"numeric":[">",1]}]}"#,
            r#"{"$or":[{"a":["b"]}]}"#,
            r#"{"a":[{"prefix":1}]}"#,
        ] {
            assert!(
                matches!(pattern.parse::<Filter>(), Err(FilterError::Operator(_))),
                "{pattern}"
            );
        }
        for pattern in [r#"{"a":"b"}"#, "[]", r#"{"a":[["b"]]}"#] {
            assert!(matches!(pattern.parse::<Filter>(), Err(FilterError::Shape(_))), "{pattern}");
        }
    }
}
