//! What was found in the policies of many files, in the form in which it is written.

use serde::Serialize;

use super::finding::Finding;
use crate::audit::files::Severity;

/// Which policies are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// What a principal may do.
    Permissions,
    /// Who may assume a role.
    Trust,
}

/// What could not be judged at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// The file or folder as it was named.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// A part that was not judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotJudged {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What has the policy.
    pub resource: Option<String>,
    /// Why.
    pub reason: String,
}

/// Whether a trust policy admits the certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Admitted {
    /// The file.
    pub path: String,
    /// The line of the policy, from 1.
    pub line: usize,
    /// What has the policy.
    pub resource: Option<String>,
    /// Whether the certificate gets the role; `None` where that depends on what is not known.
    pub admitted: Option<bool>,
    /// Why.
    pub reason: String,
    /// Which certificates get it, in words; one for each statement.
    pub admits: Vec<String>,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LookedAt {
    /// Files that hold a policy of the kind.
    pub files: usize,
    /// Policies of the kind.
    pub policies: usize,
    /// Their statements.
    pub statements: usize,
}

/// Everything that one run found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The version of the program.
    pub version: String,
    /// How much was looked at.
    pub looked_at: LookedAt,
    /// What was asked for, and could not be judged at all.
    pub could_not_look: Vec<Unread>,
    /// Parts that were not judged.
    pub not_judged: Vec<NotJudged>,
    /// Whether each trust policy of Roles Anywhere admits the certificate, where one was given.
    pub admissions: Vec<Admitted>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Tells whether there is a finding of at least that severity.
    pub fn has(&self, severity: Severity) -> bool {
        self.findings.iter().any(|finding| finding.severity >= severity)
    }
}
