//! What is wrong with a policy.

use serde::Serialize;

use super::document::Statement;
use super::node::shown;
use crate::audit::files::Severity;

/// One thing that is wrong, before it is known in which file.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) rule: &'static str,
    pub(super) severity: Severity,
    pub(super) line: usize,
    pub(super) statement: Option<(usize, Option<String>)>,
    pub(super) says: String,
    pub(super) cure: String,
}

impl Draft {
    pub(super) fn new(
        rule: &'static str,
        severity: Severity,
        line: usize,
        says: impl Into<String>,
        cure: impl Into<String>,
    ) -> Self {
        Self { rule, severity, line, statement: None, says: shown(&says.into()), cure: shown(&cure.into()) }
    }

    pub(super) fn of(mut self, statement: &Statement) -> Self {
        self.statement = Some((statement.number, statement.sid.as_deref().map(shown)));
        self
    }
}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's id, with a page by `anyrole explain`.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// The file; `-` for the standard input.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What has the policy: a logical id, a Terraform address, a role's name; `None` of a policy that stands alone.
    pub resource: Option<String>,
    /// The statement's number, from 1.
    pub statement: Option<usize>,
    /// Its Sid.
    pub sid: Option<String>,
    /// What is wrong.
    pub message: String,
    /// The smallest change that cures it.
    pub change: String,
}
