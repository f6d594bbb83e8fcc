//! The CreateSession request, checked before anything is sent.

use std::time::Duration;

use crate::arn::{ProfileArn, RoleArn, TrustAnchorArn, is_role_session_name};
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::text::quoted;

/// The ids of [`RequestError`].
pub const IDS: &[&str] = &["regions-differ", "role-session-name-malformed", "session-duration-out-of-range"];

/// The shortest session that the service grants, in seconds.
pub const SHORTEST: u64 = 900;
/// The longest session that the service grants, in seconds.
pub const LONGEST: u64 = 43_200;

/// A CreateSession request. Created by [`SessionRequest::new`], which checks that the parts fit together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionRequest {
    /// The trust anchor whose CA issued the certificate.
    pub trust_anchor_arn: TrustAnchorArn,
    /// The profile that lists the role.
    pub profile_arn: ProfileArn,
    /// The role to assume.
    pub role_arn: RoleArn,
    /// The region of the endpoint and of the signature's scope.
    pub region: String,
    /// The requested length; `None` leaves it to the profile.
    pub session_duration: Option<Duration>,
    /// The name shown in CloudTrail; with `None` AWS uses the certificate's serial number.
    pub role_session_name: Option<String>,
}

/// Why a session cannot be requested; fix the command or the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Outside the range that the service grants.
    #[error(
        "the session duration of {seconds} seconds is not between {SHORTEST} and {LONGEST} seconds (15 minutes to 12 hours)"
    )]
    DurationOutOfRange {
        /// The requested length.
        seconds: u64,
    },
    /// The trust anchor exists only in its own region.
    #[error("the trust anchor is in region {trust_anchor}, and region {asked} was asked for")]
    RegionOfAnother {
        /// The region in the trust anchor's ARN.
        trust_anchor: String,
        /// The region that was requested.
        asked: String,
    },
    /// The trust anchor and the profile must be in the same region.
    #[error(
        "the trust anchor is in region {trust_anchor} and the profile in {profile}; AWS wants both in one"
    )]
    RegionsDiffer {
        /// The region in the trust anchor's ARN.
        trust_anchor: String,
        /// The region in the profile's ARN.
        profile: String,
    },
    /// Not a valid role session name for STS.
    #[error("the role session name {} is not 2 to 64 letters, digits or characters of _+=,.@-", quoted(name))]
    RoleSessionName {
        /// The name as it was given.
        name: String,
    },
}

impl Diagnostic for RequestError {
    fn id(&self) -> &'static str {
        match self {
            Self::DurationOutOfRange { .. } => "session-duration-out-of-range",
            Self::RegionOfAnother { .. } | Self::RegionsDiffer { .. } => "regions-differ",
            Self::RoleSessionName { .. } => "role-session-name-malformed",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn facts(&self) -> Vec<Fact> {
        Vec::new()
    }

    fn hint(&self) -> Option<String> {
        Some(String::from(match self {
            Self::DurationOutOfRange { .. } => {
                "give --session-duration as 900 to 43200 seconds, or profile to leave it to the Roles Anywhere profile"
            }
            Self::RegionOfAnother { .. } => "leave out --region: it follows from the trust anchor's ARN",
            Self::RegionsDiffer { .. } => "give the ARN of a profile in the trust anchor's region",
            Self::RoleSessionName { .. } => "use ASCII characters only: --role-session-name build-17@ci",
        }))
    }
}

impl SessionRequest {
    /// Checks that the parts fit together. With `None`, `region` is that of the trust anchor.
    ///
    /// ARNs of different accounts are not rejected here: AWS refuses them, and its refusal is then explained by the
    /// difference.
    ///
    /// # Errors
    ///
    /// Fails if the trust anchor, the profile and `region` are not in the same region, if the duration is not between
    /// 15 minutes and 12 hours, or if the role session name is not `[A-Za-z0-9_+=,.@-]{2,64}`.
    pub fn new(
        trust_anchor_arn: TrustAnchorArn,
        profile_arn: ProfileArn,
        role_arn: RoleArn,
        region: Option<String>,
        session_duration: Option<Duration>,
        role_session_name: Option<String>,
    ) -> Result<Self, RequestError> {
        let (trust_anchor, profile) = (trust_anchor_arn.arn().region(), profile_arn.arn().region());
        if trust_anchor != profile {
            return Err(RequestError::RegionsDiffer {
                trust_anchor: trust_anchor.to_owned(),
                profile: profile.to_owned(),
            });
        }
        if let Some(seconds) = session_duration.map(|duration| duration.as_secs())
            && !(SHORTEST..=LONGEST).contains(&seconds)
        {
            return Err(RequestError::DurationOutOfRange { seconds });
        }
        if let Some(name) = role_session_name.as_ref().filter(|name| !is_role_session_name(name)) {
            return Err(RequestError::RoleSessionName { name: name.clone() });
        }
        let region = region.unwrap_or_else(|| trust_anchor.to_owned());
        let region = super::endpoint::signing_region(&region).to_owned();
        if region != trust_anchor {
            return Err(RequestError::RegionOfAnother {
                trust_anchor: trust_anchor.to_owned(),
                asked: region,
            });
        }
        Ok(Self { trust_anchor_arn, profile_arn, role_arn, region, session_duration, role_session_name })
    }
}
