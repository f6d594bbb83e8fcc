//! Standard output: the only file that writes to it.

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use super::style::Style;
use super::wrap;
use crate::diagnostic::{Diagnostic, Fault};
use crate::env::Environment;
use crate::private_file;

/// Why standard output did not accept a command's results.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutputError {
    /// The reader went away: the other end of a pipe was closed, which is not an error.
    #[error("the reader of the standard output went away")]
    Closed,
    /// Anything else, such as a full disk.
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

/// Returns whether a person sees what is written.
pub(super) fn is_seen() -> bool {
    std::io::stdout().is_terminal()
}

/// Writes `bytes` in one piece and flushes them.
///
/// Nothing is buffered between two calls, so what a reader has seen is what was written.
pub(crate) fn write(bytes: &[u8]) -> Result<(), OutputError> {
    let mut stdout = std::io::stdout().lock();
    let written = private_file::check_stream_limit(std::io::stdout(), bytes.len());
    written.and_then(|()| stdout.write_all(bytes)).and_then(|()| stdout.flush()).map_err(|error| {
        if error.kind() == ErrorKind::BrokenPipe { OutputError::Closed } else { OutputError::Failed(error) }
    })
}

/// Writes lines for a person: at a terminal within its width, otherwise unchanged.
pub(crate) fn write_lines(text: &str) -> Result<(), OutputError> {
    match wrap::terminal_columns(std::io::stdout()) {
        Some(columns) => write(wrap::fitted(text, columns).as_bytes()),
        None => write(text.as_bytes()),
    }
}

/// Decides whether what is written here is coloured.
pub(super) fn style(env: &Environment) -> Style {
    Style::of(env, is_seen())
}

/// Writes a help text, in colour where a person sees it.
pub(super) fn write_help(text: &str) -> Result<(), OutputError> {
    write(style(&Environment::process()).help(text).as_bytes())
}

/// Writes the answer of a command that was asked for JSON.
pub(crate) fn write_json(kind: &'static str, data: &impl serde::Serialize) -> Result<(), OutputError> {
    write(&envelope(kind, data).map_err(|error| OutputError::Failed(error.into()))?)
}

/// Renders the envelope of all JSON of this program: `{"anyrole":1,"kind":…,"data":…}` and a line feed.
pub(super) fn envelope(kind: &'static str, data: &impl serde::Serialize) -> serde_json::Result<Vec<u8>> {
    #[derive(serde::Serialize)]
    struct Envelope<'a, T> {
        /// The version of the envelope and of every `kind` in it: fields are added, never changed.
        anyrole: u8,
        kind: &'static str,
        data: &'a T,
    }
    let mut text = serde_json::to_vec(&Envelope { anyrole: 1, kind, data })?;
    text.push(b'\n');
    Ok(text)
}
