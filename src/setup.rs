//! The AWS side of a named session, as code: trust anchor, role with its policies, profile. Pure, but for reading files; nothing
//! is sent.
//!
//! A [`Plan`] says what is wanted, [`Format`] in which language. What a language cannot say is a command of the AWS CLI, in a
//! comment at its end; `steps` has all of them. The trust policy names the trust anchor by its ARN, which is not known before
//! it is made: [`document::Reference`] stands for it, and each language says it in its own way.

pub mod alerts;
mod anchor;
mod cloudformation;
mod commands;
pub mod condition;
pub mod deny;
pub mod document;
mod error;
mod hcl;
pub mod mapping;
mod network;
mod pem_text;
mod place;
mod policies;
mod revocation_list;
pub mod revoke;
mod role_policy;
mod shell;
mod steps;
mod terraform;
mod yaml;

use std::time::Duration;

use x509_parser::prelude::{FromDer as _, ParsedExtension, X509Certificate};

pub use anchor::Anchor;
pub use error::SetupError;
pub use network::{network, vpc};
pub use place::Place;
pub use revocation_list::RevocationList;
pub use role_policy::read as read_policy;

use crate::arn::RoleArn;
use crate::x509::Certificate;
use condition::Condition;
use mapping::Mapping;

/// The columns of a comment.
const COLUMNS: usize = 96;

/// Breaks the lines of a text between words; an indented one is a command, and stays as it is.
fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        if line.starts_with(' ') {
            lines.push(line.to_owned());
            continue;
        }
        let mut current = String::new();
        for word in line.split(' ') {
            let is_full = current.chars().count() + word.chars().count() >= COLUMNS;
            if is_full && !current.is_empty() {
                lines.push(std::mem::take(&mut current));
            }
            if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        lines.push(current);
    }
    lines.join("\n")
}

/// Tells whether a certificate says where a revocation list is (RFC 5280 §4.2.1.13).
pub fn has_distribution_point(certificate: &Certificate) -> bool {
    X509Certificate::from_der(certificate.der()).is_ok_and(|(_, parsed)| {
        parsed.extensions().iter().any(|extension| {
            matches!(extension.parsed_extension(), ParsedExtension::CRLDistributionPoints(points) if !points.points.is_empty())
        })
    })
}

/// The language in which the AWS side is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A shell script of the AWS CLI.
    Cli,
    /// A template in YAML.
    CloudFormation,
    /// A configuration.
    Terraform,
}

/// From where the subject of trusted identity propagation is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The common name.
    CommonName,
    /// The first URI of the alternative names.
    Uri,
}

impl Subject {
    /// Returns the session tag that the subject is taken from.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::CommonName => "x509Subject/CN",
            Self::Uri => "x509SAN/URI",
        }
    }
}

/// What the AWS side is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The name of the session, which becomes that of the resources.
    pub name: String,
    /// Account, region and partition.
    pub place: Place,
    /// The CA.
    pub anchor: Anchor,
    /// Whom the trust policy admits; none admits every certificate of the CA.
    pub conditions: Vec<Condition>,
    /// The fields of which not the default is mapped.
    pub mappings: Vec<Mapping>,
    /// The role session names that a caller may give, with wildcards; none, and the caller gives none.
    pub session_names: Vec<String>,
    /// The longest session: 15 minutes to 12 hours.
    pub duration: Duration,
    /// A name for trust anchor and profile inside their ARNs.
    pub alias: Option<String>,
    /// What trusted identity propagation is to tell, if it is on.
    pub subject: Option<Subject>,
    /// The revocation list that is imported.
    pub revocation_list: Option<RevocationList>,
    /// Whether the trust anchor asks the distribution points in the certificates.
    pub asks_distribution_points: bool,
    /// What the role may do.
    pub policy: Option<document::Node>,
    /// The networks from which the role may be used.
    pub networks: Vec<String>,
    /// The VPCs through whose endpoints it may be used.
    pub vpcs: Vec<String>,
    /// The role that is assumed with the first session.
    pub second_hop: Option<RoleArn>,
    /// The certificate's file as it was named, for the command that goes on.
    pub certificate: Option<String>,
    /// The private key's file, where it is beside the certificate's.
    pub private_key: Option<String>,
    /// What a reader should know: comments at the head.
    pub notes: Vec<String>,
}

