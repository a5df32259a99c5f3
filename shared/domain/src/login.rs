//! Login with a mailed code: challenges, codes, allowances, and the browser that is known.
//!
//! The code is derived, never stored: HMAC(keyring, address, challenge) mod 10^6. How often codes
//! of an address may be asked for and guessed is counted by who asks: a network, a browser that has
//! logged in with the address before, or whoever has the link of its invitation. Networks together
//! have a budget, and known browsers with the link have one of their own, so that a stranger who
//! uses an address's allowance up does not lock its owner out.

use crate::MemberId;
use crate::base62;
use crate::email::AddressHash;
use crate::id::InvalidId;
use crate::invitation::Invitation;
use crate::keyring::{Keyring, Purpose, UnknownVersion};
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::IpAddr;
use subtle::ConstantTimeEq;

/// How long a code is good.
pub const CODE_LIFETIME: SignedDuration = SignedDuration::from_secs(180);
/// When the console offers to send the code again.
pub const RESEND_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// Guesses at one challenge, and at those that it replaced.
pub const MAX_GUESSES: u32 = 5;
/// How long a browser is known after its last login.
pub const DEVICE_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 180);
/// How many browsers a membership is known by.
pub const MAX_KNOWN_BROWSERS: usize = 5;
/// After so many wrong guesses in a day the owner is told.
const NOTICED_GUESSES: u32 = 10;
/// The least time between two notices to an owner.
pub const NOTICE_EVERY: SignedDuration = DAY;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// So many in so long.
type Windows = &'static [(u32, SignedDuration)];

/// Codes that one network, browser or link may ask for.
const CODES_OF_ONE: Windows = &[(3, SignedDuration::from_mins(15)), (5, HOUR), (10, DAY)];
/// Codes that all networks together may ask for.
const CODES_OF_NETWORKS: Windows = &[(20, DAY)];
/// Codes that all known browsers and the link together may ask for.
const CODES_OF_KNOWN: Windows = &[(10, DAY)];
/// Wrong guesses of one network, and of all known browsers and the link together.
const GUESSES_OF_ONE: Windows = &[(10, HOUR), (15, DAY)];
/// Wrong guesses of all networks together.
const GUESSES_OF_NETWORKS: Windows = &[(15, HOUR), (35, DAY)];

/// Whose allowance of an address a request draws on: `n` and the hash of a network, `b` and the id
/// of a known browser, or `i` for the link of the invitation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Allowance(String);

impl Allowance {
    pub fn of_network(network: &NetworkHash) -> Self {
        Self(format!("n{}", network.0))
    }

    pub fn of_browser(browser: &Device) -> Self {
        Self(format!("b{}", browser.id))
    }

    pub fn of_invitation() -> Self {
        Self("i".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_networks(&self) -> bool {
        self.0.starts_with('n')
    }

    /// Where wrong guesses are counted for it: its own place, and that of all of its kind, which
    /// may be one.
    pub fn places(&self) -> (&str, Option<&'static str>) {
        if self.is_networks() { (&self.0, Some(NETWORKS)) } else { (KNOWN, None) }
    }
}

const NETWORKS: &str = "networks";
const KNOWN: &str = "known";

impl TryFrom<String> for Allowance {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        let is_one = match text.split_at_checked(1) {
            Some(("n", hash)) => base62::is(hash, NetworkHash::LEN),
            Some(("b", id)) => base62::is(id, DEVICE_ID_LEN),
            Some(("i", rest)) => rest.is_empty(),
            Some(_) | None => false,
        };
        if is_one { Ok(Self(text)) } else { Err(InvalidId) }
    }
}

impl From<Allowance> for String {
    fn from(allowance: Allowance) -> Self {
        allowance.0
    }
}

/// The network that a request comes from, as a keyed hash that is cut short: /24 of IPv4, /48 of
/// IPv6.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkHash(String);

impl NetworkHash {
    const LEN: usize = 11;

    pub fn of(address: IpAddr, ring: &Keyring) -> Self {
        let network = match address.to_canonical() {
            IpAddr::V4(address) => address.octets()[..3].to_vec(),
            IpAddr::V6(address) => address.octets()[..6].to_vec(),
        };
        let mac = ring
            .authenticate(ring.current(), Purpose::Network, &network)
            .expect("a keyring has its current version");
        let head = mac.first_chunk().expect("a MAC has 32 bytes");
        Self(base62::encode(u64::from_be_bytes(*head).into(), Self::LEN))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is on record of an address's logins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRecord {
    /// Requests for a code within the last day, by their challenge.
    #[serde(default)]
    asks: BTreeMap<String, Ask>,
    /// Wrong guesses that may still be made before the next code is asked for, by the place where
    /// they are counted.
    #[serde(default)]
    left: BTreeMap<String, u32>,
    /// The browsers that are known, by their id.
    #[serde(default)]
    browsers: BTreeMap<String, KnownBrowser>,
    /// The one invitation whose link is good: `<member>.<number>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invited: Option<String>,
    /// Codes that were asked for before open nothing any more.
    #[serde(default, with = "crate::kept::optional", skip_serializing_if = "Option::is_none")]
    closed_at: Option<Timestamp>,
    /// When the owner was last told of something.
    #[serde(default, with = "crate::kept::optional", skip_serializing_if = "Option::is_none")]
    noticed_at: Option<Timestamp>,
    /// Rises with every change, so that a decision made on an older reading is not written.
    #[serde(default)]
    pub version: u64,
}

/// One request for a code, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Ask {
    #[serde(with = "crate::kept::required")]
    at: Timestamp,
    by: Allowance,
    /// The keyring version that its code is derived with.
    keyring_version: String,
    /// Guesses that were looked at, the right one among them, each with an id of its own: so one
    /// whose answer got lost is not counted twice.
    guesses: Vec<String>,
    allowed: u32,
    #[serde(with = "crate::kept::required")]
    guessed_at: Timestamp,
    /// Replaced by another, or the right code was given: it cannot be answered any more.
    over: bool,
    /// The right code was given.
    right: bool,
}

impl Ask {
    fn is_open(&self, now: Timestamp) -> bool {
        !self.over && now < self.at + CODE_LIFETIME
    }

