//! Why there is no usable answer from STS.

use super::StsRefusal;
use crate::credentials::CredentialsError;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::http::NoAnswer;
use crate::signing::SigningError;
use crate::text::quoted;

/// The ids of [`StsError`], beyond those of the errors that it wraps.
pub const IDS: &[&str] = &["sts-answer-malformed", "sts-answer-other-role"];

/// Why there is no usable answer from STS.
#[derive(Debug, thiserror::Error)]
pub enum StsError {
    /// AWS cannot have sent the credentials in the answer.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The answer is incomplete.
    #[error("the answer of STS cannot be read: its {member} is missing or not as it should be")]
    Malformed {
        /// The element's name.
        member: &'static str,
    },
    /// The answer is about another role, or another session of it.
    #[error("the answer of STS is about another role")]
    OtherRole {
        /// The requested session.
        asked: String,
        /// The session in the answer.
        granted: String,
    },
    /// There was no answer from the service.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// STS refused.
    #[error(transparent)]
    Refused(Box<StsRefusal>),
    /// The request could not be signed.
    #[error(transparent)]
    Signing(SigningError),
}

impl StsError {
    /// Returns whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Credentials(_) | Self::Malformed { .. } | Self::OtherRole { .. } | Self::Signing(_) => {
                false
            }
            Self::NoAnswer(error) => error.is_transient(),
            Self::Refused(refusal) => refusal.is_transient(),
        }
    }
}

impl Diagnostic for StsError {
    fn id(&self) -> &'static str {
        match self {
            Self::Credentials(_) | Self::Malformed { .. } => "sts-answer-malformed",
            Self::NoAnswer(error) => error.id(),
            Self::OtherRole { .. } => "sts-answer-other-role",
            Self::Refused(refusal) => refusal.id(),
            Self::Signing(error) => error.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Credentials(_) | Self::Malformed { .. } | Self::OtherRole { .. } => Fault::Refused,
            Self::NoAnswer(error) => error.fault(),
            Self::Refused(refusal) => refusal.fault(),
            Self::Signing(error) => error.fault(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Credentials(_) | Self::Malformed { .. } | Self::Signing(_) => Vec::new(),
            Self::NoAnswer(error) => error.facts(),
            Self::OtherRole { asked, granted } => {
                vec![Fact::new("asked for", quoted(asked)), Fact::new("granted", quoted(granted))]
            }
            Self::Refused(refusal) => refusal.facts(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Credentials(_) | Self::Malformed { .. } | Self::OtherRole { .. } => {
                Some(String::from("check --sts-endpoint and the proxy: this is not how AWS answers"))
            }
            Self::NoAnswer(error) => error.hint(),
            Self::Refused(refusal) => refusal.hint(),
            Self::Signing(error) => error.hint(),
        }
    }
}
