//! CloudFormation's intrinsic functions, resolved to what the desk stands in for.
//!
//! Both spellings are read: `!Ref Table` and `{Ref: Table}`. Anything else than the functions below
//! is an error, for a value that the desk guessed would differ from the deployed one without
//! anybody noticing.

use crate::names::{self, ACCOUNT_ID, REGION};
use crate::template::error::TemplateError;
use crate::template::parameters::Parameters;
use crate::template::yaml::scalar;
use serde_json::{Map, Value as Json, json};
use serde_yaml_ng::{Mapping, Value};

/// The whole template, for looking up what a value refers to.
pub(super) struct TemplateScope<'t> {
    document: &'t Value,
    parameters: Parameters,
}

/// A [`TemplateScope`], seen from one resource or rule, which errors name.
pub(super) struct ResourceScope<'s> {
    template: &'s TemplateScope<'s>,
    kind: &'static str,
    pub(super) resource: &'s str,
}

/// What a value came to. `AWS::NoValue` removes the property that holds it.
enum Outcome {
    Value(Json),
    NoValue,
}

impl<'t> TemplateScope<'t> {
    pub(super) fn new(document: &'t Value, parameters: Parameters) -> Self {
        Self { document, parameters }
    }

    /// The resources, in the order of the file.
    pub(super) fn resources(&self) -> impl Iterator<Item = (&'t str, &'t Value)> {
        self.section("Resources")
    }

    fn section(&self, name: &str) -> impl Iterator<Item = (&'t str, &'t Value)> + use<'t> {
        let entries = self.document.get(name).and_then(Value::as_mapping);
        entries.into_iter().flatten().filter_map(|(id, entry)| Some((id.as_str()?, entry)))
    }

    pub(super) fn output(&self, name: &str) -> Option<&'t Value> {
        self.document.get("Outputs")?.get(name)
    }

    /// `Globals.Function`.
    pub(super) fn globals(&self) -> Option<&'t Value> {
        self.document.get("Globals")?.get("Function")
    }

    pub(super) fn of_resource<'s>(&'s self, resource: &'s str) -> ResourceScope<'s> {
        ResourceScope { template: self, kind: "resource", resource }
    }

    pub(super) fn of_rule<'s>(&'s self, rule: &'s str) -> ResourceScope<'s> {
        ResourceScope { template: self, kind: "rule", resource: rule }
    }

    /// The rules, in the order of the file.
    pub(super) fn rules(&self) -> impl Iterator<Item = (&'t str, &'t Value)> {
        self.section("Rules")
    }

    fn kind_of(&self, id: &str) -> Option<&'t str> {
        self.document.get("Resources")?.get(id)?.get("Type")?.as_str()
    }
}

impl<'s> ResourceScope<'s> {
    pub(super) fn template(&self) -> &'s TemplateScope<'s> {
        self.template
    }

    pub(super) fn error(&self, property: &str, problem: impl Into<String>) -> TemplateError {
        TemplateError::Property {
            owner: format!("{} {}", self.kind, self.resource),
            property: property.to_owned(),
            problem: problem.into(),
        }
    }

    /// The value with every intrinsic in it resolved; `None` for `AWS::NoValue`.
    pub(super) fn resolve(
        &self,
        property: &str,
        value: &Value,
    ) -> Result<Option<Json>, TemplateError> {
        match self.outcome(property, value)? {
            Outcome::Value(json) => Ok(Some(json)),
            Outcome::NoValue => Ok(None),
        }
    }

    /// The value as text; numbers and booleans are written as CloudFormation writes them.
    pub(super) fn text(
        &self,
        property: &str,
        value: &Value,
    ) -> Result<Option<String>, TemplateError> {
        self.resolve(property, value)?.map(|json| self.json_text(property, &json)).transpose()
    }

    fn json_text(&self, property: &str, json: &Json) -> Result<String, TemplateError> {
        match json {
            Json::String(text) => Ok(text.clone()),
            Json::Number(number) => Ok(number.to_string()),
            Json::Bool(flag) => Ok(flag.to_string()),
            _ => Err(self.error(property, "must be text")),
        }
    }