    fn guessed(&self) -> u32 {
        self.guesses.len() as u32
    }

    fn left(&self) -> u32 {
        self.allowed.saturating_sub(self.guessed())
    }

    fn wrong(&self) -> u32 {
        self.guessed().saturating_sub(u32::from(self.right))
    }
}

/// A browser that has logged in with the address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownBrowser {
    /// The membership that it is known to.
    pub member_id: MemberId,
    /// Its last login.
    #[serde(rename = "at", with = "crate::kept::required")]
    pub logged_in_at: Timestamp,
}

/// A challenge, as its mail and its guesses know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub id: String,
    pub by: Allowance,
    pub keyring_version: String,
    pub expires_at: Timestamp,
    /// Guesses that are left of its own, and of its allowance.
    pub guesses_left: u32,
}

/// The allowance is used up; it may be asked again after that long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many codes or wrong guesses for this address")]
pub struct RateLimited {
    pub retry_after: SignedDuration,
}

/// What a request shows that nobody else has: signed, and perhaps good no more.
#[derive(Debug)]
pub struct Shown {
    pub browsers: Vec<Device>,
    pub invitation: Option<Invitation>,
}

impl LoginRecord {
    /// Whose allowance a request draws on.
    pub fn allowance(&self, shown: &Shown, network: &NetworkHash, now: Timestamp) -> Allowance {
        let known = shown.browsers.iter().find(|browser| self.knows(browser, now));
        let invited = shown.invitation.as_ref().filter(|invitation| self.invites(invitation));
        match (known, invited) {
            (Some(browser), _) => Allowance::of_browser(browser),
            (None, Some(_)) => Allowance::of_invitation(),
            (None, None) => Allowance::of_network(network),
        }
    }

    /// Whether this browser has logged in before, and the membership goes on.
    pub fn knows(&self, browser: &Device, now: Timestamp) -> bool {
        let known = self.browsers.get(&browser.id);
        known.is_some_and(|known| now < known.logged_in_at + DEVICE_LIFETIME)
    }

    /// The first of these browsers that is known, or one that is new.
    pub fn known_of(&self, shown: Vec<Device>, now: Timestamp, rng: &mut impl CryptoRng) -> Device {
        let known = shown.into_iter().find(|browser| self.knows(browser, now));
        known.unwrap_or_else(|| Device::new(rng))
    }

    /// Whether it is on record at all.
    pub fn has_browser(&self, browser: &Device) -> bool {
        self.browsers.contains_key(&browser.id)
    }

    /// Whether this is the invitation whose link is good.
    pub fn invites(&self, invitation: &Invitation) -> bool {
        self.invited == Some(invitation.name())
    }

    /// Decides a request for a code: the record as it will be, with the new challenge, or why not.
    ///
    /// A challenge stands beside the others that are open, unless it replaces one of them: then
    /// that one is over, and the new one has the guesses that were left.
    pub fn request_code(
        &self,
        by: &Allowance,
        replaces: Option<&ChallengeToken>,
        keyring_version: &str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, Challenge), RateLimited> {
        let mut next = self.since(now - DAY);
        if let Some(retry_after) = next.wait(by, now) {
            return Err(RateLimited { retry_after });
        }
        let open = replaces.filter(|token| next.is_open(&token.id, now));
        let replaced =
            open.and_then(|token| next.asks.get_mut(&token.id)).filter(|ask| ask.left() > 0);
        let allowed = replaced.map_or(MAX_GUESSES, |ask| {
            ask.over = true;
            ask.left()
        });
        let id = base62::random(CHALLENGE_ID_LEN, rng);
        let ask = Ask {
            at: now,
            by: by.clone(),
            keyring_version: keyring_version.to_owned(),
            guesses: Vec::new(),
            allowed,
            guessed_at: now,
            over: false,
            right: false,
        };
        next.asks.insert(id.clone(), ask);
        // So that the rows of all addresses look alike; long enough ago to close nothing.
        next.closed_at.get_or_insert(now - CODE_LIFETIME);
        let next = next.changed(now);
        let challenge = next.challenge(&id).expect("it was put there");
        Ok((next, challenge))
    }

