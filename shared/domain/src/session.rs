//! A session: what a verified code opens.

use crate::base62;
use crate::id::{AccountId, MemberId, SessionId};
use crate::label::SessionLabel;
use crate::secret::Secret;
use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A session that nobody used for this long has ended.
pub const SESSION_IDLE_LIMIT: SignedDuration = SignedDuration::from_hours(12);
/// A session ends this long after the login, used or not.
pub const SESSION_LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How old a session's last use may be on record before it is written anew; it only shortens the
/// idle time.
pub const USE_RECORDED_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// How many sessions a member has at most; with one more, the oldest of the live ones ends.
pub const MAX_SESSIONS: u64 = 10;

const SECRET_LEN: usize = 43;

/// Where a session lies within its member: the nth login of a membership uses the slot n mod
/// [`MAX_SESSIONS`], if no session there is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u8);

impl Slot {
    pub fn of_login(count: u64) -> Self {
        Self((count % MAX_SESSIONS) as u8)
    }

    pub fn all() -> impl Iterator<Item = Self> {
        (0..MAX_SESSIONS).map(Self::of_login)
    }

    /// A name that an attribute of the row can have.
    pub fn name(self) -> String {
        format!("s{}", self.0)
    }
}

/// `fds_`, where the session lies (account, member, slot), and 256 random bits.
///
/// The place is only a place: what the session may do is read from the row that it leads to.
#[derive(Debug, Clone)]
pub struct SessionToken {
    pub account: AccountId,
    pub member: MemberId,
    pub slot: Slot,
    /// Whether a program shows it that nobody asked to: a read with it is no use of the session.
    pub unasked: bool,
    text: Secret,
}

impl SessionToken {
    /// What every token begins with.
    pub const PREFIX: &str = "fds_";

    pub fn mint(
        account: &AccountId,
        member: &MemberId,
        slot: Slot,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let text = format!(
            "{}{}{}{}{}",
            Self::PREFIX,
            account.body(),
            member.body(),
            slot.0,
            base62::random(SECRET_LEN, rng)
        );
        let text = Secret::new(text);
        Self { account: account.clone(), member: member.clone(), slot, unasked: false, text }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(Self::PREFIX)?;
        if !base62::is(body, AccountId::BODY_LEN + MemberId::BODY_LEN + 1 + SECRET_LEN) {
            return None;
        }
        let (account, rest) = body.split_at(AccountId::BODY_LEN);
        let (member, rest) = rest.split_at(MemberId::BODY_LEN);
        let slot = Slot(rest[..1].parse().ok()?);
        Some(Self {
            account: AccountId::from_body(account)?,
            member: MemberId::from_body(member)?,
            slot,
            unasked: false,
            text: Secret::new(text),
        })
    }

    /// The token itself, for the cookie or the one answer that carries it.
    pub fn secret(&self) -> &Secret {
        &self.text
    }

    /// What the member knows the session by.
    pub fn id(&self) -> SessionId {
        self.digest().id()
    }

    pub fn digest(&self) -> SessionDigest {
        let whole = Sha256::digest(self.text.expose().as_bytes());
        let (kept, _) = whole.split_first_chunk().expect("it has 32 bytes");
        SessionDigest(*kept)
    }
}

/// The first half of SHA-256 of a session token: what the table knows of it.
///
/// Nobody can choose a token, so what is to be found is one with a digest that is there: for that,
/// 128 bits are as good as 256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionDigest(#[serde(with = "serde_bytes")] [u8; 16]);

impl SessionDigest {
    /// What the member knows the session by.
    pub fn id(&self) -> SessionId {
        SessionId::of_digest(&self.0)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A session, as its member is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub label: SessionLabel,
    pub times: SessionTimes,
}

/// When a session was opened and last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionTimes {
    pub opened_at: Timestamp,
    pub used_at: Timestamp,
}

impl SessionTimes {
    pub fn expires_at(&self) -> Timestamp {
        (self.used_at + SESSION_IDLE_LIMIT).min(self.opened_at + SESSION_LIFETIME)
    }

    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::EmailAddress;
    use proptest::prelude::*;
    use rand::SeedableRng;

    #[test]
    fn a_token_leads_back_to_its_account_and_member() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(1);
        let email: EmailAddress = "ada@example.com".parse().unwrap();
        let account = AccountId::random(&mut rng);
        let member = MemberId::random(&email.hash(), &mut rng);
        let token = SessionToken::mint(&account, &member, Slot::of_login(13), &mut rng);
        let again = SessionToken::parse(token.secret().expose()).unwrap();
        assert_eq!(
            (&again.account, &again.member, again.slot, again.digest()),
            (&account, &member, Slot(3), token.digest())
        );
        assert_eq!(member.address(), email.hash());
    }

    #[test]
    fn a_session_ends_after_twelve_idle_hours_and_after_seven_days() {
        let opened_at = Timestamp::UNIX_EPOCH;
        let (hour, millisecond) = (SignedDuration::from_hours(1), SignedDuration::from_millis(1));
        for (used_at, end) in [
            (opened_at, opened_at + hour * 12),
            (opened_at + hour * 100, opened_at + hour * 112),
            (opened_at + hour * 167, opened_at + hour * 168),
        ] {
            let times = SessionTimes { opened_at, used_at };
            assert_eq!(times.expires_at(), end);
            assert!(times.is_live(end - millisecond) && !times.is_live(end));
        }
        assert_eq!(USE_RECORDED_EVERY, SignedDuration::from_secs(60));
    }

    #[test]
    fn a_member_has_ten_places_for_sessions_and_logins_take_them_in_turn() {
        let names: Vec<_> = Slot::all().map(Slot::name).collect();
        assert_eq!(names, ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"]);
        assert_eq!([9, 10, 21].map(|count| Slot::of_login(count).name()), ["s9", "s0", "s1"]);
    }

    #[test]
    fn a_session_is_known_by_its_tokens_digest() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(2);
        let account = AccountId::random(&mut rng);
        let email: EmailAddress = "ada@example.com".parse().unwrap();
        let member = MemberId::random(&email.hash(), &mut rng);
        let [one, other] =
            [(); 2].map(|()| SessionToken::mint(&account, &member, Slot::of_login(0), &mut rng));
        assert_eq!(one.id(), one.digest().id());
        assert_ne!(one.id(), other.id());
        assert_eq!(one.digest().as_bytes().len(), 16);
        assert_ne!(one.digest().as_bytes(), other.digest().as_bytes());
    }

    proptest! {
        #[test]
        fn parsing_a_token_never_panics(text in "(fds_)?\\PC{0,120}|fds_[0-9A-Za-z]{84}") {
            let _ = SessionToken::parse(&text);
        }
    }
}