    fn outcome(&self, property: &str, value: &Value) -> Result<Outcome, TemplateError> {
        let json = match value {
            Value::Tagged(tagged) => {
                let tag = tagged.tag.to_string();
                return self.call(property, tag.trim_start_matches('!'), &tagged.value);
            }
            Value::Mapping(mapping) => {
                if let Some((name, argument)) = long_form(mapping) {
                    return self.call(property, name, argument);
                }
                let mut object = Map::new();
                for (key, inner) in mapping {
                    let Some(key) = scalar(key) else {
                        return Err(self.error(property, "has a key that is not text"));
                    };
                    let property = format!("{property}.{key}");
                    if let Some(json) = self.resolve(&property, inner)? {
                        object.insert(key, json);
                    }
                }
                Json::Object(object)
            }
            Value::Sequence(sequence) => {
                let mut array = Vec::new();
                for inner in sequence {
                    array.extend(self.resolve(property, inner)?);
                }
                Json::Array(array)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                serde_json::to_value(value)
                    .map_err(|error| self.error(property, error.to_string()))?
            }
        };
        Ok(Outcome::Value(json))
    }

    fn call(&self, property: &str, name: &str, argument: &Value) -> Result<Outcome, TemplateError> {
        let text = match name {
            "Ref" => {
                let id =
                    scalar(argument).ok_or_else(|| self.error(property, "!Ref takes a name"))?;
                if id == "AWS::NoValue" {
                    return Ok(Outcome::NoValue);
                }
                self.reference(property, &id)?
            }
            "GetAtt" => {
                let path = match argument {
                    Value::Sequence(parts) => {
                        parts.iter().filter_map(scalar).collect::<Vec<_>>().join(".")
                    }
                    _ => scalar(argument).unwrap_or_default(),
                };
                self.attribute(property, &path)?
            }
            "Sub" => self.substitute(property, argument)?,
            "If" => {
                let [condition, yes, no] = self.arguments(property, "!If", argument)?;
                let condition = scalar(condition)
                    .ok_or_else(|| self.error(property, "!If takes a condition's name"))?;
                return self.outcome(
                    property,
                    if self.condition(property, &condition)? { yes } else { no },
                );
            }
            "Join" => {
                let [separator, parts] = self.arguments(property, "!Join", argument)?;
                let separator = self.text(property, separator)?.unwrap_or_default();
                let Some(Json::Array(parts)) = self.resolve(property, parts)? else {
                    return Err(self.error(property, "!Join takes a list"));
                };
                let parts: Vec<String> = parts
                    .iter()
                    .map(|part| self.json_text(property, part))
                    .collect::<Result<_, _>>()?;
                parts.join(&separator)
            }
            "Select" => {
                let [index, list] = self.arguments(property, "!Select", argument)?;
                let index: Option<usize> = scalar(index).and_then(|index| index.parse().ok());
                let list = self.resolve(property, list)?;
                let part = index.zip(list).and_then(|(index, list)| list.get(index).cloned());
                let part = part.ok_or_else(|| {
                    self.error(property, "!Select takes a number and a list that long")
                })?;
                return Ok(Outcome::Value(part));
            }
            "Split" => {
                let [delimiter, text] = self.arguments(property, "!Split", argument)?;
                let delimiter = scalar(delimiter).filter(|delimiter| !delimiter.is_empty());
                let delimiter =
                    delimiter.ok_or_else(|| self.error(property, "!Split takes a delimiter"))?;
                let text = self.text(property, text)?.unwrap_or_default();
                return Ok(Outcome::Value(text.split(&delimiter).collect()));
            }
            other => return Err(self.error(property, format!("the desk cannot resolve !{other}"))),
        };
        Ok(Outcome::Value(Json::String(text)))
    }

