//! Text for refusals and answers: times, and text from the sender.

use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Renders a time as RFC 3339 in UTC.
pub(crate) fn rfc3339(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_else(|_| time.unix_timestamp().to_string())
}

/// Renders text from the sender: control characters escaped, cut at 200 characters.
pub(crate) fn shown(text: impl fmt::Display) -> String {
    let text = text.to_string();
    let mut shown: String = text
        .chars()
        .take(200)
        .map(|character| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character })
        .collect();
    if text.chars().nth(200).is_some() {
        shown.push('…');
    }
    shown
}
