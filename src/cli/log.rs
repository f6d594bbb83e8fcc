//! One line per failure of `credential-process`, for callers that do not show its standard error (Terraform, and every
//! Go SDK), and of long-running commands.
//!
//! It goes to the file of `--log-file`, or to systemd's journal if that is `journal`. A log that cannot be written
//! never makes a call fail; `--debug` shows why.

use std::path::{Path, PathBuf};

use super::Invocation;
use super::report;
use super::settings::Settings;
use crate::clock::{Clock as _, SystemClock};
use crate::diagnostic::Diagnostic;
use crate::trace;

/// The value that means the journal instead of a path.
const JOURNAL: &str = "journal";

/// A log file that reaches this many octets is renamed to `NAME.1`, replacing an earlier one.
const LONGEST_FILE: u64 = 1024 * 1024;

/// Where a command's failures are logged, and its name there.
pub(super) struct Log {
    target: Option<PathBuf>,
    title: String,
}

impl Log {
    /// Takes the target from the settings.
    pub(super) fn of(invocation: &Invocation<'_>) -> Self {
        let name = invocation.name().unwrap_or("(flags)");
        Self { target: target(invocation), title: format!("{} {name}", invocation.spec.name) }
    }

    /// Logs a failure, if the settings name a target.
    pub(super) fn failure(&self, error: &(dyn Diagnostic + Send)) {
        let Some(target) = &self.target else { return };
        let line = format!("{}: {}", self.title, report::one_line(error));
        if let Err(why) = write(target, &line, FAILED) {
            trace::step(|| format!("the failure was not logged: {why}"));
        }
    }
}

/// The priorities of syslog(3) that are used.
const FAILED: u8 = 3;
pub(super) const HAPPENED: u8 = 6;

/// Writes a line to a file or the journal.
pub(super) fn write(target: &Path, line: &str, priority: u8) -> Result<(), String> {
    if target == Path::new(JOURNAL) {
        return to_journal(line, priority);
    }
    let line = format!("{}{line}\n", prefix());
    crate::private_file::append(target, line.as_bytes(), LONGEST_FILE).map_err(|error| error.to_string())
}

/// Returns the prefix of each line in a file or stream: the time and the process.
pub(super) fn prefix() -> String {
    format!("{} anyrole[{}] ", SystemClock.now(), std::process::id())
}

/// Returns where the line goes. The config file itself may be what failed; then only the flag and the variable are
/// used.
pub(super) fn target(invocation: &Invocation<'_>) -> Option<PathBuf> {
    const NAME: &str = "log-file";
    let Invocation { typed, env, .. } = invocation;
    match Settings::unchecked(typed, env) {
        Ok(settings) => {
            let given = settings.given(NAME)?;
            if given.text() == JOURNAL { Some(JOURNAL.into()) } else { given.path(env).ok() }
        }
        Err(_) => {
            let flag = typed.flag(NAME).map(PathBuf::from);
            flag.or_else(|| env.os_var("ANYROLE_LOG_FILE").map(PathBuf::from))
        }
    }
}

/// Sends the line in the [native protocol]: one datagram of fields, one per line.
///
/// [native protocol]: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
#[cfg(unix)]
fn to_journal(line: &str, priority: u8) -> Result<(), String> {
    const SOCKET: &str = "/run/systemd/journal/socket";
    let fields = format!("PRIORITY={priority}\nSYSLOG_IDENTIFIER=anyrole\nMESSAGE={line}\n");
    let sent = std::os::unix::net::UnixDatagram::unbound().and_then(|socket| {
        // A journal that is busy must not delay the call.
        socket.set_nonblocking(true)?;
        socket.send_to(fields.as_bytes(), SOCKET)
    });
    sent.map(drop).map_err(|error| format!("{SOCKET}: {error}"))
}

#[cfg(not(unix))]
fn to_journal(_line: &str, _priority: u8) -> Result<(), String> {
    Err(String::from("there is no journal on this system"))
}
