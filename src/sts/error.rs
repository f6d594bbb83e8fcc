//! Why STS gave no answer that can be used.

use std::time::Duration;

use super::xml::Document;
use crate::clock::describe_seconds;
use crate::credentials::CredentialsError;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::http::{Response, TransportError};
use crate::signing::SigningError;
use crate::text::printable;

/// The ids of [`StsError`], beyond those of what it carries.
pub const IDS: &[&str] = &["deadline", "proxy-answered", "sts-answer-malformed", "sts-refused"];

/// The longest code or message that is kept, in characters.
const LONGEST_TEXT: usize = 1000;

/// Why STS gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum StsError {
    /// The credentials in the answer are not what AWS can have sent.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The deadline passed before anything was answered.
    #[error("no answer of STS within {}", describe_seconds(after.as_secs()))]
    Deadline {
        /// The time that was given.
        after: Duration,
    },
    /// The answer lacks something.
    #[error("the answer of STS cannot be read: its {member} is missing or not as it should be")]
    Malformed {
        /// The element's name.
        member: &'static str,
    },
    /// Something between this host and AWS answered.
    #[error("something other than AWS answered (HTTP {status})")]
    ProxyAnswered {
        /// The HTTP status.
        status: u16,
    },
    /// STS refused.
    #[error("STS refused {action} ({})", printable(code))]
    Refused {
        /// What was asked for.
        action: String,
        /// AWS's code.
        code: String,
        /// AWS's message.
        message: String,
        /// The id by which AWS finds the request.
        request_id: Option<String>,
    },
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

/// Reads an answer that is not a success.
pub(super) fn refusal(action: &str, answer: &Response) -> StsError {
    let error = Document::parse(answer.body()).and_then(|xml| xml.inside("Error"));
    let text = |member| -> Option<String> {
        error.and_then(|error| error.text(member)).map(|text| text.chars().take(LONGEST_TEXT).collect())
    };
    match text("Code") {
        None => StsError::ProxyAnswered { status: answer.status() },
        Some(code) => StsError::Refused {
            action: action.to_owned(),
            code,
            message: text("Message").unwrap_or_default(),
            request_id: answer.request_id().map(str::to_owned),
        },
    }
}

impl Diagnostic for StsError {
    fn id(&self) -> &'static str {
        match self {
            Self::Credentials(_) | Self::Malformed { .. } => "sts-answer-malformed",
            Self::Deadline { .. } => "deadline",
            Self::ProxyAnswered { .. } => "proxy-answered",
            Self::Refused { .. } => "sts-refused",
            Self::Signing(error) => error.id(),
            Self::Unreachable { source, .. } => source.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Credentials(_) | Self::Malformed { .. } | Self::Refused { .. } => Fault::Refused,
            Self::Deadline { .. } | Self::ProxyAnswered { .. } => Fault::Unreachable,
            Self::Signing(error) => error.fault(),
            Self::Unreachable { source, .. } => source.fault(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Refused { message, request_id, .. } => {
                let id = request_id.iter().map(|id| Fact::new("request id", id.as_str()));
                let says = (!message.is_empty()).then(|| Fact::new("AWS says", message.as_str()));
                says.into_iter().chain(id).collect()
            }
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
            Self::Refused { action, .. } if action == "AssumeRole" => {
                "the second role's trust policy must name the first role, and allow sts:SetSourceIdentity and sts:TagSession as well"
            }
            Self::Refused { code, .. } if code == "ExpiredToken" => {
                "the session is over: run the command again with --no-cache"
            }
            Self::Refused { .. } => "check that the region's STS endpoint is enabled in the account",
            Self::Credentials(_) | Self::Malformed { .. } => "check the proxy: this is not how AWS answers",
            Self::Deadline { .. } => "check the network, or give more time with --timeout",
            Self::ProxyAnswered { .. } => {
                "a proxy or a sign-in page stands between; set HTTPS_PROXY, or except the endpoint with NO_PROXY"
            }
            Self::Signing(error) => return error.hint(),
            Self::Unreachable { source, .. } => return source.hint(),
        };
        Some(String::from(hint))
    }
}
