//! Failures, as lines on standard error: the only file that writes to it.
//!
//! ```text
//! anyrole: error: what failed, with its object [id]
//!   caused by: each source of the error, outermost first
//!   name: each fact
//! anyrole: hint: one thing to do
//! ```
//!
//! The exit status follows from whose fault it is: 2 for the command line and the configuration, else 1.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use super::output::{self, OutputError};
use super::style::Style;
use super::wrap;
use crate::clock::{Clock as _, SystemClock};
use crate::diagnostic::{AnyDiagnostic, Diagnostic, Fault, causes};
use crate::env::Environment;
use crate::private_file;
use crate::text::printable_line;

/// The most lines that `credential-process` writes: an SDK wraps them in its own message.
const FEW_LINES: usize = 6;

/// The form in which a failure is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In at most [`FEW_LINES`].
    FewLines,
    /// As one line of JSON, if the command was asked for JSON.
    Json,
    /// Completely.
    Whole,
}

/// Why a command failed.
pub(crate) enum Failure {
    /// A failure to report.
    Told(Box<dyn Diagnostic + Send>),
    /// The reader of standard output went away: nothing to report, and not a failure.
    NobodyReads,
    /// The command has reported everything itself, and its answer is negative.
    Negative,
    /// A command of another program ended with this exit status, which becomes ours.
    Status(u8),
}

impl<E: Diagnostic + Send + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Told(Box::new(error))
    }
}

impl From<AnyDiagnostic> for Failure {
    fn from(AnyDiagnostic(error): AnyDiagnostic) -> Self {
        Self::Told(error)
    }
}

impl Failure {
    /// Renders it in one line, for a log.
    pub(super) fn one_line(&self) -> String {
        match self {
            Self::Told(error) => one_line(error.as_ref()),
            Self::NobodyReads | Self::Negative | Self::Status(_) => String::new(),
        }
    }

    /// Describes what failed, without causes, facts and hint.
    pub(super) fn first_line(&self) -> String {
        match self {
            Self::Told(error) => error.to_string(),
            Self::NobodyReads | Self::Negative | Self::Status(_) => String::new(),
        }
    }

    /// Converts an error of standard output to a failure of a command.
    pub(crate) fn output(error: OutputError) -> Self {
        match error {
            OutputError::Closed => Self::NobodyReads,
            failed @ OutputError::Failed(_) => Self::from(failed),
        }
    }
}

/// Reports the failure, if there is something to report, and returns the exit status.
pub(super) fn exit_status(outcome: Result<(), Failure>, form: Form) -> u8 {
    match outcome {
        Ok(()) | Err(Failure::NobodyReads) => 0,
        Err(Failure::Negative) => 1,
        Err(Failure::Status(status)) => status,
        Err(Failure::Told(error)) => {
            let text = match form {
                Form::FewLines => shown(error.as_ref(), Some(FEW_LINES)).into_bytes(),
                Form::Json => json(error.as_ref()),
                Form::Whole => shown(error.as_ref(), None).into_bytes(),
            };
            say(&text);
            match error.fault() {
                Fault::Usage => 2,
                Fault::Bug | Fault::Identity | Fault::Local | Fault::Refused | Fault::Unreachable => 1,
            }
        }
    }
}

/// Renders a failure as [`render`] does, within the width of a terminal.
fn shown(error: &dyn Diagnostic, lines: Option<usize>) -> String {
    let text = render(error, lines);
    let style = Style::of(&Environment::process(), std::io::stderr().is_terminal());
    style.error(&match wrap::terminal_columns(std::io::stderr()) {
        Some(columns) => wrap::fitted(&text, columns),
        None => text,
    })
}

/// A failure as JSON.
#[derive(serde::Serialize)]
struct Document {
    id: &'static str,
    message: String,
    causes: Vec<String>,
    facts: Vec<(String, String)>,
    hint: Option<String>,
}

