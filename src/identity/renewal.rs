//! A renewal under our feet: files that are being replaced just now are looked at again, for a short time.
//!
//! Careless programs truncate a file and write it anew, one file after the other. Whoever reads in between finds nothing, half a file,
//! or a certificate and a key of different days. That passes within milliseconds; what does not pass is the error.

use std::fs::Metadata;
use std::thread;
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::{IdentityError, Input};
use crate::clock::{Clock as _, SystemClock, Timestamp};

/// How long files are looked at again: much longer than writing takes, but for a disk that makes the writer wait.
const PATIENCE: Duration = Duration::from_millis(500);
/// The same where a file is absent: who misspelt a path should hardly notice.
const PATIENCE_WITH_ABSENT: Duration = Duration::from_millis(100);
/// How long ago a file must have been changed, for nobody to be at it any more: then what is wrong is told at once.
const SETTLED_AFTER: Duration = Duration::from_secs(10);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(1);

/// Tries until it succeeds, fails for a reason that no renewal explains, or nothing was gained by waiting.
///
/// Only files can change: an attempt that reads nothing else is made once, and so is one that reads a named pipe, which gives what it
/// holds once.
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

/// Returns how long to wait for the files among the inputs; `None` where none was changed lately or is absent, and where something else
/// is at a path.
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

/// Returns since when a file is as it is. Other than the time of its content, this one no program can set.
#[cfg(unix)]
fn changed_at(file: &Metadata) -> Timestamp {
    use std::os::unix::fs::MetadataExt as _;
    Timestamp::from_unix_seconds(file.ctime())
}

/// Returns since when a file's content is as it is.
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
