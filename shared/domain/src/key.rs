//! API keys: `<prefix>_<kind>_<body>`.
//!
//! The body is base62: 8 characters of the key's id and 12 of its account (together they find the
//! row with one `GetItem` by primary key), 32 random characters (190.5 bits), and a CRC-32 of all
//! that stands before it in 6 characters, so that a scanner finds a leaked key and garbage is
//! refused without touching the database.

use crate::base62;
use crate::id::{AccountId, KeyId, KeyKind, MemberId};
use crate::keyring::hmac;
use crate::name::display_name;
use crate::secret::Secret;
use crate::session::SessionToken;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, ToSpan};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const SECRET_LEN: usize = 32;
const CHECKSUM_LEN: usize = 6;
const BODY_LEN: usize = KeyId::BODY_LEN + AccountId::BODY_LEN + SECRET_LEN + CHECKSUM_LEN;

/// The name that the Sandbox key is listed under.
pub const SANDBOX_KEY_NAME: &str = "Sandbox";

/// What of a key's value nobody can tell from its row: drawn, or derived.
#[derive(Debug, Clone)]
pub struct KeySecret(Secret);

impl KeySecret {
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Secret::new(base62::random(SECRET_LEN, rng)))
    }

    /// What one idempotent request for this key has, each time it is repeated.
    ///
    /// It hangs on the caller's session token (256 random bits, which the table does not know) and
    /// on the nonce that the first request left in the table: neither of them alone gives the key
    /// away, and nothing needs to keep the key itself.
    pub fn derive(
        id: &KeyId,
        caller: &SessionToken,
        idempotency: &IdempotencyKey,
        nonce: &str,
    ) -> Self {
        let message = format!("frontdesk/idempotent-key/1\0{nonce}\0{id}\0{}", idempotency.0);
        let seed = hmac(caller.secret().expose().as_bytes(), message.as_bytes());
        let secret: String = seed
            .as_chunks()
            .0
            .iter()
            .map(|half| base62::encode(u128::from_be_bytes(*half), SECRET_LEN / 2))
            .collect();
        Self(Secret::new(secret))
    }
}

/// A key's value: shown once, kept nowhere. The Sandbox key's is kept sealed.
#[derive(Debug, Clone)]
pub struct PlainKey {
    pub account: AccountId,
    pub id: KeyId,
    text: Secret,
}

impl PlainKey {
    /// A fresh value for the key `id`.
    pub fn mint(
        prefix: &KeyPrefix,
        account: &AccountId,
        id: &KeyId,
        rng: &mut impl CryptoRng,
    ) -> Self {
        Self::new(prefix, account, id, &KeySecret::random(rng))
    }

    pub fn new(prefix: &KeyPrefix, account: &AccountId, id: &KeyId, secret: &KeySecret) -> Self {
        let (kind, secret) = (id.kind().word(), secret.0.expose());
        let head = format!("{}_{kind}_{}{}{secret}", prefix.0, id.body(), account.body());
        let text = Secret::new(format!("{head}{}", checksum(&head)));
        Self { account: account.clone(), id: id.clone(), text }
    }

    /// What a caller sent as a key, if it has the form and its checksum holds.
    ///
    /// The product's part of the prefix is not compared: a deployment that changes it still knows
    /// its older keys.
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, rest) = text.split_once('_')?;
        let (kind, body) = rest.split_once('_')?;
        let kind =
            [KeyKind::Live, KeyKind::Sandbox].into_iter().find(|known| known.word() == kind)?;
        if prefix.parse::<KeyPrefix>().is_err() || !base62::is(body, BODY_LEN) {
            return None;
        }
        let head = &text[..text.len() - CHECKSUM_LEN];
        if checksum(head) != text[head.len()..] {
            return None;
        }
        let id = KeyId::from_body(kind, &body[..KeyId::BODY_LEN])?;
        let account =
            AccountId::from_body(&body[KeyId::BODY_LEN..KeyId::BODY_LEN + AccountId::BODY_LEN])?;
        Some(Self { account, id, text: Secret::new(text) })
    }

    pub fn secret(&self) -> &Secret {
        &self.text
    }

    pub fn digest(&self) -> KeyDigest {
        KeyDigest(Sha256::digest(self.text.expose().as_bytes()).into())
    }

    /// Prefix and id: enough to recognise the key by, nothing of its secret.
    pub fn start(&self) -> String {
        let text = self.text.expose();
        text[..text.len() - BODY_LEN + KeyId::BODY_LEN].to_owned()
    }
}

