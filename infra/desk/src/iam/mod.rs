//! Who may do what: the roles of `template.yaml`, enforced where the stand-ins are called, and a
//! record of what was used.
//!
//! Each function in the desk's process has credentials of its own, whose access key is its name. So
//! a stand-in knows who calls, asks here, and answers a refusal in the words of the service that it
//! stands in for. The desk's own credentials are an operator's, who may do everything; so may
//! functions that run elsewhere, for they share one environment.
//!
//! A service that the functions use for the first time needs its requests turned into
//! [`AccessRequest`]s, as `dynamodb` does for DynamoDB's.

mod dynamodb;

pub use dynamodb::LeadingKeysReading;

use crate::names;
use crate::policy::{AccessRequest, Decision, Grant, Policy};
use crate::template::{Function, Table, Template};
use axum::http::{HeaderMap, header};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The access key of the desk itself.
pub(crate) const OPERATOR: &str = "desk";

/// The roles of all functions and what was done under them; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Iam(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    roles: BTreeMap<String, Role>,
    table: Table,
    usage: Mutex<Usage>,
}

#[derive(Debug)]
struct Role {
    name: String,
    policy: Policy,
}

/// What was done and what was refused so far.
#[derive(Debug, Default)]
struct Usage {
    used: BTreeMap<Permission, u64>,
    refused: BTreeSet<Refused>,
}

/// A permission that a function has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Permission {
    pub function: String,
    #[serde(flatten)]
    pub grant: Grant,
}

/// Something that a function was not allowed to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refused {
    pub function: String,
    pub action: String,
    pub resource: String,
    /// The partition keys that it named, where it named rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
}

/// What the template allows, what of it was used, and what was refused, since the desk was started.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Permissions {
    pub granted: Vec<PermissionUse>,
    pub refused: Vec<Refused>,
}

/// A permission and how often it was used.
#[derive(Clone, Debug, Serialize)]
pub struct PermissionUse {
    #[serde(flatten)]
    pub permission: Permission,
    pub times: u64,
}

/// Why a request goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    /// Nobody has this access key, or the request has none.
    UnknownCaller,
    /// The function may not do this.
    NotAllowed { principal: String, request: Box<AccessRequest>, explicitly: bool },
    /// It cannot be told what the function wants to do.
    NotUnderstood(String),
}

impl Denial {
    /// The error's type, and what AWS says.
    pub(crate) fn type_and_message(&self) -> (&'static str, String) {
        match self {
            Self::UnknownCaller => (
                "UnrecognizedClientException",
                "The security token included in the request is invalid.".to_owned(),
            ),
            Self::NotAllowed { principal, request, explicitly } => {
                let AccessRequest { action, resource, condition_keys: _ } = &**request;
                let because = if *explicitly {
                    "with an explicit deny in an identity-based policy".to_owned()
                } else {
                    format!("because no identity-based policy allows the {action} action")
                };
                let message = format!(
                    "User: {principal} is not authorized to perform: {action} \
                     on resource: {resource} {because}"
                );
                ("AccessDeniedException", message)
            }
            Self::NotUnderstood(problem) => {
                ("AccessDeniedException", format!("Refused, for {problem}"))
            }
        }
    }
}

impl Iam {
    pub(crate) fn new(template: &Template) -> Self {
        let role = |function: &Function| {
            let role =
                Role { name: function.role.name.clone(), policy: function.role.policy.clone() };
            (function.name.clone(), role)
        };
        let roles = template.functions.iter().map(role).collect();
        Self(Arc::new(Inner { roles, table: template.table().clone(), usage: Mutex::default() }))
    }

