//! How keys look to clients, and refusals of what is done to them.

use crate::view::PersonView;
use domain::{ApiKey, KeyId, KeyName, PlainKey, Role};
use edge::{ProblemCode, UtcTime};
use jiff::Timestamp;
use serde::Serialize;
use store::{ChangeKeyRefusal, FoundKeys};

#[derive(Debug, Serialize)]
pub struct KeyView {
    id: KeyId,
    name: KeyName,
    start: String,
    sandbox: bool,
    created_at: UtcTime,
    expires_at: Option<UtcTime>,
    state: KeyState,
    last_used_at: Option<UtcTime>,
    rotated_at: Option<UtcTime>,
    old_valid_until: Option<UtcTime>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum KeyState {
    Active,
    Expired,
}

impl KeyView {
    /// The key as it is at `now`.
    pub fn new(key: &ApiKey, now: Timestamp) -> Self {
        Self {
            id: key.id.clone(),
            name: key.name.clone(),
            start: key.start.clone(),
            sandbox: key.is_sandbox(),
            created_at: key.created_at.into(),
            expires_at: key.expires_at.map(UtcTime),
            state: if key.has_expired(now) { KeyState::Expired } else { KeyState::Active },
            last_used_at: key.last_used_at.map(UtcTime),
            rotated_at: key.rotated_at.map(UtcTime),
            old_valid_until: key.old_value_works_until(now).map(UtcTime),
        }
    }
}

/// A key with its value, this once.
#[derive(Debug, Serialize)]
pub struct ShownKey<'a> {
    key: KeyView,
    api_key: &'a str,
}

impl<'a> ShownKey<'a> {
    pub fn new(key: &ApiKey, plain: &'a PlainKey, now: Timestamp) -> Self {
        Self { key: KeyView::new(key, now), api_key: plain.secret().expose() }
    }
}

/// A key in the list; only admins see who made it.
#[derive(Debug, Serialize)]
pub struct ListedKeyView<'a> {
    #[serde(flatten)]
    key: KeyView,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by: Option<Option<PersonView<'a>>>,
}

impl<'a> ListedKeyView<'a> {
    pub fn new(key: &'a ApiKey, found: &'a FoundKeys, now: Timestamp) -> Self {
        let maker = |id| PersonView { id, email: found.addresses.get(id) };
        let to_admin = found.caller.member.role == Role::Admin;
        let created_by = to_admin.then(|| key.created_by.as_ref().map(maker));
        Self { key: KeyView::new(key, now), created_by }
    }
}

pub fn refused(refusal: ChangeKeyRefusal) -> ProblemCode {
    match refusal {
        ChangeKeyRefusal::Actor(refusal) => refusal.into(),
        ChangeKeyRefusal::NotFound => ProblemCode::KeyNotFound,
        ChangeKeyRefusal::SandboxKey => ProblemCode::SandboxKey,
        ChangeKeyRefusal::Invalid(invalid) => invalid.into(),
    }
}
