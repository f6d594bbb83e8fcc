//! Single flight: one new session at a time for each key, across all processes of the user.
//!
//! 256 files, chosen by the key's first octet and never removed, each locked with `flock`: the kernel releases a lock
//! when its holder ends, however it ends. Two keys that share a file wait for each other, which costs time and nothing
//! else. A hop never shares a file with an earlier hop, because whoever creates the later session may wait for the
//! earlier one.
//!
//! Waiting is a blocking `flock` in a separate thread. Polling would either waste processor time or hand over late;
//! this way the next process starts the moment the lock is free. `flock` has no deadline, so the thread is left behind
//! when the deadline passes, and at once releases the lock if it still gets it.

use std::fs::{File, TryLockError};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::failure::{Failure, Failures};
use super::state_folder::StateFolder;
use super::{CacheError, CacheKey};
use crate::private_file::lock_within;

/// How often the lock file is reopened because somebody removed it while we waited.
const MOST_REOPENINGS: u32 = 16;

/// The right to create a session for a key, until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Unlocks it, since closing may not do: a helper program that another thread starts has a copy of the descriptor until it is executed,
    /// and would hold the lock that long.
    fn drop(&mut self) {
        // Closing it does, a moment later.
        let _ = self.file.unlock();
    }
}

/// The result of waiting for the single flight.
#[derive(Debug)]
pub enum SingleFlight {
    /// This process creates the session, holding the lock. Check the cache again first: the previous holder may have
    /// filled it.
    Leads(Lock),
    /// The previous holder failed while we waited; its failure is the answer.
    Failed(Box<Failure>),
    /// The deadline passed while a live holder was still at work.
    TimedOut,
}

/// The locks of a user.
#[derive(Clone, Debug)]
pub struct Locks {
    folder: Arc<StateFolder>,
}

impl Locks {
    /// Uses lock files in the state folder.
    pub const fn new(folder: Arc<StateFolder>) -> Self {
        Self { folder }
    }

    /// Takes the lock if nobody holds it.
    ///
    /// # Errors
    ///
    /// Fails if locking is impossible; the caller goes on without.
    pub fn try_acquire(&self, key: &CacheKey) -> Result<Option<Lock>, CacheError> {
        match self.acquire_until(key, Instant::now()) {
            Ok(Some(held)) => Ok(Some(Lock { file: held.file })),
            Ok(None) => Ok(None),
            Err(source) => Err(self.failed(key, source)),
        }
    }

    /// Takes the lock, waiting at most `longest` while others hold it.
    ///
    /// # Errors
    ///
    /// Fails if locking is impossible; the caller goes on without.
    pub fn acquire(
        &self,
        key: &CacheKey,
        longest: Duration,
        failures: &Failures,
    ) -> Result<SingleFlight, CacheError> {
        let deadline = Instant::now() + longest;
        let before = failures.last(key).map(|failure| failure.attempt);
        match self.acquire_until(key, deadline) {
            Ok(None) => Ok(SingleFlight::TimedOut),
            Ok(Some(Held { file, waited })) => match failures.last(key) {
                Some(failure) if waited && Some(failure.attempt) != before => {
                    Ok(SingleFlight::Failed(Box::new(failure)))
                }
                Some(_) | None => Ok(SingleFlight::Leads(Lock { file })),
            },
            Err(source) => Err(self.failed(key, source)),
        }
    }

    fn acquire_until(&self, key: &CacheKey, deadline: Instant) -> io::Result<Option<Held>> {
        let name = lock_name(key);
        let mut waited = false;
        for _ in 0..MOST_REOPENINGS {
            let file = self.folder.lock_file(&name)?;
            let file = match file.try_lock() {
                Ok(()) => Some(file),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) => {
                    waited = true;
                    lock_within(file, deadline)?
                }
            };
            match file {
                None => return Ok(None),
                Some(file) if self.folder.is_current(&name, &file) => return Ok(Some(Held { file, waited })),
                // Somebody removed it in the meantime: others now lock another file of this name.
                Some(_) => {}
            }
        }
        Err(io::Error::other("it is removed again and again"))
    }

    fn failed(&self, key: &CacheKey, source: io::Error) -> CacheError {
        CacheError::File { path: self.folder.path().join(lock_name(key)), source }
    }
}

struct Held {
    file: File,
    waited: bool,
}

fn lock_name(key: &CacheKey) -> String {
    format!("lock-{:02x}", key.octets()[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::state_folder::StateLocation;

    #[test]
    fn it_is_free_at_once_even_where_a_child_has_a_copy_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateLocation::at(folder.path().join("state")).open().unwrap();
        let locks = Locks::new(Arc::new(state));
        let key: CacheKey = "a".repeat(64).parse().unwrap();
        let held = locks.try_acquire(&key).unwrap().unwrap();
        let copy = held.file.try_clone().unwrap();
        assert!(locks.try_acquire(&key).unwrap().is_none());
        drop(held);
        assert!(locks.try_acquire(&key).unwrap().is_some());
        drop(copy);
    }

    /// Who waited for another leads after it, whatever failed before that one; only a failure meanwhile is shared.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_failure_is_shared_by_those_who_waited_for_it() {
        use std::os::unix::fs::MetadataExt as _;

        use crate::cache::Namespace;
        use crate::cache::failure::FailureReport;
        use crate::clock::Timestamp;
        use crate::diagnostic::Fault;

        if std::fs::read_to_string("/proc/locks").is_err() {
            eprintln!("skipped: nothing tells here who waits for a lock");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let state = Arc::new(StateLocation::at(folder.path().join("state")).open().unwrap());
        let namespace: Namespace = "test".parse().unwrap();
        let (locks, failures) = (Locks::new(Arc::clone(&state)), Failures::new(state, namespace));
        let key: CacheKey = "a".repeat(64).parse().unwrap();
        let fail = || {
            let report = FailureReport {
                wanted: String::from("a session"),
                id: String::from("aws-refused"),
                fault: Fault::Refused,
                code: None,
                text: String::from("AWS refused"),
                facts: Vec::new(),
                hint: None,
            };
            failures.note(&key, report, [0; 32], Timestamp::from_unix_seconds(1_800_000_000)).unwrap();
        };
        let acquire = || locks.acquire(&key, Duration::from_secs(60), &failures).unwrap();
        fail();
        assert!(matches!(acquire(), SingleFlight::Leads(_)), "an old failure is nobody's answer");
        for fails_meanwhile in [false, true] {
            let held = locks.try_acquire(&key).unwrap().unwrap();
            let inode = held.file.metadata().unwrap().ino();
            let waits = || {
                let table = std::fs::read_to_string("/proc/locks").unwrap();
                table.lines().any(|line| line.contains("->") && line.contains(&format!(":{inode} ")))
            };
            let outcome = std::thread::scope(|scope| {
                let waiting = scope.spawn(acquire);
                while !waits() && !waiting.is_finished() {
                    std::thread::sleep(Duration::from_millis(1));
                }
                if fails_meanwhile {
                    fail();
                }
                drop(held);
                waiting.join().unwrap()
            });
            assert_eq!(matches!(outcome, SingleFlight::Failed(_)), fails_meanwhile, "{outcome:?}");
        }
    }
}
