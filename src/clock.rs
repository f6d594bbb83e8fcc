//! The current time, and the text formats of times.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// `20261123T162000Z`: X-Amz-Date, in UTC to the second.
const AMZ_DATE: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
/// `20261123`: the date of a credential scope.
const SCOPE_DATE: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]");
/// `2026-11-23T16:20:00Z`: RFC 3339 in UTC to the second, the one format that every SDK reads.
const UTC_SECONDS: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
/// `Mon, 23 Nov 2026 16:20:00 GMT`: the IMF-fixdate of RFC 9110 §5.6.7.
const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// A point in time, in whole seconds since 1970-01-01T00:00:00Z, between the years 0 and 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last second of the last year with four digits: 9999-12-31T23:59:59Z.
    pub const MAX: Self = Self(253_402_300_799);
    /// The first second of the year 0.
    pub const MIN: Self = Self(-62_167_219_200);

    /// Returns the time this many seconds after 1970-01-01T00:00:00Z, clamped to [`Self::MIN`] and [`Self::MAX`].
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        if seconds > Self::MAX.0 {
            Self::MAX
        } else if seconds < Self::MIN.0 {
            Self::MIN
        } else {
            Self(seconds)
        }
    }

    /// Returns the seconds since 1970-01-01T00:00:00Z, negative before it.
    pub const fn unix_seconds(self) -> i64 {
        self.0
    }

    /// Parses an RFC 3339 time with any offset; fractions of a second are dropped.
    ///
    /// Returns `None` for anything else.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc3339).ok().map(|time| Self::from_unix_seconds(time.unix_timestamp()))
    }

    /// Parses the `Date` header of an HTTP answer in its one current format (RFC 9110 §5.6.7, IMF-fixdate).
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let time = time::PrimitiveDateTime::parse(text, HTTP_DATE).ok()?;
        Some(Self::from_unix_seconds(time.assume_utc().unix_timestamp()))
    }

    /// Renders `YYYYMMDDTHHMMSSZ`, the format of `X-Amz-Date`.
    pub fn amz_date(self) -> String {
        self.render(AMZ_DATE)
    }

    /// Renders `YYYYMMDD`, the date of a credential scope.
    pub fn scope_date(self) -> String {
        self.render(SCOPE_DATE)
    }

    /// Returns this time moved forward, at most to [`Self::MAX`].
    #[must_use]
    pub fn plus(self, distance: Duration) -> Self {
        Self::from_unix_seconds(self.0.saturating_add(whole_seconds(distance)))
    }

    /// Returns this time moved back, at least to [`Self::MIN`].
    #[must_use]
    pub fn minus(self, distance: Duration) -> Self {
        Self::from_unix_seconds(self.0.saturating_sub(whole_seconds(distance)))
    }

    /// Returns how much later `self` is than `earlier`; zero if it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Renders the distance of this time from `now` in its largest unit: `3 days ago`, `in 14 minutes`, `now`.
    pub fn distance_from(self, now: Self) -> String {
        if self == now {
            return String::from("now");
        }
        let future = self > now;
        let seconds = if future { self.since(now) } else { now.since(self) }.as_secs();
        let amount = describe_seconds(seconds);
        if future { format!("in {amount}") } else { format!("{amount} ago") }
    }

    fn render(self, format: &[BorrowedFormatItem<'_>]) -> String {
        let time = OffsetDateTime::from_unix_timestamp(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        time.format(format).unwrap_or_default()
    }
}

/// Renders `YYYY-MM-DDTHH:MM:SSZ` (RFC 3339, UTC).
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(UTC_SECONDS))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Renders a duration in its largest whole unit: `45 seconds`, `1 minute`, `3 days`.
pub fn describe_seconds(seconds: u64) -> String {
    let (amount, unit) = match seconds {
        0..=119 => (seconds, "second"),
        120..=7199 => (seconds / 60, "minute"),
        7200..=172_799 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    if amount == 1 { format!("1 {unit}") } else { format!("{amount} {unit}s") }
}

fn whole_seconds(distance: Duration) -> i64 {
    i64::try_from(distance.as_secs()).unwrap_or(i64::MAX)
}

/// A source of the current time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    fn now(&self) -> Timestamp {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Timestamp::from_unix_seconds(whole_seconds(since)),
            Err(before) => Timestamp::from_unix_seconds(0).minus(before.duration()),
        }
    }
}

/// A clock that stands still, for tests and for reproducing a signature.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_seconds(1_795_449_600);

    #[test]
    fn forms_agree() {
        assert_eq!(NOON.to_string(), "2026-11-23T16:00:00Z");
        assert_eq!(NOON.amz_date(), "20261123T160000Z");
        assert_eq!(NOON.scope_date(), "20261123");
        assert_eq!(Timestamp::parse_rfc3339("2026-11-23T17:00:00.9+01:00"), Some(NOON));
        assert_eq!(Timestamp::parse_http_date("Mon, 23 Nov 2026 16:00:00 GMT"), Some(NOON));
        assert_eq!(Timestamp::parse_http_date("yesterday"), None);
    }

    #[test]
    fn distance_names_the_largest_unit() {
        assert_eq!(NOON.distance_from(NOON), "now");
        assert_eq!(NOON.minus(Duration::from_secs(3 * 86_400)).distance_from(NOON), "3 days ago");
        assert_eq!(NOON.plus(Duration::from_secs(60)).distance_from(NOON), "in 60 seconds");
        assert_eq!(NOON.plus(Duration::from_secs(1)).distance_from(NOON), "in 1 second");
    }

    #[test]
    fn extremes_do_not_overflow() {
        assert_eq!(Timestamp::MAX.plus(Duration::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.minus(Duration::MAX), Timestamp::MIN);
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59Z");
        assert_eq!(Timestamp::MIN.to_string(), "0000-01-01T00:00:00Z");
    }
}
