//! The roles that functions run under: one `AWS::IAM::Role` each, with its policies inline.
//!
//! A function's own `Policies` are no way to give it permissions here: SAM then makes the role, and
//! attaches AWS's managed policies to it, which this file could not show.

use crate::names;
use crate::policy::Policy;
use crate::template::error::TemplateError;
use crate::template::intrinsics::{ResourceScope, TemplateScope, properties};
use serde_json::{Value as Json, json};
use serde_yaml_ng::Value;
use std::collections::BTreeMap;

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its logical id, which stands for its name.
    pub name: String,
    pub policy: Policy,
}

/// The roles, by ARN.
pub(super) type Roles = BTreeMap<String, Role>;

/// All roles. What a policy of its own would add to one may not be there yet when the function that
/// needs it is made, so there is none.
pub(super) fn read_all(scope: &TemplateScope<'_>) -> Result<Roles, TemplateError> {
    let mut roles = Roles::new();
    for (id, resource) in scope.resources() {
        let resource_scope = scope.of_resource(id);
        match resource.get("Type").and_then(Value::as_str) {
            Some("AWS::IAM::Role") => {
                roles.insert(names::role_arn(id), read(&resource_scope, resource)?);
            }
            Some(
                other @ ("AWS::IAM::ManagedPolicy"
                | "AWS::IAM::Policy"
                | "AWS::IAM::RolePolicy"
                | "AWS::Serverless::Connector"),
            ) => {
                return Err(resource_scope.error(
                    "Type",
                    format!("the desk does not know what {other} allows; put it into the role"),
                ));
            }
            Some(_) | None => {}
        }
    }
    Ok(roles)
}

fn read(scope: &ResourceScope<'_>, resource: &Value) -> Result<Role, TemplateError> {
    const ACTED_ON: [&str; 2] = ["AssumeRolePolicyDocument", "Policies"];
    let names = resource
        .get("Properties")
        .and_then(Value::as_mapping)
        .into_iter()
        .flatten()
        .filter_map(|(name, _)| name.as_str());
    if let Some(other) =
        names.into_iter().find(|name| !ACTED_ON.contains(name) && *name != "Description")
    {
        return Err(scope.error(other, "the desk does not know what this does to a role"));
    }
    let properties = properties(scope, resource, &ACTED_ON)?;
    let trust = json!([{
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }]);
    if properties["AssumeRolePolicyDocument"]["Statement"] != trust {
        return Err(scope.error(
            "AssumeRolePolicyDocument",
            "must let Lambda assume the role, and nobody else",
        ));
    }
    let mut policy = Policy::default();
    for inline in properties["Policies"].as_array().into_iter().flatten() {
        policy
            .add(&inline["PolicyDocument"])
            .map_err(|problem| scope.error("Policies", problem))?;
    }
    Ok(Role { name: scope.resource.to_owned(), policy })
}

/// The role that a function names.
pub(super) fn of_function(
    scope: &ResourceScope<'_>,
    resource: &Value,
    roles: &Roles,
) -> Result<Role, TemplateError> {
    let properties = properties(scope, resource, &["Role", "Policies"])?;
    if properties["Policies"] != Json::Null {
        return Err(scope.error("Policies", "stand in the function's role, which Role names"));
    }
    let role = properties["Role"].as_str().and_then(|role| roles.get(role));
    role.cloned().ok_or_else(|| scope.error("Role", "must be the Arn of a role in the template"))
}
