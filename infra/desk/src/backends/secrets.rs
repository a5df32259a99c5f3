//! AWS Secrets Manager: `GetSecretValue` and `PutSecretValue`, with stages as they move in a
//! rotation.

use crate::error::StartError;
use crate::iam::Iam;
use crate::names::request_id;
use crate::policy::AccessRequest;
use crate::state::StateFolder;
use crate::template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use edge::Clock;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

const SECRETS_FILE: &str = "secrets.json";
const CURRENT_STAGE: &str = "AWSCURRENT";
const PREVIOUS_STAGE: &str = "AWSPREVIOUS";

/// The secrets; clones share them.
#[derive(Clone)]
pub(crate) struct Secrets {
    inner: Arc<Mutex<BTreeMap<String, Secret>>>,
    folder: StateFolder,
    clock: Clock,
}

#[derive(Clone, Serialize, Deserialize)]
struct Secret {
    name: String,
    versions: Vec<Version>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Version {
    id: String,
    value: String,
    stages: Vec<String>,
    created_at: jiff::Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Get {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    secret_id: String,
    secret_string: String,
    client_request_token: Option<String>,
    version_stages: Option<Vec<String>>,
}

/// An error of Secrets Manager, by its type.
struct Refusal(&'static str, String);

const NOT_FOUND: &str = "ResourceNotFoundException";
const NOT_KEPT: &str = "InternalServiceError";

impl Secrets {
    /// Opens what was kept, and generates the secrets that the template declares and nobody kept.
    pub(crate) fn open(
        folder: &StateFolder,
        clock: Clock,
        declared: &[template::Secret],
    ) -> Result<Self, StartError> {
        let mut secrets: BTreeMap<String, Secret> = folder.load(SECRETS_FILE)?.unwrap_or_default();
        for secret in declared.iter() {
            secrets.entry(secret.arn.clone()).or_insert_with(|| Secret {
                name: secret.name.clone(),
                versions: vec![Version {
                    id: request_id(),
                    value: secret.generate(),
                    stages: vec![CURRENT_STAGE.to_owned()],
                    created_at: clock.now(),
                }],
            });
        }
        folder.save(SECRETS_FILE, &secrets)?;
        Ok(Self { inner: Arc::new(Mutex::new(secrets)), folder: folder.clone(), clock })
    }

    pub(crate) fn router(self, iam: Iam) -> Router {
        Router::new().route("/", post(answer)).with_state((self, iam))
    }

    /// The ARN of a secret, however it is named; a secret that is not there has none.
    fn arn(&self, id: &str) -> Option<String> {
        let secrets = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        find(&secrets, id).ok().map(|(arn, _)| arn.to_owned())
    }

    fn get(&self, request: &Get) -> Result<Value, Refusal> {
        let secrets = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let (arn, secret) = find(&secrets, &request.secret_id)?;
        let stage = request.version_stage.as_deref();
        let version = secret.versions.iter().rev().find(|version| {
            let stage_fits = |stage: &str| version.stages.iter().any(|own| own == stage);
            match (&request.version_id, stage) {
                (Some(id), stage) => version.id == *id && stage.is_none_or(stage_fits),
                (None, stage) => stage_fits(stage.unwrap_or(CURRENT_STAGE)),
            }
        });
        let version = version.ok_or_else(|| {
            let stage = request.version_id.as_deref().or(stage).unwrap_or(CURRENT_STAGE);
            let message = format!(
                "Secrets Manager can't find the specified secret value for staging label: {stage}"
            );
            Refusal(NOT_FOUND, message)
        })?;
        Ok(json!({
            "ARN": arn,
            "Name": secret.name,
            "VersionId": version.id,
            "SecretString": version.value,
            "VersionStages": version.stages,
            "CreatedDate": version.created_at.as_second(),
        }))
    }

    fn put(&self, request: Put) -> Result<Value, Refusal> {
        let mut kept = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut secrets = kept.clone();
        let arn = find(&secrets, &request.secret_id)?.0.to_owned();
        let secret = secrets.get_mut(&arn).ok_or_else(not_found)?;
        let id = request.client_request_token.unwrap_or_else(request_id);
        let stages = request.version_stages.unwrap_or_else(|| vec![CURRENT_STAGE.to_owned()]);
        match secret.versions.iter().find(|version| version.id == id) {
            // The same token with the same value is the same call again.
            Some(known) if known.value == request.secret_string => {}
            Some(_) => {
                let message =
                    "You can't modify an existing version, you can only create a new one.";
                return Err(Refusal("ResourceExistsException", message.to_owned()));
            }
            None => {
                for version in &mut secret.versions {
                    let was_current = version.stages.iter().any(|stage| stage == CURRENT_STAGE);
                    let moves_current = stages.iter().any(|stage| stage == CURRENT_STAGE);
                    let moves = |stage: &String| {
                        stages.contains(stage) || (moves_current && stage == PREVIOUS_STAGE)
                    };
                    version.stages.retain(|stage| !moves(stage));
                    if was_current && moves_current {
                        version.stages.push(PREVIOUS_STAGE.to_owned());
                    }
                }
                secret.versions.push(Version {
                    id: id.clone(),
                    value: request.secret_string,
                    stages: stages.clone(),
                    created_at: self.clock.now(),
                });
            }
        }
        let name = secret.name.clone();
        self.folder
            .save(SECRETS_FILE, &secrets)
            .map_err(|error| Refusal(NOT_KEPT, format!("The secret is not kept: {error}.")))?;
        *kept = secrets;
        Ok(json!({"ARN": arn, "Name": name, "VersionId": id, "VersionStages": stages}))
    }
}

/// A secret by its ARN, its name, or its ARN without the last six characters, all of which AWS
/// accepts.
fn find<'s>(
    secrets: &'s BTreeMap<String, Secret>,
    id: &str,
) -> Result<(&'s str, &'s Secret), Refusal> {
    let found = secrets.iter().find(|(arn, secret)| {
        *arn == id
            || secret.name == id
            || arn.rsplit_once('-').is_some_and(|(partial, _)| partial == id)
    });
    found.map(|(arn, secret)| (arn.as_str(), secret)).ok_or_else(not_found)
}

fn malformed(error: serde_json::Error) -> Refusal {
    Refusal("SerializationException", error.to_string())
}

fn not_found() -> Refusal {
    Refusal(NOT_FOUND, "Secrets Manager can't find the specified secret.".to_owned())
}

/// Whether the caller may do this. Who may not is told so before it is looked whether the secret is
/// there.
fn authorize(
    secrets: &Secrets,
    iam: &Iam,
    headers: &HeaderMap,
    operation: &str,
    body: &Bytes,
) -> Result<(), Refusal> {
    let body: Value = serde_json::from_slice(body).map_err(malformed)?;
    let id = body["SecretId"].as_str().unwrap_or("*");
    let request = AccessRequest::new(
        format!("secretsmanager:{operation}"),
        secrets.arn(id).unwrap_or_else(|| id.to_owned()),
    );
    iam.authorize_call(headers, &request).map_err(|denial| {
        let (kind, message) = denial.type_and_message();
        Refusal(kind, message)
    })
}

async fn answer(
    State((secrets, iam)): State<(Secrets, Iam)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let target =
        headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.strip_prefix("secretsmanager.").unwrap_or(target);
    let outcome =
        authorize(&secrets, &iam, &headers, operation, &body).and_then(|()| match operation {
            "GetSecretValue" => {
                serde_json::from_slice(&body).map_err(malformed).and_then(|get| secrets.get(&get))
            }
            "PutSecretValue" => {
                serde_json::from_slice(&body).map_err(malformed).and_then(|put| secrets.put(put))
            }
            _ => Err(Refusal(
                "UnknownOperationException",
                format!("The desk does not know the operation {target}."),
            )),
        });
    let (status, answer) = match outcome {
        Ok(answer) => (StatusCode::OK, answer),
        Err(Refusal(kind, message)) => {
            let status = if kind == NOT_KEPT {
                StatusCode::INTERNAL_SERVER_ERROR
            } else {
                StatusCode::BAD_REQUEST
            };
            (status, json!({"__type": kind, "Message": message}))
        }
    };
    let headers = [
        (header::CONTENT_TYPE, "application/x-amz-json-1.1".to_owned()),
        (header::HeaderName::from_static("x-amzn-requestid"), request_id()),
    ];
    (status, headers, answer.to_string()).into_response()
}
