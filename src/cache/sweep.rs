//! Removes what has become useless from the state folder: each write examines a few files, so that the folder stays as
//! small as what is in use, and a write costs the same however much was left behind.

use std::time::Duration;

use super::state_folder::StateFolder;
use crate::clock::Timestamp;

/// How many files a write examines: it adds only one, so leftovers shrink over time.
const FILES_PER_SWEEP: usize = 16;

/// How long a write can take at most; a temporary file older than this was left by a writer that was killed.
const LONGEST_WRITE: Duration = Duration::from_secs(3600);

/// How long a record is shown to people; a failure holds nobody back for that long.
const RECORD_SHOWN: Duration = Duration::from_secs(7 * 86_400);

/// How many records of a kind are kept: each name of a session is a key of its own, and a job may make up thousands. Of more,
/// those that a write looks at go first, whatever their age: they cost a try at AWS, at most.
const MOST_RECORDS: usize = 500;

/// What the names of failures end with.
pub(super) const FAILURES: &str = ".failed";

/// What the names of counts of calls end with.
pub(super) const CALLS: &str = ".calls";

/// Examines a few files and removes those that are obsolete; returns the others that were examined.
///
/// `written` is the record that was just written, which stays. What cannot be removed is tried again by a later write.
pub(super) fn sweep(folder: &StateFolder, written: &str, now: Timestamp) -> Vec<String> {
    let names = folder.names().unwrap_or_default();
    let records = [FAILURES, CALLS]
        .map(|kind| (kind, names.iter().filter(|name| name.ends_with(kind)).count() > MOST_RECORDS));
    let mut random = [0; 2];
    // Without a random number the sweep always starts at the same place, which is worse but does no harm.
    let _ = aws_lc_rs::rand::fill(&mut random);
    let start = usize::from(u16::from_be_bytes(random)) % names.len().max(1);
    let is_of_us = |name: &&String| *name != written && *name != "." && *name != "..";
    let mut left = Vec::new();
    for name in names.iter().cycle().skip(start).take(names.len()).filter(is_of_us).take(FILES_PER_SWEEP) {
        let is_older = |age| folder.modified(name).is_some_and(|written| written.plus(age) < now);
        let record = records.iter().find(|(kind, _)| name.ends_with(kind));
        let is_over = match record {
            _ if name.starts_with('.') => is_older(LONGEST_WRITE),
            Some((_, too_many)) => *too_many || is_older(RECORD_SHOWN),
            None => false,
        };
        if is_over {
            let _ = folder.remove(name);
        } else {
            left.push(name.clone());
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::state_folder::StateLocation;

    #[test]
    fn only_what_is_over_goes() {
        const HOUR: Duration = Duration::from_secs(3600);
        const DAY: Duration = Duration::from_secs(86_400);
        let temporary = tempfile::tempdir().unwrap();
        let folder = StateLocation::at(temporary.path().join("state")).open().unwrap();
        let now = Duration::from_secs(1_800_000_000);
        for (name, age) in [
            (".v1.x.killed", 2 * HOUR),
            (".v1.x.at-work", HOUR / 2),
            ("a.failed", 8 * DAY),
            ("b.failed", 6 * DAY),
            ("c.calls", 8 * DAY),
            ("d.calls", 6 * DAY),
            ("written.failed", 8 * DAY),
            ("session", 8 * DAY),
        ] {
            folder.replace(name, b"").unwrap();
            let file = std::fs::File::options().write(true).open(folder.path().join(name)).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + now - age).unwrap();
        }
        let mut left = sweep(&folder, "written.failed", Timestamp::from_unix_seconds(1_800_000_000));
        left.sort();
        assert_eq!(left, [".v1.x.at-work", "b.failed", "d.calls", "session"]);
        let mut names = folder.names().unwrap();
        names.retain(|name| name != "." && name != "..");
        names.sort();
        assert_eq!(names, [".v1.x.at-work", "b.failed", "d.calls", "session", "written.failed"]);
    }
}
