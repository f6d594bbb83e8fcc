//! A line for each failure of `credential-process`, for callers that show none of its standard error: Terraform, and every Go SDK; and a
//! line for all that happens in a command that runs for long.
//!
//! It goes to the file of `--log-file`, or to systemd's journal where that says `journal`; of a command that runs for long else to the
//! standard error. A log that cannot be written never makes a call fail; `--debug` tells why.

use std::path::{Path, PathBuf};

use super::Invocation;
use super::report;
use super::settings::Settings;
use crate::clock::{Clock as _, SystemClock};
use crate::diagnostic::Diagnostic;
use crate::text::printable_line;
use crate::trace;

/// The word in place of a path that means the journal.
const JOURNAL: &str = "journal";

/// A log file that has grown to this many octets becomes `NAME.1`, in place of the one before.
const LONGEST_FILE: u64 = 1024 * 1024;

/// Writes the line of a failure, if the settings say where.
pub(super) fn failure(invocation: &Invocation<'_>, error: &(dyn Diagnostic + Send)) {
    let Some(target) = target(invocation) else { return };
    let name = invocation.name().unwrap_or("(flags)");
    let told = report::one_line(error);
    let line = format!("{} {name}: {told}", invocation.spec.name);
    if let Err(why) = write(&target, &line, FAILED) {
        trace::step(|| format!("the failure was not logged: {why}"));
    }
}

/// Writes a line to a file or the journal.
fn write(target: &Path, line: &str, priority: u8) -> Result<(), String> {
    if target == Path::new(JOURNAL) {
        return to_journal(line, priority);
    }
    let line = format!("{}{line}\n", prefix());
    crate::private_file::append(target, line.as_bytes(), LONGEST_FILE).map_err(|error| error.to_string())
}

/// What stands before each line of a file or a stream: when, and which process.
fn prefix() -> String {
    format!("{} anyrole[{}] ", SystemClock.now(), std::process::id())
}

/// The priorities of syslog(3) that occur.
const FAILED: u8 = 3;
const HAPPENED: u8 = 6;

/// The log of a command that runs for long.
pub(super) struct Log {
    /// Where it goes; `None` for the standard error.
    target: Option<PathBuf>,
    form: LogForm,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogForm {
    /// `what name=value …`
    Text,
    /// One object.
    Json,
}

impl Log {
    pub(super) fn of(invocation: &Invocation<'_>, form: LogForm) -> Self {
        Self { target: target(invocation), form }
    }

    /// Writes a line: what happened, and its facts, none of them a secret.
    pub(super) fn tell(&self, what: &str, facts: &[(&str, String)]) {
        let (line, priority) = match self.form {
            LogForm::Json => {
                let mut object = serde_json::Map::new();
                object.insert(String::from("time"), SystemClock.now().to_string().into());
                object.insert(String::from("event"), what.into());
                object.extend(facts.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())));
                (serde_json::Value::Object(object).to_string(), HAPPENED)
            }
            LogForm::Text => {
                let fact = |(name, value): &(&str, String)| format!(" {name}={}", quoted_if_needed(value));
                (format!("{what}{}", facts.iter().map(fact).collect::<String>()), HAPPENED)
            }
        };
        let written = match &self.target {
            Some(target) => write(target, &line, priority),
            None => Err(String::new()),
        };
        if let Err(why) = written {
            if !why.is_empty() {
                trace::step(|| format!("the log takes no line: {why}"));
            }
            // Nothing is lost in silence.
            match self.form {
                LogForm::Json => report::log(&format!("{line}\n")),
                LogForm::Text => report::log(&format!("{}{line}\n", prefix())),
            }
        }
    }
}

/// Puts a text in quotes where its end would not be seen otherwise.
fn quoted_if_needed(text: &str) -> String {
    let plain = |character: char| character.is_ascii_graphic() && !matches!(character, '"' | '\'' | '\\');
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", printable_line(text))
    }
}

/// Returns where the line goes. The config file itself may be what failed: then flag and variable alone are asked.
fn target(invocation: &Invocation<'_>) -> Option<PathBuf> {
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

/// Sends the line in the [native protocol]: one datagram of fields, each on a line of its own.
///
/// [native protocol]: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/
#[cfg(unix)]
fn to_journal(line: &str, priority: u8) -> Result<(), String> {
    const SOCKET: &str = "/run/systemd/journal/socket";
    let fields = format!("PRIORITY={priority}\nSYSLOG_IDENTIFIER=anyrole\nMESSAGE={line}\n");
    let sent = std::os::unix::net::UnixDatagram::unbound().and_then(|socket| {
        // A journal that does not take it at once must not hold the call up.
        socket.set_nonblocking(true)?;
        socket.send_to(fields.as_bytes(), SOCKET)
    });
    sent.map(drop).map_err(|error| format!("{SOCKET}: {error}"))
}

#[cfg(not(unix))]
fn to_journal(_line: &str, _priority: u8) -> Result<(), String> {
    Err(String::from("there is no journal on this system"))
}
