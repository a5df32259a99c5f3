//! A text that must not get out by accident.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret text: no `Display`, no `Serialize`, a `Debug` that shows nothing, wiped from memory
/// when dropped.
///
/// [`Secret::expose`] is the one way to read it, so that every place which does can be found by its
/// name.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The text itself: for a hash, a signature, a request header, or the one answer that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether somebody else has it, too; compares in constant time.
    pub fn is(&self, shown: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(shown).into()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_itself_alone_and_shows_nothing() {
        let secret = Secret::new("123456");
        assert_eq!(secret.expose(), "123456");
        assert!(secret.is(b"123456"));
        for other in ["", "12345", "123457", "1234567"] {
            assert!(!secret.is(other.as_bytes()), "{other}");
        }
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
