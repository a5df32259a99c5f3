//! The template's parameters: what was given, what the desk knows itself, else the default; and
//! whether CloudFormation would take it.

use crate::template::error::TemplateError;
use crate::template::yaml::scalar;
use regex::Regex;
use serde_yaml_ng::Value;
use std::collections::BTreeMap;

/// Values by parameter name.
pub type Parameters = BTreeMap<String, String>;

/// One value for each parameter of the template. Values that the desk has for a parameter which
/// this template does not have are ignored; values that the user gave are not, for they would be a
/// slip of the pen.
pub(super) fn resolve(
    document: &Value,
    overrides: &Parameters,
    defaults: &Parameters,
) -> Result<Parameters, TemplateError> {
    let empty = serde_yaml_ng::Mapping::new();
    let declared = document.get("Parameters").and_then(Value::as_mapping).unwrap_or(&empty);
    let mut resolved = Parameters::new();
    for (name, declaration) in declared {
        let Some(name) = name.as_str() else { continue };
        let value = overrides
            .get(name)
            .or_else(|| defaults.get(name))
            .cloned()
            .or_else(|| declaration.get("Default").and_then(scalar))
            .ok_or_else(|| TemplateError::NoValue(name.to_owned()))?;
        Declaration { name, properties: declaration }.check(&value)?;
        resolved.insert(name.to_owned(), value);
    }
    match overrides.keys().find(|name| !resolved.contains_key(*name)) {
        Some(name) => Err(TemplateError::UnknownParameter {
            name: name.clone(),
            known: resolved.into_keys().collect(),
        }),
        None => Ok(resolved),
    }
}

/// What the template says of a parameter.
struct Declaration<'t> {
    name: &'t str,
    properties: &'t Value,
}

impl Declaration<'_> {
    /// Checks the value against every constraint that CloudFormation knows.
    fn check(&self, value: &str) -> Result<(), TemplateError> {
        match self.text("Type").as_deref() {
            Some("String") => {}
            Some("Number") => self.hold(value, number(value).is_some(), "Type")?,
            _ => return Err(self.error("Type", "the desk knows String and Number")),
        }
        let length = f64::from(u32::try_from(value.chars().count()).unwrap_or(u32::MAX));
        let quantity = number(value).unwrap_or_default();
        for (constraint, holds) in [
            ("MinLength", length >= self.bound("MinLength")?.unwrap_or(f64::MIN)),
            ("MaxLength", length <= self.bound("MaxLength")?.unwrap_or(f64::MAX)),
            ("MinValue", quantity >= self.bound("MinValue")?.unwrap_or(f64::MIN)),
            ("MaxValue", quantity <= self.bound("MaxValue")?.unwrap_or(f64::MAX)),
            ("AllowedValues", self.allows(value)),
            ("AllowedPattern", self.matches(value)?),
        ] {
            self.hold(value, holds, constraint)?;
        }
        Ok(())
    }

    fn hold(
        &self,
        value: &str,
        holds: bool,
        constraint: &'static str,
    ) -> Result<(), TemplateError> {
        if holds {
            return Ok(());
        }
        let constraint = format!("{constraint} {}", self.text(constraint).unwrap_or_default());
        Err(TemplateError::NotAllowed {
            name: self.name.to_owned(),
            value: value.to_owned(),
            rule: self.text("ConstraintDescription").unwrap_or("not allowed".to_owned()),
            constraint,
        })
    }

    fn bound(&self, name: &'static str) -> Result<Option<f64>, TemplateError> {
        let parse = |text: String| {
            number(&text).ok_or_else(|| self.error(name, format!("{text} is not a number")))
        };
        self.text(name).map(parse).transpose()
    }

    fn allows(&self, value: &str) -> bool {
        let allowed = self.properties.get("AllowedValues").and_then(Value::as_sequence);
        allowed.is_none_or(|allowed| allowed.iter().filter_map(scalar).any(|text| text == value))
    }

    /// CloudFormation wants the whole value to match.
    fn matches(&self, value: &str) -> Result<bool, TemplateError> {
        let Some(pattern) = self.text("AllowedPattern") else { return Ok(true) };
        let whole = Regex::new(&format!(r"\A(?:{pattern})\z"))
            .map_err(|error| self.error("AllowedPattern", error.to_string()))?;
        Ok(whole.is_match(value))
    }

    /// A property as text; a list is its parts.
    fn text(&self, property: &str) -> Option<String> {
        match self.properties.get(property)? {
            Value::Sequence(parts) => {
                Some(parts.iter().filter_map(scalar).collect::<Vec<_>>().join(", "))
            }
            value => scalar(value),
        }
    }

    fn error(&self, constraint: &'static str, problem: impl Into<String>) -> TemplateError {
        TemplateError::Constraint {
            name: self.name.to_owned(),
            constraint,
            problem: problem.into(),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
