//! Keyrings: the server's secrets, several versions at a time, so that they rotate without
//! downtime.

use crate::base62;
use crate::secret::Secret;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hmac::{Hmac, Mac};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::BTreeMap;

/// `{"current": "2", "1": "...", "2": "..."}`: what is made from now on uses `current`; what names
/// another version still opens.
///
/// The flat form is what CloudFormation's `GenerateSecretString` can make. Each value carries at
/// least 256 random bits, 43 letters and digits; purposes are kept apart by deriving a key for
/// each.
#[derive(Clone)]
pub struct Keyring {
    current: String,
    versions: BTreeMap<String, Secret>,
}

/// Why a text is not a keyring. Never carries any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyring {
    #[error("the secret is not a JSON object of texts")]
    NotAnObject,
    #[error("the secret has no `current`, or `current` names a version that is not there")]
    NoCurrent,
    #[error("a version's value is shorter than 43 characters")]
    TooShort,
}

/// The keyring has no such version (any more).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the keyring has no such version")]
pub struct UnknownVersion;

/// Not sealed by this keyring, or not for this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    UnknownVersion(#[from] UnknownVersion),
    #[error("the sealed value does not open here")]
    Refused,
}

impl Keyring {
    pub fn parse(json: &str) -> Result<Self, InvalidKeyring> {
        let mut fields: BTreeMap<String, String> =
            serde_json::from_str(json).or(Err(InvalidKeyring::NotAnObject))?;
        let current = fields
            .remove("current")
            .filter(|id| fields.contains_key(id))
            .ok_or(InvalidKeyring::NoCurrent)?;
        if fields.values().any(|value| value.len() < 43) {
            return Err(InvalidKeyring::TooShort);
        }
        Ok(Self {
            current,
            versions: fields.into_iter().map(|(id, value)| (id, Secret::new(value))).collect(),
        })
    }

    /// A keyring of one fresh version, as the first deployment makes it.
    pub fn generate(rng: &mut impl CryptoRng) -> String {
        format!(r#"{{"current":"1","1":"{}"}}"#, base62::random(64, rng))
    }

    /// The version that new things are made with.
    pub fn current(&self) -> &str {
        &self.current
    }

    pub fn has(&self, version: &str) -> bool {
        self.versions.contains_key(version)
    }

    /// HMAC-SHA256 under the key that `version` has for `purpose`.
    pub fn authenticate(
        &self,
        version: &str,
        purpose: Purpose,
        message: &[u8],
    ) -> Result<[u8; 32], UnknownVersion> {
        Ok(hmac(&self.derive(version, purpose)?, message))
    }

    /// Seals `plain` with the current version, bound to `place`: it opens nowhere else.
    pub fn seal(&self, plain: &Secret, place: &str, rng: &mut impl CryptoRng) -> Sealed {
        let mut nonce = [0u8; 12];
        rng.fill_bytes(&mut nonce);
        let key =
            self.derive(&self.current, Purpose::Seal).expect("a keyring has its current version");
        let payload = Payload { msg: plain.expose().as_bytes(), aad: place.as_bytes() };
        let sealed = Aes256Gcm::new(&Key::<Aes256Gcm>::from(key))
            .encrypt(&Nonce::from(nonce), payload)
            .expect("AES-GCM seals any text shorter than 64 GiB");
        Sealed {
            version: self.current.clone(),
            nonce: STANDARD_NO_PAD.encode(nonce),
            text: STANDARD_NO_PAD.encode(sealed),
        }
    }

    pub fn open(&self, sealed: &Sealed, place: &str) -> Result<Secret, OpenError> {
        let key = self.derive(&sealed.version, Purpose::Seal)?;
        let bytes = |text: &str| STANDARD_NO_PAD.decode(text).or(Err(OpenError::Refused));
        let nonce: [u8; 12] = bytes(&sealed.nonce)?.try_into().or(Err(OpenError::Refused))?;
        let text = bytes(&sealed.text)?;
        let payload = Payload { msg: &text, aad: place.as_bytes() };
        let plain = Aes256Gcm::new(&Key::<Aes256Gcm>::from(key))
            .decrypt(&Nonce::from(nonce), payload)
            .or(Err(OpenError::Refused))?;
        String::from_utf8(plain).map(Secret::new).or(Err(OpenError::Refused))
    }

    fn derive(&self, version: &str, purpose: Purpose) -> Result<[u8; 32], UnknownVersion> {
        let secret = self.versions.get(version).ok_or(UnknownVersion)?;
        Ok(hmac(secret.expose().as_bytes(), purpose.label()))
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring(current {:?}, {} versions)", self.current, self.versions.len())
    }
}

/// What a version's secret is used for; each purpose has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    LoginCode,
    Device,
    Invitation,
    Network,
    Seal,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::LoginCode => b"frontdesk/login-code/1",
            Self::Device => b"frontdesk/device/1",
            Self::Invitation => b"frontdesk/invitation/1",
            Self::Network => b"frontdesk/network/1",
            Self::Seal => b"frontdesk/seal/1",
        }
    }
}

