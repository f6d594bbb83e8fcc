//! What was found, in the form in which it is written.

use serde::Serialize;

use super::reach::Reach;
use crate::audit::files::{Audience, Severity};

/// Whose finding it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The account's root user.
    Root,
    /// An IAM user.
    User,
    /// A role.
    Role,
    /// A key that was found on a host and belongs to none of these.
    Key,
}

impl Kind {
    /// Returns its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::User => "user",
            Self::Role => "role",
            Self::Key => "key",
        }
    }
}

/// Whether a key can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It can.
    Active,
    /// Somebody deactivated it.
    Inactive,
}

/// When and for what something was last used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastUse {
    /// Whether it was never used, as far as IAM knows: of roles and services, within 400 days.
    pub never: bool,
    /// The time, in RFC 3339.
    pub at: Option<String>,
    /// How many whole days ago that was.
    pub days_ago: Option<u64>,
    /// The region; services without regions have none.
    pub region: Option<String>,
    /// The service, by its short name: `s3`.
    pub service: Option<String>,
}

/// Where a key stands on a host. Its secret is in no field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The host's name.
    pub host: String,
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: u64,
    /// Where by name: profile, variable.
    pub place: Option<String>,
    /// Who can read it.
    pub readable_by: &'static str,
    /// Whether its secret stands there too.
    pub secret_beside: bool,
}

impl Place {
    /// Tells whether somebody besides the owner can take the key from there.
    pub fn is_open(&self) -> bool {
        let others = [Audience::Group.as_str(), Audience::Everyone.as_str()];
        self.secret_beside && others.contains(&self.readable_by)
    }
}

/// One access key of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    /// The user; `<root_account>` for the root user.
    pub user: String,
    /// The user's ARN.
    pub arn: String,
    /// Whether it is the root user's.
    pub is_root: bool,
    /// Its id, where one of the files tells it.
    pub access_key_id: Option<String>,
    /// The ids of which it has one, where no file tells which.
    pub candidates: Vec<String>,
    /// Its place in the credential report, 1 or 2; `None` where that does not have it.
    pub slot: Option<u8>,
    /// Whether it can be used.
    pub status: Status,
    /// When it was created, in RFC 3339.
    pub created_at: Option<String>,
    /// How many whole days ago that was.
    pub age_days: Option<u64>,
    /// What the age is of: `creation`, or `last change` where only the credential report tells.
    pub age_of: &'static str,
    /// Its last use; `None` where no file tells.
    pub last_used: Option<LastUse>,
    /// Who is responsible, by a tag of the user.
    pub owner: Option<String>,
    /// What it may do; `None` without authorization details.
    pub reach: Option<Reach>,
    /// Where it stands.
    pub places: Vec<Place>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's id, with a page by `anyrole explain`.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is found, in a few words.
    pub says: String,
    /// Whose it is.
    pub kind: Kind,
    /// The user, where it is a user's.
    pub user: Option<String>,
    /// The role, where it is a role's.
    pub role: Option<String>,
    /// The ARN of user or role.
    pub arn: Option<String>,
    /// The key's id, where it is about one key and a file tells it.
    pub access_key_id: Option<String>,
    /// The ids of which the key has one, where no file tells which.
    pub candidates: Vec<String>,
    /// The key's place in the credential report.
    pub slot: Option<u8>,
    /// Whether the key can be used.
    pub status: Option<Status>,
    /// The age of the key, else of user or role, in whole days.
    pub age_days: Option<u64>,
    /// The last use; `None` where no file tells.
    pub last_used: Option<LastUse>,
    /// Who is responsible, by tag.
    pub owner: Option<String>,
    /// What it may do.
    pub reach: Option<Reach>,
    /// The account that a key found on a host belongs to.
    pub account: Option<String>,
    /// Services that are granted and not used, by their short names.
    pub services: Vec<String>,
    /// Where the key stands.
    pub places: Vec<Place>,
}

impl Finding {
    /// Names whose it is, for people.
    pub fn who(&self) -> &str {
        let name = self.user.as_deref().or(self.role.as_deref());
        name.unwrap_or(match self.kind {
            Kind::Root => "<root_account>",
            Kind::User | Kind::Role | Kind::Key => "-",
        })
    }
}

/// What is not known, and how it would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What.
    pub about: String,
    /// What would tell.
    pub way: String,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LookedAt {
    /// Users, without root.
    pub users: usize,
    /// Roles, without those of services.
    pub roles: usize,
    /// Keys.
    pub keys: usize,
    /// Of those, keys whose id is known.
    pub keys_with_id: usize,
    /// Users and roles whose use of services is known.
    pub accessed: usize,
    /// Hosts.
    pub hosts: usize,
}

/// Everything that was found in one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The account's twelve digits.
    pub account: String,
    /// When it was looked at, in RFC 3339; every age is up to then.
    pub looked_at: String,
    /// When AWS made the credential report, where its file tells.
    pub report_generated_at: Option<String>,
    /// The version of the program.
    pub version: &'static str,
    /// How old a key may be, in days.
    pub max_age_days: u64,
    /// After how many days without use something is unused.
    pub unused_days: u64,
    /// How much was looked at.
    pub counts: LookedAt,
    /// What is not known.
    pub notes: Vec<Note>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// Every key, whether something was found or not.
    pub keys: Vec<Key>,
}

impl Report {
    /// Tells whether there is a finding of at least that severity.
    pub fn has(&self, severity: Severity) -> bool {
        self.findings.iter().any(|finding| finding.severity >= severity)
    }
}
