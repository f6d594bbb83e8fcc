//! Profiles, roles, and what a verified request is granted.
//!
//! Pure. The rules are those of CreateSession and of the AssumeRole behind it.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};

use crate::verifier::arn::{Arn, ArnError};
use crate::verifier::refusal::shown;
use crate::verifier::{Certificate, Denial, VerifiedRequest};

/// Default session duration of a profile and maximum of a role, as at AWS.
pub const DEFAULT_DURATION: Duration = Duration::from_secs(3600);

/// Longest common name that gets the prefix `CN=` in the source identity, which has at most 64 characters.
const PREFIXED_COMMON_NAME_LIMIT: usize = 61;

/// Most characters of a source identity.
const SOURCE_IDENTITY_LIMIT: usize = 64;

/// A Roles Anywhere profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The ARN (`profile/…`).
    pub arn: Arn,
    /// The name by which alias ARNs (`alias/profile/NAME`) find it.
    pub name: Option<String>,
    /// Whether it may be used.
    pub enabled: bool,
    /// The roles it lists.
    pub role_arns: Vec<Arn>,
    /// The longest session it grants, which is also the one granted if the request names none.
    pub duration: Duration,
    /// Whether a request may name the role session.
    pub accept_role_session_name: bool,
}

impl Profile {
    /// Creates an enabled profile with AWS's defaults: one hour, no role session names.
    ///
    /// # Errors
    ///
    /// Fails if a text is no ARN.
    pub fn new(arn: &str, role_arns: &[&str]) -> Result<Self, ArnError> {
        Ok(Self {
            arn: arn.parse()?,
            name: None,
            enabled: true,
            role_arns: role_arns.iter().map(|role| role.parse()).collect::<Result<_, _>>()?,
            duration: DEFAULT_DURATION,
            accept_role_session_name: false,
        })
    }

    fn answers_to(&self, arn: &Arn) -> bool {
        let alias = |name: &String| self.arn.sibling(&format!("alias/profile/{name}"));
        *arn == self.arn || self.name.as_ref().is_some_and(|name| *arn == alias(name))
    }
}

/// An IAM role whose trust policy lets Roles Anywhere assume it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The ARN (`role/…`, with its path).
    pub arn: Arn,
    /// `MaxSessionDuration`.
    pub max_session_duration: Duration,
}

impl Role {
    /// Creates a role with AWS's default maximum of one hour.
    ///
    /// # Errors
    ///
    /// Fails if the text is no ARN.
    pub fn new(arn: &str) -> Result<Self, ArnError> {
        Ok(Self { arn: arn.parse()?, max_session_duration: DEFAULT_DURATION })
    }

    /// Returns the role's unique identifier: `AROA` and 17 characters, the same for the same ARN.
    pub(super) fn unique_id(&self) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let hash = digest(&SHA256, self.arn.to_string().as_bytes());
        let letters = hash.as_ref().iter().take(17).map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
        "AROA".chars().chain(letters).collect()
    }
}

/// A session that may be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The role, as requested.
    pub role_arn: Arn,
    /// The role session's name.
    pub session_name: String,
    /// How long the session lasts.
    pub duration: Duration,
    /// The source identity that AssumeRole is given.
    pub source_identity: String,
    /// `arn:…:sts::…:assumed-role/ROLE/SESSION`, without the role's path.
    pub assumed_role_arn: String,
    /// `AROA…:SESSION`.
    pub assumed_role_id: String,
    /// The subject's ARN, the same for the same subject name.
    pub subject_arn: String,
    /// The account of trust anchor, profile and role.
    pub account: String,
}

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
    /// The role does not exist, or does not trust Roles Anywhere.
    #[error("the role {role} does not exist, or its trust policy does not name Roles Anywhere")]
    RoleUnknown {
        /// The ARN as sent.
        role: String,
    },
    /// A role session name was sent, and the profile does not accept one.
    #[error("the profile does not accept a role session name, and '{found}' was sent")]
    SessionNameNotAccepted {
        /// The name as sent.
        found: String,
    },
}

impl PolicyRefusal {
    /// Returns the rule's stable name.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::DurationTooLong { .. } => "duration-too-long",
            Self::ProfileAccount { .. } => "profile-account",
            Self::ProfileDisabled { .. } => "profile-disabled",
            Self::ProfileEmpty { .. } => "profile-empty",
            Self::ProfileRegion { .. } => "profile-region",
            Self::ProfileUnknown { .. } => "profile-unknown",
            Self::RoleAccount { .. } => "role-account",
            Self::RoleNotInProfile { .. } => "role-not-in-profile",
            Self::RoleUnknown { .. } => "role-unknown",
            Self::SessionNameNotAccepted { .. } => "session-name-not-accepted",
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
            Self::RoleAccount { .. } | Self::RoleUnknown { .. } => Denial::UnableToAssumeRole,
            Self::RoleNotInProfile { .. } => Denial::RoleNotInProfile,
            Self::SessionNameNotAccepted { .. } => Denial::RoleSessionName,
        }
    }
}

