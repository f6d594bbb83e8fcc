//! `explain`: what the id of a refusal means, and what to do about it.

use std::fmt::Write as _;

use super::args::{Needs, Spec, Words};
use super::report::Failure;
use super::{Invocation, output};
use crate::diagnostic::{Diagnostic, Fault};
use crate::manual;
use crate::text::{nearest, quoted};

/// `anyrole explain`.
pub(super) const SPEC: Spec = Spec {
    name: "explain",
    about: "Explains what the id of an error means, and what to do.",
    words: Words::Optional("ID"),
    groups: &[],
    flags: &[],
    more: "\
The first line of an error ends with its id in brackets, such as [key-mismatch]:
  anyrole explain key-mismatch
Without an ID, all ids are listed. Where a program shows only \"exit status 1\", as Terraform does,
anyrole status has the reason, and anyrole doctor finds it.
",
    needs: Needs::Everything,
    run,
};

/// There is no such id.
#[derive(Debug, thiserror::Error)]
#[error("no error has the id {}", quoted(id))]
pub(super) struct ExplainError {
    id: String,
}

impl ExplainError {
    /// The ids of this error.
    pub(super) const IDS: &[&str] = &["unknown-refusal"];
}

impl Diagnostic for ExplainError {
    fn id(&self) -> &'static str {
        "unknown-refusal"
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        let known = manual::REFUSALS.iter().map(|(id, _)| *id);
        nearest(&self.id, known).map(|id| format!("the nearest id is {id}"))
    }
}

/// Returns every id with the heading of its page.
fn list() -> String {
    let mut text = String::new();
    for (id, page) in manual::REFUSALS {
        let heading = page.lines().next().unwrap_or_default().trim_start_matches("# ");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{id}\n    {heading}");
    }
    text
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let Some(word) = invocation.typed.words.first() else {
        return output::write(list().as_bytes()).map_err(Failure::output);
    };
    // An id may be pasted with its brackets.
    let id = word.trim_matches(['[', ']']);
    let page = manual::refusal(id).ok_or_else(|| ExplainError { id: id.to_owned() })?;
    output::write(page.as_bytes()).map_err(Failure::output)
}