    /// The challenge of this id, whether or not it can still be answered.
    pub fn challenge(&self, id: &str) -> Option<Challenge> {
        let ask = self.asks.get(id)?;
        // What others have left of the budget for all is none of this one's business.
        let (own, _) = ask.by.places();
        let left = |place: &str| self.left.get(place).copied().unwrap_or_default();
        Some(Challenge {
            id: id.to_owned(),
            by: ask.by.clone(),
            keyring_version: ask.keyring_version.clone(),
            expires_at: ask.at + CODE_LIFETIME,
            guesses_left: ask.left().min(left(own)),
        })
    }

    /// Whether this guess was counted.
    pub fn has_guess(&self, challenge: &str, guess: &str) -> bool {
        self.asks.get(challenge).is_some_and(|ask| ask.guesses.iter().any(|id| id == guess))
    }

    /// Whether the challenge can be answered, as long as there are guesses.
    pub fn is_open(&self, id: &str, now: Timestamp) -> bool {
        self.asks.get(id).is_some_and(|ask| ask.is_open(now))
    }

    /// Whether the right code was not given yet, and no other challenge replaced it.
    pub fn is_unanswered(&self, id: &str) -> bool {
        self.asks.get(id).is_some_and(|ask| !ask.over)
    }

    /// Whether its code opens nothing any more, right or not.
    pub fn is_closed(&self, id: &str) -> bool {
        let closed = |ask: &Ask| self.closed_at.is_some_and(|closed| ask.at < closed);
        self.asks.get(id).is_some_and(closed)
    }

    /// Whether the owner is to hear of wrong guesses, unless there was a notice today. That the
    /// write alone decides: whoever guesses would see by the time that it takes whether it is made.
    pub fn is_guessed_at(&self, now: Timestamp) -> bool {
        let guesses = self.asks.values().filter(|ask| ask.guessed_at > now - DAY).map(Ask::wrong);
        guesses.sum::<u32>() >= NOTICED_GUESSES
    }

    /// Whether the last notice to the owner is long enough ago.
    pub fn may_notice(&self, now: Timestamp) -> bool {
        self.noticed_at.is_none_or(|last| last <= now - NOTICE_EVERY)
    }

    /// The known browser that gives way to one more, if all places are taken.
    pub fn oldest_browser(&self) -> Option<&str> {
        let oldest = self.browsers.iter().min_by_key(|(_, browser)| browser.logged_in_at);
        oldest.filter(|_| self.browsers.len() >= MAX_KNOWN_BROWSERS).map(|(id, _)| id.as_str())
    }

    /// Whether anything but requests is on record.
    pub fn is_somebodys(&self) -> bool {
        self.invited.is_some() || !self.browsers.is_empty()
    }

    /// The record without what was asked for more than a day ago.
    pub fn forget_old(&self, now: Timestamp) -> Self {
        self.since(now - DAY).changed(now)
    }

    /// The record with other requests in it than those that its version stands for.
    fn changed(self, now: Timestamp) -> Self {
        Self { left: self.guesses_left(now), version: self.version.saturating_add(1), ..self }
    }

    /// As they are kept.
    pub fn asks(&self) -> &impl Serialize {
        &self.asks
    }

    pub fn left(&self) -> &BTreeMap<String, u32> {
        &self.left
    }

    /// When the first of the requests is a day old.
    pub fn first_ends_at(&self) -> Option<Timestamp> {
        self.asks.values().map(|ask| ask.at.max(ask.guessed_at) + DAY).min()
    }

    /// What still counts at `oldest` and after.
    fn since(&self, oldest: Timestamp) -> Self {
        let mut kept = self.clone();
        kept.asks.retain(|_, ask| ask.at > oldest || ask.guessed_at > oldest);
        kept
    }

    /// How long this allowance has to wait for its next code.
    fn wait(&self, by: &Allowance, now: Timestamp) -> Option<SignedDuration> {
        let all_codes = if by.is_networks() { CODES_OF_NETWORKS } else { CODES_OF_KNOWN };
        let waits = [
            wait(CODES_OF_ONE, self.codes(|ask| ask.by == *by), now),
            wait(all_codes, self.codes(|ask| ask.by.is_networks() == by.is_networks()), now),
        ];
        let (own, all) = by.places();
        let guesses = [Some(own), all].into_iter().flatten().map(|place| {
            let windows = guess_windows(place);
            wait(windows, self.wrong_guesses(place), now)
        });
        waits.into_iter().chain(guesses).flatten().max()
    }

    /// When codes were asked for, each counting one.
    fn codes(&self, is_one: impl Fn(&Ask) -> bool) -> Vec<(Timestamp, u32)> {
        self.asks.values().filter(|ask| is_one(ask)).map(|ask| (ask.at, 1)).collect()
    }

