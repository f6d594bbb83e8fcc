//! The standard output: the only file that writes there.

use std::io::{ErrorKind, Write};

use crate::diagnostic::{Diagnostic, Fault};

/// Why the standard output did not take what a command has to say.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// The reader went away: the end of a pipe was closed, which is its right.
    #[error("the reader of the standard output went away")]
    Closed,
    /// Anything else, a full disk for example.
    #[error("cannot write to the standard output")]
    Failed(#[source] std::io::Error),
}

impl OutputError {
    /// The ids of all variants.
    pub(crate) const IDS: &[&str] = &["output"];
}

impl Diagnostic for OutputError {
    fn id(&self) -> &'static str {
        "output"
    }

    fn fault(&self) -> Fault {
        Fault::Local
    }
}

/// Writes `bytes` in one piece and flushes them.
///
/// Nothing is buffered between two calls, so what a reader has seen is what was written.
pub(crate) fn write(bytes: &[u8]) -> Result<(), OutputError> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| {
        if error.kind() == ErrorKind::BrokenPipe { OutputError::Closed } else { OutputError::Failed(error) }
    })
}

/// Writes the answer of a command that was asked for JSON: `{"anyrole":1,"kind":…,"data":…}` and a line feed.
pub(crate) fn write_json(kind: &'static str, data: &impl serde::Serialize) -> Result<(), OutputError> {
    #[derive(serde::Serialize)]
    struct Envelope<'a, T> {
        /// The version of the envelope and of every `kind` in it: fields are added, never changed.
        anyrole: u8,
        kind: &'static str,
        data: &'a T,
    }
    let mut text = serde_json::to_vec(&Envelope { anyrole: 1, kind, data })
        .map_err(|error| OutputError::Failed(error.into()))?;
    text.push(b'\n');
    write(&text)
}
