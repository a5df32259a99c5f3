//! What can be wrong with the template.

use std::path::PathBuf;

/// What is wrong with the template, and where.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("cannot read the template {}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the template {} is not YAML: {source}", path.display())]
    Syntax { path: PathBuf, source: serde_yaml_ng::Error },
    #[error("template: {property} of {owner}: {problem}")]
    Property { owner: String, property: String, problem: String },
    #[error("template: {0}")]
    Missing(String),
    #[error("the template has no parameter {name}; its parameters are {}", known.join(", "))]
    UnknownParameter { name: String, known: Vec<String> },
    #[error("the template's parameter {0} has no default; give it with --set {0}=VALUE")]
    NoValue(String),
    /// `rule` is the template's own sentence, where it has one, and `constraint` what it restates.
    #[error("the template's parameter {name} cannot be {value:?}: {rule} ({constraint})")]
    NotAllowed { name: String, value: String, rule: String, constraint: String },
    #[error("template: {constraint} of parameter {name}: {problem}")]
    Constraint { name: String, constraint: &'static str, problem: String },
    #[error("the template's parameters do not fit together: {said} (rule {rule})")]
    RuleBroken { rule: String, said: String },
}
