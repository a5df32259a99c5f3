//! The template's parameters: what was given, what the desk knows itself, else the default.

use crate::template::error::TemplateError;
use crate::template::yaml::scalar;
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
        if let Some(allowed) = declaration.get("AllowedValues").and_then(Value::as_sequence) {
            let allowed: Vec<String> = allowed.iter().filter_map(scalar).collect();
            if !allowed.contains(&value) {
                return Err(TemplateError::NotAllowed { name: name.to_owned(), value, allowed });
            }
        }
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
