//! Amazon Resource Names, with a type for each kind that must not be confused.

use std::fmt;
use std::str::FromStr;

/// The longest ARN that the service's model allows, in characters.
const MAX_LENGTH: usize = 1011;

/// `arn:partition:service:region:account:resource`, six fields, the last of which may hold colons.
///
/// Only the shape is checked here: the service alone knows which identifiers exist, and alias ARNs
/// (`…:alias/trust-anchor/NAME`) came after the first release of its model.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    text: String,
    /// Where each of the five colons is.
    colons: [usize; 5],
}

/// Why a text is not an ARN of the required kind. `Display` describes only the problem; the caller adds the flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// A field that must be there is empty.
    #[error("its {field} is empty")]
    EmptyField {
        /// The field's name: `partition`, `region`, `account` or `resource`.
        field: &'static str,
    },
    /// A character that cannot occur in an ARN: a blank, a control character, or one outside ASCII.
    #[error("it holds a character that no ARN has")]
    ForeignCharacter,
    /// It does not have six fields, or does not begin with `arn:`.
    #[error("an ARN is arn:partition:service:region:account:resource")]
    Malformed,
    /// Longer than 1011 characters.
    #[error("it is longer than {MAX_LENGTH} characters")]
    TooLong,
    /// A well-formed ARN of another kind.
    #[error("it names {found}, and {expected} is needed")]
    WrongKind {
        /// What is needed: `a Roles Anywhere trust anchor`, `an IAM role`.
        expected: &'static str,
        /// What the ARN names, in the same words if they are known, else `service:resource-type`.
        found: String,
    },
}

impl Arn {
    /// Returns the partition: `aws`, `aws-cn`, `aws-us-gov`, …
    pub fn partition(&self) -> &str {
        self.field(0)
    }

    /// Returns the service: `rolesanywhere`, `iam`, `sts`.
    pub fn service(&self) -> &str {
        self.field(1)
    }

    /// Returns the region; empty for IAM.
    pub fn region(&self) -> &str {
        self.field(2)
    }

    /// Returns the account: twelve digits.
    pub fn account(&self) -> &str {
        self.field(3)
    }

    /// Returns everything after the fifth colon: `trust-anchor/UUID`, `role/path/name`.
    pub fn resource(&self) -> &str {
        &self.text[self.colons[4] + 1..]
    }

    /// Tells whether it names a resource of Roles Anywhere by an alias: `alias/trust-anchor/NAME`.
    pub fn is_alias(&self) -> bool {
        self.service() == "rolesanywhere" && self.resource().starts_with("alias/")
    }

    /// Returns what a parameter such as `--trust-anchor-id` takes: the identifier, or of an alias the whole ARN, since an
    /// alias by itself is none (the service's model, `TrustAnchorIdentifier`).
    pub fn identifier(&self) -> &str {
        if self.is_alias() { &self.text } else { self.resource().rsplit('/').next().unwrap_or_default() }
    }

    /// Returns the text as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn field(&self, index: usize) -> &str {
        &self.text[self.colons[index] + 1..self.colons[index + 1]]
    }

    /// Names what the ARN stands for, in the words of an error message.
    fn kind(&self) -> String {
        let resource = self.resource();
        match self.service() {
            "rolesanywhere" if resource_is(resource, "trust-anchor") => String::from(TRUST_ANCHOR),
            "rolesanywhere" if resource_is(resource, "profile") => String::from(PROFILE),
            "iam" if resource.starts_with("role/") => String::from(ROLE),
            "iam" if resource.starts_with("instance-profile/") => String::from("an EC2 instance profile"),
            "sts" if resource.starts_with("assumed-role/") => {
                String::from("a session of an assumed role (give the role itself)")
            }
            service => {
                let kind = resource.split(['/', ':']).next().unwrap_or_default();
                format!("{service}:{kind}")
            }
        }
    }
}

fn resource_is(resource: &str, kind: &str) -> bool {
    let resource = resource.strip_prefix("alias/").unwrap_or(resource);
    resource.strip_prefix(kind).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'))
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        if text.len() > MAX_LENGTH {
            return Err(ArnError::TooLong);
        }
        let mut colons = [0; 5];
        let mut found = text.match_indices(':').map(|(index, _)| index);
        for place in &mut colons {
            *place = found.next().ok_or(ArnError::Malformed)?;
        }
        if !text.starts_with("arn:") {
            return Err(ArnError::Malformed);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ArnError::ForeignCharacter);
        }
        let arn = Self { text: text.to_owned(), colons };
        for (field, value) in
            [("partition", arn.partition()), ("service", arn.service()), ("resource", arn.resource())]
        {
            if value.is_empty() {
                return Err(ArnError::EmptyField { field });
            }
        }
        Ok(arn)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

