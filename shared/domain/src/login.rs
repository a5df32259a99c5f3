//! Login with a mailed code: challenges, codes, allowances, and the browser that is known.
//!
//! The code is derived, never stored: HMAC(keyring, challenge, generation) mod 10^6. An address has
//! a *lane* for everyone, and one for each browser that has logged in with it before; a lane has
//! the allowances and at most one live challenge. So a stranger who uses up an address's lane does
//! not lock its owner out.

use crate::base62;
use crate::email::AddressHash;
use crate::keyring::{Keyring, Purpose, UnknownVersion};
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// How long a code is good.
pub const CODE_LIFETIME: SignedDuration = SignedDuration::from_secs(180);
/// When the console offers to send the code again.
pub const RESEND_AFTER: SignedDuration = SignedDuration::from_secs(30);
/// Guesses at one challenge, over all its generations.
pub const MAX_GUESSES: u32 = 5;
/// Codes that a lane may ask for: so many in so long.
const CODE_ALLOWANCES: [(u32, SignedDuration); 3] = [
    (3, SignedDuration::from_mins(15)),
    (5, SignedDuration::from_hours(1)),
    (10, SignedDuration::from_hours(24)),
];
/// Wrong guesses that a lane may make in an hour.
const WRONG_GUESS_ALLOWANCE: (u32, SignedDuration) = (25, SignedDuration::from_hours(1));
/// How long a browser is known after a login.
pub const DEVICE_LIFETIME: SignedDuration = SignedDuration::from_hours(24 * 180);

/// Which allowance of an address a request draws on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane(String);

impl Lane {
    /// For browsers that are not known.
    pub fn everyone() -> Self {
        Self("any".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        (text == "any" || base62::is(text, DEVICE_ID_LEN)).then(|| Self(text.to_owned()))
    }
}

/// What is on record of one lane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneRecord {
    /// When codes were asked for within the last day, in milliseconds, oldest first.
    codes: Vec<i64>,
    /// Wrong guesses at earlier challenges within the last hour: when the last one was made, and
    /// how many.
    wrong: Vec<(i64, u32)>,
    #[serde(flatten)]
    pub challenge: Option<LiveChallenge>,
    /// Rises with every change, so that a decision made on an older reading is not written.
    pub version: u64,
}

/// The newest challenge of a lane: the only one that can be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveChallenge {
    #[serde(rename = "challenge_id")]
    pub id: String,
    pub generation: u32,
    /// The keyring version that its code is derived with.
    pub keyring_version: String,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub expires_at: Timestamp,
    pub attempts: u32,
    pub allowed: u32,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub guessed_at: Timestamp,
    /// The right code was given.
    pub used_up: bool,
}

/// The lane's allowance is used up; it may ask again after that long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many codes or wrong guesses for this address")]
pub struct RateLimited {
    pub retry_after: SignedDuration,
}

impl LaneRecord {
    /// Decides a request for a code: the lane as it will be, with its new challenge, or why not.
    ///
    /// Asking again while a challenge is open makes its next generation: the older code dies, and
    /// guesses made stay made. A new challenge gets at most the guesses that the hour still allows,
    /// so no number of resends gives any back.
    pub fn request_code(
        &self,
        keyring_version: &str,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(Self, LiveChallenge), RateLimited> {
        let day = CODE_ALLOWANCES[CODE_ALLOWANCES.len() - 1].1;
        let mut codes: Vec<i64> =
            self.codes.iter().copied().filter(|at| *at > (now - day).as_millisecond()).collect();
        let waits = CODE_ALLOWANCES.iter().filter_map(|(most, window)| {
            let nth_newest = codes.len().checked_sub(*most as usize).map(|first| codes[first])?;
            Some(nth_newest + window.as_millis() as i64 - now.as_millisecond())
        });
        let too_many_codes = waits.filter(|wait| *wait > 0).max();

        let hour_ago = (now - WRONG_GUESS_ALLOWANCE.1).as_millisecond();
        let mut wrong: Vec<(i64, u32)> =
            self.wrong.iter().copied().filter(|(at, _)| *at > hour_ago).collect();
        let open = self
            .challenge
            .as_ref()
            .filter(|last| !last.used_up && now < last.expires_at && last.attempts < last.allowed);
        if let (None, Some(last)) = (open, &self.challenge) {
            let missed = last.attempts - u32::from(last.used_up);
            if missed > 0 && last.guessed_at.as_millisecond() > hour_ago {
                wrong.push((last.guessed_at.as_millisecond(), missed));
            }
        }
        let allowed = MAX_GUESSES.min(
            WRONG_GUESS_ALLOWANCE.0.saturating_sub(wrong.iter().map(|(_, count)| count).sum()),
        );
        let oldest =
            wrong.iter().map(|(at, _)| *at).min().filter(|_| open.is_none() && allowed == 0);
        let too_many_guesses = oldest.map(|oldest| oldest - hour_ago);

        // The longer of both waits: who waits as told is not refused again.
        if let Some(wait) = too_many_codes.max(too_many_guesses) {
            return Err(RateLimited { retry_after: SignedDuration::from_millis(wait) });
        }
        let challenge = match open {
            Some(last) => LiveChallenge {
                generation: last.generation + 1,
                expires_at: now + CODE_LIFETIME,
                keyring_version: keyring_version.to_owned(),
                ..last.clone()
            },
            None => LiveChallenge {
                id: base62::random(CHALLENGE_ID_LEN, rng),
                generation: 1,
                keyring_version: keyring_version.to_owned(),
                expires_at: now + CODE_LIFETIME,
                attempts: 0,
                allowed,
                guessed_at: now,
                used_up: false,
            },
        };
        codes.push(now.as_millisecond());
        let next =
            Self { codes, wrong, challenge: Some(challenge.clone()), version: self.version + 1 };
        Ok((next, challenge))
    }
}

const CHALLENGE_ID_LEN: usize = 22;
const DEVICE_ID_LEN: usize = 16;

/// What a client answers a challenge with: where it lies, which it is. Opaque to the client; it
/// carries no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChallengeToken {
    pub address: AddressHash,
    pub lane: Lane,
    pub id: String,
    pub generation: u32,
}

