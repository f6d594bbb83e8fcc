//! Every check between this host and a session, in the order in which a call meets them.
//!
//! A group of checks is a function that returns `Vec<Check>`; it writes nothing, and shows no secret. The groups are joined and told by
//! `cli/doctor.rs`. The first check that is [`Verdict::Bad`] is the cause of what does not work: what follows it may only be its consequence.

pub mod aws;
pub mod facts;
pub mod identity;
pub mod lengths;
pub mod network;
pub mod place;
pub mod secrets;

use serde::Serialize;

use crate::diagnostic::Diagnostic;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, and may fail or surprise later.
    Doubtful,
    /// It keeps a session, or a program that asks for one, from working; or it gives the private key or the session away.
    Bad,
    /// Nothing is known; the text says why.
    NotChecked,
}

/// One check, in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Lower-case words joined by hyphens; a part of the interface.
    pub id: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found, with its object; of one that was not checked, why not.
    pub text: String,
    /// One thing to do.
    pub hint: Option<String>,
}

impl Check {
    /// Returns a check that found nothing wrong.
    pub fn good(id: &'static str, text: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Good, text: text.into(), hint: None }
    }

    /// Returns a check that found what may fail or surprise later.
    pub fn doubtful(id: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Doubtful, text: text.into(), hint: Some(hint.into()) }
    }

    /// Returns a check that found why there is no session.
    pub fn bad(id: &'static str, text: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::Bad, text: text.into(), hint: Some(hint.into()) }
    }

    /// Returns a check that ended with an error: what it says with its causes, facts and id, in one line.
    pub fn failed(id: &'static str, error: &dyn Diagnostic) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let said = cause.to_string();
            if !text.ends_with(&said) {
                text.push_str(": ");
                text.push_str(&said);
            }
            source = cause.source();
        }
        for fact in error.facts() {
            text.push_str(&format!("; {}: {}", fact.name, fact.value));
        }
        text.push_str(&format!(" [{}]", error.id()));
        let hint = error
            .hint()
            .or_else(|| Some(format!("anyrole explain {} says what it means and what to do", error.id())));
        Self { id, verdict: Verdict::Bad, text, hint }
    }

    /// Returns the check as one that is doubtful at most: it need not keep anything from working.
    #[must_use]
    pub fn softened(self) -> Self {
        let verdict = if self.verdict == Verdict::Bad { Verdict::Doubtful } else { self.verdict };
        Self { verdict, ..self }
    }

    /// Returns a check that was not made, with the reason.
    pub fn not_checked(id: &'static str, why: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::NotChecked, text: why.into(), hint: None }
    }
}

/// Returns the cause: the first check that is bad.
pub fn cause(checks: &[Check]) -> Option<&Check> {
    checks.iter().find(|check| check.verdict == Verdict::Bad)
}
