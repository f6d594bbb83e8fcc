//! What a refusal reveals about this machine's clock.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Peer, Response};
use crate::clock::Timestamp;

/// A smaller clock error is not the cause of a refusal.
const TOLERATED: Duration = Duration::from_secs(60);
/// A larger clock error is not corrected: the server could be collecting signatures for the future.
const LARGEST: Duration = Duration::from_secs(24 * 3600);

/// Returns the correction for the time of the next signature, in seconds; `None` if there is nothing to correct.
///
/// A server's time is trusted only if the server was verified (or is this machine), the refusal carries AWS's request
/// id, and the time differs from `now` by a minute to a day and is within `believable`.
pub fn clock_offset(
    answer: &Response,
    now: Timestamp,
    believable: &RangeInclusive<Timestamp>,
) -> Option<i64> {
    let trusted = match answer.peer() {
        Peer::Loopback | Peer::Verified => true,
        Peer::Unverified => false,
    };
    let refused_by_aws = matches!(answer.status(), 400 | 401 | 403) && answer.request_id().is_some();
    let theirs = answer.header("date").and_then(Timestamp::parse_http_date)?;
    let distance = theirs.since(now).max(now.since(theirs));
    let wrong = distance > TOLERATED && distance <= LARGEST;
    (trusted && refused_by_aws && wrong && believable.contains(&theirs))
        .then(|| theirs.unix_seconds() - now.unix_seconds())
}
