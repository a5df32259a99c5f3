//! Identifiers: typed, and with a prefix that says what they name.

use crate::base62;
use crate::email::AddressHash;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The text is not an identifier of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of this kind")]
pub struct InvalidId;

macro_rules! text_id {
    ($name:ident) => {
        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text).ok_or(InvalidId)
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

/// `acct_` and 12 base62 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);
text_id!(AccountId);

impl AccountId {
    pub(crate) const BODY_LEN: usize = 12;

    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(format!("acct_{}", base62::random(Self::BODY_LEN, rng)))
    }

    fn parse(text: &str) -> Option<Self> {
        text.strip_prefix("acct_").and_then(Self::from_body)
    }

    /// The part behind the prefix, as keys and session tokens carry it.
    pub(crate) fn body(&self) -> &str {
        &self.0["acct_".len()..]
    }

    pub(crate) fn from_body(body: &str) -> Option<Self> {
        base62::is(body, Self::BODY_LEN).then(|| Self(format!("acct_{body}")))
    }
}

/// `mem_`, the hash of the member's address, and 6 characters of its own.
///
/// The hash inside lets a revocation name the address row in the same single write that deletes the
/// member; the characters behind it keep two memberships of one address apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberId(String);
text_id!(MemberId);

impl MemberId {
    const SUFFIX_LEN: usize = 6;
    pub(crate) const BODY_LEN: usize = AddressHash::LEN + Self::SUFFIX_LEN;

    pub fn random(address: &AddressHash, rng: &mut impl CryptoRng) -> Self {
        Self(format!("mem_{address}{}", base62::random(Self::SUFFIX_LEN, rng)))
    }

    fn parse(text: &str) -> Option<Self> {
        text.strip_prefix("mem_").and_then(Self::from_body)
    }

    pub(crate) fn body(&self) -> &str {
        &self.0["mem_".len()..]
    }

    pub(crate) fn from_body(body: &str) -> Option<Self> {
        base62::is(body, Self::BODY_LEN).then(|| Self(format!("mem_{body}")))
    }

    /// The hash of the address that this membership was made for.
    pub fn address(&self) -> AddressHash {
        AddressHash::from_checked(&self.body()[..AddressHash::LEN])
    }
}

/// What a key is for; it decides the key's prefix, and which write deletes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// Made by an admin.
    Live,
    /// The Sandbox key.
    Sandbox,
}

impl KeyKind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Sandbox => "sandbox",
        }
    }

    const fn letter(self) -> char {
        match self {
            Self::Live => 'k',
            Self::Sandbox => 's',
        }
    }
}

/// `key_`, a letter for the kind, and 8 base62 characters; unique within its account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId(String);
text_id!(KeyId);

impl KeyId {
    pub(crate) const BODY_LEN: usize = 8;

    pub fn random(kind: KeyKind, rng: &mut impl CryptoRng) -> Self {
        Self(format!("key_{}{}", kind.letter(), base62::random(Self::BODY_LEN, rng)))
    }

    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("key_")?;
        let (kind, body) = if let Some(body) = rest.strip_prefix(KeyKind::Live.letter()) {
            (KeyKind::Live, body)
        } else {
            (KeyKind::Sandbox, rest.strip_prefix(KeyKind::Sandbox.letter())?)
        };
        Self::from_body(kind, body)
    }

    pub fn kind(&self) -> KeyKind {
        if self.0.as_bytes()["key_".len()] == b's' { KeyKind::Sandbox } else { KeyKind::Live }
    }

    pub(crate) fn body(&self) -> &str {
        &self.0["key_".len() + 1..]
    }

    pub(crate) fn from_body(kind: KeyKind, body: &str) -> Option<Self> {
        base62::is(body, Self::BODY_LEN).then(|| Self(format!("key_{}{body}", kind.letter())))
    }
}

/// `ses_` and 16 base62 characters; unique among the sessions of its member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);
text_id!(SessionId);

impl SessionId {
    const BODY_LEN: usize = 16;

