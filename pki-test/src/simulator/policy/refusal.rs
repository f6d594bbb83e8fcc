//! The rules of profiles, roles and STS that a verified request can break.

use crate::simulator::attributes::{TAGS_LIMIT, UnmappedAttributes};
use crate::simulator::trust_policy::TrustRefusal;
use crate::verifier::Denial;

/// A rule of profiles and roles that a request breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefusal {
    /// The session would outlast the role's maximum.
    #[error("the session would last {requested_seconds} s, and the role {role} allows {allowed_seconds} s")]
    DurationTooLong {
        /// The role's ARN.
        role: String,
        /// The duration that profile and request lead to, in seconds.
        requested_seconds: u64,
        /// The role's maximum, in seconds.
        allowed_seconds: u64,
    },
    /// The profile has trusted identity propagation, and the certificate lacks the field that names its subject.
    #[error(
        "the profile takes the origin identity from {field}, and the certificate has no value there{}",
        because(unmapped)
    )]
    OriginIdentityMissing {
        /// `x509Subject/CN` or `x509SAN/URI`.
        field: &'static str,
        /// What no session tag can carry, the field perhaps among it.
        unmapped: UnmappedAttributes,
    },
    /// The profile has trusted identity propagation from a field that it does not map.
    #[error(
        "the profile takes the origin identity from {field}, and its attribute mappings have no rule for that field"
    )]
    OriginIdentityNotMapped {
        /// `x509Subject/CN` or `x509SAN/URI`.
        field: &'static str,
    },
    /// The profile is of another account than the trust anchor.
    #[error("the profile is in account '{found}', and the trust anchor in {expected}")]
    ProfileAccount {
        /// The profile's account.
        found: String,
        /// The trust anchor's account.
        expected: String,
    },
    /// The profile is disabled.
    #[error("the profile {arn} is disabled")]
    ProfileDisabled {
        /// The ARN as sent.
        arn: String,
    },
    /// The profile lists no roles.
    #[error("the profile {arn} lists no roles")]
    ProfileEmpty {
        /// The ARN as sent.
        arn: String,
    },
    /// The profile is of another region than the trust anchor.
    #[error("the profile is in region '{found}', and the trust anchor in {expected}")]
    ProfileRegion {
        /// The profile's region.
        found: String,
        /// The trust anchor's region.
        expected: String,
    },
    /// There is no such profile.
    #[error("there is no profile {arn}")]
    ProfileUnknown {
        /// The ARN as sent.
        arn: String,
    },
    /// The role is of another account than the trust anchor.
    #[error("the role is in account '{found}', and the trust anchor in {expected}")]
    RoleAccount {
        /// The role's account.
        found: String,
        /// The trust anchor's account.
        expected: String,
    },
    /// The profile does not list the role.
    #[error("the role {role} is not one of the profile's {listed}")]
    RoleNotInProfile {
        /// The ARN as sent.
        role: String,
        /// How many roles the profile lists.
        listed: usize,
    },
    /// The role does not exist.
    #[error("there is no role {role}")]
    RoleUnknown {
        /// The ARN as sent.
        role: String,
    },
    /// The source identity has characters that STS does not take.
    #[error("the source identity '{found}' has characters that STS does not take")]
    SourceIdentity {
        /// The source identity derived from the subject name.
        found: String,
        /// The attributes that could not become session tags either.
        unmapped: UnmappedAttributes,
    },
    /// A role session name was sent, and the profile does not accept one.
    #[error("the profile does not accept a role session name, and '{found}' was sent")]
    SessionNameNotAccepted {
        /// The name as sent.
        found: String,
    },
    /// The profile maps more attributes than a session can have tags.
    #[error("the certificate gives {found} session tags, and a session has at most {TAGS_LIMIT}")]
    TagsTooMany {
        /// How many there are.
        found: usize,
    },
    /// The role's trust policy does not allow what Roles Anywhere does.
    #[error("{refusal}")]
    TrustPolicy {
        /// What the trust policy refuses.
        refusal: TrustRefusal,
        /// The attributes that could not become session tags, and so satisfy no condition.
        unmapped: UnmappedAttributes,
    },
}

fn because(unmapped: &UnmappedAttributes) -> String {
    if unmapped.is_empty() { String::new() } else { format!(" that a session tag can carry: {unmapped}") }
}

impl PolicyRefusal {
    /// Returns the rule's stable name.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::DurationTooLong { .. } => "duration-too-long",
            Self::OriginIdentityMissing { .. } => "origin-identity-missing",
            Self::OriginIdentityNotMapped { .. } => "origin-identity-not-mapped",
            Self::ProfileAccount { .. } => "profile-account",
            Self::ProfileDisabled { .. } => "profile-disabled",
            Self::ProfileEmpty { .. } => "profile-empty",
            Self::ProfileRegion { .. } => "profile-region",
            Self::ProfileUnknown { .. } => "profile-unknown",
            Self::RoleAccount { .. } => "role-account",
            Self::RoleNotInProfile { .. } => "role-not-in-profile",
            Self::RoleUnknown { .. } => "role-unknown",
            Self::SessionNameNotAccepted { .. } => "session-name-not-accepted",
            Self::SourceIdentity { .. } => "source-identity",
            Self::TagsTooMany { .. } => "tags-too-many",
            Self::TrustPolicy { refusal, .. } => refusal.rule(),
        }
    }

    /// Returns what the service would answer.
    pub const fn denial(&self) -> Denial {
        match self {
            Self::DurationTooLong { .. } => Denial::SessionDuration,
            Self::ProfileAccount { .. }
            | Self::ProfileDisabled { .. }
            | Self::ProfileEmpty { .. }
            | Self::ProfileRegion { .. }
            | Self::ProfileUnknown { .. } => Denial::InvalidProfile,
            Self::OriginIdentityMissing { .. }
            | Self::OriginIdentityNotMapped { .. }
            | Self::RoleAccount { .. }
            | Self::RoleUnknown { .. }
            | Self::SourceIdentity { .. }
            | Self::TagsTooMany { .. }
            | Self::TrustPolicy { .. } => Denial::UnableToAssumeRole,
            Self::RoleNotInProfile { .. } => Denial::RoleNotInProfile,
            Self::SessionNameNotAccepted { .. } => Denial::RoleSessionName,
        }
    }

    /// Returns the attributes that the service's message names, if there are any.
    pub fn unmapped(&self) -> Option<&UnmappedAttributes> {
        match self {
            Self::OriginIdentityMissing { unmapped, .. }
            | Self::SourceIdentity { unmapped, .. }
            | Self::TrustPolicy { unmapped, .. } => Some(unmapped).filter(|unmapped| !unmapped.is_empty()),
            Self::DurationTooLong { .. }
            | Self::OriginIdentityNotMapped { .. }
            | Self::ProfileAccount { .. }
            | Self::ProfileDisabled { .. }
            | Self::ProfileEmpty { .. }
            | Self::ProfileRegion { .. }
            | Self::ProfileUnknown { .. }
            | Self::RoleAccount { .. }
            | Self::RoleNotInProfile { .. }
            | Self::RoleUnknown { .. }
            | Self::SessionNameNotAccepted { .. }
            | Self::TagsTooMany { .. } => None,
        }
    }
}
