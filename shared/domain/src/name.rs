//! Display names: 1 to 64 characters in their composed form (NFC), of which at least one shows, and
//! none that shows nothing where no script and no emoji is written with it.

use icu_normalizer::ComposingNormalizer;
use icu_properties::props::{
    BidiControl, BinaryProperty, CanonicalCombiningClass, DefaultIgnorableCodePoint, Emoji,
    EmojiModifier, EnumeratedProperty, ExtendedPictographic, GeneralCategory, GeneralCategoryGroup,
    JoiningType, PrependedConcatenationMark, Script, UnifiedIdeograph, VariationSelector,
};

const MAX_LENGTH: usize = 64;

/// Not 1 to 64 characters after trimming, or with one that does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 64 characters, none of them invisible")]
pub struct InvalidName;

/// The rule that every display name keeps.
pub(crate) fn checked(text: &str) -> Result<String, InvalidName> {
    let name = ComposingNormalizer::new_nfc().normalize(text.trim()).into_owned();
    let chars: Vec<char> = name.chars().collect();
    let fits = (1..=MAX_LENGTH).contains(&chars.len());
    if fits && chars.iter().any(|c| shows(*c)) && (0..chars.len()).all(|at| belongs(&chars, at)) {
        Ok(name)
    } else {
        Err(InvalidName)
    }
}

/// Blanks that Unicode counts among letters and symbols, and has no property for.
const BLANKS: [char; 4] = ['\u{2800}', '\u{13441}', '\u{13442}', '\u{1d159}'];

/// Whether a name of this character alone is one that people see.
fn shows(c: char) -> bool {
    let category = GeneralCategory::for_char(c);
    [
        GeneralCategoryGroup::Letter,
        GeneralCategoryGroup::Number,
        GeneralCategoryGroup::Punctuation,
        GeneralCategoryGroup::Symbol,
    ]
    .iter()
    .any(|group| group.contains(category))
        && !DefaultIgnorableCodePoint::for_char(c)
        && !BLANKS.contains(&c)
}

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// Whether the character at this place may stand there.
fn belongs(chars: &[char], at: usize) -> bool {
    let (c, before, after) = (chars[at], &chars[..at], &chars[at + 1..]);
    match c {
        ZERO_WIDTH_NON_JOINER => is_after_virama(before) || breaks_a_joint(before, after),
        ZERO_WIDTH_JOINER => is_after_virama(before) || joins_emoji(before, after),
        _ if VariationSelector::for_char(c) => is_taken(c, before, after),
        _ if is_tag(c) => is_in_flag(chars, at),
        _ if DefaultIgnorableCodePoint::for_char(c) || BidiControl::for_char(c) => false,
        _ => match GeneralCategory::for_char(c) {
            GeneralCategory::Control
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate => false,
            // Signs that stand under the digits after them.
            GeneralCategory::Format => PrependedConcatenationMark::for_char(c),
            // Where emoji are yet to come.
            GeneralCategory::Unassigned => ExtendedPictographic::for_char(c),
            _ => true,
        },
    }
}

/// A joiner shapes the letter whose vowel was taken away (RFC 5892, A.1 and A.2).
fn is_after_virama(before: &[char]) -> bool {
    before
        .last()
        .is_some_and(|c| CanonicalCombiningClass::for_char(*c) == CanonicalCombiningClass::Virama)
}

/// Between two letters that would be joined (RFC 5892, A.1).
fn breaks_a_joint(before: &[char], after: &[char]) -> bool {
    let joining = |c: &char| JoiningType::for_char(*c);
    let opaque = |joining: &JoiningType| *joining != JoiningType::Transparent;
    let left = before.iter().rev().map(joining).find(opaque);
    let right = after.iter().map(joining).find(opaque);
    left.is_some_and(|left| [JoiningType::LeftJoining, JoiningType::DualJoining].contains(&left))
        && right.is_some_and(|right| {
            [JoiningType::RightJoining, JoiningType::DualJoining].contains(&right)
        })
}

const TEXT_STYLE: char = '\u{fe0e}';
const EMOJI_STYLE: char = '\u{fe0f}';

/// Between two emoji, of which the first may have a style and a skin tone (UTS 51).
fn joins_emoji(before: &[char], after: &[char]) -> bool {
    let of_emoji = |c: &&char| **c != EMOJI_STYLE && !EmojiModifier::for_char(**c);
    let is_emoji = |c: &char| ExtendedPictographic::for_char(*c);
    before.iter().rev().find(of_emoji).is_some_and(is_emoji) && after.first().is_some_and(is_emoji)
}

const KEYCAP: char = '\u{20e3}';

/// Whether the character before a variation selector has variants to select.
fn is_taken(selector: char, before: &[char], after: &[char]) -> bool {
    let Some(base) = before.last().copied() else { return false };
    match selector {
        // A digit with a style looks like one without, save on a keycap.
        TEXT_STYLE | EMOJI_STYLE if base.is_ascii() => {
            Emoji::for_char(base) && after.first() == Some(&KEYCAP)
        }
        TEXT_STYLE | EMOJI_STYLE => Emoji::for_char(base),
        '\u{180b}'..='\u{180f}' => Script::for_char(base) == Script::Mongolian,
        '\u{fe00}' if Script::for_char(base) == Script::Myanmar => true,
        '\u{fe00}'..='\u{fe02}' | '\u{e0100}'..='\u{e01ef}' => UnifiedIdeograph::for_char(base),
        _ => false,
    }
}

const BLACK_FLAG: char = '\u{1f3f4}';
const CANCEL_TAG: char = '\u{e007f}';

/// Tags spell a region, in invisible ASCII.
fn is_tag(c: char) -> bool {
    ('\u{e0020}'..=CANCEL_TAG).contains(&c)
}

/// Whether the tags around this place make the flag of a region (UTS 51).
fn is_in_flag(chars: &[char], at: usize) -> bool {
    let is_letter = |c: &char| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    let base = chars[..at].iter().rposition(|c| !is_letter(c));
    base.filter(|base| chars[*base] == BLACK_FLAG).is_some_and(|base| {
        let tags = &chars[base + 1..];
        let region = tags.iter().take_while(|c| is_letter(c)).count();
        (3..=6).contains(&region) && tags.get(region) == Some(&CANCEL_TAG)
    })
}

macro_rules! display_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// It is parsed where it comes in. What was kept is read as it is: a rule that has grown
        /// since must make no row unreadable.
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
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
            "a\u{378}",
            "a\u{e000}",
            "a\u{2028}b",
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
