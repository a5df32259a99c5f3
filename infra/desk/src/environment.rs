//! The environment of the functions: the template's variables, credentials, and where the stand-ins
//! are.

use crate::iam::OPERATOR;
use crate::names::REGION;
use crate::template::{Function, Template};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Addresses of the stand-ins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Endpoints {
    pub(crate) database: SocketAddr,
    pub(crate) ses: SocketAddr,
    pub(crate) secrets: SocketAddr,
    pub(crate) product_api: SocketAddr,
}

/// What AWS itself would set, and the SDK's own variables for other endpoints. The access key tells
/// the stand-ins who calls; they check no signature, but the SDK wants to sign.
fn aws(access_key: &str, endpoints: &Endpoints) -> BTreeMap<String, String> {
    let pairs = [
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", access_key.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "desk".to_owned()),
        ("AWS_SESSION_TOKEN", "desk".to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{}", endpoints.database)),
        ("AWS_ENDPOINT_URL_SES", format!("http://{}", endpoints.ses)),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", format!("http://{}", endpoints.secrets)),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The environment of one function.
pub(crate) fn of(function: &Function, endpoints: &Endpoints) -> BTreeMap<String, String> {
    let mut environment = aws(&function.name, endpoints);
    environment.extend(function.environment.clone());
    environment
}

/// One environment that serves all functions, for `cargo lambda watch`, which has only one. Nobody
/// can tell the functions apart there, so its credentials are an operator's.
pub(crate) fn of_all(template: &Template, endpoints: &Endpoints) -> BTreeMap<String, String> {
    let mut environment = aws(OPERATOR, endpoints);
    for function in &template.functions {
        for (name, value) in &function.environment {
            let before = environment.insert(name.clone(), value.clone());
            if before.is_some_and(|before| before != *value) {
                tracing::warn!(
                    name,
                    function = function.name,
                    "functions differ in this variable; the last one is taken"
                );
            }
        }
    }
    environment
}

/// Lines of `K=V` such as `cargo lambda watch --env-file` reads: values that are not plain are in
/// double quotes.
pub fn env_file(environment: &BTreeMap<String, String>) -> String {
    let is_plain = |value: &str| {
        !value.is_empty()
            && value.chars().all(|character| {
                character.is_ascii_alphanumeric() || "-_.:/@,+%{}".contains(character)
            })
    };
    let line = |(name, value): (&String, &String)| {
        if is_plain(value) {
            format!("{name}={value}\n")
        } else {
            format!("{name}=\"{}\"\n", value.replace('\\', "\\\\").replace('"', "\\\""))
        }
    };
    environment.iter().map(line).collect()
}
