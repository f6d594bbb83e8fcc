//! Why there is no session.

use std::time::Duration;

use super::Refusal;
use crate::clock::describe_seconds;
use crate::credentials::CredentialsError;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::http::Phase;
use crate::http::TransportError;
use crate::signing::SigningError;

/// The ids of [`SessionError`] and [`AnswerError`], beyond those of what they carry.
pub const IDS: &[&str] =
    &["answer-expiration", "answer-malformed", "answer-other-role", "deadline", "proxy-answered"];

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The answer is a success that cannot be used.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The deadline passed before anything was answered.
    #[error("no session within {}: {}", describe_seconds(after.as_secs()), phase.of(host))]
    Deadline {
        /// Who was asked.
        host: String,
        /// What was waited for.
        phase: Phase,
        /// The time that was given.
        after: Duration,
    },
    /// Something between this host and AWS answered.
    #[error("something other than AWS answered (HTTP {status})")]
    ProxyAnswered {
        /// The HTTP status.
        status: u16,
        /// How it calls itself.
        server: Option<String>,
    },
    /// AWS refused.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The request could not be signed.
    #[error(transparent)]
    Signing(SigningError),
    /// No attempt brought an answer.
    #[error("cannot reach IAM Roles Anywhere at {endpoint}")]
    Unreachable {
        /// Where it was looked for.
        endpoint: String,
        /// How many requests were sent, or tried to be.
        attempts: u32,
        /// Why the last attempt failed.
        source: TransportError,
    },
}

/// Why a successful answer cannot be used. None of it is shown: it may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The credentials are not what AWS can have sent.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The credential set is empty.
    #[error("AWS granted a session without credentials")]
    Empty,
    /// Not the document that CreateSession answers with.
    #[error("the answer to CreateSession cannot be read: {why}")]
    Malformed {
        /// What is wrong with it, and where.
        why: String,
    },
    /// The credentials are those of another role.
    #[error("the answer holds no credentials for the role {asked}")]
    OtherRole {
        /// The role that was asked for.
        asked: String,
    },
}

impl SessionError {
    /// Tells whether the same request may succeed a little later, so that a valid older session should be kept and the next try not
    /// be far away.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Deadline { .. } | Self::ProxyAnswered { .. } => true,
            Self::Refused(refusal) => refusal.is_transient(),
            Self::Unreachable { source, .. } => source.is_transient(),
            // Cut off or not from AWS: the next one may be whole. What has other credentials than AWS gives, or another role, is no accident.
            Self::Answer(AnswerError::Empty | AnswerError::Malformed { .. }) => true,
            Self::Answer(AnswerError::Credentials(_) | AnswerError::OtherRole { .. }) | Self::Signing(_) => {
                false
            }
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
            Self::Deadline { .. } => "deadline",
            Self::ProxyAnswered { .. } => "proxy-answered",
            Self::Refused(refusal) => refusal.id(),
            Self::Signing(error) => error.id(),
            Self::Unreachable { source, .. } => source.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Answer(_) => Fault::Refused,
            Self::Deadline { .. } | Self::ProxyAnswered { .. } => Fault::Unreachable,
            Self::Refused(refusal) => refusal.fault(),
            Self::Signing(error) => error.fault(),
            Self::Unreachable { source, .. } => source.fault(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::ProxyAnswered { server: Some(server), .. } => vec![Fact::new("server", server.as_str())],
            Self::Refused(refusal) => refusal.facts(),
            Self::Unreachable { attempts, source, .. } => {
                let mut facts = source.facts();
                if *attempts > 1 {
                    facts.push(Fact::new("attempts", attempts.to_string()));
                }
                facts
            }
            Self::Answer(_)
            | Self::Deadline { .. }
            | Self::ProxyAnswered { server: None, .. }
            | Self::Signing(_) => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Answer(AnswerError::Credentials(CredentialsError::Expiration { .. })) => {
                "check this machine's clock"
            }
            Self::Answer(_) => "check --endpoint and the proxy: this is not how AWS answers",
            Self::Deadline { phase, .. } => phase.hint(),
            Self::ProxyAnswered { .. } => {
                "a proxy or a sign-in page stands between; set HTTPS_PROXY, or except the endpoint with NO_PROXY"
            }
            Self::Refused(refusal) => return refusal.hint(),
            Self::Signing(_) => {
                "anyrole inspect shows the certificate and the key, and makes a test signature"
            }
            Self::Unreachable { source, .. } => return source.hint(),
        };
        Some(String::from(hint))
    }
}
