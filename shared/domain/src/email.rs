//! E-mail addresses, as Frontdesk understands them.

use crate::base62;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// An address that mail can be sent to: ASCII local part (RFC 5321 dot-string), IDNA domain, all in
/// lower case.
///
/// Neither dots nor a plus part are folded: two spellings are two addresses.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// The text is not an address that mail is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid e-mail address")]
pub struct InvalidEmail;

impl EmailAddress {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> AddressHash {
        let digest = Sha256::new()
            .chain_update(b"frontdesk/address/1\0")
            .chain_update(self.0.as_bytes())
            .finalize();
        let head = digest.first_chunk().expect("a digest has 32 bytes");
        AddressHash(base62::encode(u128::from_be_bytes(*head), AddressHash::LEN))
    }
}

impl std::str::FromStr for EmailAddress {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let (local, domain) = text.trim_matches(' ').rsplit_once('@').ok_or(InvalidEmail)?;
        let atoms = |local: &str| {
            local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atext))
        };
        if local.len() > 64 || !atoms(local) || domain.ends_with('.') {
            return Err(InvalidEmail);
        }
        let domain = idna::domain_to_ascii_strict(domain)
            .ok()
            .filter(|domain| is_host(domain))
            .ok_or(InvalidEmail)?;
        let address = format!("{}@{domain}", local.to_ascii_lowercase());
        if address.len() > 254 { Err(InvalidEmail) } else { Ok(Self(address)) }
    }
}

/// `atext` of RFC 5322: what an unquoted local part is made of.
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// At least two labels, the last not a number: `localhost` and bare IP addresses get no mail.
fn is_host(domain: &str) -> bool {
    let last = domain.rsplit('.').next().unwrap_or(domain);
    domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty())
        && !last.bytes().all(|b| b.is_ascii_digit())
}

impl std::fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Personal data: a log line that shows a struct by `Debug` must not show whose it is.
impl std::fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmailAddress(..)")
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidEmail;
    fn try_from(text: String) -> Result<Self, InvalidEmail> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

/// Where an address lies in the table: 128 bits of its SHA-256 in base62. Not a secret: a locator.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressHash(String);

impl AddressHash {
    pub(crate) const LEN: usize = 22;

    pub(crate) fn parse(text: &str) -> Option<Self> {
        base62::is(text, Self::LEN).then(|| Self(text.to_owned()))
    }

    /// For a text that was checked as part of a larger one.
    pub(crate) fn from_checked(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is not the hash of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the hash of an e-mail address")]
pub struct InvalidAddressHash;

impl TryFrom<String> for AddressHash {
    type Error = InvalidAddressHash;
    fn try_from(text: String) -> Result<Self, InvalidAddressHash> {
        Self::parse(&text).ok_or(InvalidAddressHash)
    }
}

impl From<AddressHash> for String {
    fn from(address: AddressHash) -> Self {
        address.0
    }
}

impl std::fmt::Display for AddressHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Option<String> {
        text.parse::<EmailAddress>().ok().map(String::from)
    }

    #[test]
    fn good_addresses_are_lower_cased_and_their_domains_made_ascii() {
        assert_eq!(
            parsed("Ada.Lovelace+x@Example.COM").as_deref(),
            Some("ada.lovelace+x@example.com")
        );
        assert_eq!(parsed(" a@bücher.example ").as_deref(), Some("a@xn--bcher-kva.example"));
    }

    #[test]
    fn bad_addresses_are_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "a",
            "@example.com",
            "a@",
            "a@localhost",
            "a@b..c",
            ".a@example.com",
            "a.@example.com",
            "a..b@example.com",
            "ä@example.com",
            "a b@example.com",
            "a@exa mple.com",
            "a@example.com\r\nBcc: x@y.zz",
            "a\n@example.com",
            "a@example.com.",
            "\"a\"@example.com",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@b@example.com ,",
            "a,b@example.com",
            "<a@example.com>",
            &long,
        ] {
            assert_eq!(parsed(text), None, "{text:?}");
        }
    }

    /// RFC 5321, 4.5.3.1: 64 octets before the sign, and 254 of an address that a path can carry.
    #[test]
    fn an_address_has_64_and_254_characters_at_most() {
        let local = "a".repeat(64);
        assert!(parsed(&format!("{local}@example.com")).is_some());
        let domain = |last: usize| {
            let label = "b".repeat(61);
            format!("{label}.{label}.{label}.{}", "c".repeat(last))
        };
        let longest = format!("{}@{}", "a".repeat(64), domain(3));
        assert_eq!(longest.len(), 254);
        assert_eq!(parsed(&longest).as_ref(), Some(&longest));
        assert_eq!(parsed(&format!("{}@{}", "a".repeat(64), domain(4))), None);
    }

    #[test]
    fn an_address_is_shown_as_it_is_and_hidden_where_a_struct_is() {
        let address: EmailAddress = "jane@example.com".parse().unwrap();
        assert_eq!(address.as_str(), "jane@example.com");
        assert_eq!(address.to_string(), "jane@example.com");
        assert_eq!(format!("{address:?}"), "EmailAddress(..)");
    }

    #[test]
    fn the_hash_of_an_address_is_its_text() {
        let hash = "jane@example.com".parse::<EmailAddress>().unwrap().hash();
        let text = hash.to_string();
        assert_eq!((hash.as_str(), text.len()), (text.as_str(), AddressHash::LEN));
        assert_eq!(AddressHash::try_from(text.clone()), Ok(hash.clone()));
        assert_eq!(AddressHash::try_from(text[1..].to_owned()), Err(InvalidAddressHash));
        assert_eq!(String::from(hash.clone()), text);
        assert_ne!("john@example.com".parse::<EmailAddress>().unwrap().hash(), hash);
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_one_line_of_ascii_and_parses_to_itself(
            text in "\\PC{0,80}|[a-zA-Z.+]{1,10}@[a-z\u{e0}-\u{ff}.]{1,12}"
        ) {
            if let Some(address) = parsed(&text) {
                prop_assert!(address.is_ascii());
                prop_assert!(!address.bytes().any(|b| b.is_ascii_control() || b == b' '));
                prop_assert_eq!(parsed(&address), Some(address.clone()));
                prop_assert!(!address.bytes().any(|b| b.is_ascii_uppercase()));
            }
        }
    }
}
