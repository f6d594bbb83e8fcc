//! The AssumeRole request, checked before anything is sent.

use std::time::Duration;

use crate::arn::{RoleArn, is_role_session_name};
use crate::credentials::CredentialSet;
use crate::diagnostic::{Diagnostic, Fault};
use crate::secret::Secret;
use crate::text::quoted;

/// The ids of [`AssumeRoleError`].
pub const IDS: &[&str] = &[
    "assume-role-duration-out-of-range",
    "assume-role-session-name-malformed",
    "assume-role-tag-malformed",
    "external-id-malformed",
];

/// The shortest session that STS grants, in seconds.
pub const SHORTEST: u64 = 900;
/// The longest session that STS grants for role chaining, in seconds.
pub const LONGEST: u64 = 3600;
/// How many tags a session may be given.
const MOST_TAGS: usize = 50;
/// The session name if the first session has none.
const SESSION_NAME: &str = "anyrole";

/// A role to assume with the credentials of a session (role chaining). Created by [`AssumeRole::new`].
///
/// The format of each part is that of [AssumeRole].
///
/// [AssumeRole]: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
#[derive(Debug)]
pub struct AssumeRole {
    /// The role.
    pub role_arn: RoleArn,
    /// The name shown in CloudTrail; `None` takes over the first session's, by default its certificate's serial number.
    pub role_session_name: Option<String>,
    /// The requested length; `None` is an hour.
    pub session_duration: Option<Duration>,
    /// The external id; some treat it as a shared secret, so it is never shown.
    pub external_id: Option<Secret<String>>,
    /// Session tags, names and values; not transitive.
    pub tags: Vec<(String, String)>,
}

/// Why a role cannot be assumed as requested; fix the command or the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssumeRoleError {
    /// Outside the range that STS grants for role chaining.
    #[error(
        "the second hop's duration of {seconds} seconds is not between {SHORTEST} and {LONGEST} seconds (15 minutes to 1 hour)"
    )]
    DurationOutOfRange {
        /// The requested length.
        seconds: u64,
    },
    /// Not a valid external id for STS. It is not shown.
    #[error("the external id is not 2 to 1224 letters, digits or characters of _+=,.@:/-")]
    ExternalId,
    /// Not a valid role session name for STS.
    #[error("the role session name {} is not 2 to 64 letters, digits or characters of _+=,.@-", quoted(name))]
    RoleSessionName {
        /// The name as it was given.
        name: String,
    },
    /// Not a valid session tag for STS.
    #[error("the session tag {} cannot be given: {why}", quoted(key))]
    Tag {
        /// The tag's key.
        key: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// More tags than a session may have.
    #[error("{given} session tags are given, and a session has at most {MOST_TAGS}")]
    TooManyTags {
        /// How many.
        given: usize,
    },
}

impl Diagnostic for AssumeRoleError {
    fn id(&self) -> &'static str {
        match self {
            Self::DurationOutOfRange { .. } => "assume-role-duration-out-of-range",
            Self::ExternalId => "external-id-malformed",
            Self::RoleSessionName { .. } => "assume-role-session-name-malformed",
            Self::Tag { .. } | Self::TooManyTags { .. } => "assume-role-tag-malformed",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(String::from(match self {
            Self::DurationOutOfRange { .. } => {
                "give --assume-role-duration as 15m to 1h: AWS ends a chained session after an hour at the latest"
            }
            Self::ExternalId => "give the id that stands in the trust policy's condition on sts:ExternalId",
            Self::RoleSessionName { .. } => {
                "use ASCII characters only: --assume-role-session-name build-17@ci"
            }
            Self::Tag { .. } | Self::TooManyTags { .. } => {
                "give each tag as --assume-role-tag KEY=VALUE, with letters, digits, blanks and _.:/+-@"
            }
        }))
    }
}

impl AssumeRole {
    /// Checks each part.
    ///
    /// # Errors
    ///
    /// Fails if the duration is not between 15 minutes and an hour, the role session name is not
    /// `[A-Za-z0-9_+=,.@-]{2,64}`, the external id is not `[A-Za-z0-9_+=,.@:/-]{2,1224}`, there are more than 50 tags,
    /// or a tag's key (1 to 128 characters, unique ignoring case, not starting with `aws:`) or value (at most 256)
    /// contains anything but letters, digits, blanks and `_.:/=+-@`.
    pub fn new(
        role_arn: RoleArn,
        role_session_name: Option<String>,
        session_duration: Option<Duration>,
        external_id: Option<Secret<String>>,
        tags: Vec<(String, String)>,
    ) -> Result<Self, AssumeRoleError> {
        if let Some(seconds) = session_duration.map(|duration| duration.as_secs())
            && !(SHORTEST..=LONGEST).contains(&seconds)
        {
            return Err(AssumeRoleError::DurationOutOfRange { seconds });
        }
        if let Some(name) = role_session_name.as_ref().filter(|name| !is_role_session_name(name)) {
            return Err(AssumeRoleError::RoleSessionName { name: name.clone() });
        }
        if external_id.as_ref().is_some_and(|id| !is_external_id(id.expose())) {
            return Err(AssumeRoleError::ExternalId);
        }
        if tags.len() > MOST_TAGS {
            return Err(AssumeRoleError::TooManyTags { given: tags.len() });
        }
        for (index, (key, value)) in tags.iter().enumerate() {
            let before = tags[..index].iter().any(|(other, _)| other.to_lowercase() == key.to_lowercase());
            if let Some(why) = wrong_tag(key, value).or(before.then_some("its key is given twice")) {
                return Err(AssumeRoleError::Tag { key: key.clone(), why });
            }
        }
        Ok(Self { role_arn, role_session_name, session_duration, external_id, tags })
    }

