//! Why STS refuses, and its error messages.

use crate::simulator::trust_policy::TrustRefusal;
use crate::text::rfc3339;
use crate::verifier::Refusal;

/// Why STS refuses.
#[derive(Debug, thiserror::Error)]
pub(super) enum StsRefusal {
    #[error("The security token included in the request is expired")]
    Expired,
    #[error("Could not find operation {0} for version 2011-06-15")]
    InvalidAction(String),
    #[error("The security token included in the request is invalid.")]
    InvalidToken,
    #[error(
        "The requested DurationSeconds is greater than the remaining lifetime of the calling session, {remaining_seconds} seconds"
    )]
    LifetimeInsufficient { remaining_seconds: i64 },
    #[error("Request is missing Authentication Token")]
    NoAuthentication,
    #[error("{0}")]
    Parameter(&'static str),
    #[error("{0}")]
    PolicyMalformed(&'static str),
    #[error("{caller} is not authorized to perform: sts:AssumeRole on resource: {role}")]
    RoleUnknown { caller: String, role: String },
    #[error("User: {caller} is not authorized to perform: {action}")]
    ScopePoliciesTooMany { caller: String, action: &'static str },
    #[error(
        "User: {caller} is not authorized to perform: {action} because no session policy allows the {action} action"
    )]
    ScopePolicyDenies { caller: String, action: &'static str, number: usize },
    #[error(transparent)]
    Signature(Refusal),
    #[error("{caller} is not authorized to perform: sts:SetSourceIdentity on resource: {role}")]
    SourceIdentityChanged { caller: String, role: String },
    #[error("One or more of the specified session tags are already set as transitive tags: {key}")]
    TransitiveTag { key: String },
    #[error("{caller} is not authorized to perform: {} on resource: {role}", refusal.action().name())]
    TrustPolicy { caller: String, role: String, refusal: TrustRefusal },
}

impl StsRefusal {
    pub(super) const fn code(&self) -> &'static str {
        match self {
            Self::RoleUnknown { .. }
            | Self::ScopePoliciesTooMany { .. }
            | Self::ScopePolicyDenies { .. }
            | Self::SourceIdentityChanged { .. }
            | Self::TrustPolicy { .. } => "AccessDenied",
            Self::Expired => "ExpiredToken",
            Self::InvalidAction(_) => "InvalidAction",
            Self::InvalidToken => "InvalidClientTokenId",
            Self::LifetimeInsufficient { .. } => "InsufficientSessionLifetime",
            Self::NoAuthentication => "MissingAuthenticationToken",
            Self::Parameter(_) => "ValidationError",
            Self::PolicyMalformed(_) => "MalformedPolicyDocument",
            Self::TransitiveTag { .. } => "InvalidParameterValue",
            Self::Signature(
                Refusal::AuthorizationMalformed { .. }
                | Refusal::SignatureForm
                | Refusal::SignedHeadersForm { .. }
                | Refusal::HeaderMissing { .. }
                | Refusal::HeaderMalformed { .. },
            ) => "IncompleteSignature",
            Self::Signature(_) => "SignatureDoesNotMatch",
        }
    }

    /// Returns the HTTP status. Expired session tokens have been answered with 403 for years, despite the model's
    /// exception of that name, which is about web identity tokens.
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::Expired
            | Self::InvalidToken
            | Self::NoAuthentication
            | Self::RoleUnknown { .. }
            | Self::ScopePoliciesTooMany { .. }
            | Self::ScopePolicyDenies { .. }
            | Self::SourceIdentityChanged { .. }
            | Self::TrustPolicy { .. } => 403,
            Self::InvalidAction(_)
            | Self::LifetimeInsufficient { .. }
            | Self::Parameter(_)
            | Self::PolicyMalformed(_)
            | Self::TransitiveTag { .. } => 400,
            Self::Signature(_) => match self.code().as_bytes() {
                b"IncompleteSignature" => 400,
                _ => 403,
            },
        }
    }

    /// Returns the rule's stable name, for the journal.
    pub(super) fn rule(&self) -> String {
        let name = match self {
            Self::Signature(refusal) => return refusal.rule(),
            Self::Expired => "session-expired",
            Self::InvalidAction(_) => "action-unknown",
            Self::InvalidToken => "session-unknown",
            Self::NoAuthentication => "authorization-missing",
            Self::LifetimeInsufficient { .. } => "scope-lifetime",
            Self::Parameter(_) => "parameter-malformed",
            Self::PolicyMalformed(_) => "scope-policy-malformed",
            Self::RoleUnknown { .. } => "role-unknown",
            Self::ScopePoliciesTooMany { .. } => "scope-policies-too-many",
            Self::ScopePolicyDenies { .. } => "scope-policy-denies",
            Self::SourceIdentityChanged { .. } => "source-identity-changed",
            Self::TransitiveTag { .. } => "transitive-tag-overridden",
            Self::TrustPolicy { refusal, .. } => refusal.rule(),
        };
        name.to_owned()
    }

    /// Returns the details for the journal, beyond the message.
    pub(super) fn detail(&self) -> String {
        match self {
            Self::TrustPolicy { refusal, .. } => refusal.to_string(),
            Self::RoleUnknown { role, .. } => format!("there is no role {role}"),
            Self::SourceIdentityChanged { .. } => {
                "the caller's session has a source identity, and it cannot be changed".to_owned()
            }
            Self::ScopePoliciesTooMany { .. } => {
                "the session is narrowed by three policies already, which is the most".to_owned()
            }
            Self::ScopePolicyDenies { action, number, .. } => {
                format!("policy {number} of those that narrow the session does not allow {action}")
            }
            Self::Expired
            | Self::InvalidAction(_)
            | Self::InvalidToken
            | Self::LifetimeInsufficient { .. }
            | Self::NoAuthentication
            | Self::Parameter(_)
            | Self::PolicyMalformed(_)
            | Self::Signature(_)
            | Self::TransitiveTag { .. } => self.to_string(),
        }
    }

    /// Returns the message for the client.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Signature(Refusal::SignatureMismatch { .. }) => {
                "The request signature we calculated does not match the signature you provided. Check your AWS \
                 Secret Access Key and signing method. Consult the service documentation for details."
                    .to_owned()
            }
            Self::Signature(Refusal::ClockSkew { dated, now, .. }) if dated < now => {
                format!("Signature expired: {} is now earlier than {}", rfc3339(*dated), rfc3339(*now))
            }
            Self::Signature(Refusal::ClockSkew { dated, now, .. }) => {
                format!("Signature not yet current: {} is still later than {}", rfc3339(*dated), rfc3339(*now))
            }
            Self::Expired
            | Self::InvalidAction(_)
            | Self::InvalidToken
            | Self::LifetimeInsufficient { .. }
            | Self::NoAuthentication
            | Self::Parameter(_)
            | Self::PolicyMalformed(_)
            | Self::RoleUnknown { .. }
            | Self::ScopePoliciesTooMany { .. }
            | Self::ScopePolicyDenies { .. }
            | Self::Signature(_)
            | Self::SourceIdentityChanged { .. }
            | Self::TransitiveTag { .. }
            | Self::TrustPolicy { .. } => self.to_string(),
        }
    }
}
