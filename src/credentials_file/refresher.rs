//! Keeps one profile of the credentials file fresh: what is due, what is written, and when to check again. The caller
//! does the waiting and the reporting.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Gate, Written};
use crate::aws_file::AwsFile;
use crate::cache::CacheEntry;
use crate::cache::freshness::Freshness;
use crate::clock::{Clock, Timestamp};
use crate::diagnostic::Diagnostic;
use crate::ini::Section;
use crate::private_file::Stamp;
use crate::provider::RetryBackoff;

/// How often to check what is due, at least: by the wall clock, so that time during which the host slept, a jump of its
/// clock, or a change of the file by others is noticed.
const CHECK_INTERVAL: Duration = Duration::from_secs(15);

/// The shortest time between two checks, however short a session is.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// The longest time for which a source may ask to be left alone; more means that the clock was set back.
const LONGEST_HOLD: Duration = Duration::from_secs(20 * 60);

/// Something that went wrong.
pub type Problem = Box<dyn Diagnostic + Send>;

/// The result of asking a source.
#[derive(Debug)]
pub struct Obtained {
    /// A session; if there can be no new one, perhaps one with less than half of its lifetime left, or none.
    pub entry: Option<CacheEntry>,
    /// Why there is no new session.
    pub problem: Option<Problem>,
    /// When to ask again.
    pub next_try: Option<Timestamp>,
}

/// Where sessions come from. Blocks for as long as that takes.
pub trait Source: Send {
    /// Returns a session with at least half of its lifetime left, if possible.
    fn session(&self) -> Obtained;
}

/// An event to report.
#[derive(Debug)]
pub enum Event {
    /// The session was not renewed, or not written. The file is unchanged.
    Failed {
        /// Why.
        problem: Problem,
        /// The time until the next attempt.
        next: Duration,
    },
    /// The profile now holds this session.
    Wrote {
        /// `ASIA…`
        access_key_id: String,
        /// When AWS stops accepting it.
        expiration: Timestamp,
        /// What to report about the file.
        written: Written,
    },
}

/// One profile, and the session that it should hold.
pub struct ProfileRefresher {
    file: AwsFile,
    profile: Section,
    source: Box<dyn Source>,
    clock: Arc<dyn Clock>,
    gate: Arc<Gate>,
    entry: Option<CacheEntry>,
    /// The file's stamp when it held the session; `None` while it does not.
    stamp: Option<Stamp>,
    renewal_backoff: RetryBackoff,
    held_until: Option<Timestamp>,
    write_backoff: RetryBackoff,
}

impl fmt::Debug for ProfileRefresher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProfileRefresher")
            .field("file", &self.file)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl ProfileRefresher {
    /// Combines the profile with the source of its sessions. Nothing is read.
    pub fn new(
        file: AwsFile,
        profile: Section,
        source: Box<dyn Source>,
        clock: Arc<dyn Clock>,
        gate: Arc<Gate>,
    ) -> Self {
        Self {
            file,
            profile,
            source,
            clock,
            gate,
            entry: None,
            stamp: None,
            renewal_backoff: RetryBackoff::default(),
            held_until: None,
            write_backoff: RetryBackoff::default(),
        }
    }

    /// Does what is due, and returns the events and how long to wait, from 1 to 15 seconds.
    pub fn step(&mut self) -> (Vec<Event>, Duration) {
        let mut events = Vec::new();
        let now = self.clock.now();
        if !self.entry.as_ref().is_some_and(|entry| is_fresh(entry, now)) && self.renewal_wait(now).is_zero()
        {
            self.renew(&mut events);
        }
        let now = self.clock.now();
        if self.write_backoff.wait(now).is_zero() {
            self.write(now, &mut events);
        }
        (events, self.wait(self.clock.now()))
    }

    /// Returns whether the file held a working session when it was last checked.
    pub fn holds_session(&self) -> bool {
        self.stamp.is_some()
    }

    /// Ends all pauses and checks the file: the caller knows that something has improved.
    pub fn check_now(&mut self) {
        (self.renewal_backoff, self.write_backoff) = (RetryBackoff::default(), RetryBackoff::default());
        (self.held_until, self.stamp) = (None, None);
    }

    fn renew(&mut self, events: &mut Vec<Event>) {
        let Obtained { entry, problem, next_try } = self.source.session();
        let now = self.clock.now();
        let is_new = entry.as_ref().is_some_and(|entry| is_fresh(entry, now));
        if let Some(entry) = entry {
            let known = self.entry.as_ref().is_some_and(|known| id(known) == id(&entry));
            if !known {
                self.stamp = None;
            }
            self.entry = Some(entry);
        }
        if is_new {
            (self.renewal_backoff, self.held_until) = (RetryBackoff::default(), None);
            return;
        }
        let usable = self.entry.as_ref().filter(|entry| entry.usable_until > now);
        self.renewal_backoff.fail(now, usable.map(|entry| entry.remaining(now)));
        self.held_until = next_try;
        if let Some(problem) = problem {
            events.push(Event::Failed { problem, next: self.renewal_wait(now) });
        }
    }

    /// Writes the session, while it works, to a file that does not hold it or was changed by somebody since.
    fn write(&mut self, now: Timestamp, events: &mut Vec<Event>) {
        let Some(entry) = self.entry.as_ref().filter(|entry| entry.usable_until > now) else { return };
        if self.stamp.is_some() && self.stamp == Stamp::of(self.file.path()) {
            return;
        }
        match super::write(&self.file, &self.profile, &entry.credential_set, &self.gate) {
            Ok(written) => {
                self.write_backoff = RetryBackoff::default();
                self.stamp = Some(written.stamp.clone());
                if written.is_changed {
                    let (access_key_id, expiration) = (id(entry).to_owned(), entry.expiration());
                    events.push(Event::Wrote { access_key_id, expiration, written });
                }
            }
            Err(error) => {
                let now = self.clock.now();
                self.stamp = None;
                self.write_backoff.fail(now, None);
                events.push(Event::Failed { problem: Box::new(error), next: self.write_backoff.wait(now) });
            }
        }
    }

    fn wait(&self, now: Timestamp) -> Duration {
        let renewal = match &self.entry {
            // Exactly half still counts as fresh.
            Some(entry) if is_fresh(entry, now) => {
                entry.remaining(now).saturating_sub(entry.lifetime() / 2) + Duration::from_secs(1)
            }
            Some(_) | None => self.renewal_wait(now),
        };
        let is_to_be_written =
            self.stamp.is_none() && self.entry.as_ref().is_some_and(|entry| entry.usable_until > now);
        let write_backoff = if is_to_be_written { self.write_backoff.wait(now) } else { CHECK_INTERVAL };
        renewal.min(write_backoff).clamp(SHORTEST_WAIT, CHECK_INTERVAL)
    }

    fn renewal_wait(&self, now: Timestamp) -> Duration {
        let held = self.held_until.map(|until| until.since(now)).filter(|held| *held <= LONGEST_HOLD);
        self.renewal_backoff.wait(now).max(held.unwrap_or_default())
    }
}

fn id(entry: &CacheEntry) -> &str {
    &entry.credential_set.credentials.access_key_id
}

/// Returns whether at least half of the lifetime is left.
fn is_fresh(entry: &CacheEntry, now: Timestamp) -> bool {
    entry.freshness(now, entry.lifetime() / 2) == Freshness::Fresh
}

#[cfg(test)]
mod tests;
