//! The tags of a mail that say whom it went to. SES keeps them by it, shows them to no receiver,
//! and repeats them in what it tells of the mail. It takes ASCII letters, digits, `_` and `-`.

use domain::Recipient;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

const ACCOUNT: &str = "account";
const MEMBER: &str = "member";
const INVITATION: &str = "invitation";
/// In milliseconds since 1970, or [`NEVER`].
const LAST_LOGIN: &str = "last_login";
const NEVER: &str = "never";

pub(super) fn of(recipient: &Recipient) -> [(&'static str, String); 4] {
    let Recipient { account, member, invitation, last_login_at } = recipient;
    let login = last_login_at.map_or(NEVER.to_owned(), |at| at.as_millisecond().to_string());
    [
        (ACCOUNT, account.to_string()),
        (MEMBER, member.to_string()),
        (INVITATION, invitation.to_string()),
        (LAST_LOGIN, login),
    ]
}

/// Those of a mail, as SES repeats them; each has a list of values.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Tags(BTreeMap<String, Vec<String>>);

impl Tags {
    /// Whether a desk sent the mail. Somebody may send others by the same configuration set.
    pub fn are_ours(&self) -> bool {
        self.0.contains_key(ACCOUNT)
    }

    pub fn recipient(&self) -> Option<Recipient> {
        let last_login_at = match self.value(LAST_LOGIN)? {
            NEVER => None,
            at => Some(Timestamp::from_millisecond(at.parse().ok()?).ok()?),
        };
        Some(Recipient {
            account: self.value(ACCOUNT)?.parse().ok()?,
            member: self.value(MEMBER)?.parse().ok()?,
            invitation: self.value(INVITATION)?.parse().ok()?,
            last_login_at,
        })
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.first().map(String::as_str)
    }
}