    /// Wrong guesses that are counted in a place, and when the last of each challenge was made.
    fn wrong_guesses(&self, place: &str) -> Vec<(Timestamp, u32)> {
        let counted = self.asks.values().filter(|ask| {
            let (own, all) = ask.by.places();
            own == place || all == Some(place)
        });
        counted.map(|ask| (ask.guessed_at, ask.wrong())).collect()
    }

    /// What is left in each place that an open challenge draws on. Until the next code is asked for
    /// nothing is added to it: that can only be too little, by what ages out within three minutes.
    fn guesses_left(&self, now: Timestamp) -> BTreeMap<String, u32> {
        let open = self.asks.values().filter(|ask| ask.is_open(now));
        let places = open.flat_map(|ask| {
            let (own, all) = ask.by.places();
            [Some(own), all].into_iter().flatten()
        });
        places
            .map(|place| {
                let counted = self.wrong_guesses(place);
                let left = guess_windows(place)
                    .iter()
                    .map(|(most, window)| most.saturating_sub(within(&counted, now - *window)));
                (place.to_owned(), left.min().unwrap_or_default())
            })
            .collect()
    }
}

fn guess_windows(place: &str) -> Windows {
    if place == NETWORKS { GUESSES_OF_NETWORKS } else { GUESSES_OF_ONE }
}

/// How many are younger than that.
fn within(counted: &[(Timestamp, u32)], oldest: Timestamp) -> u32 {
    counted.iter().filter(|(at, _)| *at > oldest).map(|(_, count)| count).sum()
}

/// How long it takes until each window has room for one more.
fn wait(
    windows: Windows,
    mut counted: Vec<(Timestamp, u32)>,
    now: Timestamp,
) -> Option<SignedDuration> {
    counted.sort();
    let waits = windows.iter().filter_map(|(most, window)| {
        if within(&counted, now - *window) < *most {
            return None;
        }
        // The one that has to age out: with it and all older ones, there is room.
        let ends = counted.iter().map(|(at, _)| *at + *window);
        ends.into_iter().find(|end| within(&counted, *end - *window) < *most)
    });
    waits.max().map(|end| end.duration_since(now))
}

const CHALLENGE_ID_LEN: usize = 22;
const DEVICE_ID_LEN: usize = 16;

/// What a client answers a challenge with: where it lies, which it is. Opaque to the client; nobody
/// guesses another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengeToken {
    pub address: AddressHash,
    pub by: Allowance,
    pub id: String,
}

impl ChallengeToken {
    pub fn new(address: AddressHash, challenge: &Challenge) -> Self {
        Self { address, by: challenge.by.clone(), id: challenge.id.clone() }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("chl_")?.split('.');
        let (address, by, id) = (parts.next()?, parts.next()?, parts.next()?);
        let token = Self {
            address: AddressHash::parse(address)?,
            by: by.to_owned().try_into().ok()?,
            id: base62::is(id, CHALLENGE_ID_LEN).then(|| id.to_owned())?,
        };
        parts.next().is_none().then_some(token)
    }
}

impl std::fmt::Display for ChallengeToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "chl_{}.{}.{}", self.address, self.by.as_str(), self.id)
    }
}

/// Six digits.
#[derive(Debug, Clone)]
pub struct LoginCode(Secret);

impl LoginCode {
    /// The code of a challenge.
    pub fn derive(
        keyring: &Keyring,
        version: &str,
        address: &AddressHash,
        challenge: &str,
    ) -> Result<Self, UnknownVersion> {
        let message = format!("{address}.{challenge}");
        let mac = keyring.authenticate(version, Purpose::LoginCode, message.as_bytes())?;
        let head = mac.first_chunk().expect("a MAC has 32 bytes");
        let number = u128::from_be_bytes(*head) % 1_000_000;
        Ok(Self(Secret::new(format!("{number:06}"))))
    }

    /// What somebody typed: exactly six ASCII digits.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| Self(Secret::new(text)))
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.expose().as_bytes().ct_eq(other.0.expose().as_bytes()).into()
    }

    pub fn secret(&self) -> &Secret {
        &self.0
    }
}

/// A browser that has logged in with an address before, as its signed cookie says.
///
/// It opens nothing: it only chooses the allowance, and that as long as the address's row knows the
/// browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    id: String,
}

