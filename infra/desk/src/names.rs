//! Names, ARNs and ids, in AWS's forms: of the template's resources as the desk stands in for them,
//! and of what a deployment would have beside them.

use uuid::Uuid;

/// What stands in for the account of a deployment.
pub(crate) const ACCOUNT_ID: &str = "000000000000";
/// What stands in for the region of a deployment.
pub(crate) const REGION: &str = "us-east-1";

/// The name that the table of this logical id has at the desk. A name that the template gives is
/// left to deployments.
pub(crate) fn table(logical_id: &str) -> String {
    format!("frontdesk-{logical_id}")
}

pub(crate) fn table_arn(name: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT_ID}:table/{name}")
}

pub(crate) fn index_arn(table: &str, index: &str) -> String {
    format!("{}/index/{index}", table_arn(table))
}

/// The ARN that events name as their source. The engine has one of its own with another region in
/// it.
pub(crate) fn stream_arn(table: &str) -> String {
    format!("{}/stream/2024-01-01T00:00:00.000", table_arn(table))
}

/// The name that the secret of this logical id has at the desk.
pub(crate) fn secret(logical_id: &str) -> String {
    format!("frontdesk/{logical_id}")
}

/// The ARN that the secret of this logical id has at the desk. The six characters at the end are
/// AWS's habit.
pub(crate) fn secret_arn(logical_id: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:{}-Local1", secret(logical_id))
}

pub(crate) fn role_arn(role: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT_ID}:role/{role}")
}

/// Who a function is to IAM while it runs under its role.
pub(crate) fn assumed_role_arn(role: &str, function: &str) -> String {
    format!("arn:aws:sts::{ACCOUNT_ID}:assumed-role/{role}/{function}")
}

pub(crate) fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{name}")
}

pub(crate) fn log_group_arn(name: &str) -> String {
    format!("arn:aws:logs:{REGION}:{ACCOUNT_ID}:log-group:{name}")
}

pub(crate) fn log_stream_arn(group: &str, stream: &str) -> String {
    format!("{}:log-stream:{stream}", log_group_arn(group))
}

pub(crate) fn bucket_arn(name: &str) -> String {
    format!("arn:aws:s3:::{name}")
}

pub(crate) fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}")
}

pub(crate) fn topic_arn(name: &str) -> String {
    format!("arn:aws:sns:{REGION}:{ACCOUNT_ID}:{name}")
}

pub(crate) fn schedule_arn(name: &str) -> String {
    format!("arn:aws:scheduler:{REGION}:{ACCOUNT_ID}:schedule/default/{name}")
}

/// The ARN of an address or a domain of SES.
pub(crate) fn identity_arn(name: &str) -> String {
    format!("arn:aws:ses:{REGION}:{ACCOUNT_ID}:identity/{name}")
}

/// The ARN of a configuration set of SES.
pub(crate) fn configuration_set_arn(name: &str) -> String {
    format!("arn:aws:ses:{REGION}:{ACCOUNT_ID}:configuration-set/{name}")
}

/// A request id such as AWS gives: a random UUID.
pub(crate) fn request_id() -> String {
    Uuid::new_v4().to_string()
}