fn checksum(head: &str) -> String {
    base62::encode(u128::from(crc32fast::hash(head.as_bytes())), CHECKSUM_LEN)
}

/// SHA-256 of a key. No slow hash: what it hides is 190 random bits, not a password.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyDigest(..)")
    }
}

impl From<KeyDigest> for String {
    fn from(digest: KeyDigest) -> Self {
        URL_SAFE_NO_PAD.encode(digest.0)
    }
}

impl TryFrom<String> for KeyDigest {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, &'static str> {
        let bytes = URL_SAFE_NO_PAD.decode(text).or(Err("a digest is base64url"))?;
        bytes.try_into().map(KeyDigest).or(Err("a digest has 32 bytes"))
    }
}

/// The product's part of the prefix: `fd` makes `fd_live_...` and `fd_sandbox_...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(String);

impl Default for KeyPrefix {
    fn default() -> Self {
        Self("fd".to_owned())
    }
}

/// Not a lower-case letter and up to nine lower-case letters and digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key prefix is a lower-case letter and up to nine more lower-case letters and digits")]
pub struct InvalidPrefix;

impl std::str::FromStr for KeyPrefix {
    type Err = InvalidPrefix;
    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        let letters = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if letters && starts && text.len() <= 10 {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPrefix)
        }
    }
}

display_name! {
    /// The label of a key.
    KeyName
}

impl KeyName {
    pub fn sandbox() -> Self {
        Self(SANDBOX_KEY_NAME.to_owned())
    }
}

/// What a client repeats a request under (the `Idempotency-Key` header): 1 to 255 printable ASCII
/// characters.
///
/// No comma among them: a gateway hands over two headers as one with a comma in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// How long a repeated request gets the same key.
pub const IDEMPOTENCY_WINDOW: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

impl IdempotencyKey {
    pub fn parse(text: &str) -> Option<Self> {
        let good = (1..=255).contains(&text.len())
            && text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b',');
        good.then(|| Self(text.to_owned()))
    }

    /// Names the request's row within its account: one for each session and key.
    pub fn digest(&self, caller: &SessionToken) -> String {
        let digest = Sha256::new()
            .chain_update(caller.digest().as_bytes())
            .chain_update(b"\0")
            .chain_update(&self.0)
            .finalize();
        URL_SAFE_NO_PAD.encode(digest)
    }
}

/// What of a request about a key cannot be taken, whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("not a name")]
    Name,
    #[error("not a time, or not one that a key may end at")]
    Expiry,
    #[error("not a number of seconds that an old value may be kept for")]
    Overlap,
    #[error("not an idempotency key")]
    IdempotencyKey,
}

/// For how long a key's old value goes on beside the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overlap(SignedDuration);

impl Default for Overlap {
    fn default() -> Self {
        Self(SignedDuration::from_hours(24))
    }
}

impl Overlap {
    const LONGEST_SECONDS: i64 = 7 * 24 * 3600;

    pub fn of_seconds(seconds: i64) -> Result<Self, Invalid> {
        let fits = (0..=Self::LONGEST_SECONDS).contains(&seconds);
        if fits { Ok(Self(SignedDuration::from_secs(seconds))) } else { Err(Invalid::Overlap) }
    }