/// HMAC-SHA256 (RFC 2104).
pub(crate) fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac =
        <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// A sealed text (AES-256-GCM), with the version of the keyring that opens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    pub version: String,
    nonce: String,
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::HashSet;

    #[test]
    fn a_sealed_text_opens_in_its_place_only_and_survives_a_rotation() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        let one = base62::random(64, &mut rng);
        let ring = Keyring::parse(&format!(r#"{{"current":"1","1":"{one}"}}"#)).unwrap();
        let sealed = ring.seal(&Secret::new("fd_sandbox_x"), "acct/key/1", &mut rng);
        assert_eq!(ring.open(&sealed, "acct/key/1").unwrap().expose(), "fd_sandbox_x");
        assert_eq!(ring.open(&sealed, "acct/key/2").unwrap_err(), OpenError::Refused);

        let rotated = Keyring::parse(&format!(
            r#"{{"current":"2","1":"{one}","2":"{}"}}"#,
            base62::random(64, &mut rng)
        ))
        .unwrap();
        assert_eq!(rotated.open(&sealed, "acct/key/1").unwrap().expose(), "fd_sandbox_x");
        assert_eq!(rotated.seal(&Secret::new("x"), "p", &mut rng).version, "2");
        let other = Keyring::parse(&Keyring::generate(&mut rng)).unwrap();
        assert_eq!(other.open(&sealed, "acct/key/1").unwrap_err(), OpenError::Refused);
    }

    /// Two texts under one nonce would give each other away, and the key that authenticates both.
    #[test]
    fn no_two_sealed_texts_share_a_nonce() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(8);
        let ring = Keyring::parse(&Keyring::generate(&mut rng)).unwrap();
        let nonces: HashSet<String> = (0..1000)
            .map(|_| ring.seal(&Secret::new("fd_sandbox_x"), "acct/key/1", &mut rng).nonce)
            .collect();
        assert_eq!(nonces.len(), 1000);
    }

    #[test]
    fn each_purpose_has_a_key_of_its_own() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(9);
        let ring = Keyring::parse(&Keyring::generate(&mut rng)).unwrap();
        let all = [
            Purpose::LoginCode,
            Purpose::Device,
            Purpose::Invitation,
            Purpose::Network,
            Purpose::Seal,
        ];
        let made = all.map(|purpose| ring.authenticate("1", purpose, b"the same").unwrap());
        assert_eq!(HashSet::from(made).len(), all.len());
    }

    #[test]
    fn a_broken_keyring_is_named_without_showing_it() {
        assert_eq!(Keyring::parse("[]").unwrap_err(), InvalidKeyring::NotAnObject);
        assert_eq!(Keyring::parse(r#"{"1":"x"}"#).unwrap_err(), InvalidKeyring::NoCurrent);
        assert_eq!(
            Keyring::parse(r#"{"current":"1","1":"short"}"#).unwrap_err(),
            InvalidKeyring::TooShort
        );
        let [short, enough] = ["x".repeat(42), "x".repeat(43)]
            .map(|value| Keyring::parse(&format!(r#"{{"current":"1","1":"{value}"}}"#)));
        assert_eq!(short.unwrap_err(), InvalidKeyring::TooShort);
        let ring = enough.unwrap();
        assert_eq!(format!("{ring:?}"), r#"Keyring(current "1", 1 versions)"#);
        assert!(ring.has("1") && !ring.has("2") && !ring.has("current"));
    }
}