/// Renders a failure as one line of JSON for standard error, in the same envelope as all JSON.
fn json(error: &dyn Diagnostic) -> Vec<u8> {
    let fact = |fact: crate::diagnostic::Fact| (fact.name.into_owned(), printable_line(&fact.value));
    let document = Document {
        id: error.id(),
        message: printable_line(&error.to_string()),
        causes: causes(error),
        facts: error.facts().into_iter().map(fact).collect(),
        hint: error.hint().map(|hint| printable_line(&hint)),
    };
    // Serialising a struct of texts cannot fail.
    output::envelope("error", &document).unwrap_or_default()
}

/// Reports a failure that does not determine the exit status.
pub(super) fn tell(error: &dyn Diagnostic) {
    say(shown(error, None).as_bytes());
}

/// Writes to standard error. If it is closed or full, nobody reads it, and only the exit status remains.
fn say(bytes: &[u8]) {
    let _ = private_file::check_stream_limit(std::io::stderr(), bytes.len())
        .and_then(|()| std::io::stderr().lock().write_all(bytes));
}

/// Shows a remark to a person at a terminal.
pub(super) fn remark(text: &str) {
    say(format!("anyrole: {text}\n").as_bytes());
}

/// Tells whether a person sees what is written.
pub(super) fn is_seen() -> bool {
    std::io::stderr().is_terminal()
}

/// Writes how far a command has come, in place of what it wrote so before; an empty text takes the line away.
pub(super) fn progress(text: &str) {
    let columns = wrap::terminal_columns(std::io::stderr()).unwrap_or(wrap::COLUMNS);
    let text: String = text.chars().take(columns.saturating_sub(1)).collect();
    say(format!("\r\x1b[K{text}").as_bytes());
}

/// Writes a line of what a long-running command does, with the time in UTC.
pub(super) fn log(command: &str, text: &str) {
    say(format!("{} anyrole: {command}: {}\n", SystemClock.now(), printable_line(text)).as_bytes());
}

/// Reports a step with `--debug`.
pub(super) fn step(elapsed: Duration, text: &str) {
    let milliseconds = elapsed.as_secs_f64() * 1e3;
    let line = format!("anyrole: debug: {milliseconds:8.1} ms  {}\n", printable_line(text));
    say(line.as_bytes());
}

/// Writes a line of a server's log unchanged.
pub(super) fn log_line(line: &str) {
    say(line.as_bytes());
}

/// Describes a failure in one line: what, its causes, its facts, and what to do.
pub(super) fn one_line(error: &dyn Diagnostic) -> String {
    let lines = render(error, None);
    let lines: Vec<&str> = lines.lines().map(|line| line.trim_start_matches("anyrole: ").trim()).collect();
    lines.join("; ")
}

/// Runs the program's work so that a panic, a bug, is reported in one line of ours and ends with exit status 1.
///
/// The panic's message is shown only if it is a literal in the source: one built at run time may contain a secret. Of
/// its location only the file name and line are shown, because the path is that of the build machine.
pub(super) fn guard(work: impl FnOnce() -> u8) -> u8 {
    std::panic::set_hook(Box::new(|panic| {
        let said = panic.payload().downcast_ref::<&'static str>().copied();
        let backtrace = std::backtrace::Backtrace::capture();
        let mut text = panic_line(said, panic.location());
        if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
            let _ = write!(text, "{backtrace}");
        }
        say(text.as_bytes());
    }));
    // Nothing of the work is used after a panic, so the state it left does not matter.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(1)
}

fn panic_line(said: Option<&str>, place: Option<&std::panic::Location<'_>>) -> String {
    let said = said.map(|said| format!(": {}", printable_line(said))).unwrap_or_default();
    let place = place.map(|place| {
        let file = place.file().rsplit(['/', '\\']).next().unwrap_or_default();
        format!(" at {file}:{}", place.line())
    });
    format!(
        "anyrole: error: this should not happen: the program stopped itself{}{said} [panic]; report it with what you \
         ran and the output of anyrole version\n",
        place.unwrap_or_default()
    )
}

