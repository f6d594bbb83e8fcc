//! Why there is no session.

use super::Refusal;
use crate::credentials::CredentialsError;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::http::NoAnswer;
use crate::signing::SigningError;

/// The ids of [`SessionError`] and [`AnswerError`], beyond those of the errors that they wrap.
pub const IDS: &[&str] = &["answer-expiration", "answer-malformed", "answer-other-role"];

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The answer is a success that cannot be used.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// There was no answer from the service.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// AWS refused.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The request could not be signed.
    #[error(transparent)]
    Signing(SigningError),
}

/// Why a successful answer cannot be used. None of it is shown: it may contain secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The credentials cannot be what AWS sent.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The credential set is empty.
    #[error("AWS granted a session without credentials")]
    Empty,
    /// Not the document that CreateSession returns.
    #[error("the answer to CreateSession cannot be read: {why}")]
    Malformed {
        /// What is wrong with it, and where.
        why: String,
    },
    /// The credentials are for another role.
    #[error("the answer holds no credentials for the role {asked}")]
    OtherRole {
        /// The role that was asked for.
        asked: String,
    },
}

impl SessionError {
    /// Returns whether the same request may succeed a little later: a valid older session should then be kept, and the
    /// next try be soon.
    pub const fn is_transient(&self) -> bool {
        match self {
            // Cut off, or not from AWS: the next answer may be complete. Credentials that AWS cannot have sent, or of
            // another role, are no accident.
            Self::Answer(AnswerError::Empty | AnswerError::Malformed { .. }) => true,
            Self::Answer(AnswerError::Credentials(_) | AnswerError::OtherRole { .. }) | Self::Signing(_) => {
                false
            }
            Self::NoAnswer(error) => error.is_transient(),
            Self::Refused(refusal) => refusal.is_transient(),
        }
    }
}

impl Diagnostic for SessionError {
    fn id(&self) -> &'static str {
        match self {
            Self::Answer(AnswerError::Credentials(CredentialsError::Expiration { .. })) => {
                "answer-expiration"
            }
            Self::Answer(AnswerError::OtherRole { .. }) => "answer-other-role",
            Self::Answer(
                AnswerError::Credentials(CredentialsError::Unsafe { .. })
                | AnswerError::Empty
                | AnswerError::Malformed { .. },
            ) => "answer-malformed",
            Self::NoAnswer(error) => error.id(),
            Self::Refused(refusal) => refusal.id(),
            Self::Signing(error) => error.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Answer(_) => Fault::Refused,
            Self::NoAnswer(error) => error.fault(),
            Self::Refused(refusal) => refusal.fault(),
            Self::Signing(error) => error.fault(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Answer(_) => Vec::new(),
            Self::NoAnswer(error) => error.facts(),
            Self::Refused(refusal) => refusal.facts(),
            Self::Signing(error) => error.facts(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Answer(AnswerError::Credentials(CredentialsError::Expiration { .. })) => {
                "check this machine's clock"
            }
            Self::Answer(_) => "check --endpoint and the proxy: this is not how AWS answers",
            Self::NoAnswer(error) => return error.hint(),
            Self::Refused(refusal) => return refusal.hint(),
            Self::Signing(error) => return error.hint(),
        };
        Some(String::from(hint))
    }
}
