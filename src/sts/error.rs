//! Why STS gave no answer that can be used.

use std::time::Duration;

use super::StsRefusal;
use crate::clock::describe_seconds;
use crate::credentials::CredentialsError;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::http::Phase;
use crate::http::TransportError;
use crate::signing::SigningError;
use crate::text::quoted;

/// The ids of [`StsError`], beyond those of what it carries.
pub const IDS: &[&str] = &["deadline", "proxy-answered", "sts-answer-malformed", "sts-answer-other-role"];

/// Why STS gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum StsError {
    /// The credentials in the answer are not what AWS can have sent.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The deadline passed before anything was answered.
    #[error("no answer of STS within {}: {}", describe_seconds(after.as_secs()), phase.of(host))]
    Deadline {
        /// Who was asked.
        host: String,
        /// What was waited for.
        phase: Phase,
        /// The time that was given.
        after: Duration,
    },
    /// The answer lacks something.
    #[error("the answer of STS cannot be read: its {member} is missing or not as it should be")]
    Malformed {
        /// The element's name.
        member: &'static str,
    },
    /// The answer is about another role, or another session of it.
    #[error("the answer of STS is about another role")]
    OtherRole {
        /// The session that was asked for.
        asked: String,
        /// The session in the answer.
        granted: String,
    },
    /// Something between this host and AWS answered.
    #[error("something other than AWS answered (HTTP {status})")]
    ProxyAnswered {
        /// The HTTP status.
        status: u16,
    },
    /// STS refused.
    #[error(transparent)]
    Refused(Box<StsRefusal>),
    /// The request could not be signed.
    #[error(transparent)]
    Signing(SigningError),
    /// No attempt brought an answer.
    #[error("cannot reach STS at {endpoint}")]
    Unreachable {
        /// Where it was looked for.
        endpoint: String,
        /// Why the last attempt failed.
        source: TransportError,
    },
}

impl StsError {
    /// Tells whether the same request may succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Deadline { .. } | Self::ProxyAnswered { .. } | Self::Unreachable { .. } => true,
            Self::Refused(refusal) => refusal.is_transient(),
            Self::Credentials(_) | Self::Malformed { .. } | Self::OtherRole { .. } | Self::Signing(_) => {
                false
            }
        }
    }
}

impl Diagnostic for StsError {
    fn id(&self) -> &'static str {
        match self {
            Self::Credentials(_) | Self::Malformed { .. } => "sts-answer-malformed",
            Self::Deadline { .. } => "deadline",
            Self::OtherRole { .. } => "sts-answer-other-role",
            Self::ProxyAnswered { .. } => "proxy-answered",
            Self::Refused(refusal) => refusal.id(),
            Self::Signing(error) => error.id(),
            Self::Unreachable { source, .. } => source.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Credentials(_) | Self::Malformed { .. } | Self::OtherRole { .. } => Fault::Refused,
            Self::Deadline { .. } | Self::ProxyAnswered { .. } => Fault::Unreachable,
            Self::Refused(refusal) => refusal.fault(),
            Self::Signing(error) => error.fault(),
            Self::Unreachable { source, .. } => source.fault(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::OtherRole { asked, granted } => {
                vec![Fact::new("asked for", quoted(asked)), Fact::new("granted", quoted(granted))]
            }
            Self::Refused(refusal) => refusal.facts(),
            Self::Unreachable { source, .. } => source.facts(),
            Self::Credentials(_)
            | Self::Deadline { .. }
            | Self::Malformed { .. }
            | Self::ProxyAnswered { .. }
            | Self::Signing(_) => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Credentials(_) | Self::Malformed { .. } | Self::OtherRole { .. } => {
                "check --sts-endpoint and the proxy: this is not how AWS answers"
            }
            Self::Deadline { phase, .. } => phase.hint(),
            Self::ProxyAnswered { .. } => {
                "a proxy or a sign-in page stands between; set HTTPS_PROXY, or except the endpoint with NO_PROXY"
            }
            Self::Refused(refusal) => return refusal.hint(),
            Self::Signing(error) => return error.hint(),
            Self::Unreachable { source, .. } => return source.hint(),
        };
        Some(String::from(hint))
    }
}
