//! What is told of an account's audit trail: which kinds of events there are, what they are about,
//! and how a place in it is named to those who read on from there.

use crate::base62;
use crate::id::{AccountId, KeyId, MemberId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What an event is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Key,
    Member,
    Session,
    Sandbox,
    Account,
}

impl EventKind {
    /// Of an action that an account's admins are told of; of others there is none.
    pub fn of(action: &str) -> Option<Self> {
        Some(match action {
            "key_created" | "key_renamed" | "key_expiry_changed" | "key_rotated"
            | "key_deleted" => Self::Key,
            "member_invited" | "invitation_resent" | "invitation_ended" | "role_changed"
            | "member_revoked" | "member_left" => Self::Member,
            "session_opened" | "session_ended" => Self::Session,
            "sandbox_key_created"
            | "sandbox_key_replaced"
            | "sandbox_key_revealed"
            | "provisioning_requested"
            | "sandbox_ready"
            | "sandbox_not_configured" => Self::Sandbox,
            "account_created" | "account_changed" | "account_suspended" | "account_resumed" => {
                Self::Account
            }
            _ => return None,
        })
    }
}

/// What an event was done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    Member,
    Key,
    Account,
    Session,
    /// By its hash: an account was told that somebody is registered with it.
    Address,
}

impl SubjectKind {
    /// Of an id, which mostly says by itself what it names.
    pub fn of(id: &str, event: Option<EventKind>) -> Self {
        if id.parse::<MemberId>().is_ok() {
            Self::Member
        } else if id.parse::<KeyId>().is_ok() {
            Self::Key
        } else if id.parse::<AccountId>().is_ok() {
            Self::Account
        } else if event == Some(EventKind::Session) {
            Self::Session
        } else {
            Self::Address
        }
    }
}

/// The text names no place in this account's trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no place in this account's trail")]
pub struct InvalidCursor;

/// Where an event stands: its time, and the beginning of its row's id.
///
/// Who reads the trail learns no more of that id, so that where the row lies stays as good as
/// unknown: 16 of its characters, which are 95 bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    millisecond: u64,
    start: String,
}

impl Place {
    const TIME_LEN: usize = 9;
    const START_LEN: usize = 6;
    const CHECK_LEN: usize = 8;

    /// Of a row with this time and this id, if it has the form of one.
    pub fn new(millisecond: u64, id: &str) -> Option<Self> {
        let start = id.get(..Self::START_LEN)?;
        base62::is(start, Self::START_LEN).then(|| Self { millisecond, start: start.to_owned() })
    }

    pub fn millisecond(&self) -> u64 {
        self.millisecond
    }

    pub fn start(&self) -> &str {
        &self.start
    }

    fn body(&self) -> String {
        base62::encode(self.millisecond.into(), Self::TIME_LEN) + &self.start
    }

    /// What the event is known by.
    pub fn event_id(&self) -> String {
        format!("evt_{}", self.body())
    }

    /// What leads back to this place, in this account's trail alone.
    pub fn cursor(&self, account: &AccountId) -> String {
        let body = self.body();
        let check = Self::check(&body, account);
        body + &check
    }

    /// No secret: whoever makes a cursor up reads from there on, in the own account's trail.
    fn check(body: &str, account: &AccountId) -> String {
        let digest = Sha256::digest(format!("{account} {body}"));
        let (first, _) = digest.split_first_chunk().expect("a digest has 32 bytes");
        base62::encode(u128::from_be_bytes(*first), Self::CHECK_LEN)
    }

    pub fn parse(cursor: &str, account: &AccountId) -> Result<Self, InvalidCursor> {
        if !base62::is(cursor, Self::TIME_LEN + Self::START_LEN + Self::CHECK_LEN) {
            return Err(InvalidCursor);
        }
        let (body, check) = cursor.split_at(Self::TIME_LEN + Self::START_LEN);
        let (time, start) = body.split_at(Self::TIME_LEN);
        let millisecond = base62::decode(time).and_then(|time| time.try_into().ok());
        match millisecond {
            Some(millisecond) if check == Self::check(body, account) => {
                Ok(Self { millisecond, start: start.to_owned() })
            }
            Some(_) | None => Err(InvalidCursor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn account(letter: char) -> AccountId {
        format!("acct_{}", letter.to_string().repeat(12)).parse().unwrap()
    }

    #[test]
    fn an_id_says_what_it_names_or_the_event_does() {
        let session = EventKind::of("session_ended");
        for (id, event, kind) in [
            ("mem_0000000000000000000000000000", session, SubjectKind::Member),
            ("key_k00000000", EventKind::of("key_deleted"), SubjectKind::Key),
            ("key_s00000000", EventKind::of("sandbox_ready"), SubjectKind::Key),
            ("acct_000000000000", EventKind::of("account_created"), SubjectKind::Account),
            ("0000000000000000000000", EventKind::of("address_named"), SubjectKind::Address),
            ("0000000000000000000000", session, SubjectKind::Session),
        ] {
            assert_eq!(SubjectKind::of(id, event), kind, "{id}");
        }
    }

    #[test]
    fn an_action_that_admins_are_told_of_is_of_one_kind_and_others_of_none() {
        for (action, kind) in [
            ("key_rotated", Some(EventKind::Key)),
            ("role_changed", Some(EventKind::Member)),
            ("session_opened", Some(EventKind::Session)),
            ("sandbox_ready", Some(EventKind::Sandbox)),
            ("account_suspended", Some(EventKind::Account)),
            ("address_named", None),
            ("", None),
        ] {
            assert_eq!(EventKind::of(action), kind, "{action}");
        }
    }

    #[test]
    fn an_event_is_known_by_its_time_and_the_beginning_of_its_row() {
        let place = Place::new(1_764_134_420_123, "abcdef0123").unwrap();
        assert_eq!((place.millisecond(), place.start()), (1_764_134_420_123, "abcdef"));
        let time = base62::encode(1_764_134_420_123, 9);
        assert_eq!(place.event_id(), format!("evt_{time}abcdef"));
        assert_eq!(place.cursor(&account('a')).len(), 23);
        for short in ["", "abcde", "abcde-f"] {
            assert_eq!(Place::new(1, short), None, "{short}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_leads_back_to_its_place_in_its_own_account_alone(
            millisecond in 0_u64..9_999_999_999_999_999, id in "[0-9A-Za-z]{22}"
        ) {
            let place = Place::new(millisecond.min(13_537_086_546_263_551), &id).unwrap();
            let cursor = place.cursor(&account('a'));
            prop_assert_eq!(Place::parse(&cursor, &account('a')), Ok(place));
            prop_assert_eq!(Place::parse(&cursor, &account('b')), Err(InvalidCursor));
        }

        #[test]
        fn whatever_is_no_cursor_is_refused(text in "\\PC{0,40}|[0-9A-Za-z]{23}") {
            prop_assert_eq!(Place::parse(&text, &account('a')), Err(InvalidCursor));
        }
    }
}
