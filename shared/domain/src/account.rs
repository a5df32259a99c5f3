//! An account: one customer of the API company.

use crate::id::{AccountId, MemberId};
use crate::name::display_name;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The most keys that an account can be given: its suspension reaches every key in one transaction
/// of 100 rows.
pub const MAX_KEY_LIMIT: u32 = 90;
/// The most members that an account can be given: all of them are listed by one request.
pub const MAX_MEMBER_LIMIT: u32 = 200;

/// Whether an account can be given these limits; an absent one stands for any that it has.
pub fn are_limits(keys: Option<u32>, members: Option<u32>) -> bool {
    keys.is_none_or(|keys| (1..=MAX_KEY_LIMIT).contains(&keys))
        && members.is_none_or(|members| (1..=MAX_MEMBER_LIMIT).contains(&members))
}

/// What is known of an account, with its counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub name: AccountName,
    /// Keys that admins made; the Sandbox key is not among them.
    pub own_keys: u32,
    /// One less than the key limit: the Sandbox key's place is always held.
    pub own_key_limit: u32,
    pub has_sandbox_key: bool,
    /// Members as they are counted, with those whose invitation has ended and who were not removed
    /// yet.
    pub member_rows: u32,
    /// Until when each invitation holds that ends by itself.
    pub invited: BTreeMap<MemberId, Timestamp>,
    pub member_limit: u32,
    pub suspended: bool,
}

impl Account {
    pub fn key_count(&self) -> u32 {
        self.own_keys + u32::from(self.has_sandbox_key)
    }

    pub fn key_limit(&self) -> u32 {
        self.own_key_limit + 1
    }

    /// The members whose invitation has ended by now.
    pub fn ended(&self, now: Timestamp) -> impl Iterator<Item = &MemberId> {
        self.invited.iter().filter(move |(_, until)| **until <= now).map(|(member, _)| member)
    }

    /// How many members there are now.
    pub fn member_count(&self, now: Timestamp) -> u32 {
        self.member_rows.saturating_sub(self.ended(now).count() as u32)
    }

    /// How many keys may still be made now.
    pub fn available_keys(&self) -> u32 {
        self.own_key_limit.saturating_sub(self.own_keys)
    }
}

display_name! {
    /// The name that an account is shown under.
    AccountName
}

display_name! {
    /// Who acts as an operator, as the caller of an operators' function says it.
    OperatorName
}
