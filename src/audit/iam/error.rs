//! Why an account could not be looked at.

use std::path::PathBuf;

use super::commands::COMMANDS;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::private_file::{ReadError, WriteError, shell_word};
use crate::text::quoted;

/// The ids of this module: of its errors, and of its rules.
pub const IDS: &[&str] = &[
    "iam-file-malformed",
    "iam-answer-other",
    "iam-key-idle",
    "iam-key-inactive",
    "iam-key-never-used",
    "iam-key-not-known",
    "iam-key-old",
    "iam-key-on-host",
    "iam-key-other-account",
    "iam-keys-two",
    "iam-password-mfa",
    "iam-plan-exists",
    "iam-report-malformed",
    "iam-report-missing",
    "iam-role-unused",
    "iam-root-key",
    "iam-root-mfa",
    "iam-service-unused",
    "iam-user-unused",
];

/// Why an account could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum IamError {
    /// A file is not what a command prints.
    #[error("cannot read {}: {why}", quoted(&path.to_string_lossy()))]
    Answer {
        /// The file.
        path: PathBuf,
        /// Where and why.
        why: String,
    },
    /// A file holds no answer, or none of those that its flag is for.
    #[error("{} holds no answer of {wanted}", quoted(&path.to_string_lossy()))]
    OtherAnswer {
        /// The file.
        path: PathBuf,
        /// The command whose answer it was to be.
        wanted: &'static str,
        /// What it holds instead, where that is known.
        found: Option<&'static str>,
    },
    /// There is a plan already.
    #[error("{} has a plan already", quoted(&folder.to_string_lossy()))]
    PlanExists {
        /// The folder.
        folder: PathBuf,
    },
    /// The credential report is none.
    #[error("cannot read {} as a credential report: {why}", quoted(&path.to_string_lossy()))]
    Report {
        /// The file.
        path: PathBuf,
        /// Where and why.
        why: String,
    },
    /// No credential report was named.
    #[error("no credential report is named, and the audit of an account begins with one")]
    ReportMissing,
    /// A file was not read.
    #[error(transparent)]
    Unread(#[from] ReadError),
    /// A file was not written.
    #[error(transparent)]
    Unwritten(#[from] WriteError),
}

impl Diagnostic for IamError {
    fn id(&self) -> &'static str {
        match self {
            Self::Answer { .. } => "iam-file-malformed",
            Self::OtherAnswer { .. } => "iam-answer-other",
            Self::PlanExists { .. } => "iam-plan-exists",
            Self::Report { .. } => "iam-report-malformed",
            Self::ReportMissing => "iam-report-missing",
            Self::Unread(error) => error.id(),
            Self::Unwritten(error) => error.id(),
        }
    }

    /// Each of them ends the audit before it told anything: the exit status is 2, could not look.
    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::ReportMissing => {
                COMMANDS.iter().map(|(what, command)| Fact::new(*what, *command)).collect()
            }
            Self::OtherAnswer { found: Some(found), .. } => vec![Fact::new("it holds", *found)],
            Self::Unread(error) => error.facts(),
            Self::Unwritten(error) => error.facts(),
            Self::Answer { .. }
            | Self::OtherAnswer { found: None, .. }
            | Self::PlanExists { .. }
            | Self::Report { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Answer { .. } => {
                Some(String::from("run the command again with --output json, and read what it says"))
            }
            Self::OtherAnswer { .. } => {
                Some(String::from("run anyrole audit iam alone, which prints the command for each file"))
            }
            Self::PlanExists { folder } => Some(format!(
                "name another folder, or add --replace: {} is kept beside the new one, without effect, and approvals begin anew",
                shell_word(&folder.join("plan.toml"))
            )),
            Self::Report { .. } => Some(format!("write it again: {}", COMMANDS[0].1)),
            Self::ReportMissing => Some(String::from(
                "run these where the AWS CLI is signed in, with IAMReadOnlyAccess or SecurityAudit; then anyrole audit iam --report credential-report.csv",
            )),
            Self::Unread(error) => error.hint(),
            Self::Unwritten(error) => error.hint(),
        }
    }
}
