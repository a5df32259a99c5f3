//! An account: one customer of the API company.

use crate::id::{AccountId, MemberId};
use crate::limits::Plan;
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
    /// What its calls are held to.
    pub plan: Plan,
}

impl Account {
    pub fn key_count(&self) -> u32 {
        self.own_keys.saturating_add(u32::from(self.has_sandbox_key))
    }

    pub fn key_limit(&self) -> u32 {
        self.own_key_limit.saturating_add(1)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::EmailAddress;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn account() -> Account {
        Account {
            id: "acct_0123456789ab".parse().unwrap(),
            name: "Acme".parse().unwrap(),
            own_keys: 3,
            own_key_limit: 9,
            has_sandbox_key: true,
            member_rows: 4,
            invited: BTreeMap::new(),
            member_limit: 20,
            suspended: false,
            plan: Plan::default(),
        }
    }

    #[test]
    fn an_account_can_be_given_1_to_90_keys_and_1_to_200_members() {
        for (limit, may) in [(0, false), (1, true), (90, true), (91, false)] {
            assert_eq!(are_limits(Some(limit), None), may, "{limit} keys");
        }
        for (limit, may) in [(0, false), (1, true), (200, true), (201, false)] {
            assert_eq!(are_limits(None, Some(limit)), may, "{limit} members");
        }
        assert!(are_limits(None, None));
        assert!(!are_limits(Some(1), Some(0)) && !are_limits(Some(0), Some(1)));
    }

    #[test]
    fn the_place_of_the_sandbox_key_is_counted_and_never_given_away() {
        let account = account();
        assert_eq!(
            (account.key_count(), account.key_limit(), account.available_keys()),
            (4, 10, 6)
        );
        let without = Account { has_sandbox_key: false, ..account.clone() };
        assert_eq!((without.key_count(), without.available_keys()), (3, 6));
        // The limit may be set below what there is.
        assert_eq!(Account { own_key_limit: 2, ..account }.available_keys(), 0);
    }

    #[test]
    fn a_member_whose_invitation_has_ended_is_counted_no_more_from_that_millisecond_on() {
        let hash = "jane@example.com".parse::<EmailAddress>().unwrap().hash();
        let member = MemberId::random(&hash, &mut StdRng::seed_from_u64(1));
        let until = Timestamp::from_millisecond(1_000_000).unwrap();
        let before = Timestamp::from_millisecond(999_999).unwrap();
        let account = Account { invited: [(member.clone(), until)].into(), ..account() };
        assert_eq!((account.member_count(before), account.ended(before).count()), (4, 0));
        assert_eq!((account.member_count(until), account.ended(until).next()), (3, Some(&member)));
        // A row that counts less than it names takes nothing down.
        assert_eq!(Account { member_rows: 0, ..account }.member_count(until), 0);
    }
}