const TRUST_ANCHOR: &str = "a Roles Anywhere trust anchor";
const PROFILE: &str = "a Roles Anywhere profile";
const ROLE: &str = "an IAM role";

macro_rules! arn_of_a_kind {
    ($(#[$doc:meta])* $name:ident, $kind:expr, needs $($field:ident),+) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arn);

        impl $name {
            /// Returns the ARN with its fields.
            pub const fn arn(&self) -> &Arn {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ArnError;

            fn from_str(text: &str) -> Result<Self, ArnError> {
                let arn: Arn = text.parse()?;
                let found = arn.kind();
                if found != $kind {
                    return Err(ArnError::WrongKind { expected: $kind, found });
                }
                $(if arn.$field().is_empty() {
                    return Err(ArnError::EmptyField { field: stringify!($field) });
                })+
                Ok(Self(arn))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

arn_of_a_kind! {
    /// The ARN of a trust anchor, by its UUID or by an alias. Its region is where CreateSession is called.
    TrustAnchorArn, TRUST_ANCHOR, needs region, account
}
arn_of_a_kind! {
    /// The ARN of a Roles Anywhere profile, by its UUID or by an alias.
    ProfileArn, PROFILE, needs region, account
}
arn_of_a_kind! {
    /// The ARN of an IAM role, with its path.
    RoleArn, ROLE, needs account
}

impl RoleArn {
    /// Returns the role's name: the last part of its path.
    pub fn role_name(&self) -> &str {
        self.0.resource().rsplit('/').next().unwrap_or_default()
    }
}

/// Returns whether a text is a valid role session name for STS, the last part of an assumed role's ARN.
pub fn is_role_session_name(name: &str) -> bool {
    (2..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANCHOR: &str =
        "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";

    #[test]
    fn fields() {
        let arn: TrustAnchorArn = ANCHOR.parse().unwrap();
        assert_eq!(arn.arn().partition(), "aws");
        assert_eq!(arn.arn().region(), "eu-central-1");
        assert_eq!(arn.arn().account(), "111122223333");
        assert_eq!(arn.to_string(), ANCHOR);
        let role: RoleArn = "arn:aws:iam::111122223333:role/team/build+deploy".parse().unwrap();
        assert_eq!(role.role_name(), "build+deploy");
    }

    #[test]
    fn a_kind_is_not_taken_for_another() {
        let error = ANCHOR.parse::<ProfileArn>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "it names a Roles Anywhere trust anchor, and a Roles Anywhere profile is needed"
        );
        assert!(
            "arn:aws:rolesanywhere:eu-central-1:111122223333:alias/trust-anchor/main"
                .parse::<TrustAnchorArn>()
                .is_ok()
        );
        assert!(
            "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/"
                .parse::<TrustAnchorArn>()
                .is_err()
        );
    }

    #[test]
    fn an_alias_is_identified_by_its_whole_arn() {
        let alias = "arn:aws:rolesanywhere:eu-central-1:111122223333:alias/profile/team/builders";
        let (alias, plain): (Arn, Arn) = (alias.parse().unwrap(), ANCHOR.parse().unwrap());
        assert!(alias.is_alias() && !plain.is_alias());
        assert_eq!(alias.identifier(), alias.as_str());
        assert_eq!(plain.identifier(), "a1b2c3d4-0000-4000-8000-000000000001");
        let role: Arn = "arn:aws:iam::111122223333:role/alias/x".parse().unwrap();
        assert!(!role.is_alias());
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!("arn:aws:iam".parse::<Arn>(), Err(ArnError::Malformed));
        assert_eq!("urn:aws:iam::1:role/x".parse::<Arn>(), Err(ArnError::Malformed));
        assert_eq!("arn:aws:iam::1:role/x y".parse::<Arn>(), Err(ArnError::ForeignCharacter));
        assert_eq!(
            "arn:aws:rolesanywhere::111122223333:profile/x".parse::<ProfileArn>(),
            Err(ArnError::EmptyField { field: "region" })
        );
        assert_eq!(format!("arn:{}", "a:".repeat(600)).parse::<Arn>(), Err(ArnError::TooLong));
    }
}
