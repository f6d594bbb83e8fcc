//! Why a trust policy does not let a caller act, and why a text is none.

use super::{DOCUMENT_LIMIT, TrustAction};

/// Why a trust policy does not let a caller act.
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
        /// What the nearest statement lacks.
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

/// Why a text is no trust policy, or none that can be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustPolicyError {
    /// A statement has both kinds of action or none.
    #[error("a statement has either Action or NotAction")]
    Action,
    /// There is no statement.
    #[error("the policy has no statement")]
    Empty,
    /// It is no JSON, or not that of a trust policy.
    #[error("it is no trust policy: {reason}")]
    Malformed {
        /// What is wrong, and where.
        reason: String,
    },
    /// IAM has the operator, and the simulator does not evaluate it.
    #[error("the simulator does not evaluate the condition operator '{operator}'")]
    OperatorNotEvaluated {
        /// Its name.
        operator: String,
    },
    /// There is no such operator.
    #[error("there is no condition operator '{operator}'")]
    OperatorUnknown {
        /// Its name.
        operator: String,
    },
    /// A principal is neither `*` nor a list by kind.
    #[error("a principal is \"*\" or an object of AWS, Service, Federated and CanonicalUser")]
    Principal,
    /// The document is longer than [`DOCUMENT_LIMIT`].
    #[error("the policy has more than {DOCUMENT_LIMIT} bytes")]
    TooLong,
    /// The version is not one of IAM's.
    #[error("the policy's version is neither 2012-10-17 nor 2008-10-17")]
    Version,
}
