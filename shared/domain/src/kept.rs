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