impl ChallengeToken {
    pub fn new(address: AddressHash, lane: Lane, challenge: &LiveChallenge) -> Self {
        Self { address, lane, id: challenge.id.clone(), generation: challenge.generation }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("chl_")?.split('.');
        let (address, lane, id, generation) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let token = Self {
            address: AddressHash::parse(address)?,
            lane: Lane::parse(lane)?,
            id: base62::is(id, CHALLENGE_ID_LEN).then(|| id.to_owned())?,
            generation: generation.parse().ok()?,
        };
        (parts.next().is_none() && token.to_string() == text).then_some(token)
    }
}

impl std::fmt::Display for ChallengeToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "chl_{}.{}.{}.{}", self.address, self.lane.as_str(), self.id, self.generation)
    }
}

/// Six digits.
#[derive(Debug, Clone)]
pub struct LoginCode(Secret);

impl LoginCode {
    /// The code of one generation of a challenge.
    pub fn derive(
        keyring: &Keyring,
        version: &str,
        address: &AddressHash,
        challenge: &str,
        generation: u32,
    ) -> Result<Self, UnknownVersion> {
        let message = format!("{address}.{challenge}.{generation}");
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
/// It opens nothing: it only chooses the lane, so that the browser keeps an allowance of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    id: String,
    since: Timestamp,
}

impl Device {
    pub fn new(now: Timestamp, rng: &mut impl CryptoRng) -> Self {
        Self { id: base62::random(DEVICE_ID_LEN, rng), since: now }
    }

    pub fn lane(&self) -> Lane {
        Lane(self.id.clone())
    }

    /// `<version>.<id>.<since>.<signature>`, good for `address` alone.
    pub fn sign(&self, ring: &Keyring, address: &AddressHash) -> Secret {
        let signature = self
            .signature(ring, ring.current(), address)
            .expect("a keyring has its current version");
        Secret::new(format!(
            "{}.{}.{}.{signature}",
            ring.current(),
            self.id,
            self.since.as_second()
        ))
    }

    pub fn verify(
        cookie: &str,
        ring: &Keyring,
        address: &AddressHash,
        now: Timestamp,
    ) -> Option<Self> {
        let mut parts = cookie.split('.');
        let (version, id, since, signature) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let since = Timestamp::from_second(since.parse().ok()?).ok()?;
        let device = Self { id: base62::is(id, DEVICE_ID_LEN).then(|| id.to_owned())?, since };
        let right = device.signature(ring, version, address).ok()?;
        let signed: bool = right.as_bytes().ct_eq(signature.as_bytes()).into();
        (signed && parts.next().is_none() && now < since + DEVICE_LIFETIME).then_some(device)
    }

