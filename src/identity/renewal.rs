//! A renewal in progress: files that are being replaced are read again for a short time.
//!
//! Careless programs truncate a file and rewrite it, one file after the other. A read in between finds nothing, half a
//! file, or a certificate and a key that do not match. That passes within milliseconds; what does not pass is the
//! error.

use std::fs::Metadata;
use std::thread;
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::{IdentityError, Input};
use crate::clock::{Clock as _, SystemClock, Timestamp};

/// How long to keep trying: much longer than writing takes, unless the disk makes the writer wait.
const PATIENCE: Duration = Duration::from_millis(500);
/// The same if a file is absent, so that a misspelt path costs no noticeable delay.
const PATIENCE_WITH_ABSENT: Duration = Duration::from_millis(100);
/// How long a file must have been unchanged to count as finished; an error is then reported at once.
const SETTLED_AFTER: Duration = Duration::from_secs(10);
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(1);

/// Tries until it succeeds, fails for a reason that no renewal explains, or runs out of time.
///
/// Only files can change: there is a single attempt if nothing else is read, or if a path is a named pipe, which
/// delivers its content once.
pub(super) fn settled<'a, T>(
    inputs: impl IntoIterator<Item = &'a Input>,
    mut attempt: impl FnMut() -> Result<T, IdentityError>,
) -> Result<T, IdentityError> {
    let error = match attempt() {
        Err(error) if error.may_pass() => error,
        outcome => return outcome,
    };
    let Some(patience) = patience(inputs) else { return Err(error) };
    let begun = Instant::now();
    loop {
        thread::sleep(PAUSE);
        match attempt() {
            Err(error) if error.may_pass() && begun.elapsed() < patience => {}
            outcome => return outcome,
        }
    }
}

/// Returns how long to keep trying for these inputs; `None` if no file is absent or was changed lately, or if a path is
/// not a regular file.
fn patience<'a>(inputs: impl IntoIterator<Item = &'a Input>) -> Option<Duration> {
    let now = SystemClock.now();
    let mut patience = None;
    for input in inputs {
        match input {
            Input::Path(path) => match path.metadata() {
                Ok(found) if found.is_dir() => {
                    let folder = Folder::list(path).ok()?;
                    if folder.metadata().any(|file| now.since(changed_at(file)) < SETTLED_AFTER) {
                        patience = patience.max(Some(PATIENCE));
                    }
                }
                Ok(found) if !found.is_file() => return None,
                Ok(found) if now.since(changed_at(&found)) < SETTLED_AFTER => {
                    patience = patience.max(Some(PATIENCE));
                }
                Ok(_) => {}
                Err(_) => patience = patience.max(Some(PATIENCE_WITH_ABSENT)),
            },
            Input::Descriptor(_)
            | Input::Pkcs11Uri(_)
            | Input::StandardInput
            | Input::TpmHandle(_)
            | Input::Variable(_) => {}
        }
    }
    patience
}

/// Returns when a file last changed in any way. Unlike the time of its content, no program can set this one.
#[cfg(unix)]
fn changed_at(file: &Metadata) -> Timestamp {
    use std::os::unix::fs::MetadataExt as _;
    Timestamp::from_unix_seconds(file.ctime())
}

/// Returns when a file's content last changed.
#[cfg(not(unix))]
fn changed_at(file: &Metadata) -> Timestamp {
    let since = file.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let seconds = since.and_then(|since| i64::try_from(since.as_secs()).ok());
    Timestamp::from_unix_seconds(seconds.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn absent() -> IdentityError {
        let why = String::from("there is no such file or folder");
        IdentityError::PrivateKeyUnreadable { source_name: String::from("'k'"), why, cure: None }
    }

    #[test]
    fn what_passes_is_waited_for() {
        let file = Input::file("/nonexistent/host.pem");
        let mut tries = 0;
        let outcome = settled([&file], || {
            tries += 1;
            if tries < 4 { Err(absent()) } else { Ok(tries) }
        });
        assert_eq!(outcome, Ok(4));
    }

    #[test]
    fn what_cannot_pass_is_told_at_once() {
        let file = Input::file("/nonexistent/host.pem");
        let device = Input::file("/dev/null");
        let wrong = IdentityError::PasswordWrong { source_name: String::from("'k'") };
        let cases =
            [(vec![&file], wrong), (vec![&Input::StandardInput], absent()), (vec![&file, &device], absent())];
        for (inputs, error) in cases {
            let mut tries = 0;
            let outcome: Result<(), _> = settled(inputs, || {
                tries += 1;
                Err(error.clone())
            });
            assert_eq!((outcome, tries), (Err(error), 1));
        }
    }

    #[test]
    fn patience_ends() {
        let fresh = tempfile::NamedTempFile::new().unwrap();
        let waited = |path: &Path| {
            let begun = Instant::now();
            settled([&Input::file(path)], || Err::<(), _>(absent())).unwrap_err();
            begun.elapsed()
        };
        assert!(waited(fresh.path()) >= PATIENCE);
        let absent = waited(Path::new("/nonexistent/host.pem"));
        assert!((PATIENCE_WITH_ABSENT..PATIENCE).contains(&absent), "{absent:?}");
    }

    #[test]
    #[cfg(unix)]
    fn nobody_waits_for_a_file_that_nobody_writes() {
        let mut tries = 0;
        let program = Input::file("/bin/sh");
        settled([&program], || {
            tries += 1;
            Err::<(), _>(absent())
        })
        .unwrap_err();
        assert_eq!(tries, 1);
    }
}