/// Decides what a verified request is granted.
///
/// `duration = min(profile, request)`, the profile's if the request names none; the role's maximum does not shorten
/// it but refuses. The session is named as requested, else by the serial number in lower-case hex.
///
/// # Errors
///
/// Fails with the first rule that is broken: profile, session name, role, duration.
pub fn grant(
    profiles: &[Profile],
    roles: &[Role],
    request: &VerifiedRequest,
) -> Result<Grant, PolicyRefusal> {
    let parameters = &request.parameters;
    let anchor = &request.trust_anchor_arn;
    let profile = usable_profile(profiles, &parameters.profile_arn, anchor)?;
    if let Some(name) = &parameters.role_session_name
        && !profile.accept_role_session_name
    {
        return Err(PolicyRefusal::SessionNameNotAccepted { found: shown(name) });
    }
    let role = usable_role(profile, roles, &parameters.role_arn, anchor)?;
    let requested = parameters.duration_seconds.map(|seconds| Duration::from_secs(seconds.into()));
    let duration = requested.map_or(profile.duration, |requested| requested.min(profile.duration));
    if duration > role.max_session_duration {
        return Err(PolicyRefusal::DurationTooLong {
            role: shown(&role.arn),
            requested_seconds: duration.as_secs(),
            allowed_seconds: role.max_session_duration.as_secs(),
        });
    }
    let session_name =
        parameters.role_session_name.clone().unwrap_or_else(|| request.end_entity.serial_hex());
    Ok(Grant {
        role_arn: role.arn.clone(),
        duration,
        source_identity: source_identity(&request.end_entity),
        assumed_role_arn: assumed_role_arn(&role.arn, &session_name),
        assumed_role_id: format!("{}:{session_name}", role.unique_id()),
        subject_arn: anchor.sibling(&format!("subject/{}", subject_id(&request.end_entity))).to_string(),
        account: anchor.account().to_owned(),
        session_name,
    })
}

fn usable_profile<'a>(
    profiles: &'a [Profile],
    arn: &Arn,
    anchor: &Arn,
) -> Result<&'a Profile, PolicyRefusal> {
    if arn.region() != anchor.region() {
        return Err(PolicyRefusal::ProfileRegion {
            found: shown(arn.region()),
            expected: anchor.region().to_owned(),
        });
    }
    if arn.account() != anchor.account() {
        return Err(PolicyRefusal::ProfileAccount {
            found: shown(arn.account()),
            expected: anchor.account().to_owned(),
        });
    }
    let profile = profiles
        .iter()
        .find(|profile| profile.answers_to(arn))
        .ok_or_else(|| PolicyRefusal::ProfileUnknown { arn: shown(arn) })?;
    if !profile.enabled {
        return Err(PolicyRefusal::ProfileDisabled { arn: shown(arn) });
    }
    if profile.role_arns.is_empty() {
        return Err(PolicyRefusal::ProfileEmpty { arn: shown(arn) });
    }
    Ok(profile)
}

fn usable_role<'a>(
    profile: &Profile,
    roles: &'a [Role],
    arn: &Arn,
    anchor: &Arn,
) -> Result<&'a Role, PolicyRefusal> {
    if !profile.role_arns.contains(arn) {
        let listed = profile.role_arns.len();
        return Err(PolicyRefusal::RoleNotInProfile { role: shown(arn), listed });
    }
    if arn.account() != anchor.account() {
        return Err(PolicyRefusal::RoleAccount {
            found: shown(arn.account()),
            expected: anchor.account().to_owned(),
        });
    }
    roles.iter().find(|role| role.arn == *arn).ok_or_else(|| PolicyRefusal::RoleUnknown { role: shown(arn) })
}

/// Returns `arn:…:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
pub(super) fn assumed_role_arn(role: &Arn, session_name: &str) -> String {
    let (partition, account, name) = (role.partition(), role.account(), role.resource_name());
    format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session_name}")
}

/// Returns `CN=` and the common name; the bare one if that is too long; `ID=` and the hex serial number without one.
fn source_identity(end_entity: &Certificate) -> String {
    match end_entity.common_name() {
        Some(name) if name.chars().count() <= PREFIXED_COMMON_NAME_LIMIT => format!("CN={name}"),
        Some(name) if name.chars().count() <= SOURCE_IDENTITY_LIMIT => name.to_owned(),
        Some(_) | None => format!("ID={}", end_entity.serial_hex()),
    }
}

/// Returns an identifier in the form of a UUID, derived from the subject name.
fn subject_id(end_entity: &Certificate) -> String {
    let hash = digest(&SHA256, end_entity.subject_name());
    uuid(&hash.as_ref()[..16])
}

/// Renders 16 bytes in the form 8-4-4-4-12.
pub(super) fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().take(16).enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&hex::encode([*byte]));
    }
    text
}
