//! The tags of a mail that say whom it went to. SES keeps them by it, shows them to no receiver, and
//! repeats them in what it tells of the mail. It takes ASCII letters, digits, `_` and `-`.

use domain::Recipient;

pub(super) const ACCOUNT: &str = "account";
pub(super) const MEMBER: &str = "member";
pub(super) const INVITATION: &str = "invitation";
/// In milliseconds since 1970, or [`NEVER`].
pub(super) const LAST_LOGIN: &str = "last_login";
pub(super) const NEVER: &str = "never";

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