    pub fn seconds(self) -> i64 {
        self.0.as_secs()
    }
}

/// How often the use of a key is marked: each time would be a write for every call.
pub const USE_MARKED_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// How long before a key ends somebody has to say so.
const SHORTEST_LIFE: SignedDuration = SignedDuration::from_mins(5);
const LONGEST_LIFE_YEARS: i64 = 5;

/// When somebody wants a key to end: a time, in whole milliseconds. It is not held against the
/// clock yet.
pub fn parse_expiry(text: &str) -> Result<Timestamp, Invalid> {
    let at: Timestamp = text.parse().or(Err(Invalid::Expiry))?;
    Timestamp::from_millisecond(at.as_millisecond()).or(Err(Invalid::Expiry))
}

/// Whether a key may be made to end then: at least five minutes and at most five years of the
/// calendar ahead.
pub fn may_expire(at: Timestamp, now: Timestamp) -> bool {
    let [at_utc, now_utc] = [at, now].map(|time| Offset::UTC.to_datetime(time));
    let last = now_utc.checked_add(LONGEST_LIFE_YEARS.years());
    at >= now + SHORTEST_LIFE && last.is_ok_and(|last| at_utc <= last)
}

/// How long before a key ends somebody is reminded of it, the first time and the last.
const REMINDED_BEFORE: [SignedDuration; 2] =
    [SignedDuration::from_hours(7 * 24), SignedDuration::from_hours(24)];

/// When somebody is reminded of a key that ends then, in order.
fn reminders(expires_at: Timestamp) -> impl DoubleEndedIterator<Item = Timestamp> {
    REMINDED_BEFORE.into_iter().filter_map(move |before| expires_at.checked_sub(before).ok())
}

/// The first reminder after that time, of a key that ends at `expires_at`.
pub fn next_reminder(expires_at: Timestamp, after: Timestamp) -> Option<Timestamp> {
    reminders(expires_at).find(|reminder| *reminder > after)
}

/// The last reminder whose time has come.
pub fn reminder_due(expires_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    reminders(expires_at).rfind(|reminder| *reminder <= now)
}

/// A key as it is kept and listed.
#[derive(Debug, Clone)]
pub struct ApiKey {
    pub id: KeyId,
    pub name: KeyName,
    pub start: String,
    pub digest: KeyDigest,
    pub created_at: Timestamp,
    /// Nobody's, for the Sandbox key.
    pub created_by: Option<MemberId>,
    pub expires_at: Option<Timestamp>,
    pub rotated_at: Option<Timestamp>,
    pub old: Option<OldValue>,
    /// As of its last mark: right to the hour.
    pub last_used_at: Option<Timestamp>,
}

/// The value that a key had before its last rotation, and until when it is good.
#[derive(Debug, Clone)]
pub struct OldValue {
    pub digest: KeyDigest,
    pub valid_until: Timestamp,
}

impl ApiKey {
    pub fn new(plain: &PlainKey, name: KeyName, now: Timestamp) -> Self {
        Self {
            id: plain.id.clone(),
            name,
            start: plain.start(),
            digest: plain.digest(),
            created_at: now,
            created_by: None,
            expires_at: None,
            rotated_at: None,
            old: None,
            last_used_at: None,
        }
    }

    /// The same, made by a member, and until then.
    pub fn made_by(self, member: &MemberId, until: Option<Timestamp>) -> Self {
        Self { created_by: Some(member.clone()), expires_at: until, ..self }
    }

    pub fn is_sandbox(&self) -> bool {
        self.id.kind() == KeyKind::Sandbox
    }

    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Whether a use now is to be marked.
    pub fn use_is_due(&self, now: Timestamp) -> bool {
        self.last_used_at.is_none_or(|marked| marked <= now - USE_MARKED_EVERY)
    }

