//! The audit trail: one row for each change, written in the change's own transaction.
//!
//! Those who write it may put rows there, and neither read nor change any. IAM knows no condition
//! on what is there already; but where a row lies nobody can guess.
//!
//! A row names members by their ids. Which address a member has is in a row of the trail beside
//! them, which is put there when the member is made, and again by each login: so it is there as
//! long as there may be a row that names the member, and no longer. Where that lies can be guessed,
//! so it is believed only if the id is of that address.

use crate::layout;
use crate::rows::{AuditMemberRow, AuditRow, Item, to_item};
use crate::write::Write;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::key::SANDBOX_KEY_NAME;
use domain::session::SESSION_LIFETIME;
use domain::{
    AccountId, EmailAddress, Invitation, KeyId, KeyKind, MemberId, OperatorName, SessionToken,
};
use jiff::Timestamp;
use serde::Serialize;

/// A row of the trail that is being put together.
pub(crate) struct Entry<'a> {
    account: &'a AccountId,
    row: AuditRow<'a>,
    was: Item,
    is: Item,
}

/// A member's act.
pub(crate) fn by_member<'a>(
    token: &'a SessionToken,
    action: &'static str,
    target: Option<&'a str>,
    now: Timestamp,
) -> Entry<'a> {
    let actor = Some(token.member.as_str());
    Entry::new(&token.account, AuditRow::new(action, actor, target, now))
}

/// An act of whoever was invited, by the link of the invitation.
pub(crate) fn by_invited<'a>(
    invitation: &'a Invitation,
    action: &'static str,
    now: Timestamp,
) -> Entry<'a> {
    let member = Some(invitation.member.as_str());
    Entry::new(&invitation.account, AuditRow::new(action, member, member, now))
}

/// An operator's act.
pub(crate) fn by_operator<'a>(
    account: &'a AccountId,
    action: &'static str,
    target: Option<&'a str>,
    by: Option<&'a OperatorName>,
    now: Timestamp,
) -> Entry<'a> {
    Entry::new(account, AuditRow::new(action, None, target, now).by_operator(by))
}

/// An act of Frontdesk itself.
pub(crate) fn by_no_member<'a>(
    account: &'a AccountId,
    action: &'static str,
    target: &'a str,
    now: Timestamp,
) -> Entry<'a> {
    Entry::new(account, AuditRow::new(action, None, Some(target), now))
}

/// Which address a member has who may act from now on, until the next login or invitation: a
/// session lasts no longer, and neither does an invitation.
pub(crate) fn member(
    account: &AccountId,
    member: &MemberId,
    email: &EmailAddress,
    now: Timestamp,
) -> Write {
    let row = AuditMemberRow::new(email);
    let key = layout::audit_member(account, member);
    Write::put_into_trail(&key, to_item(&row), now + SESSION_LIFETIME)
}

impl<'a> Entry<'a> {
    fn new(account: &'a AccountId, mut row: AuditRow<'a>) -> Self {
        row.label = row.target.and_then(given_name);
        Self { account, row, was: Item::new(), is: Item::new() }
    }

    /// What people call the target.
    pub fn labelled(self, label: &'a str) -> Self {
        self.some_label(Some(label))
    }

    /// The same, if that is known.
    pub fn some_label(mut self, label: Option<&'a str>) -> Self {
        self.row.label = label.or(self.row.label);
        self
    }

    /// What a field was and is: the change's own condition is that it still was so. Nothing is told
    /// of a side that there is not, or of a field that stays as it is.
    pub fn changed(mut self, field: &str, was: impl Serialize, is: impl Serialize) -> Self {
        let [was, is] = [value(was), value(is)];
        if was != is {
            for (side, value) in [(&mut self.was, was), (&mut self.is, is)] {
                if !value.is_null() {
                    side.insert(field.to_owned(), value);
                }
            }
        }
        self
    }
}

/// What something is called that nobody gives another name.
fn given_name(target: &str) -> Option<&'static str> {
    let key: KeyId = target.parse().ok()?;
    (key.kind() == KeyKind::Sandbox).then_some(SANDBOX_KEY_NAME)
}

fn value(plain: impl Serialize) -> AttributeValue {
    serde_dynamo::to_attribute_value(plain).expect("fields are plain")
}

impl From<Entry<'_>> for Write {
    fn from(entry: Entry<'_>) -> Self {
        let Entry { account, row, was, is } = entry;
        let mut item = to_item(&row);
        for (name, fields) in [("was", was), ("is", is)] {
            if !fields.is_empty() {
                item.insert(name.to_owned(), AttributeValue::M(fields));
            }
        }
        Self::add_to_trail(account, item, row.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_tells_what_a_field_was_and_is_as_far_as_it_changed() {
        let account: AccountId = "acct_0123456789ab".parse().unwrap();
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let entry = by_no_member(&account, "account_changed", "target", Timestamp::UNIX_EPOCH)
            .changed("renamed", "One", "Other")
            .changed("same", 1, 1)
            .changed("new", None::<u32>, 2)
            .changed("gone", "Here", None::<&str>);
        let was = [("renamed", text("One")), ("gone", text("Here"))];
        let is = [("renamed", text("Other")), ("new", AttributeValue::N("2".to_owned()))];
        for (told, expected) in [(entry.was, was), (entry.is, is)] {
            let expected = expected.map(|(name, value)| (name.to_owned(), value));
            assert_eq!(told, Item::from(expected));
        }
    }

    #[test]
    fn the_sandbox_key_is_called_by_its_name_and_others_as_they_are_labelled() {
        let account: AccountId = "acct_0123456789ab".parse().unwrap();
        for (target, name) in [
            ("key_s00000000", Some(SANDBOX_KEY_NAME)),
            ("key_k00000000", None),
            ("acct_0123456789ab", None),
        ] {
            let entry = by_no_member(&account, "key_deleted", target, Timestamp::UNIX_EPOCH);
            assert_eq!(entry.row.label, name);
            assert_eq!(entry.some_label(None).row.label, name);
            let entry = by_no_member(&account, "key_deleted", target, Timestamp::UNIX_EPOCH);
            assert_eq!(entry.labelled("Other").row.label, Some("Other"));
        }
    }
}
