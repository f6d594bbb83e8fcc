//! How far a run has come: counters that every thread adds to.

use std::sync::atomic::{AtomicU64, Ordering};

use super::report::LookedAt;

/// How far a run has come, for whoever watches it.
#[derive(Debug, Default)]
pub struct Progress {
    files: AtomicU64,
    bytes: AtomicU64,
    members: AtomicU64,
    processes: AtomicU64,
    objects: AtomicU64,
    found: AtomicU64,
}

impl Progress {
    pub(super) fn file(&self, bytes: u64) {
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn member(&self) {
        self.members.fetch_add(1, Ordering::Relaxed);
    }

    #[cfg(target_os = "linux")]
    pub(super) fn process(&self) {
        self.processes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn object(&self) {
        self.objects.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn found(&self) {
        self.found.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns what was looked at up to here.
    pub fn looked_at(&self) -> LookedAt {
        LookedAt {
            files: self.files.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            members: self.members.load(Ordering::Relaxed),
            processes: self.processes.load(Ordering::Relaxed),
            objects: self.objects.load(Ordering::Relaxed),
        }
    }

    /// Returns how much was found up to here.
    pub fn findings(&self) -> u64 {
        self.found.load(Ordering::Relaxed)
    }
}
