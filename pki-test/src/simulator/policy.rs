//! Profiles, roles, and what is granted to a verified request.
//!
//! Pure.

mod grant;
mod refusal;
mod tip;

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};

pub use self::grant::{Grant, grant};
pub(super) use self::grant::{assumed_role_arn, uuid};
pub use self::refusal::PolicyRefusal;
pub use self::tip::{SubjectSource, SubjectType, TipConfiguration};

use super::attributes::AttributeMapping;
use super::trust_policy::TrustPolicy;
use crate::verifier::arn::{Arn, ArnError};

/// Default session duration of a profile and maximum of a role, as at AWS.
pub const DEFAULT_DURATION: Duration = Duration::from_secs(3600);

/// A Roles Anywhere profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The ARN (`profile/…`).
    pub arn: Arn,
    /// The alias by which the ARN `alias/profile/ALIAS` finds it.
    pub alias: Option<String>,
    /// Whether it may be used.
    pub enabled: bool,
    /// The roles it lists.
    pub role_arns: Vec<Arn>,
    /// The longest session it grants, which is also the one granted if the request names none.
    pub duration: Duration,
    /// Whether a request may name the role session.
    pub accept_role_session_name: bool,
    /// Which attributes of the certificate become session tags.
    pub attribute_mappings: Vec<AttributeMapping>,
    /// Trusted identity propagation; `None` where it is off.
    pub tip: Option<TipConfiguration>,
}

impl Profile {
    /// Creates an enabled profile with AWS's defaults: one hour, no role session names, every attribute mapped.
    ///
    /// # Errors
    ///
    /// Fails if a text is no ARN.
    pub fn new(arn: &str, role_arns: &[&str]) -> Result<Self, ArnError> {
        Ok(Self {
            arn: arn.parse()?,
            alias: None,
            enabled: true,
            role_arns: role_arns.iter().map(|role| role.parse()).collect::<Result<_, _>>()?,
            duration: DEFAULT_DURATION,
            accept_role_session_name: false,
            attribute_mappings: AttributeMapping::defaults(),
            tip: None,
        })
    }

    /// Maps these attributes only; an empty list maps none.
    #[must_use]
    pub fn with_attribute_mappings(self, attribute_mappings: Vec<AttributeMapping>) -> Self {
        Self { attribute_mappings, ..self }
    }

    /// Turns trusted identity propagation on.
    #[must_use]
    pub fn with_tip(self, tip: TipConfiguration) -> Self {
        Self { tip: Some(tip), ..self }
    }

    /// Returns the ARN by the alias, if it has one.
    pub fn alias_arn(&self) -> Option<Arn> {
        self.alias.as_ref().map(|alias| self.arn.sibling(&format!("alias/profile/{alias}")))
    }

    fn answers_to(&self, arn: &Arn) -> bool {
        *arn == self.arn || self.alias_arn().is_some_and(|alias| *arn == alias)
    }
}

/// An IAM role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The ARN (`role/…`, with its path).
    pub arn: Arn,
    /// `MaxSessionDuration`.
    pub max_session_duration: Duration,
    /// Who may assume it, and how.
    pub trust_policy: TrustPolicy,
}

impl Role {
    /// Creates a role with AWS's default maximum of one hour and a trust policy that is [open](TrustPolicy::open).
    ///
    /// # Errors
    ///
    /// Fails if the text is no ARN.
    pub fn new(arn: &str) -> Result<Self, ArnError> {
        Ok(Self {
            arn: arn.parse()?,
            max_session_duration: DEFAULT_DURATION,
            trust_policy: TrustPolicy::open(),
        })
    }

    /// Gives the role a trust policy.
    #[must_use]
    pub fn with_trust_policy(self, trust_policy: TrustPolicy) -> Self {
        Self { trust_policy, ..self }
    }

    /// Returns the role's unique identifier: `AROA` and 17 characters, the same for the same ARN.
    pub(super) fn unique_id(&self) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let hash = digest(&SHA256, self.arn.to_string().as_bytes());
        let letters = hash.as_ref().iter().take(17).map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
        "AROA".chars().chain(letters).collect()
    }
}