impl Device {
    pub fn new(rng: &mut impl CryptoRng) -> Self {
        Self { id: base62::random(DEVICE_ID_LEN, rng) }
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// `<version>.<id>.<signature>`, good for `address` alone.
    pub fn sign(&self, ring: &Keyring, address: &AddressHash) -> Secret {
        let version = ring.current();
        let signature =
            self.signature(ring, version, address).expect("a keyring has its current version");
        Secret::new(format!("{version}.{}.{signature}", self.id))
    }

    pub fn verify(cookie: &str, ring: &Keyring, address: &AddressHash) -> Option<Self> {
        let mut parts = cookie.split('.');
        let (version, id, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let device = Self { id: base62::is(id, DEVICE_ID_LEN).then(|| id.to_owned())? };
        let right = device.signature(ring, version, address).ok()?;
        let signed: bool = right.as_bytes().ct_eq(signature.as_bytes()).into();
        (signed && parts.next().is_none()).then_some(device)
    }

    fn signature(
        &self,
        ring: &Keyring,
        version: &str,
        address: &AddressHash,
    ) -> Result<String, UnknownVersion> {
        let message = format!("{}.{address}", self.id);
        let mac = ring.authenticate(version, Purpose::Device, message.as_bytes())?;
        Ok(URL_SAFE_NO_PAD.encode(mac))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::EmailAddress;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    const START: i64 = 1_800_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(START + seconds).unwrap()
    }

    fn rng() -> StdRng {
        StdRng::seed_from_u64(5)
    }

    fn ring() -> Keyring {
        Keyring::parse(&Keyring::generate(&mut rng())).unwrap()
    }

    fn address() -> AddressHash {
        "ada@example.com".parse::<EmailAddress>().unwrap().hash()
    }

    fn network(number: u8) -> Allowance {
        Allowance::of_network(&NetworkHash::of([192, 0, number, 7].into(), &ring()))
    }

    fn browser(number: u64) -> Allowance {
        Allowance::of_browser(&Device::new(&mut StdRng::seed_from_u64(number)))
    }

    /// A record that is asked and guessed at, as the store does both.
    struct Desk {
        record: LoginRecord,
        rng: StdRng,
    }

    impl Desk {
        fn new() -> Self {
            Self { record: LoginRecord::default(), rng: rng() }
        }

        fn ask(&mut self, by: &Allowance, second: i64) -> Result<Challenge, i64> {
            self.replace(None, by, second)
        }

        fn replace(
            &mut self,
            replaced: Option<&Challenge>,
            by: &Allowance,
            second: i64,
        ) -> Result<Challenge, i64> {
            let token = replaced.map(|challenge| ChallengeToken::new(address(), challenge));
            let asked =
                self.record.request_code(by, token.as_ref(), "1", at(second), &mut self.rng);
            let (next, challenge) = asked.map_err(|limited| limited.retry_after.as_secs())?;
            self.record = next;
            Ok(challenge)
        }

        /// A wrong guess; whether it was looked at.
        fn guess(&mut self, challenge: &Challenge, second: i64) -> bool {
            let is_open = self.record.is_open(&challenge.id, at(second));
            let now = self.record.challenge(&challenge.id);
            let (own, all) = challenge.by.places();
            let is_spent = [Some(own), all]
                .into_iter()
                .flatten()
                .any(|place| self.record.left.get(place).is_none_or(|left| *left == 0));
            if !is_open || is_spent || now.is_none_or(|challenge| challenge.guesses_left == 0) {
                return false;
            }
            let ask = self.record.asks.get_mut(&challenge.id).unwrap();
            ask.guesses.push(String::new());
            ask.guessed_at = at(second);
            for place in [Some(own), all].into_iter().flatten() {
                *self.record.left.get_mut(place).unwrap() -= 1;
            }
            true
        }

        fn guesses(&mut self, challenge: &Challenge, second: i64, most: usize) -> usize {
            (0..most).take_while(|_| self.guess(challenge, second)).count()
        }
    }

    /// Asks for codes at these seconds and says which were refused, and for how long.
    fn asked(times: &[i64]) -> Vec<Option<i64>> {
        let mut desk = Desk::new();
        times.iter().map(|second| desk.ask(&network(1), *second).err()).collect()
    }

    #[test]
    fn three_codes_in_fifteen_minutes_five_in_an_hour_ten_in_a_day() {
        assert_eq!(asked(&[0, 10, 20, 30, 899, 900]), [None, None, None, Some(870), Some(1), None]);
        assert_eq!(
            asked(&[0, 1, 2, 901, 902, 1810, 3599, 3600]),
            [None, None, None, None, None, Some(1790), Some(1), None]
        );
        // One that has left the quarter of an hour makes nobody wait.
        assert_eq!(asked(&[0, 1000, 1001, 1002, 1003])[3..], [None, Some(897)]);
        let spread: Vec<i64> = (0..12).map(|n| n * 3601).collect();
        assert_eq!(asked(&spread)[9..], [None, Some(86400 - 10 * 3601), Some(86400 - 11 * 3601)]);
    }

    #[test]
    fn all_networks_have_twenty_codes_a_day_and_known_browsers_with_the_link_ten_of_their_own() {
        let mut desk = Desk::new();
        for number in 0..10 {
            desk.ask(&network(number), 0).unwrap();
            desk.ask(&network(number), 1).unwrap();
        }
        assert_eq!(desk.ask(&network(77), 10), Err(86390));
        for number in 0..4 {
            desk.ask(&browser(number), 10).unwrap();
            desk.ask(&browser(number), 11).unwrap();
        }
        desk.ask(&Allowance::of_invitation(), 12).unwrap();
        desk.ask(&Allowance::of_invitation(), 13).unwrap();
        assert_eq!(desk.ask(&browser(77), 20), Err(86390));
        assert_eq!(desk.record.asks.len(), 30);
    }

    #[test]
    fn a_challenge_that_replaces_another_has_the_guesses_that_were_left() {
        let mut desk = Desk::new();
        let first = desk.ask(&network(1), 0).unwrap();
        assert_eq!(desk.guesses(&first, 10, 3), 3);
        let second = desk.replace(Some(&first), &network(2), 30).unwrap();
        assert_ne!(first.id, second.id);
        assert_eq!((second.guesses_left, second.expires_at), (2, at(210)));
        assert!(!desk.record.is_open(&first.id, at(30)));
        assert_eq!(desk.guesses(&second, 31, 9), 2);
        // One that is over, by itself or not at all, is replaced by none.
        for replaced in [&first, &second] {
            let mut other = Desk { record: desk.record.clone(), rng: rng() };
            assert_eq!(other.replace(Some(replaced), &network(3), 40).unwrap().guesses_left, 5);
        }
    }

    #[test]
    fn a_challenge_is_open_for_three_minutes_and_unanswered_until_another_replaces_it() {
        let mut desk = Desk::new();
        let first = desk.ask(&network(1), 0).unwrap();
        let left: Vec<_> = desk.record.left().values().collect();
        assert_eq!(left, [&10, &15], "guesses of the network, and of all");
        let open = |desk: &Desk, second| desk.record.is_open(&first.id, at(second));
        assert_eq!([open(&desk, 179), open(&desk, 180)], [true, false]);
        assert!(desk.record.is_unanswered(&first.id) && !desk.record.is_unanswered("another"));
        desk.replace(Some(&first), &network(1), 30).unwrap();
        assert!(!open(&desk, 30) && !desk.record.is_unanswered(&first.id));
    }

    #[test]
    fn a_challenge_from_before_the_record_was_closed_opens_nothing() {
        let mut desk = Desk::new();
        let [first, second] = [10, 11].map(|second| desk.ask(&network(1), second).unwrap());
        assert!(!desk.record.is_closed(&first.id), "a request closes nothing");
        for (closed_at, closed) in [(10, [false; 2]), (11, [true, false]), (12, [true; 2])] {
            desk.record.closed_at = Some(at(closed_at));
            let is_closed = [&first, &second].map(|asked| desk.record.is_closed(&asked.id));
            assert_eq!(is_closed, closed, "{closed_at}");
        }
        assert!(!desk.record.is_closed("another"));
    }

    #[test]
    fn a_request_is_forgotten_a_day_after_it_or_its_last_guess() {
        let mut desk = Desk::new();
        let [guessed, asked] = [0, 50].map(|second| desk.ask(&network(1), second).unwrap());
        assert!(desk.guess(&guessed, 100));
        assert_eq!(desk.record.first_ends_at(), Some(at(86450)));
        assert_eq!(LoginRecord::default().first_ends_at(), None);
        let kept = |second| {
            let record = desk.record.forget_old(at(second));
            assert_eq!(record.version, desk.record.version + 1);
            [&guessed, &asked].map(|asked| record.challenge(&asked.id).is_some())
        };
        assert_eq!(kept(86449), [true, true]);
        assert_eq!(kept(86450), [true, false]);
        assert_eq!(kept(86500), [false, false]);
    }

    #[test]
    fn a_record_is_somebodys_who_is_invited_or_whose_browser_is_known() {
        let mut desk = Desk::new();
        desk.ask(&network(1), 0).unwrap();
        assert!(!desk.record.is_somebodys());
        let member_id = MemberId::random(&address(), &mut rng());
        let invited = LoginRecord { invited: Some("one".to_owned()), ..desk.record.clone() };
        assert!(invited.is_somebodys());
        let known = KnownBrowser { member_id, logged_in_at: at(0) };
        desk.record.browsers.insert("one".to_owned(), known);
        assert!(desk.record.is_somebodys());
    }

    #[test]
    fn a_guess_is_known_again_in_its_own_challenge() {
        let mut desk = Desk::new();
        let [first, second] = [0, 1].map(|second| desk.ask(&network(1), second).unwrap());
        let ask = desk.record.asks.get_mut(&first.id).unwrap();
        ask.guesses.extend(["one".to_owned(), "two".to_owned()]);
        for (challenge, guess, known) in [
            (&*first.id, "one", true),
            (&*first.id, "two", true),
            (&*first.id, "three", false),
            (&*second.id, "one", false),
            ("another", "one", false),
        ] {
            assert_eq!(desk.record.has_guess(challenge, guess), known, "{challenge} {guess}");
        }
    }

    #[test]
    fn an_allowance_is_of_a_known_browser_else_of_the_invitation_else_of_the_network() {
        let network = NetworkHash::of([192, 0, 2, 7].into(), &ring());
        let [known, other] = [1, 2].map(|number| Device::new(&mut StdRng::seed_from_u64(number)));
        let member_id = MemberId::random(&address(), &mut rng());
        let invitation = |number| Invitation {
            account: crate::AccountId::random(&mut rng()),
            member: member_id.clone(),
            number,
        };
        let mut record =
            LoginRecord { invited: Some(invitation(2).name()), ..LoginRecord::default() };
        record.browsers.insert(
            known.id.clone(),
            KnownBrowser { member_id: member_id.clone(), logged_in_at: at(0) },
        );
        let of_network = Allowance::of_network(&network);
        assert_eq!(of_network.as_str(), format!("n{}", network.as_str()));
        let (of_browser, of_link) = (Allowance::of_browser(&known), Allowance::of_invitation());
        for (browsers, number, allowance) in [
            (vec![&other, &known], Some(2), &of_browser),
            (vec![&other], Some(2), &of_link),
            (vec![&other], Some(1), &of_network),
            (vec![], None, &of_network),
        ] {
            let shown = Shown {
                browsers: browsers.into_iter().cloned().collect(),
                invitation: number.map(invitation),
            };
            assert_eq!(&record.allowance(&shown, &network, at(1)), allowance, "{shown:?}");
            let kept = String::from(allowance.clone());
            assert_eq!(&Allowance::try_from(kept).unwrap(), allowance);
        }
    }

    #[test]
    fn challenges_of_several_browsers_stand_beside_each_other() {
        let mut desk = Desk::new();
        let first = desk.ask(&network(1), 0).unwrap();
        let second = desk.ask(&network(1), 1).unwrap();
        assert!(desk.record.is_open(&first.id, at(2)) && desk.record.is_open(&second.id, at(2)));
        // Both draw on the ten wrong guesses of their network.
        assert_eq!(desk.guesses(&first, 2, 9), 5);
        let third = desk.ask(&network(1), 3).unwrap();
        assert_eq!(desk.guesses(&second, 4, 3), 3);
        assert_eq!(desk.guesses(&third, 5, 9), 2);
        assert_eq!(desk.guesses(&second, 6, 9), 0);
        assert_eq!(desk.ask(&network(1), 901), Err(3600 - 899));
        assert_eq!(desk.record.challenge(&second.id).unwrap().guesses_left, 0);
        let other = desk.ask(&network(2), 7).unwrap();
        assert_eq!(desk.guesses(&other, 8, 9), 5);
        let known = desk.ask(&browser(1), 9).unwrap();
        assert_eq!(desk.guesses(&known, 10, 9), 5);
    }

    #[test]
    fn a_right_guess_is_no_wrong_one() {
        let mut desk = Desk::new();
        for second in [0, 1000, 2000] {
            let challenge = desk.ask(&browser(1), second).unwrap();
            assert_eq!(desk.guesses(&challenge, second, 4), 4);
            if second < 2000 {
                let ask = desk.record.asks.get_mut(&challenge.id).unwrap();
                (ask.over, ask.right) = (true, true);
            }
        }
        // Three wrong ones in the first challenge and in the second, four in the third; then the
        // first leaves the hour.
        assert_eq!(desk.ask(&browser(1), 3600).unwrap().guesses_left, 3);
    }

    #[test]
    fn the_owner_hears_of_ten_wrong_guesses_and_then_of_nothing_for_a_day() {
        let mut desk = Desk::new();
        for number in 1..=2 {
            let challenge = desk.ask(&network(number), 0).unwrap();
            assert_eq!(desk.guesses(&challenge, 1, 4), 4);
            assert!(!desk.record.is_guessed_at(at(1)));
            assert_eq!(desk.guesses(&challenge, 1, 9), 1);
        }
        assert!(desk.record.is_guessed_at(at(2)));
        assert!(desk.record.is_guessed_at(at(86400)));
        assert!(!desk.record.is_guessed_at(at(86401)), "they are a day old");
        desk.record.noticed_at = Some(at(2));
        assert!(desk.record.is_guessed_at(at(3)), "the write knows of the notice");
        assert!(!desk.record.may_notice(at(86401)) && desk.record.may_notice(at(86402)));
    }

    #[test]
    fn a_challenge_token_leads_back_to_its_challenge() {
        let mut desk = Desk::new();
        for by in [network(1), browser(1), Allowance::of_invitation()] {
            let challenge = desk.ask(&by, 0).unwrap();
            let token = ChallengeToken::new(address(), &challenge);
            assert_eq!((&token.by, &token.id), (&by, &challenge.id));
            let text = token.to_string();
            assert_eq!(ChallengeToken::parse(&text), Some(token));
            for other in [&text[1..], &text[..text.len() - 1], &format!("{text}.1")] {
                assert_eq!(ChallengeToken::parse(other), None, "{other}");
            }
        }
    }

    #[test]
    fn codes_of_two_challenges_are_told_apart() {
        let code =
            |challenge: &str| LoginCode::derive(&ring(), "1", &address(), challenge).unwrap();
        assert!(code("a").matches(&code("a")) && !code("a").matches(&code("b")));
        assert!(LoginCode::parse(code("a").secret().expose()).is_some());
        assert!(
            ["12345", "1234567", "12345a", "１２３４５６", ""]
                .iter()
                .all(|text| LoginCode::parse(text).is_none())
        );
    }

    #[test]
    fn a_browser_is_known_for_its_own_address_and_as_long_as_the_record_knows_it() {
        let ring = ring();
        let bob = "bob@example.com".parse::<EmailAddress>().unwrap().hash();
        let device = Device::new(&mut rng());
        let cookie = device.sign(&ring, &address()).expose().to_owned();
        assert_eq!(Device::verify(&cookie, &ring, &address()), Some(device.clone()));
        assert_eq!(Device::verify(&cookie, &ring, &bob), None);
        assert_eq!(Device::verify(&cookie.replacen("1.", "2.", 1), &ring, &address()), None);
        assert_eq!(Device::verify(&format!("{cookie}.1"), &ring, &address()), None);

        let mut record = LoginRecord::default();
        assert!(!record.knows(&device, at(0)) && !record.has_browser(&device));
        let member_id = MemberId::random(&address(), &mut rng());
        let known = KnownBrowser { member_id, logged_in_at: at(0) };
        record.browsers.insert(device.id().to_owned(), known.clone());
        assert!(record.knows(&device, at(180 * 86400 - 1)));
        assert!(!record.knows(&device, at(180 * 86400)) && record.has_browser(&device));
        for number in 1..5 {
            assert_eq!(record.oldest_browser(), None);
            let known = KnownBrowser { logged_in_at: at(number), ..known.clone() };
            record.browsers.insert(number.to_string(), known);
        }
        assert_eq!(record.oldest_browser(), Some(device.id()));
    }

    #[test]
    fn a_network_is_the_first_24_bits_of_ipv4_and_the_first_48_of_ipv6() {
        let hash = |address: &str| NetworkHash::of(address.parse().unwrap(), &ring());
        assert_eq!(hash("192.0.2.1"), hash("192.0.2.254"));
        assert_eq!(hash("192.0.2.1"), hash("::ffff:192.0.2.9"));
        assert_ne!(hash("192.0.2.1"), hash("192.0.3.1"));
        assert_eq!(hash("2001:db8:1::1"), hash("2001:db8:1:ffff::2"));
        assert_ne!(hash("2001:db8:1::1"), hash("2001:db8:2::1"));
        let other = Keyring::parse(&Keyring::generate(&mut StdRng::seed_from_u64(6))).unwrap();
        assert_ne!(hash("192.0.2.1"), NetworkHash::of([192, 0, 2, 1].into(), &other));
    }

    /// By a network or not, and when.
    type Acts = Vec<(bool, i64)>;

    /// Whoever asks, guesses and resends as fast as can be: six networks and six browsers.
    fn onslaught(steps: &[(u8, u8, u16)]) -> (Acts, Acts) {
        let mut desk = Desk::new();
        let (mut codes, mut guesses) = (Vec::new(), Vec::new());
        let mut open: Vec<Challenge> = Vec::new();
        let mut second = 0;
        for (who, act, waits) in steps {
            second += i64::from(*waits);
            let by = if who % 2 == 0 { network(who / 2) } else { browser((who / 2).into()) };
            let last = open.iter().rev().find(|challenge| challenge.by == by).cloned();
            match (act % 4, last) {
                (0, _) | (_, None) => {
                    if let Ok(challenge) = desk.ask(&by, second) {
                        codes.push((by.is_networks(), second));
                        open.push(challenge);
                    }
                }
                (1, Some(last)) => {
                    if let Ok(challenge) = desk.replace(Some(&last), &by, second) {
                        codes.push((by.is_networks(), second));
                        open.push(challenge);
                    }
                }
                (_, Some(last)) => {
                    for _ in 0..desk.guesses(&last, second, 5) {
                        guesses.push((by.is_networks(), second));
                    }
                }
            }
        }
        (codes, guesses)
    }

    /// The most that lie in any span of so many seconds.
    fn most(times: impl Iterator<Item = i64> + Clone, seconds: i64) -> usize {
        let in_span_from =
            |from: i64| times.clone().filter(|at| (from..from + seconds).contains(at)).count();
        times.clone().map(in_span_from).max().unwrap_or_default()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn an_address_never_has_more_than_its_budgets(
            steps in prop::collection::vec((0u8..12, 0u8..4, 0u16..400), 200..600)
        ) {
            let (codes, guesses) = onslaught(&steps);
            let of = |all: &[(bool, i64)], networks: bool| {
                let times = all.iter().filter(move |(by, _)| *by == networks).map(|(_, at)| *at);
                times.collect::<Vec<_>>()
            };
            for (networks, codes_a_day, an_hour, a_day) in
                [(true, 20, 15, 35), (false, 10, 10, 15)]
            {
                let (codes, guesses) = (of(&codes, networks), of(&guesses, networks));
                prop_assert!(most(codes.iter().copied(), 86400) <= codes_a_day);
                prop_assert!(most(guesses.iter().copied(), 3600) <= an_hour);
                prop_assert!(most(guesses.iter().copied(), 86400) <= a_day);
            }
        }

        #[test]
        fn a_challenge_token_has_one_spelling(
            text in "chl_[0-9A-Za-z]{22}\\.(i|n[0-9A-Za-z]{11}|b[0-9a-z]{16})\\.[0-9A-Za-z]{22}|\
                     \\PC{0,60}"
        ) {
            if let Some(token) = ChallengeToken::parse(&text) {
                prop_assert_eq!(token.to_string(), text);
            }
        }
    }
}
