//! Why the AWS side cannot be written.

use crate::diagnostic::{Diagnostic, Fault};
use crate::text::quoted;

/// Why the AWS side cannot be written; nothing was printed.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// AWS would not take a certificate for a trust anchor.
    #[error("AWS would not take {source_name} for a trust anchor: {why}")]
    Anchor {
        /// The file, as a user writes it.
        source_name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The certificate does not end at the trust anchor.
    #[error("{certificate} is not issued below a CA of {anchor}")]
    Chain {
        /// The certificate's source, as a user writes it.
        certificate: String,
        /// The trust anchor's source.
        anchor: String,
        /// Where its chain ends: an issuer's name.
        issuer: String,
    },
    /// No session would meet the condition.
    #[error("no session would meet a condition on {key}: {why}")]
    Condition {
        /// The session tag: `x509Subject/CN`.
        key: String,
        /// Why not.
        why: String,
    },
    /// Something is missing or too much.
    #[error("anyrole setup {why}")]
    Flags {
        /// What.
        why: String,
        /// What to write.
        hint: &'static str,
    },
    /// IAM would not take the policy.
    #[error("IAM would not take the policy of {source_name}: {why}")]
    Policy {
        /// The file, as a user writes it.
        source_name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A flag's value is not what AWS takes.
    #[error("--{flag} cannot be {}: {why}", quoted(value))]
    Value {
        /// The flag, without its dashes.
        flag: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

impl SetupError {
    /// The ids of all variants.
    pub const IDS: &[&str] = &[
        "setup-chain",
        "setup-condition",
        "setup-flags",
        "setup-policy",
        "setup-trust-anchor",
        "setup-value",
    ];

    /// Refuses a flag's value.
    pub(super) fn value(flag: &'static str, value: &str, why: impl Into<String>) -> Self {
        Self::Value { flag, value: value.to_owned(), why: why.into() }
    }
}

impl Diagnostic for SetupError {
    fn id(&self) -> &'static str {
        match self {
            Self::Anchor { .. } => "setup-trust-anchor",
            Self::Chain { .. } => "setup-chain",
            Self::Condition { .. } => "setup-condition",
            Self::Flags { .. } => "setup-flags",
            Self::Policy { .. } => "setup-policy",
            Self::Value { .. } => "setup-value",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Anchor { .. } => {
                String::from("give the CA's own certificate, or both during its rotation, with --ca")
            }
            Self::Chain { issuer, .. } => {
                format!(
                    "add the certificate of {} to the file of --certificate, or give its root with --ca",
                    quoted(issuer)
                )
            }
            Self::Condition { .. } => String::from(
                "put the condition on another field with --condition, or have the certificate issued with letters, digits, blanks and _.:/=+-@ alone",
            ),
            Self::Flags { hint, .. } => (*hint).to_owned(),
            Self::Policy { .. } => String::from(
                "give an identity policy in JSON: {\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Action\": …, \"Resource\": …}]}",
            ),
            Self::Value { .. } => String::from("anyrole help setup shows what each flag takes"),
        })
    }
}