    /// Of the session whose token has this digest. It says nothing of where the session lies, and
    /// the digest is not to be found from it.
    pub(crate) fn of_digest(digest: &[u8]) -> Self {
        let hash = Sha256::digest(digest);
        let (first, _) = hash.split_first_chunk().expect("it has 32 bytes");
        Self(format!("ses_{}", base62::encode(u128::from_be_bytes(*first), Self::BODY_LEN)))
    }

    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(format!("ses_{}", base62::random(Self::BODY_LEN, rng)))
    }

    fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix("ses_")?;
        base62::is(body, Self::BODY_LEN).then(|| Self(text.to_owned()))
    }
}

/// Names one row of the outbox: 16 base62 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(String);

impl EventId {
    const LEN: usize = 16;

    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(base62::random(Self::LEN, rng))
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names one row of the audit trail: 22 base62 characters, which are 130 bits. Nobody guesses one,
/// so nobody writes over a row that they have not read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AuditId(String);

impl AuditId {
    const LEN: usize = 22;

    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(base62::random(Self::LEN, rng))
    }
}

impl std::fmt::Display for AuditId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::email::EmailAddress;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use std::fmt::Display;
    use std::str::FromStr;

    /// It is read as it is written, by every way in and out, and nothing beside it is.
    #[track_caller]
    fn is_its_text<Id>(id: &Id, body: usize, own_prefix: &str)
    where
        Id: Display + FromStr<Err = InvalidId> + TryFrom<String, Error = InvalidId>,
        Id: Into<String> + Clone + PartialEq + std::fmt::Debug,
    {
        let text = id.to_string();
        assert_eq!(text.strip_prefix(own_prefix).map(str::len), Some(body), "{text}");
        assert_eq!(text.parse().as_ref(), Ok(id));
        assert_eq!(Id::try_from(text.clone()).as_ref(), Ok(id));
        assert_eq!(id.clone().into(), text);
        let shorter = &text[..text.len() - 1];
        let others = [
            String::new(),
            text[1..].to_owned(),
            shorter.to_owned(),
            format!("{shorter}-"),
            format!("{shorter}\u{e9}"),
            format!("{text}0"),
            format!(" {text}"),
            text.to_uppercase(),
        ];
        for other in others {
            assert_eq!(other.parse::<Id>(), Err(InvalidId), "{other:?}");
        }
    }

    #[test]
    fn an_identifier_is_its_text_and_nothing_else_is() {
        let rng = &mut StdRng::seed_from_u64(1);
        let address = "jane@example.com".parse::<EmailAddress>().unwrap().hash();
        is_its_text(&AccountId::random(rng), 12, "acct_");
        let member = MemberId::random(&address, rng);
        is_its_text(&member, AddressHash::LEN + 6, "mem_");
        assert_eq!(member.as_str(), member.to_string());
        assert_eq!(member.address(), address);
        for (kind, prefix) in [(KeyKind::Live, "key_k"), (KeyKind::Sandbox, "key_s")] {
            let key = KeyId::random(kind, rng);
            is_its_text(&key, 8, prefix);
            assert_eq!(key.kind(), kind);
        }
        assert_eq!("key_x01234567".parse::<KeyId>(), Err(InvalidId));
        is_its_text(&SessionId::random(rng), 16, "ses_");
        is_its_text(&SessionId::of_digest(b"a digest"), 16, "ses_");
    }

    #[test]
    fn what_names_a_row_is_drawn_anew_each_time() {
        let rng = &mut StdRng::seed_from_u64(1);
        let [event, other] = [(); 2].map(|()| EventId::random(rng));
        assert_ne!(event, other);
        assert_eq!(event.to_string().len(), 16);
        let [audit, other] = [(); 2].map(|()| AuditId::random(rng));
        assert_ne!(audit, other);
        assert_eq!(audit.to_string().len(), 22);
    }

    #[test]
    fn a_session_is_named_by_its_tokens_digest_and_two_are_told_apart() {
        let [one, same, other] =
            [b"a digest", b"a digest", b"an other"].map(|digest| SessionId::of_digest(digest));
        assert_eq!(one, same);
        assert_ne!(one, other);
    }
}
