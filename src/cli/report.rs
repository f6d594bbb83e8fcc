//! Failures, as lines on the standard error: the only file that writes there.
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
use std::io::Write as _;

use super::output::OutputError;
use crate::diagnostic::{Diagnostic, Fault};
use crate::text::{printable, printable_line};

/// How many lines `credential-process` writes at most: an SDK wraps them in a message of its own.
pub(super) const FEW_LINES: usize = 6;

/// How long a chain of causes may be; none in this program comes near.
const MAX_CAUSES: usize = 16;

/// Why a command ended without its result.
pub(crate) enum Failure {
    /// Something to be told.
    Told(Box<dyn Diagnostic + Send>),
    /// The reader of the standard output went away: nothing to tell, and no failure.
    NobodyReads,
    /// The command has told everything itself, and its answer is no.
    Negative,
}

impl<E: Diagnostic + Send + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Told(Box::new(error))
    }
}

impl Failure {
    /// Turns a failure to write into one of a command.
    pub(crate) fn output(error: OutputError) -> Self {
        match error {
            OutputError::Closed => Self::NobodyReads,
            failed @ OutputError::Failed(_) => Self::from(failed),
        }
    }
}

/// Writes the failure, if there is something to tell, and returns the exit status.
///
/// `lines` bounds what is written, or is `None` for everything.
pub(super) fn exit_status(outcome: Result<(), Failure>, lines: Option<usize>) -> u8 {
    match outcome {
        Ok(()) | Err(Failure::NobodyReads) => 0,
        Err(Failure::Negative) => 1,
        Err(Failure::Told(error)) => {
            // Where the standard error is closed, the exit status alone has to say it.
            let _ = std::io::stderr().lock().write_all(render(error.as_ref(), lines).as_bytes());
            match error.fault() {
                Fault::Usage => 2,
                Fault::Bug | Fault::Identity | Fault::Local | Fault::Refused | Fault::Unreachable => 1,
            }
        }
    }
}

/// Renders a failure; where `lines` does not hold all of it, the first and the last line stay and facts go first.
pub(crate) fn render(error: &dyn Diagnostic, lines: Option<usize>) -> String {
    let bug = if error.fault() == Fault::Bug { "this should not happen: " } else { "" };
    let mut text = format!("anyrole: error: {bug}{} [{}]\n", printable_line(&error.to_string()), error.id());
    let hint = match error.fault() {
        Fault::Bug => Some(String::from("report it with the output of anyrole inspect; it holds no secrets")),
        Fault::Identity | Fault::Local | Fault::Refused | Fault::Unreachable | Fault::Usage => error.hint(),
    };
    let room = lines.map_or(usize::MAX, |lines| lines - 1 - usize::from(hint.is_some()));
    let mut middle = causes(error);
    middle.extend(error.facts().iter().map(|fact| format!("{}: {}", fact.name, printable(&fact.value))));
    for line in middle.into_iter().take(room) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {line}");
    }
    if let Some(hint) = hint {
        let _ = writeln!(text, "anyrole: hint: {}", printable_line(&hint));
    }
    text
}

/// Returns a line for each source; one that only repeats the line above it is left out.
fn causes(error: &dyn Diagnostic) -> Vec<String> {
    let mut lines = Vec::new();
    let mut above = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source.filter(|_| lines.len() < MAX_CAUSES) {
        let said = cause.to_string();
        if !above.ends_with(&said) {
            lines.push(format!("caused by: {}", printable(&said)));
        }
        above = said;
        source = cause.source();
    }
    lines
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

    #[test]
    fn a_bug_says_so() {
        let text = render(&Outer(Inner, Fault::Bug), Some(FEW_LINES));
        assert!(text.starts_with("anyrole: error: this should not happen: "));
        assert!(text.ends_with("it holds no secrets\n"));
    }
}
