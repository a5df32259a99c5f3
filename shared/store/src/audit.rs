//! The audit trail: one row for each change, written in the change's own transaction.

use crate::layout;
use crate::write::Write;
use domain::{AccountId, EventId};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Serialize)]
struct AuditRow<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    at: Timestamp,
}

/// `actor` is a member's id, or nobody where the desk acts by itself or an operator does.
pub(crate) fn row(
    account: &AccountId,
    action: &'static str,
    actor: Option<&str>,
    target: Option<&str>,
    now: Timestamp,
) -> Write {
    let key = layout::audit(account, now, &EventId::random(&mut crate::rng()));
    Write::put(&key, &AuditRow { kind: "audit", action, actor, target, at: now })
}
