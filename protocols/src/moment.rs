//! A point in time. Nobody in this crate reads a clock: a moment is always brought along.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, de};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(i64);

impl Moment {
    /// The moment this many milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The moment this many seconds after the epoch.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// The beginning of a calendar day (`yyyy-MM-dd`) in UTC, or nothing if it is none.
    #[must_use]
    pub fn from_day(day: &str) -> Option<Self> {
        let day: jiff::civil::Date = day.parse().ok()?;
        let start = jiff::tz::TimeZone::UTC.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())).ok()?;
        Some(Self(start.as_millisecond()))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This much later.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// Reads a [`Moment`] from a calendar day, for tables that people write.
///
/// # Errors
/// When it is no day.
pub fn start_of_day<'de, D: Deserializer<'de>>(from: D) -> Result<Moment, D::Error> {
    Moment::from_day(&String::deserialize(from)?).ok_or_else(|| de::Error::custom("a day is written yyyy-MM-dd"))
}

impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(out, "{time}"),
            Err(_) => write!(out, "{} ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_before_the_epoch_belongs_to_the_second_before() {
        assert_eq!(Moment::from_millis(-1).seconds(), -1);
    }

    #[test]
    fn nothing_is_earlier_than_zero_after() {
        assert_eq!(Moment::from_millis(5).since(Moment::from_millis(9)), Duration::ZERO);
    }

    #[test]
    fn a_moment_is_written_as_rfc_3339() {
        assert_eq!(Moment::from_seconds(0).to_string(), "1970-01-01T00:00:00Z");
    }
}
