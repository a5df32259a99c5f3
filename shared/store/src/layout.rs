//! Where every row lies. Seven kinds of partition: an account with all that belongs to it, its
//! Sandbox, its audit trail, the meter of its calls, what is owed because of that, an e-mail
//! address, and a network that codes are asked for from.

use domain::login::NetworkHash;
use domain::meter::Warning;
use domain::trail::Place;
use domain::{AccountId, AddressHash, AuditId, EventId, KeyId, MemberId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A primary key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowKey {
    pub pk: String,
    pub sk: String,
}

impl RowKey {
    /// Whose partition the row lies in, if it is an account's.
    pub fn account(&self) -> Option<AccountId> {
        let prefixes = [ACCOUNT_PARTITION, USAGE_PARTITION];
        prefixes.iter().find_map(|prefix| self.pk.strip_prefix(prefix))?.parse().ok()
    }

    /// Whose row it is, if it is a member's.
    pub fn member(&self) -> Option<MemberId> {
        self.sk.strip_prefix(MEMBER_PREFIX)?.parse().ok()
    }
}

const ACCOUNT_PARTITION: &str = "ACCT#";
const USAGE_PARTITION: &str = "USAGE#";

/// In a trail.
const ADDRESS_PREFIX: &str = "ADDRESS#";
pub(crate) const EVENT_PREFIX: &str = "EVENT#";
pub(crate) const EXPIRY_PREFIX: &str = "EXPIRY#";
pub(crate) const KEY_PREFIX: &str = "KEY#";
pub(crate) const MAIL_PREFIX: &str = "MAIL#";
pub(crate) const MEMBER_PREFIX: &str = "MEMBER#";

pub(crate) fn account_partition(account: &AccountId) -> String {
    format!("{ACCOUNT_PARTITION}{account}")
}

fn address_partition(address: &AddressHash) -> String {
    format!("ADDR#{address}")
}

fn in_account(account: &AccountId, sk: String) -> RowKey {
    RowKey { pk: account_partition(account), sk }
}

/// Name, limits, counters, suspension.
pub(crate) fn account(account: &AccountId) -> RowKey {
    in_account(account, "ACCOUNT".to_owned())
}

/// The Sandbox with its sealed key: in a partition of its own, because roles know partitions only.
pub(crate) fn sandbox(account: &AccountId) -> RowKey {
    RowKey { pk: format!("SANDBOX#{account}"), sk: "SANDBOX".to_owned() }
}

/// The meter of an account's calls: in a partition of its own, which checks alone touch, so that a
/// busy account holds up none of its people.
pub(crate) fn meter(account: &AccountId) -> RowKey {
    RowKey { pk: format!("METER#{account}"), sk: "METER".to_owned() }
}

/// What admins are to hear of a month's calls: in a partition of its own, because roles know
/// partitions only, and a check puts no row into its account's.
pub(crate) fn usage_warning(account: &AccountId, warning: &Warning) -> RowKey {
    let Warning { month, percent, per_month } = warning;
    RowKey {
        pk: format!("{USAGE_PARTITION}{account}"),
        sk: format!("WARNING#{month}#{per_month}#{percent}"),
    }
}

pub(crate) fn is_usage_warning(key: &RowKey) -> bool {
    key.pk.starts_with(USAGE_PARTITION)
}

/// The member with all its sessions.
pub(crate) fn member(account: &AccountId, member: &MemberId) -> RowKey {
    in_account(account, format!("{MEMBER_PREFIX}{member}"))
}

pub(crate) fn api_key(account: &AccountId, key: &KeyId) -> RowKey {
    in_account(account, format!("{KEY_PREFIX}{key}"))
}

/// The reminders before a key ends.
pub(crate) fn expiry(account: &AccountId, key: &KeyId) -> RowKey {
    in_account(account, format!("{EXPIRY_PREFIX}{key}"))
}

pub(crate) fn is_expiry(key: &RowKey) -> bool {
    key.sk.starts_with(EXPIRY_PREFIX)
}

/// What an idempotent request made.
pub(crate) fn idempotency(account: &AccountId, digest: &str) -> RowKey {
    in_account(account, format!("IDEM#{digest}"))
}

pub(crate) fn trail_partition(account: &AccountId) -> String {
    format!("AUDIT#{account}")
}

/// A row of the trail: in a partition of its own, to which whoever changes
/// rows may add, and do nothing else.
pub(crate) fn audit(account: &AccountId, at: Timestamp, id: &AuditId) -> RowKey {
    RowKey { pk: trail_partition(account), sk: format!("{}#{id}", at.as_millisecond()) }
}

/// The sort keys of a trail's first and last event before a place.
pub(crate) fn trail_before(place: Option<&Place>) -> [String; 2] {
    let last = place.map_or_else(|| BEHIND_EVENTS.to_owned(), beginning);
    [FIRST_DIGIT.to_owned(), last]
}

/// The same after a place.
pub(crate) fn trail_after(place: Option<&Place>) -> [String; 2] {
    let first = place.map_or_else(|| FIRST_DIGIT.to_owned(), |place| beginning(place) + BEHIND_IDS);
    [first, BEHIND_EVENTS.to_owned()]
}

/// What the sort key of the row there begins with; so the row itself is behind it.
fn beginning(place: &Place) -> String {
    format!("{}#{}", place.millisecond(), place.start())
}

const FIRST_DIGIT: &str = "0";
/// Behind everything that begins with a digit.
const BEHIND_EVENTS: &str = ":";
/// Behind everything that an id can go on with.
const BEHIND_IDS: &str = "~";

/// The place of a row of the trail.
pub(crate) fn place_of(key: &RowKey) -> Option<Place> {
    let (millisecond, id) = key.sk.split_once('#')?;
    Place::new(millisecond.parse().ok()?, id)
}

/// Which address a member has whom the trail tells of; behind all that happened, for times are
/// digits.
pub(crate) fn audit_member(account: &AccountId, member: &MemberId) -> RowKey {
    RowKey { pk: trail_partition(account), sk: format!("{ADDRESS_PREFIX}{member}") }
}

/// Whose address a row of the trail tells.
pub(crate) fn addressed(key: &RowKey) -> Option<MemberId> {
    key.sk.strip_prefix(ADDRESS_PREFIX)?.parse().ok()
}

/// A login event or a provisioning request.
pub(crate) fn event(account: &AccountId, id: &EventId) -> RowKey {
    in_account(account, format!("{EVENT_PREFIX}{id}"))
}

/// How often the account has invited in a day, and whom.
pub(crate) fn invitations(account: &AccountId, day: &str) -> RowKey {
    in_account(account, format!("INVITATIONS#{day}"))
}

pub(crate) fn invitation(account: &AccountId, id: &EventId) -> RowKey {
    in_account(account, format!("{MAIL_PREFIX}{id}"))
}

/// Which member an address belongs to.
pub(crate) fn owner(address: &AddressHash) -> RowKey {
    RowKey { pk: address_partition(address), sk: "OWNER".to_owned() }
}

/// Who has asked for a code of an address, and how it is known to be whose.
pub(crate) fn login(address: &AddressHash) -> RowKey {
    RowKey { pk: address_partition(address), sk: "LOGIN".to_owned() }
}

pub(crate) fn is_login(key: &RowKey) -> bool {
    key.pk.starts_with("ADDR#") && key.sk == "LOGIN"
}

/// Codes that a network has asked for, of all addresses, in one stretch of time.
pub(crate) fn network(network: &NetworkHash, stretch: i64) -> RowKey {
    RowKey { pk: format!("NET#{}", network.as_str()), sk: format!("CODES#{stretch}") }
}

pub(crate) fn login_mail(address: &AddressHash, id: &EventId) -> RowKey {
    RowKey { pk: address_partition(address), sk: format!("MAIL#{id}") }
}

/// Which invitations have been mailed to an address in a day.
pub(crate) fn invitations_mailed(address: &AddressHash, day: &str) -> RowKey {
    RowKey { pk: address_partition(address), sk: format!("INVITATIONS#{day}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::EmailAddress;

    #[test]
    fn a_key_says_whether_it_is_of_a_login_or_of_reminders() {
        let account: AccountId = "acct_0123456789ab".parse().unwrap();
        let key: KeyId = "key_k00000000".parse().unwrap();
        let address = "ada@example.com".parse::<EmailAddress>().unwrap().hash();
        for (row, of_login, of_reminders) in [
            (login(&address), true, false),
            (expiry(&account, &key), false, true),
            (owner(&address), false, false),
            (api_key(&account, &key), false, false),
            (in_account(&account, "LOGIN".to_owned()), false, false),
        ] {
            assert_eq!((is_login(&row), is_expiry(&row)), (of_login, of_reminders), "{row:?}");
        }
    }

    #[test]
    fn a_trail_goes_on_before_and_after_a_place_and_not_with_its_row() {
        let account: AccountId = "acct_0123456789ab".parse().unwrap();
        let at = Timestamp::from_millisecond(1_764_134_420_123).unwrap();
        let mut rng = crate::Random::seeded(1);
        let mut keys = [(); 3].map(|()| audit(&account, at, &AuditId::random(&mut rng)).sk);
        keys.sort();
        let (_, id) = keys[1].split_once('#').unwrap();
        let place = Place::new(1_764_134_420_123, id).unwrap();
        let holds = |[first, last]: [String; 2]| keys.clone().map(|key| first < key && key < last);
        assert_eq!(holds(trail_before(Some(&place))), [true, false, false]);
        assert_eq!(holds(trail_after(Some(&place))), [false, false, true]);
        assert_eq!(holds(trail_before(None)), [true; 3]);
        assert_eq!(holds(trail_after(None)), [true; 3]);
    }
}