    fn signature(
        &self,
        ring: &Keyring,
        version: &str,
        address: &AddressHash,
    ) -> Result<String, UnknownVersion> {
        let message = format!("{}.{}.{address}", self.id, self.since.as_second());
        Ok(URL_SAFE_NO_PAD.encode(ring.authenticate(
            version,
            Purpose::Device,
            message.as_bytes(),
        )?))
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

    /// Asks for codes at these seconds and says which were refused, and for how long.
    fn asked(times: &[i64]) -> Vec<Option<i64>> {
        let mut lane = LaneRecord::default();
        let mut ask = |second: &i64| match lane.request_code("1", at(*second), &mut rng()) {
            Ok((next, _)) => {
                lane = next;
                None
            }
            Err(limited) => Some(limited.retry_after.as_secs()),
        };
        times.iter().map(&mut ask).collect()
    }

    #[test]
    fn three_codes_in_fifteen_minutes_five_in_an_hour_ten_in_a_day() {
        assert_eq!(asked(&[0, 10, 20, 30, 899, 900]), [None, None, None, Some(870), Some(1), None]);
        assert_eq!(
            asked(&[0, 1, 2, 901, 902, 1810, 3599, 3600]),
            [None, None, None, None, None, Some(1790), Some(1), None]
        );
        let spread: Vec<i64> = (0..12).map(|n| n * 3601).collect();
        assert_eq!(asked(&spread)[9..], [None, Some(86400 - 10 * 3601), Some(86400 - 11 * 3601)]);
    }

    #[test]
    fn a_resend_kills_the_older_code_and_keeps_the_guesses_made() {
        let (mut lane, first) = LaneRecord::default().request_code("1", at(0), &mut rng()).unwrap();
        lane.challenge.as_mut().unwrap().attempts = 3;
        let (_, second) = lane.request_code("1", at(30), &mut rng()).unwrap();
        assert_eq!((second.id, second.generation, second.attempts), (first.id, 2, 3));
        assert_eq!(second.expires_at, at(210));
    }

    #[test]
    fn no_more_than_25_wrong_guesses_in_an_hour_however_often_a_code_is_asked_for() {
        let mut lane = LaneRecord::default();
        let mut times = Vec::new();
        for second in (0..3 * 3600).step_by(7) {
            if let Ok((next, challenge)) = lane.request_code("1", at(second), &mut rng()) {
                lane = next;
                let live = lane.challenge.as_mut().unwrap();
                live.guessed_at = at(second + 3);
                times.extend(std::iter::repeat_n(
                    second + 3,
                    (challenge.allowed - challenge.attempts) as usize,
                ));
                live.attempts = live.allowed;
            }
        }
        assert!(times.len() > 40);
        for start in &times {
            assert!(
                times.iter().filter(|time| (*start..start + 3600).contains(time)).count() <= 25
            );
        }
    }

    #[test]
    fn codes_of_two_generations_and_of_two_challenges_are_told_apart() {
        let ring = Keyring::parse(&Keyring::generate(&mut rng())).unwrap();
        let address = "ada@example.com".parse::<EmailAddress>().unwrap().hash();
        let code = |challenge: &str, generation| {
            LoginCode::derive(&ring, "1", &address, challenge, generation).unwrap()
        };
        assert!(code("a", 1).matches(&code("a", 1)));
        assert!(!code("a", 1).matches(&code("a", 2)) && !code("a", 1).matches(&code("b", 1)));
        assert!(LoginCode::parse(code("a", 1).secret().expose()).is_some());
        assert!(
            ["12345", "1234567", "12345a", "１２３４５６", ""]
                .iter()
                .all(|text| LoginCode::parse(text).is_none())
        );
    }

    #[test]
    fn a_known_browser_is_known_for_its_own_address_only() {
        let ring = Keyring::parse(&Keyring::generate(&mut rng())).unwrap();
        let hash = |text: &str| text.parse::<EmailAddress>().unwrap().hash();
        let (ada, bob) = (hash("ada@example.com"), hash("bob@example.com"));
        let device = Device::new(at(0), &mut rng());
        let cookie = device.sign(&ring, &ada);
        assert_eq!(Device::verify(cookie.expose(), &ring, &ada, at(60)), Some(device));
        assert_eq!(Device::verify(cookie.expose(), &ring, &bob, at(60)), None);
        assert_eq!(Device::verify(cookie.expose(), &ring, &ada, at(0) + DEVICE_LIFETIME), None);
        assert_eq!(
            Device::verify(&cookie.expose().replacen("1.", "2.", 1), &ring, &ada, at(60)),
            None
        );
    }

    proptest! {
        #[test]
        fn a_challenge_token_has_one_spelling(
            text in "chl_[0-9A-Za-z]{22}\\.(any|[0-9a-z]{16})\\.[0-9A-Za-z]{22}\\.\
                     \\+?0?[0-9]{1,11}|\\PC{0,60}"
        ) {
            if let Some(token) = ChallengeToken::parse(&text) {
                prop_assert_eq!(token.to_string(), text);
            }
        }
    }
}
