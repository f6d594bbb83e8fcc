//! The quota of CreateSession: a number of requests in any one second.

use std::collections::VecDeque;

use time::{Duration, OffsetDateTime};

/// The times of the requests admitted within the last second.
#[derive(Debug)]
pub(super) struct RateLimit {
    limit: Option<usize>,
    admitted: VecDeque<OffsetDateTime>,
}

impl RateLimit {
    /// Creates a limit of requests per second; `None` admits all.
    pub(super) fn new(per_second: Option<u32>) -> Self {
        let limit = per_second.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        Self { limit, admitted: VecDeque::new() }
    }

    /// Returns whether a request at `now` is within the limit, and counts it if so.
    pub(super) fn admits(&mut self, now: OffsetDateTime) -> bool {
        let Some(limit) = self.limit else {
            return true;
        };
        while self.admitted.front().is_some_and(|&time| (now - time).abs() >= Duration::SECOND) {
            self.admitted.pop_front();
        }
        let admits = self.admitted.len() < limit;
        if admits {
            self.admitted.push_back(now);
        }
        admits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let start = OffsetDateTime::UNIX_EPOCH;
        let mut limit = RateLimit::new(Some(2));
        let at = |milliseconds| start + Duration::milliseconds(milliseconds);
        let admitted = [0, 500, 999, 1_000, 1_200, 1_500].map(|time| limit.admits(at(time)));
        assert_eq!(admitted, [true, true, false, true, false, true]);
    }

    #[test]
    fn no_limit_admits_all_and_zero_none() {
        let now = OffsetDateTime::UNIX_EPOCH;
        assert!((0..100).all(|_| RateLimit::new(None).admits(now)));
        assert!(!RateLimit::new(Some(0)).admits(now));
    }
}