    /// Until when the value before the last one goes on, if it still does.
    pub fn old_valid_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.old.as_ref().map(|old| old.valid_until).filter(|until| now < *until)
    }

    /// The same, as far as it opens anything: not beyond the key's own end.
    pub fn old_value_works_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.old_valid_until(now).filter(|_| !self.has_expired(now))?;
        Some(self.expires_at.map_or(until, |end| until.min(end)))
    }

    /// Whether this is a value of the key's that is good now.
    pub fn is_opened_by(&self, plain: &PlainKey, now: Timestamp) -> bool {
        self.has_value(plain, now) && !self.has_expired(now)
    }

    /// Whether this is a value of the key's, expired or not. It is held against both, whichever it
    /// is.
    pub fn has_value(&self, plain: &PlainKey, now: Timestamp) -> bool {
        let shown = plain.digest();
        let is_current = self.digest.matches(&shown);
        let is_old = self.old.as_ref().is_some_and(|old| old.digest.matches(&shown));
        is_current || is_old && self.old_valid_until(now).is_some()
    }

    /// The value that the key has with this secret. The product's part of its prefix stays, also in
    /// a deployment that changed it.
    pub fn value(&self, account: &AccountId, secret: &KeySecret) -> PlainKey {
        let prefix = self.start.split('_').next().unwrap_or_default();
        PlainKey::new(&KeyPrefix(prefix.to_owned()), account, &self.id, secret)
    }

    /// The value that a request which may be repeated gave it, and gives it again.
    pub fn value_of(&self, caller: &SessionToken, once: &IdempotencyKey, nonce: &str) -> PlainKey {
        self.value(&caller.account, &KeySecret::derive(&self.id, caller, once, nonce))
    }

    /// The key with a new value: the one that it has is the old one, for that long; the one before
    /// is over.
    pub fn rotated(&self, value: &PlainKey, keep_old: Overlap, now: Timestamp) -> Self {
        let old = OldValue { digest: self.digest.clone(), valid_until: now + keep_old.0 };
        Self {
            digest: value.digest(),
            old: (old.valid_until > now).then_some(old),
            rotated_at: Some(now),
            ..self.clone()
        }
    }
}

/// What is to become of a key; whatever is not named stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    pub name: Option<KeyName>,
    /// A time, or never.
    pub expires_at: Option<Option<Timestamp>>,
}

impl ApiKey {
    /// The key after the change. One that has expired may be changed, and revived, too.
    pub fn changed(&self, change: &KeyChange, now: Timestamp) -> Result<Self, Invalid> {
        let KeyChange { name, expires_at } = change.clone();
        if expires_at.flatten().is_some_and(|at| !may_expire(at, now)) {
            return Err(Invalid::Expiry);
        }
        let name = name.unwrap_or_else(|| self.name.clone());
        let expires_at = expires_at.unwrap_or(self.expires_at);
        Ok(Self { name, expires_at, ..self.clone() })
    }
}

