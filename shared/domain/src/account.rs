//! An account: one customer of the API company.

use crate::id::AccountId;
use serde::{Deserialize, Serialize};

/// The most keys that an account can be given: its suspension reaches every key in one transaction of 100 rows.
pub const MAX_KEY_LIMIT: u32 = 90;
/// The most members that an account can be given: all of them are listed by one request.
pub const MAX_MEMBER_LIMIT: u32 = 200;

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
    pub member_count: u32,
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

    /// How many keys may still be made now.
    pub fn available_keys(&self) -> u32 {
        self.own_key_limit.saturating_sub(self.own_keys)
    }
}

/// A display name: 1 to 64 characters after trimming, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(String);

/// Not 1 to 64 characters after trimming, or with a control character in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 64 characters and no control characters")]
pub struct InvalidName;

/// The rule that every display name keeps.
pub(crate) fn display_name(text: &str) -> Result<String, InvalidName> {
    let name = text.trim();
    let length = name.chars().count();
    let hidden =
        |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    if (1..=64).contains(&length) && !name.chars().any(hidden) { Ok(name.to_owned()) } else { Err(InvalidName) }
}

impl AccountName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for AccountName {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<AccountName, InvalidName> {
        display_name(text).map(AccountName)
    }
}

impl TryFrom<String> for AccountName {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<AccountName, InvalidName> {
        text.parse()
    }
}

impl From<AccountName> for String {
    fn from(name: AccountName) -> String {
        name.0
    }
}
