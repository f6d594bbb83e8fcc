//! How soon a command that keeps something fresh tries again after a failure.

use std::time::Duration;

use crate::clock::Timestamp;

/// The pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The shortest pause, shortly before a session ends.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The pauses between failed attempts, measured by the wall clock so that time during which the host slept counts.
#[derive(Clone, Debug)]
pub struct RetryBackoff {
    not_before: Timestamp,
    pause: Duration,
}

impl Default for RetryBackoff {
    /// Returns the state before any failure.
    fn default() -> Self {
        Self { not_before: Timestamp::MIN, pause: FIRST_PAUSE }
    }
}

impl RetryBackoff {
    /// Returns how long the next attempt must wait; zero if the result is longer than any pause, because then the clock
    /// was set back.
    pub fn wait(&self, now: Timestamp) -> Duration {
        let wait = self.not_before.since(now);
        if wait > LONGEST_PAUSE { Duration::ZERO } else { wait }
    }

    /// Records a failure: the next attempt waits 5 seconds, then 10, 20, 40, and 60 from then on, but no more than an
    /// eighth of what is `left` of the session that is being renewed, if there is one.
    pub fn fail(&mut self, now: Timestamp, left: Option<Duration>) {
        let urgent = left.map_or(self.pause, |left| (left / 8).max(SHORTEST_PAUSE));
        self.not_before = now.plus(self.pause.min(urgent));
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute() {
        let start = Timestamp::from_unix_seconds(1_795_449_600);
        let mut retry_backoff = RetryBackoff::default();
        assert_eq!(retry_backoff.wait(start), Duration::ZERO);
        let mut pauses = Vec::new();
        for _ in 0..6 {
            retry_backoff.fail(start, None);
            pauses.push(retry_backoff.wait(start).as_secs());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
        assert_eq!(retry_backoff.wait(start.plus(Duration::from_secs(45))), Duration::from_secs(15));
        assert_eq!(retry_backoff.wait(start.plus(Duration::from_secs(61))), Duration::ZERO);
        retry_backoff.fail(start, Some(Duration::from_secs(80)));
        assert_eq!(retry_backoff.wait(start), Duration::from_secs(10), "an eighth of what is left");
        retry_backoff.fail(start, Some(Duration::from_secs(2)));
        assert_eq!(retry_backoff.wait(start), Duration::from_secs(1));
        assert_eq!(
            retry_backoff.wait(start.minus(Duration::from_secs(3600))),
            Duration::ZERO,
            "the clock was set back"
        );
    }
}