    /// Lets a call of DynamoDB or its streams through, or says why not. It has to be allowed under
    /// each reading of the leading keys.
    pub(crate) fn authorize_dynamodb_call(
        &self,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<(), Denial> {
        let Some(function) = self.function(headers)? else { return Ok(()) };
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        let target = target.unwrap_or("(none)");
        let body = serde_json::from_slice::<Value>(body)
            .map_err(|error| format!("the request is not JSON: {error}"));
        let requests = |reading| {
            body.as_ref()
                .map_err(Clone::clone)
                .and_then(|body| dynamodb::access_requests(&self.0.table, target, body, reading))
                .map_err(|problem| self.not_understood(function, target, problem))
        };
        for request in requests(LeadingKeysReading::PerAction)? {
            self.permissions_for(function, &request)?;
        }
        // What is used is counted item by item.
        let requests = requests(LeadingKeysReading::PerItem)?;
        requests.iter().try_for_each(|request| self.authorize(function, request))
    }

    fn not_understood(&self, function: &str, target: &str, problem: String) -> Denial {
        let refused = Refused {
            function: function.to_owned(),
            action: target.to_owned(),
            resource: "?".to_owned(),
            keys: None,
        };
        self.usage().refused.insert(refused);
        Denial::NotUnderstood(problem)
    }

    /// Lets a call through that asks for this one access, or says why not.
    pub(crate) fn authorize_call(
        &self,
        headers: &HeaderMap,
        request: &AccessRequest,
    ) -> Result<(), Denial> {
        match self.function(headers)? {
            Some(function) => self.authorize(function, request),
            None => Ok(()),
        }
    }

    /// Whether a function may do this. It is put on record, either way.
    pub(crate) fn authorize(&self, function: &str, request: &AccessRequest) -> Result<(), Denial> {
        let grants = self.permissions_for(function, request)?;
        let mut usage = self.usage();
        for grant in grants {
            let permission = Permission { function: function.to_owned(), grant };
            *usage.used.entry(permission).or_default() += 1;
        }
        Ok(())
    }

    /// By which permissions a function may do this. Only that it may not is put on record.
    fn permissions_for(
        &self,
        function: &str,
        request: &AccessRequest,
    ) -> Result<Vec<Grant>, Denial> {
        let role = self.0.roles.get(function).ok_or(Denial::UnknownCaller)?;
        let explicitly = match role.policy.decide(request) {
            Decision::Allowed(grants) => return Ok(grants),
            Decision::ImplicitlyDenied => false,
            Decision::ExplicitlyDenied => true,
        };
        let AccessRequest { action, resource, condition_keys } = request.clone();
        tracing::warn!(function, action, resource, "not allowed by the template");
        self.usage().refused.insert(Refused {
            function: function.to_owned(),
            action,
            resource,
            keys: condition_keys.leading_keys,
        });
        Err(Denial::NotAllowed {
            principal: names::assumed_role_arn(&role.name, function),
            request: Box::new(request.clone()),
            explicitly,
        })
    }

    /// The function that signed the request; none for an operator.
    fn function(&self, headers: &HeaderMap) -> Result<Option<&str>, Denial> {
        let key = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(access_key);
        match key {
            Some(OPERATOR) => Ok(None),
            Some(key) => self
                .0
                .roles
                .get_key_value(key)
                .map(|(name, _)| Some(name.as_str()))
                .ok_or(Denial::UnknownCaller),
            None => Err(Denial::UnknownCaller),
        }
    }

    /// What is granted, used and refused so far.
    pub(crate) fn permissions(&self) -> Permissions {
        let usage = self.usage();
        let mut granted = Vec::new();
        for (function, role) in &self.0.roles {
            for grant in role.policy.grants() {
                let permission = Permission { function: function.clone(), grant };
                let times = usage.used.get(&permission).copied().unwrap_or(0);
                granted.push(PermissionUse { permission, times });
            }
        }
        Permissions { granted, refused: usage.refused.iter().cloned().collect() }
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.0.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `AWS4-HMAC-SHA256 Credential=KEY/20260101/us-east-1/dynamodb/aws4_request, ...`
fn access_key(authorization: &str) -> Option<&str> {
    authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")?
        .split(',')
        .find_map(|part| part.trim().strip_prefix("Credential="))?
        .split('/')
        .next()
}
