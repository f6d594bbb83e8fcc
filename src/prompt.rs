//! Asks for a password or PIN on the controlling terminal, never through the standard streams.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};

use crate::secret::Secret;
use crate::text::{printable, printable_line};

/// The longest answer, in bytes.
const LONGEST: u64 = 16 * 1024;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// There was a terminal, but reading from it failed or was ended.
    #[error("the question on the terminal was not answered")]
    NotAnswered,
    /// There is no controlling terminal: a service, a container, a scheduled job.
    #[error("there is no terminal to ask on")]
    NoTerminal,
}

/// Asks a question on the controlling terminal and returns the answer, which is not echoed.
///
/// The question is shown without control characters, followed by a colon and a blank. Neither standard input nor
/// standard output is used, so a caller that reads credentials from a pipe sees nothing of it.
///
/// # Errors
///
/// Fails if there is no terminal, or if nothing was answered.
pub fn ask_secret(question: &str) -> Result<Secret<String>, PromptError> {
    if !terminal_exists() {
        return Err(PromptError::NoTerminal);
    }
    rpassword::prompt_password(format!("{}: ", printable(question)))
        .map(Secret::new)
        .map_err(|_| PromptError::NotAnswered)
}

/// Asks a question on the controlling terminal and returns the answer, without surrounding blanks; it is echoed.
///
/// # Errors
///
/// Fails if there is no terminal, or if nothing was answered.
pub fn ask(question: &str) -> Result<String, PromptError> {
    let (input, mut output) = terminal().ok_or(PromptError::NoTerminal)?;
    let asked =
        output.write_all(format!("{}: ", printable(question)).as_bytes()).and_then(|()| output.flush());
    asked.map_err(|_| PromptError::NotAnswered)?;
    let mut answer = String::new();
    match BufReader::new(input).take(LONGEST).read_line(&mut answer) {
        Ok(0) | Err(_) => Err(PromptError::NotAnswered),
        Ok(_) => Ok(answer.trim().to_owned()),
    }
}

/// Says something on the controlling terminal, without a control character in it; where there is none, nobody is there to be told.
pub fn tell(text: &str) {
    if let Some((_, mut output)) = terminal() {
        let _ = output.write_all(format!("{}\n", printable_line(text)).as_bytes());
    }
}

/// Opens the controlling terminal, to read and to write.
#[cfg(unix)]
fn terminal() -> Option<(File, File)> {
    use rustix::fs::{Mode, OFlags};
    let open =
        || rustix::fs::open("/dev/tty", OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty());
    Some((open().ok()?.into(), open().ok()?.into()))
}

#[cfg(not(unix))]
fn terminal() -> Option<(File, File)> {
    Some((File::open("CONIN$").ok()?, File::options().write(true).open("CONOUT$").ok()?))
}

/// Tells whether there is a terminal to ask on.
#[cfg(unix)]
pub fn terminal_exists() -> bool {
    use rustix::fs::{Mode, OFlags};
    // Opening it is the test: the device node exists even if this process has no terminal.
    rustix::fs::open("/dev/tty", OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty()).is_ok()
}

/// Tells whether there is a terminal to ask on.
#[cfg(not(unix))]
pub fn terminal_exists() -> bool {
    File::open("CONIN$").is_ok()
}
