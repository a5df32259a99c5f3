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
