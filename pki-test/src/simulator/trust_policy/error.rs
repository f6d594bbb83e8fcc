//! Why a trust policy does not allow something, and why a text is not one.

use std::fmt;

use super::address::AddressError;
use super::{DOCUMENT_LIMIT, SERVICE_PRINCIPAL, TrustAction};
use crate::text::shown;

/// Why a trust policy does not allow something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustRefusal {
    /// A statement denies it.
    #[error("the trust policy's {statement} denies {}", action.name())]
    Denied {
        /// The action.
        action: TrustAction,
        /// The statement's number and Sid.
        statement: String,
    },
    /// No statement allows it.
    #[error("the trust policy does not allow {}: {reason}", action.name())]
    NotAllowed {
        /// The action.
        action: TrustAction,
        /// What the closest statement lacks.
        reason: String,
    },
}

impl TrustRefusal {
    /// Returns the action that is not allowed.
    pub const fn action(&self) -> TrustAction {
        match self {
            Self::Denied { action, .. } | Self::NotAllowed { action, .. } => *action,
        }
    }

    /// Returns the rule's stable name.
    pub const fn rule(&self) -> &'static str {
        match self.action() {
            TrustAction::AssumeRole => "trust-policy/assume-role",
            TrustAction::SetSourceIdentity => "trust-policy/set-source-identity",
            TrustAction::TagSession => "trust-policy/tag-session",
        }
    }
}

/// Why a text is not a trust policy, or not one that can be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustPolicyError {
    /// There is no statement.
    #[error("the policy has no statement")]
    Empty,
    /// It is not JSON, or not that of a trust policy.
    #[error("it is no trust policy: {reason}")]
    Malformed {
        /// What is wrong, and where.
        reason: String,
    },
    /// A statement is invalid.
    #[error("in the trust policy, {statement}: {fault}")]
    Statement {
        /// The statement's number and Sid.
        statement: String,
        /// What is wrong.
        fault: Box<StatementFault>,
    },
    /// The document is longer than [`DOCUMENT_LIMIT`].
    #[error("the policy has more than {DOCUMENT_LIMIT} bytes")]
    TooLong,
    /// The version is not one of IAM's.
    #[error("the policy's version is neither 2012-10-17 nor 2008-10-17")]
    Version,
}

/// What is wrong with a statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementFault {
    /// It has both `Action` and `NotAction`, or neither.
    #[error("it has either Action or NotAction")]
    Action,
    /// The action belongs to another service, but a trust policy is about assuming a role.
    #[error(
        "'{action}' is no action of STS, and a trust policy has no others; what the role may do is said in its permissions policies"
    )]
    ActionForeign {
        /// The action.
        action: String,
    },
    /// STS has no such action.
    #[error("STS has no action '{action}'{}", Nearest(nearest))]
    ActionUnknown {
        /// The action.
        action: String,
        /// The closest known one.
        nearest: Option<String>,
    },
    /// The value of an operator for addresses is neither an address nor a range.
    #[error("{condition} cannot be compared with '{value}': {why}")]
    Address {
        /// Operator and key.
        condition: String,
        /// The value.
        value: String,
        /// Why not.
        why: AddressError,
    },
    /// There is no such condition key.
    #[error("there is no condition key '{key}'{}", Nearest(nearest))]
    KeyUnknown {
        /// The key.
        key: String,
        /// The closest known one.
        nearest: Option<String>,
    },
    /// IAM has the operator, but the simulator does not evaluate it.
    #[error("the simulator does not evaluate the condition operator '{operator}'")]
    OperatorNotEvaluated {
        /// Its name.
        operator: String,
    },
    /// There is no such operator.
    #[error("there is no condition operator '{operator}'{}", Nearest(nearest))]
    OperatorUnknown {
        /// Its name.
        operator: String,
        /// The closest known one.
        nearest: Option<String>,
    },
    /// The principals are a text other than `*`.
    #[error(
        "the principal is '{found}', and it is \"*\" or an object of AWS, Service, Federated and CanonicalUser"
    )]
    Principal {
        /// The text.
        found: String,
    },
    /// There is no such kind of principal.
    #[error("there is no kind of principal '{kind}'{}", Nearest(nearest))]
    PrincipalKindUnknown {
        /// The kind.
        kind: String,
        /// The closest known one.
        nearest: Option<String>,
    },
    /// There is no such service principal.
    #[error("no service principal '{service}' is known{}", NearestService(nearest))]
    ServiceUnknown {
        /// The service principal.
        service: String,
        /// The closest known one.
        nearest: Option<String>,
    },
}

/// Shows the known word closest to an unknown one.
struct Nearest<'a>(&'a Option<String>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(word) => write!(f, "; the nearest is '{}'", shown(word)),
            None => Ok(()),
        }
    }
}

/// Shows the known service principal closest to an unknown one; if there is none, the only one that ever calls here.
struct NearestService<'a>(&'a Option<String>);

impl fmt::Display for NearestService<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(_) => Nearest(self.0).fmt(f),
            None => write!(f, "; leave it out, here only '{SERVICE_PRINCIPAL}' assumes roles"),
        }
    }
}
