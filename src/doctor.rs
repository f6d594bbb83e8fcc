//! Every check between this host and a session, in the order in which a call meets them.
//!
//! A group of checks is a function that returns `Vec<Check>`; it writes nothing, and shows no secret. The groups are joined and told by
//! `cli/doctor.rs`. The first check that is [`Verdict::Bad`] is the cause of what does not work: what follows it may only be its consequence.

use serde::Serialize;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It works, and may fail or surprise later.
    Doubtful,
    /// It keeps a session, or a program that asks for one, from working.
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

    /// Returns a check that was not made, with the reason.
    pub fn not_checked(id: &'static str, why: impl Into<String>) -> Self {
        Self { id, verdict: Verdict::NotChecked, text: why.into(), hint: None }
    }
}

/// Returns the cause: the first check that is bad.
pub fn cause(checks: &[Check]) -> Option<&Check> {
    checks.iter().find(|check| check.verdict == Verdict::Bad)
}