/// Sandbox key first, then newest first.
pub fn in_listing_order(keys: &mut [ApiKey]) {
    keys.sort_by(|a, b| {
        (b.is_sandbox(), b.created_at, &b.id).cmp(&(a.is_sandbox(), a.created_at, &a.id))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    fn minted(kind: KeyKind) -> PlainKey {
        let mut rng = StdRng::seed_from_u64(3);
        let account = AccountId::random(&mut rng);
        let id = KeyId::random(kind, &mut rng);
        PlainKey::mint(&"fd".parse().unwrap(), &account, &id, &mut rng)
    }

    #[test]
    fn a_key_leads_back_to_its_row_and_shows_its_kind() {
        for (kind, prefix) in [(KeyKind::Live, "fd_live_"), (KeyKind::Sandbox, "fd_sandbox_")] {
            let plain = minted(kind);
            let text = plain.secret().expose();
            assert!(text.starts_with(prefix) && text.starts_with(&plain.start()), "{text}");
            let again = PlainKey::parse(text).unwrap();
            assert_eq!(
                (again.id.kind(), &again.id, &again.account),
                (kind, &plain.id, &plain.account)
            );
            assert!(again.digest().matches(&plain.digest()));
            assert_eq!(text.len() - plain.start().len(), 12 + 32 + 6);
        }
    }

    #[test]
    fn every_single_letter_changed_is_noticed_without_the_database() {
        let text = minted(KeyKind::Live).secret().expose().to_owned();
        for at in 0..text.len() {
            for other in ["0", "z", "_", "Q"] {
                let mut changed = text.clone();
                changed.replace_range(at..=at, other);
                if changed != text {
                    assert!(PlainKey::parse(&changed).is_none(), "{changed}");
                }
            }
        }
    }

    #[test]
    fn a_repeated_request_derives_the_same_key_and_another_session_does_not() {
        let mut rng = StdRng::seed_from_u64(9);
        let email: crate::email::EmailAddress = "a@example.com".parse().unwrap();
        let account = AccountId::random(&mut rng);
        let member = crate::id::MemberId::random(&email.hash(), &mut rng);
        let mut session =
            || SessionToken::mint(&account, &member, crate::session::Slot::of_login(0), &mut rng);
        let (mine, other) = (session(), session());
        let prefix = "fd".parse().unwrap();
        let id = KeyId::random(KeyKind::Live, &mut rng);
        let key = IdempotencyKey::parse("k-1").unwrap();
        let derive = |token: &SessionToken, nonce: &str| {
            let secret = KeySecret::derive(&id, token, &key, nonce);
            PlainKey::new(&prefix, &account, &id, &secret).digest()
        };
        assert!(derive(&mine, "n").matches(&derive(&mine, "n")));
        assert!(!derive(&mine, "n").matches(&derive(&other, "n")));
        assert!(!derive(&mine, "n").matches(&derive(&mine, "m")));
    }

    #[test]
    fn a_derived_key_is_one_and_differs_with_each_thing_it_hangs_on() {
        let mut rng = StdRng::seed_from_u64(10);
        let plain = minted(KeyKind::Live);
        let email: crate::email::EmailAddress = "a@example.com".parse().unwrap();
        let member = crate::id::MemberId::random(&email.hash(), &mut rng);
        let slot = crate::session::Slot::of_login(0);
        let [mine, other] =
            [(); 2].map(|()| SessionToken::mint(&plain.account, &member, slot, &mut rng));
        let [one, two] = ["k-1", "k-2"].map(|text| IdempotencyKey::parse(text).unwrap());
        let key = ApiKey::new(&plain, "Derived".parse().unwrap(), Timestamp::UNIX_EPOCH);
        let value = key.value_of(&mine, &one, "n");
        assert!(PlainKey::parse(value.secret().expose()).is_some());
        assert_eq!(value.start(), key.start);
        assert!(!value.digest().matches(&key.value_of(&mine, &two, "n").digest()));
        // So does the name of the request's row.
        assert_eq!(one.digest(&mine), one.digest(&mine));
        assert_eq!(one.digest(&mine).len(), 43);
        assert_ne!(one.digest(&mine), two.digest(&mine));
        assert_ne!(one.digest(&mine), one.digest(&other));
    }

    #[test]
    fn an_idempotency_key_is_1_to_255_printable_characters_without_a_comma() {
        let longest = "~".repeat(255);
        for good in ["a", " ", "k-1 !~", &longest] {
            assert!(IdempotencyKey::parse(good).is_some(), "{good:?}");
        }
        let too_long = "a".repeat(256);
        for bad in ["", "a,b", ",", "a\tb", "a\u{7f}", "\u{1f}", "\u{e9}", &too_long] {
            assert!(IdempotencyKey::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_prefix_is_a_letter_and_up_to_nine_letters_and_digits_in_lower_case() {
        for good in ["f", "fd", "f2", "abcdefghi9"] {
            assert_eq!(good.parse::<KeyPrefix>().map(|prefix| prefix.0).as_deref(), Ok(good));
        }
        for bad in ["", "2f", "Fd", "fD", "f-d", "f_d", "\u{e9}", "abcdefghi90"] {
            assert_eq!(bad.parse::<KeyPrefix>(), Err(InvalidPrefix), "{bad:?}");
        }
        assert_eq!(KeyPrefix::default(), "fd".parse().unwrap());
    }

    #[test]
    fn a_digest_is_read_as_it_is_written_and_shows_nothing() {
        let digest = minted(KeyKind::Live).digest();
        let text = String::from(digest.clone());
        assert_eq!(text.len(), 43);
        assert!(KeyDigest::try_from(text.clone()).unwrap().matches(&digest));
        assert!(KeyDigest::try_from(text[1..].to_owned()).is_err());
        assert!(KeyDigest::try_from("AAAA".to_owned()).is_err());
        assert_eq!(format!("{digest:?}"), "KeyDigest(..)");
    }

    fn kept(kind: KeyKind, seed: u64, created_at: Timestamp) -> ApiKey {
        let mut rng = StdRng::seed_from_u64(seed);
        let account = AccountId::random(&mut rng);
        let id = KeyId::random(kind, &mut rng);
        let plain = PlainKey::mint(&KeyPrefix::default(), &account, &id, &mut rng);
        ApiKey::new(&plain, "Kept".parse().unwrap(), created_at)
    }

    #[test]
    fn the_sandbox_key_is_listed_first_and_then_the_newest() {
        let later = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1);
        let sandbox = kept(KeyKind::Sandbox, 1, Timestamp::UNIX_EPOCH);
        let [old, new] = [(2, Timestamp::UNIX_EPOCH), (3, later)]
            .map(|(seed, at)| kept(KeyKind::Live, seed, at));
        assert!(sandbox.is_sandbox() && !old.is_sandbox());
        let mut keys = [old.clone(), sandbox.clone(), new.clone()];
        in_listing_order(&mut keys);
        assert_eq!(keys.map(|key| key.id), [sandbox.id, new.id, old.id]);
    }

    #[test]
    fn a_members_key_says_whose_it_is_and_when_it_ends() {
        let now = Timestamp::UNIX_EPOCH;
        let key = kept(KeyKind::Live, 1, now);
        assert_eq!((&key.created_by, key.expires_at), (&None, None));
        let email: crate::email::EmailAddress = "a@example.com".parse().unwrap();
        let member = MemberId::random(&email.hash(), &mut StdRng::seed_from_u64(2));
        let ends = now + SignedDuration::from_hours(1);
        let made = key.clone().made_by(&member, Some(ends));
        assert_eq!((&made.created_by, made.expires_at), (&Some(member), Some(ends)));
        assert_eq!((made.id, made.name), (key.id, key.name));
    }

    #[test]
    fn a_use_is_marked_once_an_hour() {
        let now = Timestamp::UNIX_EPOCH;
        let mut key = kept(KeyKind::Live, 1, now);
        assert!(key.use_is_due(now));
        key.last_used_at = Some(now);
        let last = now + USE_MARKED_EVERY - SignedDuration::from_millis(1);
        assert_eq!(
            [now, last, now + USE_MARKED_EVERY].map(|at| key.use_is_due(at)),
            [false, false, true]
        );
        assert_eq!(USE_MARKED_EVERY, SignedDuration::from_secs(3600));
    }

    #[test]
    fn an_old_value_works_no_longer_than_its_key() {
        let now = Timestamp::UNIX_EPOCH;
        let hour = SignedDuration::from_hours(1);
        let key = kept(KeyKind::Live, 1, now);
        assert_eq!(key.old_value_works_until(now), None);
        let value = kept(KeyKind::Live, 2, now);
        let value = value.value(
            &AccountId::from_body("000000000000").unwrap(),
            &KeySecret::random(&mut StdRng::seed_from_u64(4)),
        );
        let rotated = key.rotated(&value, Overlap::of_seconds(7200).unwrap(), now);
        assert_eq!(rotated.rotated_at, Some(now));
        assert_eq!(rotated.old_value_works_until(now), Some(now + hour * 2));
        assert_eq!(rotated.old_valid_until(now + hour * 2), None);
        let ends = ApiKey { expires_at: Some(now + hour), ..rotated };
        assert_eq!(ends.old_value_works_until(now), Some(now + hour));
        assert_eq!(ends.old_value_works_until(now + hour), None);
        assert_eq!(ends.old_valid_until(now + hour), Some(now + hour * 2));
    }

    #[test]
    fn a_change_names_what_changes_and_the_rest_stays() {
        let now = Timestamp::UNIX_EPOCH;
        let key = kept(KeyKind::Live, 1, now);
        let soon = now + SignedDuration::from_hours(1);
        let change = |name: Option<&str>, expires_at| KeyChange {
            name: name.map(|name| name.parse().unwrap()),
            expires_at,
        };
        let named = key.changed(&change(Some("Other"), None), now).unwrap();
        assert_eq!((named.name.as_str(), named.expires_at), ("Other", None));
        let ends = named.changed(&change(None, Some(Some(soon))), now).unwrap();
        assert_eq!((ends.name.as_str(), ends.expires_at), ("Other", Some(soon)));
        assert_eq!(ends.changed(&change(None, None), now).unwrap().expires_at, Some(soon));
        assert_eq!(ends.changed(&change(None, Some(None)), now).unwrap().expires_at, None);
        let past = ends.changed(&change(None, Some(Some(now))), now);
        assert_eq!(past.map(|key| key.expires_at), Err(Invalid::Expiry));
    }

    #[test]
    fn a_key_may_end_five_minutes_to_five_years_ahead_to_the_millisecond() {
        let now: Timestamp = "2027-02-28T12:00:00.500Z".parse().unwrap();
        for (text, may) in [
            ("2027-02-28T12:05:00.499Z", false),
            ("2027-02-28T12:05:00.500Z", true),
            ("2027-02-28T13:05:00.500+01:00", true),
            ("2032-02-28T12:00:00.500Z", true),
            ("2032-02-28T12:00:00.5009Z", true),
            ("2032-02-28T12:00:00.501Z", false),
            ("9999-01-01T00:00:00.000Z", false),
            ("1969-12-31T23:59:59Z", false),
        ] {
            assert_eq!(may_expire(parse_expiry(text).expect(text), now), may, "{text}");
        }
        let mut key = ApiKey::new(&minted(KeyKind::Live), "Until".parse().unwrap(), now);
        assert!(!key.has_expired(Timestamp::MAX));
        key.expires_at = Some(now);
        let a_millisecond = SignedDuration::from_millis(1);
        assert_eq!([now - a_millisecond, now].map(|at| key.has_expired(at)), [false, true]);
        // Near the end of all times there is none five years ahead.
        let late = Timestamp::MAX - SignedDuration::from_hours(9);
        assert!(!may_expire(Timestamp::MAX, late));
    }

    #[test]
    fn a_rotated_key_has_two_values_until_the_old_one_ends_to_the_millisecond() {
        let mut rng = StdRng::seed_from_u64(5);
        let now = Timestamp::UNIX_EPOCH;
        let first = minted(KeyKind::Live);
        let key = ApiKey::new(&first, "Rotated".parse().unwrap(), now);
        let mut next = |key: &ApiKey| key.value(&first.account, &KeySecret::random(&mut rng));
        let second = next(&key);
        assert_eq!(second.start(), key.start);
        let a_second = SignedDuration::from_secs(1);
        let rotated = key.rotated(&second, Overlap::of_seconds(1).unwrap(), now);
        let good = |key: &ApiKey, at: Timestamp, values: &[&PlainKey]| -> Vec<bool> {
            values.iter().map(|value| key.is_opened_by(value, at)).collect()
        };
        let last = now + a_second - SignedDuration::from_millis(1);
        assert_eq!(good(&rotated, last, &[&first, &second]), [true, true]);
        assert_eq!(good(&rotated, now + a_second, &[&first, &second]), [false, true]);
        let third = next(&rotated);
        let again = rotated.rotated(&third, Overlap::default(), now);
        assert_eq!(good(&again, now, &[&first, &second, &third]), [false, true, true]);
        let at_once = again.rotated(&first, Overlap::of_seconds(0).unwrap(), now);
        assert_eq!(good(&at_once, now, &[&first, &second, &third]), [true, false, false]);
        assert!(at_once.old.is_none(), "what is over is not kept");
        let ended = ApiKey { expires_at: Some(now), ..again };
        assert_eq!(good(&ended, now, &[&second, &third]), [false, false]);
    }

    #[test]
    fn an_old_value_is_kept_for_a_week_at_most() {
        for seconds in [0, 1, 604_800] {
            assert_eq!(Overlap::of_seconds(seconds).map(Overlap::seconds), Ok(seconds));
        }
        for seconds in [-1, 604_801, i64::MIN, i64::MAX] {
            assert_eq!(Overlap::of_seconds(seconds), Err(Invalid::Overlap));
        }
        assert_eq!(Overlap::default().seconds(), 86_400);
    }

    proptest! {
        #[test]
        fn a_time_is_kept_in_whole_milliseconds_and_nothing_else_is_one(
            text in "\\PC{0,40}|[0-9TZ:. +-]{0,30}|20[0-9]{2}-0[1-9]-1[0-9]T10:30:00[.][0-9]{1,9}Z"
        ) {
            match parse_expiry(&text) {
                Ok(at) => {
                    let meant: Timestamp = text.parse().unwrap();
                    prop_assert_eq!(at.as_nanosecond() % 1_000_000, 0);
                    prop_assert!(at.duration_since(meant).abs() < SignedDuration::from_millis(1));
                }
                Err(invalid) => prop_assert_eq!(invalid, Invalid::Expiry),
            }
        }

        #[test]
        fn parsing_garbage_never_panics_and_never_succeeds(
            text in "\\PC{0,100}|fd_live_[0-9A-Za-z]{58}|[a-z]{1,12}_(live|sandbox)_\\PC{0,70}"
        ) {
            prop_assert!(PlainKey::parse(&text).is_none());
        }

        #[test]
        fn a_name_that_is_accepted_is_trimmed_and_short(
            text in "\\PC{0,80}|[ \ta\u{7f}\u{0}-\u{1f}]{0,70}"
        ) {
            if let Ok(name) = text.parse::<KeyName>() {
                let name = name.as_str();
                prop_assert!(name.trim() == name && (1..=64).contains(&name.chars().count()));
                prop_assert!(!name.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn a_key_has_two_reminders_and_of_those_that_are_due_the_later_one_counts() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let ends = at("2026-12-31T12:00:00Z");
        let [week, day] = ["2026-12-24T12:00:00Z", "2026-12-30T12:00:00Z"].map(at);
        for (now, next, due) in [
            (at("2026-11-01T00:00:00Z"), Some(week), None),
            (week - SignedDuration::from_millis(1), Some(week), None),
            (week, Some(day), Some(week)),
            (day - SignedDuration::from_millis(1), Some(day), Some(week)),
            (day, None, Some(day)),
            (ends, None, Some(day)),
        ] {
            assert_eq!((next_reminder(ends, now), reminder_due(ends, now)), (next, due), "{now}");
        }
        // What a damaged row may say.
        assert_eq!(next_reminder(Timestamp::MIN, ends), None);
        assert_eq!(reminder_due(Timestamp::MIN, ends), None);
    }
}