    fn arguments<'v, const N: usize>(
        &self,
        property: &str,
        name: &str,
        argument: &'v Value,
    ) -> Result<[&'v Value; N], TemplateError> {
        argument
            .as_sequence()
            .and_then(|sequence| sequence.iter().collect::<Vec<_>>().try_into().ok())
            .ok_or_else(|| self.error(property, format!("{name} takes a list of {N}")))
    }

    /// What `!Ref` gives.
    fn reference(&self, property: &str, id: &str) -> Result<String, TemplateError> {
        if let Some(value) = self.template.parameters.get(id) {
            return Ok(value.clone());
        }
        let value = match (id, self.template.kind_of(id)) {
            ("AWS::Region", _) => REGION.to_owned(),
            ("AWS::AccountId", _) => ACCOUNT_ID.to_owned(),
            ("AWS::Partition", _) => "aws".to_owned(),
            ("AWS::URLSuffix", _) => "amazonaws.com".to_owned(),
            ("AWS::StackName", _) => "frontdesk".to_owned(),
            (_, Some("AWS::DynamoDB::Table")) => names::table(id),
            (_, Some("AWS::SecretsManager::Secret")) => names::secret_arn(id),
            (_, Some("AWS::SNS::Topic")) => names::topic_arn(id),
            (_, Some("AWS::Logs::LogGroup")) => self.log_group(property, id)?,
            (_, Some(_)) => id.to_owned(),
            (_, None) => {
                return Err(self.error(
                    property,
                    format!("refers to {id}, which is no parameter and no resource"),
                ));
            }
        };
        Ok(value)
    }

    /// What `!GetAtt` gives.
    fn attribute(&self, property: &str, path: &str) -> Result<String, TemplateError> {
        let (id, attribute) = path
            .split_once('.')
            .ok_or_else(|| self.error(property, format!("!GetAtt {path} names no attribute")))?;
        let kind = self.template.kind_of(id).ok_or_else(|| {
            self.error(property, format!("refers to {id}, which is not a resource"))
        })?;
        match (kind, attribute) {
            ("AWS::DynamoDB::Table", "Arn") => Ok(names::table_arn(&names::table(id))),
            ("AWS::DynamoDB::Table", "StreamArn") => Ok(names::stream_arn(&names::table(id))),
            ("AWS::SecretsManager::Secret", "Id" | "Arn") => Ok(names::secret_arn(id)),
            ("AWS::Serverless::Function", "Arn") => Ok(names::function_arn(id)),
            ("AWS::SQS::Queue", "Arn") => Ok(names::queue_arn(id)),
            ("AWS::IAM::Role", "Arn") => Ok(names::role_arn(id)),
            // With all of its streams, as CloudFormation has it.
            ("AWS::Logs::LogGroup", "Arn") => {
                Ok(format!("{}:*", names::log_group_arn(&self.log_group(property, id)?)))
            }
            ("AWS::S3::Bucket", "Arn") => Ok(names::bucket_arn(id)),
            ("AWS::SNS::Topic", "TopicArn") => Ok(names::topic_arn(id)),
            _ => Err(self
                .error(property, format!("the desk does not know {attribute} of {id}, a {kind}"))),
        }
    }

    /// The name of a log group.
    fn log_group(&self, property: &str, id: &str) -> Result<String, TemplateError> {
        let group = self.template.document.get("Resources").and_then(|resources| resources.get(id));
        let name = group.and_then(|group| group.get("Properties")?.get("LogGroupName"));
        let name = name.map(|name| self.text(property, name)).transpose()?.flatten();
        name.ok_or_else(|| {
            self.error(property, format!("refers to the log group {id}, which has no LogGroupName"))
        })
    }

    fn substitute(&self, property: &str, argument: &Value) -> Result<String, TemplateError> {
        let empty = Value::Mapping(Mapping::new());
        let (text, variables) = match argument {
            Value::Sequence(_) => {
                let [text, variables] = self.arguments(property, "!Sub", argument)?;
                (text, variables)
            }
            text => (text, &empty),
        };
        let text = scalar(text).ok_or_else(|| self.error(property, "!Sub takes text"))?;
        let mut result = String::new();
        let mut rest = text.as_str();
        while let Some(start) = rest.find("${") {
            result.push_str(&rest[..start]);
            let (name, after) = rest[start + 2..]
                .split_once('}')
                .ok_or_else(|| self.error(property, "!Sub has a ${ without its }"))?;
            let value = match (name.strip_prefix('!'), variables.get(name)) {
                (Some(literal), _) => format!("${{{literal}}}"),
                (None, Some(variable)) => self.text(property, variable)?.unwrap_or_default(),
                (None, None) if name.contains('.') => self.attribute(property, name)?,
                (None, None) => self.reference(property, name)?,
            };
            result.push_str(&value);
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }

    /// Whether the condition of this name holds.
    pub(super) fn condition(&self, property: &str, name: &str) -> Result<bool, TemplateError> {
        let condition = self
            .template
            .document
            .get("Conditions")
            .and_then(|conditions| conditions.get(name))
            .ok_or_else(|| {
                self.error(
                    property,
                    format!("refers to the condition {name}, which does not exist"),
                )
            })?;
        self.holds(property, condition)
    }

    /// Whether this condition holds.
    pub(super) fn holds(&self, property: &str, condition: &Value) -> Result<bool, TemplateError> {
        let tag;
        let (name, argument) = match condition {
            Value::Tagged(tagged) => {
                tag = tagged.tag.to_string();
                (tag.trim_start_matches('!'), &tagged.value)
            }
            Value::Mapping(mapping) => long_form(mapping).ok_or_else(|| {
                self.error(property, "refers to a condition that the desk cannot read")
            })?,
            _ => {
                return Err(self.error(property, "refers to a condition that the desk cannot read"));
            }
        };
        let all = || {
            argument.as_sequence().into_iter().flatten().map(|inner| self.holds(property, inner))
        };
        match name {
            "Condition" => self.condition(property, &scalar(argument).unwrap_or_default()),
            "Equals" => {
                let [left, right] = self.arguments(property, "!Equals", argument)?;
                Ok(self.text(property, left)? == self.text(property, right)?)
            }
            "Contains" => {
                let [list, text] = self.arguments(property, "!Contains", argument)?;
                let list = self.resolve(property, list)?;
                let text = self.resolve(property, text)?;
                let list = list.as_ref().and_then(Json::as_array);
                Ok(list.is_some_and(|list| text.is_some_and(|text| list.contains(&text))))
            }
            "Not" => {
                let [inner] = self.arguments(property, "!Not", argument)?;
                Ok(!self.holds(property, inner)?)
            }
            "And" => Ok(all().collect::<Result<Vec<_>, _>>()?.into_iter().all(|holds| holds)),
            "Or" => Ok(all().collect::<Result<Vec<_>, _>>()?.into_iter().any(|holds| holds)),
            other => {
                Err(self
                    .error(property, format!("the desk cannot resolve !{other} in a condition")))
            }
        }
    }
}

/// `{Ref: x}`, `{Condition: x}` and `{Fn::Name: x}`, as the name without its prefix and the
/// argument.
fn long_form(mapping: &Mapping) -> Option<(&str, &Value)> {
    let (key, argument) = mapping.iter().next().filter(|_| mapping.len() == 1)?;
    let key = key.as_str()?;
    match key.strip_prefix("Fn::") {
        Some(name) => Some((name, argument)),
        None => matches!(key, "Ref" | "Condition").then_some((key, argument)),
    }
}

/// What the desk reads of a resource, as JSON: the named properties, each resolved.
pub(super) fn properties(
    scope: &ResourceScope<'_>,
    resource: &Value,
    names: &[&str],
) -> Result<Json, TemplateError> {
    let mut object = json!({});
    for name in names {
        if let Some(value) = resource.get("Properties").and_then(|properties| properties.get(*name))
            && let Some(json) = scope.resolve(name, value)?
        {
            object[*name] = json;
        }
    }
    Ok(object)
}
