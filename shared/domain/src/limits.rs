//! What an account's calls are held to: a rate, a number in a month, or both.

use crate::kept;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// The most calls in a minute that an account can be given, and the most at once.
pub const MAX_PER_MINUTE: u64 = 6_000_000;
/// The most calls in a month.
pub const MAX_PER_MONTH: u64 = 1_000_000_000_000;

/// One limit or both; by default neither.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    pub rate: Option<Rate>,
    pub per_month: Option<u64>,
}

/// In any span of t seconds, at most `burst + per_minute * t / 60` calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub per_minute: u32,
    pub burst: u32,
}

/// These are no limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these are no limits that an account can be given")]
pub struct InvalidLimits;

impl Limits {
    /// Whatever is not said is no limit; without any, there are none. A burst is of a rate, and as
    /// large as that where nothing is said.
    pub fn new(
        per_minute: Option<u64>,
        burst: Option<u64>,
        per_month: Option<u64>,
    ) -> Result<Option<Self>, InvalidLimits> {
        let of_rate = |number: u64| {
            let fits = (1..=MAX_PER_MINUTE).contains(&number);
            fits.then_some(number as u32).ok_or(InvalidLimits)
        };
        let rate = match (per_minute, burst) {
            (None, None) => None,
            (None, Some(_)) => return Err(InvalidLimits),
            (Some(per_minute), burst) => Some(Rate {
                per_minute: of_rate(per_minute)?,
                burst: of_rate(burst.unwrap_or(per_minute))?,
            }),
        };
        if per_month.is_some_and(|most| !(1..=MAX_PER_MONTH).contains(&most)) {
            return Err(InvalidLimits);
        }
        let limits = Self { rate, per_month };
        Ok((rate.is_some() || per_month.is_some()).then_some(limits))
    }

    pub fn per_minute(&self) -> Option<u32> {
        self.rate.map(|rate| rate.per_minute)
    }

    pub fn burst(&self) -> Option<u32> {
        self.rate.map(|rate| rate.burst)
    }
}

/// The limits of an account in one of their versions, of which the first is 0, without any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plan {
    /// Rises whenever the limits change.
    pub version: u64,
    pub limits: Option<Limits>,
}

/// A month, in UTC. It is written as `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(Date);

impl Month {
    pub fn of(now: Timestamp) -> Self {
        Self(Offset::UTC.to_datetime(now).date().first_of_month())
    }

    pub fn begins_at(self) -> Timestamp {
        start_of(self.0)
    }

    /// When the next one begins.
    pub fn ends_at(self) -> Timestamp {
        start_of(self.0.last_of_month().tomorrow().unwrap_or(Date::MAX))
    }

    /// How long it is.
    pub fn seconds(self) -> i64 {
        self.ends_at().as_second() - self.begins_at().as_second()
    }
}

fn start_of(day: Date) -> Timestamp {
    let midnight = DateTime::from(day);
    Offset::UTC.to_timestamp(midnight).unwrap_or(Timestamp::MAX)
}

impl Display for Month {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no month, or one that is far off")]
pub struct InvalidMonth;

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Self, InvalidMonth> {
        let first: Date = format!("{text}-01").parse().or(Err(InvalidMonth))?;
        if kept::is_ours(start_of(first)) { Ok(Self(first)) } else { Err(InvalidMonth) }
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_whole_numbers_in_bounds_and_a_burst_is_of_a_rate() {
        let limits = |rate: Option<(u32, u32)>, per_month| {
            let rate = rate.map(|(per_minute, burst)| Rate { per_minute, burst });
            Ok(Some(Limits { rate, per_month }))
        };
        assert_eq!(Limits::new(None, None, None), Ok(None));
        assert_eq!(Limits::new(Some(60), None, None), limits(Some((60, 60)), None));
        assert_eq!(Limits::new(Some(60), Some(5), Some(1)), limits(Some((60, 5)), Some(1)));
        assert_eq!(Limits::new(Some(1), Some(1), None), limits(Some((1, 1)), None));
        let most = limits(Some((6_000_000, 6_000_000)), Some(1_000_000_000_000));
        assert_eq!(Limits::new(Some(6_000_000), None, Some(1_000_000_000_000)), most);
        for (per_minute, burst, per_month) in [
            (Some(0), None, None),
            (Some(6_000_001), None, None),
            (Some(6_000_001), Some(1), None),
            (Some(60), Some(0), None),
            (Some(60), Some(6_000_001), None),
            (None, Some(60), None),
            (None, None, Some(0)),
            (None, None, Some(1_000_000_000_001)),
            (Some(u64::from(u32::MAX) + 61), None, None),
        ] {
            let limits = Limits::new(per_minute, burst, per_month);
            assert_eq!(limits, Err(InvalidLimits), "{per_minute:?} {burst:?} {per_month:?}");
        }
    }

    #[test]
    fn limits_tell_their_rate_if_they_have_one() {
        let told = |per_minute, burst, per_month| {
            let limits = Limits::new(per_minute, burst, per_month).unwrap().unwrap();
            (limits.per_minute(), limits.burst())
        };
        assert_eq!(told(Some(60), Some(5), None), (Some(60), Some(5)));
        assert_eq!(told(None, None, Some(9)), (None, None));
    }

    #[test]
    fn a_month_is_one_of_utc_and_knows_its_ends() {
        for (now, month, begins, ends, seconds) in [
            ("2026-11-30T23:59:59.999Z", "2026-11", "2026-11-01", "2026-12-01", 2_592_000),
            ("2026-12-01T00:00:00Z", "2026-12", "2026-12-01", "2027-01-01", 2_678_400),
            ("2026-12-01T01:30:00+02:00", "2026-11", "2026-11-01", "2026-12-01", 2_592_000),
            ("2028-02-29T12:00:00Z", "2028-02", "2028-02-01", "2028-03-01", 2_505_600),
        ] {
            let of = Month::of(now.parse().unwrap());
            let at = |day: &str| format!("{day}T00:00:00Z").parse::<Timestamp>().unwrap();
            assert_eq!(of.to_string(), month);
            assert_eq!(month.parse::<Month>().unwrap(), of);
            assert_eq!(
                (of.begins_at(), of.ends_at(), of.seconds()),
                (at(begins), at(ends), seconds)
            );
        }
        assert!("2026-11".parse::<Month>().unwrap() < "2026-12".parse().unwrap());
    }

    #[test]
    fn what_is_no_month_is_none() {
        for text in ["", "2026", "2026-13", "2026-11-01", "nov", "-000001-01", "9999-12", "1969-12"]
        {
            assert!(text.parse::<Month>().is_err(), "{text}");
        }
        assert!("8999-12".parse::<Month>().is_ok());
    }
}