/// Renders a failure; if it exceeds `lines`, the first and the last line stay and facts are dropped first.
pub(crate) fn render(error: &dyn Diagnostic, lines: Option<usize>) -> String {
    let bug = if error.fault() == Fault::Bug { "this should not happen: " } else { "" };
    let mut text = format!("anyrole: error: {bug}{} [{}]\n", printable_line(&error.to_string()), error.id());
    let hint = match error.fault() {
        Fault::Bug => Some(String::from("report it with the output of anyrole inspect; it holds no secrets")),
        Fault::Identity | Fault::Local | Fault::Refused | Fault::Unreachable | Fault::Usage => error.hint(),
    };
    let room = lines.map_or(usize::MAX, |lines| lines - 1 - usize::from(hint.is_some()));
    let mut middle: Vec<String> =
        causes(error).into_iter().map(|cause| format!("caused by: {cause}")).collect();
    middle.extend(error.facts().iter().map(|fact| format!("{}: {}", fact.name, printable_line(&fact.value))));
    for line in middle.into_iter().take(room) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {line}");
    }
    if let Some(hint) = hint {
        let _ = writeln!(text, "anyrole: hint: {}", printable_line(&hint));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Fact;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open \u{1b}[31m'x'")]
    struct Outer(#[source] Inner, Fault);

    #[derive(Debug, thiserror::Error)]
    #[error("the disk is\nfull")]
    struct Inner;

    impl Diagnostic for Outer {
        fn id(&self) -> &'static str {
            "outer"
        }
        fn fault(&self) -> Fault {
            self.1
        }
        fn facts(&self) -> Vec<Fact> {
            (0..9).map(|number| Fact::new("fact", number.to_string())).collect()
        }
        fn hint(&self) -> Option<String> {
            Some(String::from("make room"))
        }
    }

    #[test]
    fn six_lines_hold_the_head_the_cause_and_the_hint() {
        let text = render(&Outer(Inner, Fault::Local), Some(FEW_LINES));
        assert_eq!(
            text,
            "anyrole: error: cannot open \\u{1b}[31m'x' [outer]\n  caused by: the disk is\\u{a}full\n  fact: 0\n  \
             fact: 1\n  fact: 2\nanyrole: hint: make room\n"
        );
        assert_eq!(render(&Outer(Inner, Fault::Local), None).lines().count(), 12);
    }

    /// Runs itself again as the process that panics, because the line is written to the real standard error.
    #[test]
    fn a_panic_is_one_line_without_what_was_made_while_running_and_without_a_path() {
        const PANIC: &str = "ANYROLE_TEST_PANIC";
        let env = Environment::process();
        if let Some(kind) = env.os_var(PANIC) {
            let status = guard(|| match kind.to_str() {
                Some("literal") => panic!("the index is empty"),
                _ => panic!("{}", kind.display()),
            });
            assert_eq!(status, 1);
            return;
        }
        let run = |kind: &str| {
            let name = "cli::report::tests::a_panic_is_one_line_without_what_was_made_while_running_and_without_a_path";
            let mut child = std::process::Command::new(std::env::current_exe().expect("a path"));
            child.args(["--exact", name, "--nocapture"]).env(PANIC, kind).env_remove("RUST_BACKTRACE");
            let output = child.output().expect("it starts");
            assert!(output.status.success());
            String::from_utf8(output.stderr).expect("text")
        };
        let told = run("wJalrXUtnFEMI");
        assert!(!told.contains("wJalr"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(
            told.starts_with(
                "anyrole: error: this should not happen: the program stopped itself at report.rs:"
            ),
            "{told}"
        );
        assert!(run("literal").contains(": the index is empty [panic]; report it"));
    }

    #[test]
    fn a_bug_says_so() {
        let text = render(&Outer(Inner, Fault::Bug), Some(FEW_LINES));
        assert!(text.starts_with("anyrole: error: this should not happen: "));
        assert!(text.ends_with("it holds no secrets\n"));
    }
}
