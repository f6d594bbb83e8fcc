//! Why there is no usable answer from IAM.

use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::http::{NoAnswer, Response};
use crate::signing::SigningError;
use crate::sts::xml::Document;
use crate::text::{printable, shortened};

/// The ids of [`IamError`], beyond those of the errors that it wraps.
pub const IDS: &[&str] = &["iam-answer-malformed", "iam-refused"];

/// The longest code or message that is stored, in characters.
const LONGEST_TEXT: usize = 1000;

/// Why there is no usable answer from IAM.
#[derive(Debug, thiserror::Error)]
pub enum IamError {
    /// The answer is incomplete.
    #[error("the answer of IAM cannot be read: its {member} is missing or not as it should be")]
    Malformed {
        /// The element's name.
        member: &'static str,
    },
    /// There was no answer from the service.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// IAM refused.
    #[error("IAM refused {action} ({})", printable(code))]
    Refused {
        /// The operation.
        action: &'static str,
        /// AWS's error code.
        code: String,
        /// AWS's message.
        message: String,
        /// The id by which AWS can find the request.
        request_id: Option<String>,
    },
    /// The request could not be signed.
    #[error(transparent)]
    Signing(SigningError),
}

impl IamError {
    /// Tells whether IAM does not know the key: it is deleted, or of another account.
    pub fn is_no_such_key(&self) -> bool {
        match self {
            Self::Refused { code, .. } => code.starts_with("NoSuchEntity"),
            Self::Malformed { .. } | Self::NoAnswer(_) | Self::Signing(_) => false,
        }
    }
}

/// Parses an answer that is not a success.
pub(super) fn read(action: &'static str, answer: &Response) -> IamError {
    let error = Document::parse(answer.body()).and_then(|xml| xml.inside("Error"));
    let text = |member| -> Option<String> {
        error.and_then(|error| error.text(member)).map(|text| shortened(&text, LONGEST_TEXT))
    };
    let Some(code) = text("Code") else { return NoAnswer::of_proxy(answer).into() };
    IamError::Refused {
        action,
        code,
        message: text("Message").unwrap_or_default(),
        request_id: answer.request_id().map(str::to_owned),
    }
}

impl Diagnostic for IamError {
    fn id(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "iam-answer-malformed",
            Self::NoAnswer(error) => error.id(),
            Self::Refused { .. } => "iam-refused",
            Self::Signing(error) => error.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Malformed { .. } | Self::Refused { .. } => Fault::Refused,
            Self::NoAnswer(error) => error.fault(),
            Self::Signing(error) => error.fault(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Malformed { .. } | Self::Signing(_) => Vec::new(),
            Self::NoAnswer(error) => error.facts(),
            Self::Refused { message, request_id, .. } => {
                let says = (!message.is_empty()).then(|| Fact::new("AWS says", message.as_str()));
                let id = request_id.as_deref().map(|id| Fact::new("request id", id));
                says.into_iter().chain(id).collect()
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed { .. } => {
                Some(String::from("check --iam-endpoint and the proxy: this is not how AWS answers"))
            }
            Self::NoAnswer(error) => error.hint(),
            Self::Refused { code, .. } if code.starts_with("AccessDenied") => Some(String::from(
                "the operator needs iam:GetAccessKeyLastUsed, iam:UpdateAccessKey and iam:DeleteAccessKey on the key's user",
            )),
            Self::Refused { .. } => {
                Some(String::from("check whose credentials these are: aws sts get-caller-identity"))
            }
            Self::Signing(error) => error.hint(),
        }
    }
}
