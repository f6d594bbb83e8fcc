//! Why an audit did not begin. What stands in its way later is told in its report.

use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::private_file::ReadError;
use crate::text::quoted;

/// The ids of this module: of its errors, and of its rules.
pub const IDS: &[&str] = &[
    "audit-allow-list",
    "audit-no-report",
    "audit-path",
    "key-bedrock",
    "key-long-lived",
    "key-service",
    "key-temporary",
];

/// Why an audit did not begin, or is not whole.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A file was not read.
    #[error(transparent)]
    Unread(#[from] ReadError),
    /// A file is no report.
    #[error("cannot read {} as a report of anyrole audit files: {reason}", quoted(&path.to_string_lossy()))]
    NoReport {
        /// The file.
        path: PathBuf,
        /// Where or why.
        reason: String,
    },
    /// What was asked for was not looked at; the report was written, and has everything else.
    #[error("cannot look at {}: {reason}", if paths.len() == 1 { quoted(&paths[0]) } else { format!("{} of the paths", paths.len()) })]
    NotLooked {
        /// The first ones.
        paths: Vec<String>,
        /// Why, of the first.
        reason: String,
    },
}

impl Diagnostic for AuditError {
    fn id(&self) -> &'static str {
        match self {
            Self::Unread(error) => error.id(),
            Self::NoReport { .. } => "audit-no-report",
            Self::NotLooked { .. } => "audit-path",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Unread(error) => error.facts(),
            Self::NoReport { .. } => Vec::new(),
            Self::NotLooked { paths, .. } if paths.len() < 2 => Vec::new(),
            Self::NotLooked { paths, .. } => paths.iter().map(|path| Fact::new("path", path)).collect(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unread(error) => error.hint(),
            Self::NoReport { .. } => {
                Some(String::from("write one with anyrole audit files --json > report.json"))
            }
            Self::NotLooked { .. } => Some(String::from(
                "everything else was looked at; check the path and its owner, and run the audit as a user who may read it",
            )),
        }
    }
}
