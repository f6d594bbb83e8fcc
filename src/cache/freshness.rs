//! When an entry is the answer, and when the next try is allowed. Pure.

use std::time::Duration;

use super::CacheEntry;
use crate::clock::Timestamp;
use crate::diagnostic::Fault;

/// The longest refresh window. botocore and the .NET SDK ask again when less than 15 minutes are left; a shorter-lived
/// answer would cause a call for every request.
const LONGEST_REFRESH_WINDOW: Duration = Duration::from_secs(20 * 60);

/// How far in the future an entry may have been created. More means that this clock was set back, and that the entry's
/// age is unknown.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// The wait after the first refusal; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(60);

/// The longest wait after refusals, before jitter.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// The wait after a network failure, before jitter.
const NETWORK_WAIT: Duration = Duration::from_secs(30);

/// Whether the entry may be handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is the answer.
    Fresh,
    /// It still works, and is the answer if there can be no new session.
    Stale,
    /// AWS refuses it.
    Expired,
}

/// `min(20 minutes, lifetime / 2)`: how long before its end a session is renewed.
pub fn refresh_window(lifetime: Duration) -> Duration {
    LONGEST_REFRESH_WINDOW.min(lifetime / 2)
}

impl CacheEntry {
    /// Returns how long the session lasts in all: from its creation to its end, both by this machine's clock.
    pub fn lifetime(&self) -> Duration {
        self.usable_until.since(self.created_at)
    }

    /// Returns how much of it is left at `now`.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        self.usable_until.since(now)
    }

    /// Judges the entry at `now`, for a consumer that needs `minimum_remaining` of its lifetime.
    /// `credential-process` needs the [`refresh_window`] of [`CacheEntry::lifetime`]. An entry created in the future,
    /// by this clock, is never fresh. Whether the certificate is still the same is for the caller to compare with
    /// [`CacheEntry::certificate_sha256`].
    pub fn freshness(&self, now: Timestamp, minimum_remaining: Duration) -> Freshness {
        if self.usable_until <= now {
            Freshness::Expired
        } else if self.remaining(now) < minimum_remaining || self.created_at.since(now) > CLOCK_TOLERANCE {
            Freshness::Stale
        } else {
            Freshness::Fresh
        }
    }
}

/// Returns how long to wait after the `count`th failure in a row.
///
/// `min(1 minute · 2^(count − 1), 15 minutes)` after a refusal, 30 seconds after a network failure, zero after any
/// other, since those are cured on this machine. `jitter`, from 0 to 255, adds up to a quarter, so that hosts that
/// failed together do not come back together.
pub fn wait_after(fault: Fault, count: u32, jitter: u8) -> Duration {
    let wait = match fault {
        Fault::Refused => {
            let doublings = count.saturating_sub(1).min(10);
            (FIRST_WAIT * 2_u32.pow(doublings)).min(LONGEST_WAIT)
        }
        Fault::Unreachable => NETWORK_WAIT,
        Fault::Bug | Fault::Identity | Fault::Local | Fault::Usage => Duration::ZERO,
    };
    wait + wait * u32::from(jitter) / (4 * 256)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::entry::tests::entry;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_window_is_twenty_minutes_or_half() {
        assert_eq!(refresh_window(60 * MINUTE), 20 * MINUTE);
        assert_eq!(refresh_window(40 * MINUTE), 20 * MINUTE);
        assert_eq!(refresh_window(15 * MINUTE), 15 * MINUTE / 2);
        assert_eq!(refresh_window(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn an_entry_is_fresh_until_its_window_begins() {
        let entry = entry();
        let window = refresh_window(entry.lifetime());
        let last = entry.expiration().minus(window);
        let second = Duration::from_secs(1);
        assert_eq!(entry.freshness(last, window), Freshness::Fresh);
        assert_eq!(entry.freshness(last.plus(second), window), Freshness::Stale);
        assert_eq!(entry.freshness(entry.expiration().minus(second), window), Freshness::Stale);
        assert_eq!(entry.freshness(entry.expiration(), window), Freshness::Expired);
        assert_eq!(entry.freshness(entry.created_at, entry.lifetime()), Freshness::Fresh);
    }

    #[test]
    fn an_entry_from_the_future_is_not_fresh() {
        let entry = entry();
        assert_eq!(entry.freshness(entry.created_at.minus(MINUTE), MINUTE), Freshness::Fresh);
        assert_eq!(entry.freshness(entry.created_at.minus(2 * MINUTE), MINUTE), Freshness::Stale);
    }

    #[test]
    fn waits_double_up_to_fifteen_minutes() {
        let minutes: Vec<_> =
            (0..8).map(|count| wait_after(Fault::Refused, count, 0).as_secs() / 60).collect();
        assert_eq!(minutes, [1, 1, 2, 4, 8, 15, 15, 15]);
        assert_eq!(wait_after(Fault::Refused, u32::MAX, 0), LONGEST_WAIT);
        assert!(wait_after(Fault::Refused, 5, u8::MAX) < LONGEST_WAIT * 5 / 4);
        assert!(wait_after(Fault::Refused, 1, 128) > MINUTE);
        assert_eq!(wait_after(Fault::Unreachable, 9, 0), NETWORK_WAIT);
        assert_eq!(wait_after(Fault::Identity, 9, u8::MAX), Duration::ZERO);
    }
}