impl Plan {
    /// Writes the AWS side.
    ///
    /// # Errors
    ///
    /// Fails if IAM would not take the trust policy, or a condition is on what the profile does not map.
    pub fn write(&self, format: Format) -> Result<String, SetupError> {
        if let Some(condition) =
            self.conditions.iter().find(|condition| !mapping::makes(&self.mappings, &condition.tag))
        {
            let why = String::from("the attribute mappings leave it out");
            return Err(SetupError::Condition { key: condition.tag.clone(), why });
        }
        if format != Format::Cli {
            self.check_characters()?;
        }
        match format {
            Format::Cli => commands::write(self),
            Format::CloudFormation => cloudformation::write(self),
            Format::Terraform => terraform::write(self),
        }
    }

    /// Checks that no policy has a character that IAM takes in JSON's escaped form alone, which only a script can choose.
    fn check_characters(&self) -> Result<(), SetupError> {
        let policies = policies::of_role(self).into_iter().map(|(_, policy)| policy);
        let found = policies.chain([policies::trust(self)?]).find_map(|policy| policy.beyond_policies());
        match found {
            None => Ok(()),
            Some(character) => Err(SetupError::Flags {
                why: format!(
                    "cannot write the character {} in this language: IAM takes none beyond U+00FF in a policy, unless JSON's escape stands for it",
                    crate::text::quoted(character.encode_utf8(&mut [0; 4]))
                ),
                hint: "leave out --format: the script writes the escape",
            }),
        }
    }

    /// Tells whether any attribute becomes a session tag.
    fn maps_anything(&self) -> bool {
        mapping::FIELDS.iter().any(|field| {
            self.mappings
                .iter()
                .find(|mapping| mapping.field == *field)
                .is_none_or(|mapping| !mapping.specifiers.is_empty())
        })
    }

    /// Returns the name of trust anchor, profile and revocation list: letters, digits, `-` and `_` (the service's model).
    fn resource_name(&self) -> String {
        self.name.replace('.', "-")
    }

    /// Returns the longest session in seconds.
    const fn seconds(&self) -> u64 {
        self.duration.as_secs()
    }

    /// Returns the maximum of the role, which is an hour at least.
    fn role_seconds(&self) -> u64 {
        self.seconds().max(3600)
    }

    /// Returns the comment at the head: what this is, whom it admits, and what it binds.
    fn head(&self, how: &str) -> String {
        let place = &self.place;
        let mut lines = vec![
            format!(
                "The AWS side of the session '{}': account {}, {}. Written by anyrole setup; nothing was sent.",
                self.name,
                place.account(),
                place.region()
            ),
            how.to_owned(),
            String::new(),
        ];
        if self.conditions.is_empty() {
            lines.push(String::from("Every certificate of the CA gets this role."));
        } else {
            let conditions = self.conditions.iter().map(|condition| {
                let values: Vec<String> =
                    condition.values.iter().map(|value| crate::text::quoted(value)).collect();
                format!("{} {}", condition.tag, values.join(" or "))
            });
            lines.push(format!("It admits {}.", conditions.collect::<Vec<_>>().join(", and ")));
        }
        if self.policy.is_none() && self.second_hop.is_none() {
            lines.push(String::from("The role may do nothing yet: --policy FILE gives it permissions."));
        }
        if !self.networks.is_empty() || !self.vpcs.is_empty() {
            lines.push(String::from(
                "The policy 'egress' denies what is called with this role's sessions from elsewhere. It does not bind CreateSession itself, which Roles Anywhere answers everywhere, what AWS's services call for the role, or the sessions of other roles that are assumed with it.",
            ));
        }
        if !self.session_names.is_empty() && self.session_names != ["*"] {
            lines.push(String::from(
                "A caller must give a role session name that fits: without one it is the certificate's serial number, which does not.",
            ));
        }
        if let Some(role) = &self.second_hop {
            lines.push(format!(
                "From it {role} is assumed, for an hour at most. Its trust policy needs this statement, in the account of that role:"
            ));
            if let Some(statement) = policies::second_hop_trust(self) {
                lines.push(format!("  {}", shell::compact(&statement)));
            }
        }
        // What came from outside has no line of its own.
        lines.extend(self.notes.iter().map(|note| format!("Note: {}.", crate::text::printable_line(note))));
        wrapped(&lines.join("\n"))
    }

    /// Returns the command that goes on, on the host, with the given ARNs.
    fn next_command(&self, [anchor, profile, role]: [&str; 3]) -> String {
        let word = |path: &Option<String>, unknown: &str| {
            path.as_deref().map_or_else(|| unknown.to_owned(), shell::word)
        };
        let certificate = word(&self.certificate, "CERTIFICATE.pem");
        let private_key = word(&self.private_key, "PRIVATE.key");
        format!(
            "anyrole configure {} --trust-anchor-arn {anchor} --profile-arn {profile} --role-arn {role} --certificate {certificate} --private-key {private_key}",
            self.name
        )
    }
}
