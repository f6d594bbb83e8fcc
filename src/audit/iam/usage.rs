//! Times of use, as AWS tells them.

use serde_json::Value;

use super::report::LastUse;
use crate::clock::Timestamp;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// What is known of a use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Use {
    /// Nothing.
    #[default]
    Unknown,
    /// There was none, as far as AWS remembers.
    Never,
    /// The last one.
    At { at: Timestamp, region: Option<String>, service: Option<String> },
}

impl Use {
    /// Returns the later of two; what is known before what is not.
    pub(super) fn later(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::At { at: one, .. }, Self::At { at: two, .. }) if two > one => other,
            (Self::At { .. }, _) | (_, Self::Unknown) => self,
            (Self::Never | Self::Unknown, _) => other,
        }
    }

    pub(super) const fn at(&self) -> Option<Timestamp> {
        match self {
            Self::At { at, .. } => Some(*at),
            Self::Never | Self::Unknown => None,
        }
    }

    /// Tells whether more than so many days went by since; `None` where that is not known.
    pub(super) fn is_idle(&self, days: u64, now: Timestamp) -> Option<bool> {
        match self {
            Self::Unknown => None,
            Self::Never => Some(true),
            Self::At { at, .. } => Some(is_older(*at, days, now)),
        }
    }

    /// Renders it for the report.
    pub(super) fn shown(&self, now: Timestamp) -> Option<LastUse> {
        match self {
            Self::Unknown => None,
            Self::Never => {
                Some(LastUse { never: true, at: None, days_ago: None, region: None, service: None })
            }
            Self::At { at, region, service } => Some(LastUse {
                never: false,
                at: Some(at.to_string()),
                days_ago: Some(days_since(*at, now)),
                region: region.clone(),
                service: service.clone(),
            }),
        }
    }
}

/// Returns the whole days since a time; zero for the future.
pub(super) fn days_since(time: Timestamp, now: Timestamp) -> u64 {
    now.since(time).as_secs() / DAY
}

/// Tells whether a time is more than so many days ago.
pub(super) fn is_older(time: Timestamp, days: u64, now: Timestamp) -> bool {
    now.since(time).as_secs() > days.saturating_mul(DAY)
}

/// Reads a time of the AWS CLI: RFC 3339, or seconds since 1970.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => Timestamp::parse_rfc3339(text),
        // Fractions of a second do not count.
        Value::Number(number) => {
            let whole = number.to_string();
            let whole = whole.split('.').next().unwrap_or_default();
            whole.parse().ok().map(Timestamp::from_unix_seconds)
        }
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Object(_) => None,
    }
}

/// Returns a text that says something: `N/A` does not.
pub(super) fn told(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("n/a")).map(str::to_owned)
}
