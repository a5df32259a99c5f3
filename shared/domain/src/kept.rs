//! Times as they are kept: whole milliseconds since 1970.
//!
//! One that is far off is none of ours, and what has it cannot be read. Else what is worked out
//! from it, such as when a session ends, might lie beyond the last time that there is.

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::de::{Deserializer, Error};
use serde::ser::Serializer;
use std::ops::Range;

/// From 1970 up to the year 9000.
const OURS: Range<i64> = 0..221_845_392_000_000;

pub(crate) fn is_ours(at: Timestamp) -> bool {
    OURS.contains(&at.as_millisecond())
}

fn ours<E: Error>(at: Timestamp) -> Result<Timestamp, E> {
    is_ours(at).then_some(at).ok_or_else(|| E::custom("a time that is far off"))
}

pub mod required {
    use super::{Deserializer, Serializer, Timestamp, millisecond, ours};

    pub fn serialize<S: Serializer>(at: &Timestamp, output: S) -> Result<S::Ok, S::Error> {
        millisecond::required::serialize(at, output)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Timestamp, D::Error> {
        ours(millisecond::required::deserialize(input)?)
    }
}

pub mod optional {
    use super::{Deserializer, Serializer, Timestamp, millisecond, ours};

    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, output: S) -> Result<S::Ok, S::Error> {
        millisecond::optional::serialize(at, output)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Timestamp>, D::Error> {
        millisecond::optional::deserialize(input)?.map(ours).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Row {
        #[serde(with = "required")]
        at: Timestamp,
        #[serde(default, with = "optional")]
        perhaps: Option<Timestamp>,
    }

    #[test]
    fn a_time_is_read_as_it_was_written_and_one_that_is_far_off_not_at_all() {
        let at = |millis: i64| Timestamp::from_millisecond(millis).unwrap();
        for (row, text) in [
            (Row { at: at(0), perhaps: None }, r#"{"at":0,"perhaps":null}"#),
            (Row { at: at(1500), perhaps: Some(at(2501)) }, r#"{"at":1500,"perhaps":2501}"#),
            (
                Row { at: at(OURS.end - 1), perhaps: Some(at(0)) },
                r#"{"at":221845391999999,"perhaps":0}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&row).unwrap(), text);
            assert_eq!(serde_json::from_str::<Row>(text).unwrap(), row);
        }
        assert_eq!(serde_json::from_str::<Row>(r#"{"at":7}"#).unwrap().perhaps, None);
        for far_off in ["-1", "221845392000000"] {
            let texts =
                [format!(r#"{{"at":{far_off}}}"#), format!(r#"{{"at":1,"perhaps":{far_off}}}"#)];
            assert!(texts.iter().all(|text| serde_json::from_str::<Row>(text).is_err()));
        }
    }
}
