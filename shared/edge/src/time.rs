//! How a time looks to clients: the one place that writes it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt::{Display, Formatter, Result as Written};

/// A time in RFC 3339 and UTC, always with its milliseconds: as texts, times sort as times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct UtcTime(pub Timestamp);

impl From<Timestamp> for UtcTime {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl Display for UtcTime {
    fn fmt(&self, f: &mut Formatter<'_>) -> Written {
        write!(f, "{:.3}", self.0)
    }
}

impl Serialize for UtcTime {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_three_digits_behind_its_second() {
        for (millisecond, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_600_800_000, "2026-11-25T10:00:00.000Z"),
            (1_795_600_800_070, "2026-11-25T10:00:00.070Z"),
            (1_795_600_800_700, "2026-11-25T10:00:00.700Z"),
            (1_795_600_800_789, "2026-11-25T10:00:00.789Z"),
        ] {
            let time = UtcTime(Timestamp::from_millisecond(millisecond).unwrap());
            let json = serde_json::to_string(&time).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<UtcTime>(&json).unwrap(), time);
        }
    }
}
