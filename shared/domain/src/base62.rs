//! Base62: letters and digits only, so that one double click selects all of a token.

use rand::CryptoRng;
use rand::distr::{Alphanumeric, SampleString};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `length` characters drawn evenly; each is worth log2(62) = 5.954 bits.
pub fn random(length: usize, rng: &mut impl CryptoRng) -> String {
    Alphanumeric.sample_string(rng, length)
}

/// `value` in exactly `length` digits, most significant first; what does not fit is cut off at the
/// top.
pub fn encode(mut value: u128, length: usize) -> String {
    let mut digits = vec![b'0'; length];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(value % 62) as usize];
        value /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

/// The value of digits; none if a character is no digit, or it does not fit.
pub fn decode(digits: &str) -> Option<u128> {
    digits.bytes().try_fold(0_u128, |value, byte| {
        let digit = ALPHABET.iter().position(|known| *known == byte)?;
        value.checked_mul(62)?.checked_add(digit as u128)
    })
}

/// Whether `text` is `length` characters of the alphabet.
pub fn is(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_positional_and_padded() {
        assert_eq!(encode(0, 3), "000");
        assert_eq!(encode(61, 2), "0z");
        assert_eq!(encode(62, 2), "10");
        assert_eq!(encode(u128::MAX, 22).len(), 22);
        assert_ne!(encode(u128::MAX, 22), encode(u128::MAX - 1, 22));
    }

    #[test]
    fn decoding_undoes_encoding() {
        for value in [0, 61, 62, 1_764_134_420_123, u128::MAX] {
            assert_eq!(decode(&encode(value, 22)), Some(value));
        }
        assert_eq!(decode("zzzzzzzzzzzzzzzzzzzzzz"), None);
        assert_eq!(decode("a-b"), None);
    }

    #[test]
    fn a_text_of_the_alphabet_has_that_length_and_those_characters() {
        assert!(is("0Az", 3) && is("", 0));
        for (text, length) in [("0Az", 2), ("0Az", 4), ("0-z", 3), ("\u{e9}z", 3), ("--", 3)] {
            assert!(!is(text, length), "{text:?}");
        }
    }
}
