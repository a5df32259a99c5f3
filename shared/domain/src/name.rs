//! Display names: 1 to 64 characters after trimming, none of them a control character or one that
//! hides others.

/// Not 1 to 64 characters after trimming, or with a control character in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 64 characters and no control characters")]
pub struct InvalidName;

/// The rule that every display name keeps.
pub(crate) fn checked(text: &str) -> Result<String, InvalidName> {
    let name = text.trim();
    let length = name.chars().count();
    // Spaces without width, line separators, and marks that turn the text around make a name look
    // like another. Joiners are none of them: some scripts and many emoji are written with them.
    let hidden = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{200b}'
                    | '\u{200e}'..='\u{200f}'
                    | '\u{2028}'..='\u{202e}'
                    | '\u{2066}'..='\u{2069}'
                    | '\u{feff}'
            )
    };
    if (1..=64).contains(&length) && !name.chars().any(hidden) {
        Ok(name.to_owned())
    } else {
        Err(InvalidName)
    }
}

macro_rules! display_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::name::InvalidName;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::name::checked(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::name::InvalidName;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}
pub(crate) use display_name;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Characters that show nothing by themselves, of every kind that Unicode has.
    const HIDDEN: [char; 32] = [
        '\u{0}',
        '\u{1b}',
        '\u{7f}',
        '\u{ad}',
        '\u{34f}',
        '\u{61c}',
        '\u{115f}',
        '\u{1160}',
        '\u{17b4}',
        '\u{180b}',
        '\u{180e}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{200e}',
        '\u{202e}',
        '\u{2060}',
        '\u{2063}',
        '\u{2066}',
        '\u{206a}',
        '\u{3164}',
        '\u{fe00}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{ffa0}',
        '\u{fff9}',
        '\u{1bca0}',
        '\u{1d173}',
        '\u{e0001}',
        '\u{e0061}',
        '\u{e007f}',
        '\u{e0100}',
    ];

    /// Names as people write them, each in the form that it is kept in.
    const REAL: [&str; 36] = [
        "Zapier Integration",
        "Schlüssel für 東京",
        "<script>\"'&",
        "Tiếng Việt",
        "한국어",
        "שָׁלוֹם",
        "العربية",
        "\u{600}١",
        "ภาษาไทย",
        // Joiners where a script is written with them: Persian, Sinhala, Hindi, Bengali, Malayalam.
        "می\u{200c}خواهم",
        "نامه\u{200c}ای",
        "ශ්\u{200d}රී ලංකා",
        "क्\u{200d}ष",
        "राजमा\u{930}्\u{200c}क",
        "র\u{9cd}\u{200d}য",
        "ന\u{d4d}\u{200d}",
        // Selectors after letters that take one: Japanese names, Mongolian, Myanmar.
        "葛\u{e0100}城",
        "辻\u{fe00}",
        "ᠭ\u{180b}ᠠ",
        "\u{1000}\u{fe00}",
        // Emoji: selected, joined, with skin tones, keycaps, flags.
        "❤\u{fe0f}",
        "☎\u{fe0e}",
        "⭐\u{fe0f}",
        "©\u{fe0f}",
        "👨\u{200d}👩\u{200d}👧\u{200d}👦",
        "🏳\u{fe0f}\u{200d}🌈",
        "🏴\u{200d}☠\u{fe0f}",
        "🧑🏽\u{200d}🚀",
        "👩\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👩",
        "🕵🏽\u{200d}♂\u{fe0f}",
        "🐈\u{200d}⬛",
        "👍🏿",
        "1\u{fe0f}\u{20e3} #\u{fe0f}\u{20e3}",
        "🇩🇪 🇯🇵",
        "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
        "⠓⠑⠇⠇⠕⠀⠺⠕⠗⠇⠙",
    ];

    #[test]
    fn a_name_as_people_write_it_stays_as_it_is() {
        for name in REAL {
            assert_eq!(checked(name).as_deref(), Ok(name), "{}", name.escape_unicode());
            assert_eq!(checked(&format!(" {name}\t")).as_deref(), Ok(name));
        }
    }

    #[test]
    fn what_shows_nothing_makes_no_name_and_hides_in_none() {
        for hidden in HIDDEN {
            let names = ["{}", "{}{}", "{}Key", "Key{}", "K{}y", "Key {} 1", "🔑{}", "Key{}{}"];
            for name in names.map(|name| name.replace("{}", &hidden.to_string())) {
                // A selector that an emoji takes is no hidden one.
                let taken = name.contains('🔑') && hidden == '\u{fe0f}';
                assert_eq!(checked(&name).is_ok(), taken, "{}", name.escape_unicode());
            }
        }
        let blank = [
            "",
            " ",
            "\u{a0}\u{3000}",
            "\u{2800}",
            "\u{2800} \u{2800}",
            "\u{301}",
            "\u{301}\u{302}",
            "\u{1d159}",
            "\u{13441}",
            "\u{13442}",
            "\u{20e3}",
            "\u{e000}",
            "\u{378}",
            "\u{fffe}",
            "\u{10ffff}",
        ];
        let misplaced = [
            "a\u{200d}b",
            "a\u{200c}b",
            "م\u{200c}",
            "\u{200c}م",
            "م\u{200c}a",
            "ا\u{200c}م",
            "1\u{fe0f}",
            "a\u{fe0f}",
            "❤\u{fe0f}\u{fe0f}",
            "漢\u{fe0f}",
            "漢\u{e0100}\u{e0101}",
            "a\u{e0100}",
            "a\u{180b}",
            "👩\u{200d}",
            "\u{200d}👩",
            "👩\u{200d}a",
            "a\u{200d}👩",
            "👩\u{200d}\u{200d}👩",
            "🏴\u{e0067}",
            "🏴\u{e007f}",
            "🏴\u{e0067}\u{e007f}",
            "a\u{e0067}\u{e0062}\u{e0073}\u{e007f}",
            "🏴\u{e0067}\u{e0062}\u{e0073}",
            "🏴\u{e0067}\u{e0062}\u{e0020}\u{e007f}",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e0061}\u{e0061}\u{e007f}",
        ];
        for name in blank.iter().chain(&misplaced) {
            assert_eq!(checked(name), Err(InvalidName), "{}", name.escape_unicode());
        }
    }

    #[test]
    fn a_name_is_kept_composed_and_counted_so() {
        assert_eq!(checked("Zoe\u{308}").as_deref(), Ok("Zoë"));
        assert_eq!(checked("\u{1112}\u{1161}\u{11ab}").as_deref(), Ok("한"));
        assert_eq!(checked("\u{212b}ngstrom").as_deref(), Ok("Ångstrom"));
        assert!(checked(&"e\u{301}".repeat(64)).is_ok());
        assert!(checked(&"e\u{301}".repeat(65)).is_err());
        assert!(checked(&"🔑".repeat(64)).is_ok());
        assert!(checked(&"🔑".repeat(65)).is_err());
    }

    #[test]
    fn a_name_that_was_kept_is_read_whatever_the_rule_is_now() {
        display_name! {
            /// One of them.
            Name
        }
        for kept in ["\u{3164}", "Zoe\u{308}", "Key\u{200d}"] {
            let json = serde_json::to_string(kept).unwrap();
            let name: Name = serde_json::from_str(&json).unwrap();
            assert_eq!(name.as_str(), kept);
            assert_eq!(serde_json::to_string(&name).unwrap(), json);
        }
    }

    proptest! {
        #[test]
        fn a_name_shows_something_and_is_its_own_form(text in "\\PC{0,70}|.{0,8}") {
            if let Ok(name) = checked(&text) {
                prop_assert!((1..=64).contains(&name.chars().count()));
                prop_assert_eq!(checked(&name), Ok(name.clone()));
                prop_assert!(name.chars().any(|c| !c.is_whitespace() && !HIDDEN.contains(&c)));
            }
        }

        /// Two names that differ by what shows nothing alone: at most one of them is one.
        #[test]
        fn nothing_hidden_tells_two_names_apart(
            name in "[a-zA-Z0-9 äöü東京]{1,20}",
            at in 0_usize..20,
            hidden in prop::sample::select(HIDDEN.to_vec()),
        ) {
            let mut chars: Vec<char> = name.chars().collect();
            chars.insert(at.min(chars.len()), hidden);
            let with: String = chars.into_iter().collect();
            let taken = "東京".contains(|han| with.contains(&format!("{han}{hidden}")))
                && matches!(hidden, '\u{fe00}' | '\u{e0100}');
            if !taken {
                prop_assert_eq!(checked(&with), Err(InvalidName));
            }
        }
    }
}
