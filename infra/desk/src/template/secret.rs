//! Secrets that CloudFormation would generate.

use crate::names;
use crate::template::error::TemplateError;
use crate::template::intrinsics::{ResourceScope, properties};
use rand::RngExt as _;
use serde_yaml_ng::Value;

/// A secret and how its first value is made.
#[derive(Debug)]
pub struct Secret {
    /// What functions are given.
    pub arn: String,
    /// What people would call it.
    pub name: String,
    skeleton: serde_json::Map<String, serde_json::Value>,
    generated_key: Option<String>,
    length: usize,
    alphabet: Vec<char>,
}

impl Secret {
    /// A first value, new at each call: `SecretStringTemplate` with the random characters under
    /// `GenerateStringKey`, or the bare characters where the template has no such key.
    pub fn generate(&self) -> String {
        let mut rng = edge::Random::system();
        let random: String = (0..self.length)
            .map(|_| self.alphabet[rng.random_range(0..self.alphabet.len())])
            .collect();
        match &self.generated_key {
            Some(key) => {
                let mut object = self.skeleton.clone();
                object.insert(key.clone(), random.into());
                serde_json::Value::Object(object).to_string()
            }
            None => random,
        }
    }
}

pub(super) fn read(scope: &ResourceScope<'_>, resource: &Value) -> Result<Secret, TemplateError> {
    let properties = properties(scope, resource, &["GenerateSecretString"])?;
    let generate = &properties["GenerateSecretString"];
    if !generate.is_object() {
        return Err(scope.error(
            "GenerateSecretString",
            "is missing: the desk can make only generated secrets",
        ));
    }
    let skeleton = match generate["SecretStringTemplate"].as_str() {
        Some(text) => serde_json::from_str(text).map_err(|error| {
            scope.error(
                "GenerateSecretString.SecretStringTemplate",
                format!("is not a JSON object: {error}"),
            )
        })?,
        None => serde_json::Map::new(),
    };
    let excluded = generate["ExcludeCharacters"].as_str().unwrap_or_default();
    let punctuation =
        if generate["ExcludePunctuation"] == true { "" } else { "!#$%&()*+,-./:;<=>?@[]^_{|}~" };
    Ok(Secret {
        arn: names::secret_arn(scope.resource),
        name: names::secret(scope.resource),
        skeleton,
        generated_key: generate["GenerateStringKey"].as_str().map(str::to_owned),
        length: match &generate["PasswordLength"] {
            serde_json::Value::Null => 32,
            length => length.as_u64().and_then(|length| usize::try_from(length).ok()).ok_or_else(
                || scope.error("GenerateSecretString.PasswordLength", "must be a number"),
            )?,
        },
        alphabet: ('a'..='z')
            .chain('A'..='Z')
            .chain('0'..='9')
            .chain(punctuation.chars())
            .filter(|character| !excluded.contains(*character))
            .collect(),
    })
}
