//! Why an audit of policies is not whole.

use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::text::quoted;

/// The ids of this module's error; those of the rules are in [`super::RULES`].
pub const IDS: &[&str] = &["audit-no-policy"];

/// Files that were named could not be judged; the report was written, and has everything else.
#[derive(Debug, thiserror::Error)]
#[error("cannot judge {}: {reason}", if paths.len() == 1 { quoted(&paths[0]) } else { format!("{} of the files", paths.len()) })]
pub struct NotJudgedError {
    /// The files.
    pub paths: Vec<String>,
    /// Why, of the first.
    pub reason: String,
}

impl Diagnostic for NotJudgedError {
    fn id(&self) -> &'static str {
        "audit-no-policy"
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn facts(&self) -> Vec<Fact> {
        if self.paths.len() < 2 {
            return Vec::new();
        }
        self.paths.iter().map(|path| Fact::new("path", path)).collect()
    }

    fn hint(&self) -> Option<String> {
        Some(String::from(
            "everything else was judged; give JSON as the AWS CLI prints it, a CloudFormation template, Terraform's files or a plan as JSON",
        ))
    }
}
