//! What a member knows a session by: "Firefox on Windows", from the `User-Agent` of its login.
//!
//! Of that header, which may say a good deal about a machine, only two letters are kept, each of a
//! closed list. A browser or system that is in no list is an unknown one.

use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter, Result as Written};

/// So many bytes of the header are looked at: browsers send some 120.
const LOOKED_AT: usize = 512;

/// The letter of what is not in the list.
const OTHER: char = '-';

/// A browser or a system: the letter that a row keeps, what the header has of it, and what people
/// call it.
type Known = (char, &'static [&'static str], &'static str);

/// The first one decides, for a browser names those whose pages it shows as well: Edge says that it
/// is Chrome, too, and Chrome that it is Safari.
const BROWSERS: [Known; 6] = [
    ('e', &["Edg/", "EdgA/", "EdgiOS/", "Edge/"], "Edge"),
    ('o', &["OPR/", "OPT/", "Opera/"], "Opera"),
    ('u', &["SamsungBrowser/"], "Samsung Internet"),
    ('f', &["Firefox/", "FxiOS/"], "Firefox"),
    ('c', &["Chrome/", "CriOS/"], "Chrome"),
    ('s', &["Safari/"], "Safari"),
];

/// Of these, too: Android says that it is a Linux, and Windows on a phone that it is Android.
const SYSTEMS: [Known; 7] = [
    ('w', &["Windows"], "Windows"),
    ('i', &["iPhone"], "iPhone"),
    ('p', &["iPad"], "iPad"),
    ('m', &["Macintosh"], "macOS"),
    ('c', &["CrOS"], "ChromeOS"),
    ('a', &["Android"], "Android"),
    ('l', &["Linux"], "Linux"),
];

/// A browser and a system, each by its letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct SessionLabel {
    browser: char,
    system: char,
}

impl SessionLabel {
    /// What a `User-Agent` comes to, whatever its bytes are; or that there is none.
    pub fn of(user_agent: Option<&[u8]>) -> Self {
        let bytes = user_agent.unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LOOKED_AT)]);
        Self { browser: letter(&BROWSERS, &text), system: letter(&SYSTEMS, &text) }
    }
}

fn letter(list: &[Known], text: &str) -> char {
    let known = list.iter().find(|(_, signs, _)| signs.iter().any(|sign| text.contains(sign)));
    known.map_or(OTHER, |(letter, ..)| *letter)
}

fn word(list: &[Known], letter: char) -> Option<&'static str> {
    list.iter().find(|known| known.0 == letter).map(|(.., word)| *word)
}

impl Display for SessionLabel {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        f.write_str(word(&BROWSERS, self.browser).unwrap_or("Unknown browser"))?;
        match word(&SYSTEMS, self.system) {
            Some(system) => write!(f, " on {system}"),
            None => Ok(()),
        }
    }
}

/// A letter that this version does not know is one of another's, and no reason to read no row.
impl From<String> for SessionLabel {
    fn from(kept: String) -> Self {
        let mut letters = kept.chars();
        let mut next = || letters.next().unwrap_or(OTHER);
        Self { browser: next(), system: next() }
    }
}

impl From<SessionLabel> for String {
    fn from(label: SessionLabel) -> Self {
        Self::from_iter([label.browser, label.system])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn reads(user_agent: &str, words: &str) {
        let label = SessionLabel::of(Some(user_agent.as_bytes()));
        assert_eq!(label.to_string(), words, "{user_agent}");
        assert_eq!(SessionLabel::from(String::from(label)), label);
    }

    #[test]
    fn browsers_of_today_are_told_by_their_own_names() {
        const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64";
        const ANDROID: &str = "Mozilla/5.0 (Linux; Android 10; K)";
        const WEBKIT: &str = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0";
        const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) \
                              AppleWebKit/605.1.15 (KHTML, like Gecko)";
        reads(&format!("{WINDOWS}; rv:134.0) Gecko/20100101 Firefox/134.0"), "Firefox on Windows");
        reads(&format!("{WINDOWS}) {WEBKIT} Safari/537.36"), "Chrome on Windows");
        reads(&format!("{WINDOWS}) {WEBKIT} Safari/537.36 Edg/131.0.0.0"), "Edge on Windows");
        reads(&format!("{WINDOWS}) {WEBKIT} Safari/537.36 OPR/115.0.0.0"), "Opera on Windows");
        reads(&format!("{ANDROID} {WEBKIT} Mobile Safari/537.36"), "Chrome on Android");
        let samsung = WEBKIT.replace("Chrome", "SamsungBrowser/27.0 Chrome");
        let samsung = format!("{ANDROID} {samsung} Mobile Safari/537.36");
        reads(&samsung, "Samsung Internet on Android");
        reads("Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0", {
            "Firefox on Android"
        });
        reads(&format!("{IPHONE} Version/17.6 Mobile/15E148 Safari/604.1"), "Safari on iPhone");
        reads(&format!("{IPHONE} CriOS/131.0 Mobile/15E148 Safari/604.1"), "Chrome on iPhone");
        reads(&format!("{IPHONE} FxiOS/133.0 Mobile/15E148 Safari/605.1.15"), "Firefox on iPhone");
        let ipad = IPHONE.replace("iPhone; CPU iPhone OS", "iPad; CPU OS");
        reads(&format!("{ipad} Version/17.6 Mobile/15E148 Safari/604.1"), "Safari on iPad");
        reads(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
             (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
            "Safari on macOS",
        );
        reads("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", {
            "Firefox on Linux"
        });
        reads(
            &format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Safari/537.36"),
            "Chrome on ChromeOS",
        );
    }

    #[test]
    fn what_is_not_in_the_lists_is_unknown() {
        for other in ["", "curl/8.5.0", "python-requests/2.31", "Amazon CloudFront", "Firefox"] {
            reads(other, "Unknown browser");
        }
        reads("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", {
            "Unknown browser on Windows"
        });
        assert_eq!(SessionLabel::of(None).to_string(), "Unknown browser");
        // Of a later version.
        assert_eq!(SessionLabel::from("z!".to_owned()).to_string(), "Unknown browser");
        assert_eq!(SessionLabel::from("f".to_owned()).to_string(), "Firefox");
        assert_eq!(SessionLabel::from(String::new()).to_string(), "Unknown browser");
    }

    #[test]
    fn a_header_without_end_is_cut_off() {
        let mut endless = b"Mozilla/5.0 (".to_vec();
        endless.resize(1_000_000, b'\xf0');
        endless.extend(b" Firefox/134.0");
        assert_eq!(SessionLabel::of(Some(&endless)).to_string(), "Unknown browser");
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_two_letters(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let kept = String::from(SessionLabel::of(Some(&bytes)));
            prop_assert_eq!(kept.len(), 2);
        }

        #[test]
        fn what_looks_like_a_browser_comes_to_two_letters(
            text in "(Mozilla/5.0 |Windows NT |Phone|iPhone;|Trident/|MSIE |Opera|[(); /0-9é])*"
        ) {
            let kept = String::from(SessionLabel::of(Some(text.as_bytes())));
            prop_assert_eq!(kept.len(), 2);
        }
    }
}
