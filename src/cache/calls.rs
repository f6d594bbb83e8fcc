//! How often AWS was asked for a session since this host was started, by what came of it; one small file a key.
//!
//! It is written where a session was asked for, which costs a network exchange, by the holder of the key's lock. A call
//! that the cache answers writes nothing, and so nobody knows how many of these there are. Where the system does not say
//! when it was started (other than Linux), nothing is counted.

use std::sync::Arc;

use super::encoding::{Reader, Writer};
use super::state_folder::StateFolder;
use super::sweep::{CALLS as SUFFIX, sweep};
use super::{CacheKey, Namespace};
use crate::clock::Timestamp;

/// The version of the record; another one counts as none.
const VERSION: u8 = 1;

/// The longest record, in octets.
const LONGEST: usize = 256;

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is a session.
    Granted,
    /// AWS refused.
    Refused,
    /// AWS was not reached, or was in trouble.
    Unreachable,
}

/// How often AWS was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sessions that were granted.
    pub granted: u64,
    /// Refusals.
    pub refused: u64,
    /// Calls without an answer to go by.
    pub unreachable: u64,
}

/// The counts of one namespace.
#[derive(Clone, Debug)]
pub struct Calls {
    folder: Arc<StateFolder>,
    namespace: Namespace,
}

impl Calls {
    /// Keeps counts in the state folder.
    pub const fn new(folder: Arc<StateFolder>, namespace: Namespace) -> Self {
        Self { folder, namespace }
    }

    /// Counts one call; to be called by the holder of the key's lock. What cannot be written is not counted.
    pub fn count(&self, key: &CacheKey, outcome: Outcome, now: Timestamp) {
        let Some(boot) = boot() else { return };
        let mut counts = self.read(key, &boot).unwrap_or_default();
        let counter = match outcome {
            Outcome::Granted => &mut counts.granted,
            Outcome::Refused => &mut counts.refused,
            Outcome::Unreachable => &mut counts.unreachable,
        };
        *counter = counter.saturating_add(1);
        let mut writer = Writer::new(VERSION, 0);
        writer.text(&boot);
        for count in [counts.granted, counts.refused, counts.unreachable] {
            writer.number(count);
        }
        let name = self.name(key);
        if let Some(bytes) = writer.finish()
            && self.folder.replace(&name, &bytes).is_ok()
        {
            sweep(&self.folder, &name, now);
        }
    }

    /// Returns the counts of a key since this host was started; `None` where none are known.
    pub fn of(&self, key: &CacheKey) -> Option<Counts> {
        self.read(key, &boot()?)
    }

    fn read(&self, key: &CacheKey, boot: &str) -> Option<Counts> {
        let bytes = self.folder.read(&self.name(key), LONGEST)?;
        let mut reader = Reader::new(&bytes, VERSION)?;
        let of_this_boot = reader.text()? == boot;
        let counts =
            Counts { granted: reader.number()?, refused: reader.number()?, unreachable: reader.number()? };
        reader.finish()?;
        of_this_boot.then_some(counts)
    }

    fn name(&self, key: &CacheKey) -> String {
        format!("{}.{key}{SUFFIX}", self.namespace.as_str())
    }
}

/// Returns what tells this start of the host from any other (`random(4)`); `None` where the system does not say.
#[cfg(target_os = "linux")]
fn boot() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned()).filter(|id| id.len() == 36)
}

/// Returns nothing: this system has no number of its starts that is the same for all processes.
#[cfg(not(target_os = "linux"))]
fn boot() -> Option<String> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::str::FromStr as _;

    use super::super::state_folder::StateLocation;
    use super::*;

    #[test]
    fn each_outcome_is_counted_by_itself_and_a_start_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let state = Arc::new(StateLocation::at(folder.path().join("state")).open().unwrap());
        let calls = Calls::new(state, Namespace::from_str("v1").unwrap());
        let [key, other] = ["a", "b"].map(|letter| CacheKey::from_str(&letter.repeat(64)).unwrap());
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        assert_eq!(calls.of(&key), None);
        for outcome in [Outcome::Granted, Outcome::Refused, Outcome::Granted, Outcome::Unreachable] {
            calls.count(&key, outcome, now);
        }
        assert_eq!(calls.of(&key), Some(Counts { granted: 2, refused: 1, unreachable: 1 }));
        assert_eq!(calls.of(&other), None);
        let start = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        assert!(calls.read(&key, start.trim()).is_some());
        assert_eq!(calls.read(&key, "another start"), None);
    }
}
