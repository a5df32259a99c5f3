//! The audit trail: one row for each change, written in the change's own transaction.

use crate::layout;
use crate::rows::AuditRow;
use crate::write::Write;
use domain::{AccountId, EventId, OperatorName, SessionToken};
use jiff::Timestamp;

/// A member's act.
pub(crate) fn by_member(
    token: &SessionToken,
    action: &'static str,
    target: Option<&str>,
    now: Timestamp,
) -> Write {
    row(&token.account, AuditRow::new(action, Some(token.member.as_str()), target, now), now)
}

/// An operator's act.
pub(crate) fn by_operator(
    account: &AccountId,
    action: &'static str,
    target: Option<&str>,
    by: Option<&OperatorName>,
    now: Timestamp,
) -> Write {
    row(account, AuditRow::new(action, None, target, now).by_operator(by), now)
}

/// An act of Frontdesk itself.
pub(crate) fn by_no_member(
    account: &AccountId,
    action: &'static str,
    target: &str,
    now: Timestamp,
) -> Write {
    row(account, AuditRow::new(action, None, Some(target), now), now)
}

fn row(account: &AccountId, row: AuditRow<'_>, now: Timestamp) -> Write {
    Write::put(&layout::audit(account, now, &EventId::random(&mut crate::rng())), &row)
}