    /// Returns the session name: the requested one, else the first session's.
    pub(super) fn session_name_after<'a>(&'a self, first: &'a CredentialSet) -> &'a str {
        let inherited = || {
            let arn = first.assumed_role_arn.as_deref()?;
            arn.rsplit_once('/').map(|(_, name)| name).filter(|name| is_role_session_name(name))
        };
        self.role_session_name.as_deref().or_else(inherited).unwrap_or(SESSION_NAME)
    }

    /// `arn:PARTITION:sts::ACCOUNT:assumed-role/ROLE/SESSION`: the ARN of the second session.
    pub(super) fn assumed_role_arn(&self, role_session_name: &str) -> String {
        let arn = self.role_arn.arn();
        let (partition, account) = (arn.partition(), arn.account());
        format!(
            "arn:{partition}:sts::{account}:assumed-role/{}/{role_session_name}",
            self.role_arn.role_name()
        )
    }

    /// Returns the form's fields beyond action and version.
    pub(super) fn parameters(&self, role_session_name: &str) -> Vec<(String, String)> {
        let mut parameters = vec![
            (String::from("RoleArn"), self.role_arn.to_string()),
            (String::from("RoleSessionName"), role_session_name.to_owned()),
        ];
        if let Some(duration) = self.session_duration {
            parameters.push((String::from("DurationSeconds"), duration.as_secs().to_string()));
        }
        if let Some(external_id) = &self.external_id {
            parameters.push((String::from("ExternalId"), external_id.expose().clone()));
        }
        for (number, (key, value)) in (1..).zip(&self.tags) {
            parameters.push((format!("Tags.member.{number}.Key"), key.clone()));
            parameters.push((format!("Tags.member.{number}.Value"), value.clone()));
        }
        parameters
    }
}

fn is_external_id(id: &str) -> bool {
    (2..=1224).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte))
}

/// Returns what is wrong with a tag, if anything.
fn wrong_tag(key: &str, value: &str) -> Option<&'static str> {
    // `[\p{L}\p{Z}\p{N}_.:/=+\-@]`
    let allowed = |character: char| {
        let blank = character.is_whitespace() && !character.is_control();
        character.is_alphanumeric() || blank || "_.:/=+-@".contains(character)
    };
    if key.is_empty() {
        Some("its key is empty")
    } else if key.chars().count() > 128 {
        Some("its key is longer than 128 characters")
    } else if key.to_lowercase().starts_with("aws:") {
        Some("keys that begin with aws: are AWS's own")
    } else if value.chars().count() > 256 {
        Some("its value is longer than 256 characters")
    } else if !key.chars().chain(value.chars()).all(allowed) {
        Some("it holds a character that tags do not have")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role() -> RoleArn {
        "arn:aws:iam::444455556666:role/team/read-only".parse().unwrap()
    }

    fn tagged(key: &str, value: &str) -> Result<AssumeRole, AssumeRoleError> {
        AssumeRole::new(role(), None, None, None, vec![(key.to_owned(), value.to_owned())])
    }

    #[test]
    fn what_sts_would_refuse_is_not_sent() {
        for (seconds, good) in [(899, false), (900, true), (3600, true), (3601, false)] {
            let made = AssumeRole::new(role(), None, Some(Duration::from_secs(seconds)), None, Vec::new());
            assert_eq!(made.is_ok(), good, "{seconds}");
        }
        for (name, good) in [("a", false), ("ab", true), ("a b", false), ("build-17@ci", true)] {
            assert_eq!(AssumeRole::new(role(), Some(name.to_owned()), None, None, Vec::new()).is_ok(), good);
        }
        for (id, good) in [("x", false), ("team:7/a", true), ("a b", false), ("ä-ä", false)] {
            let id = Some(Secret::new(id.to_owned()));
            assert_eq!(AssumeRole::new(role(), None, None, id, Vec::new()).is_ok(), good);
        }
        for (key, value, good) in [
            ("team", "", true),
            ("Größe", "a b=c", true),
            ("", "x", false),
            ("AWS:x", "x", false),
            ("a", "x\n", false),
            ("a", "x,y", false),
        ] {
            assert_eq!(tagged(key, value).is_ok(), good, "{key}={value}");
        }
        assert!(tagged(&"k".repeat(129), "").is_err() && tagged("k", &"v".repeat(257)).is_err());
        let twice = ["a", "A"].map(|key| (key.to_owned(), String::new())).to_vec();
        assert!(AssumeRole::new(role(), None, None, None, twice).is_err());
        let many = (0..51).map(|number| (format!("k{number}"), String::new())).collect();
        let error = AssumeRole::new(role(), None, None, None, many).unwrap_err();
        assert_eq!(error, AssumeRoleError::TooManyTags { given: 51 });
    }

    #[test]
    fn debug_shows_no_external_id() {
        let id = Some(Secret::new(String::from("canary-id")));
        let made = AssumeRole::new(role(), None, None, id, Vec::new()).unwrap();
        assert!(!format!("{made:?}").contains("canary"));
    }
}
