//! Ending what a certificate, a host, a role or a whole CA has: a script, in the order that leaves no gap.
//!
//! New sessions first, for otherwise one is made behind the time from which older ones are denied. Then the sessions that
//! exist: AWS cannot end them, so a policy inside the role denies all that sessions from before that time ask for.
//!
//! See [revoking temporary credentials].
//!
//! [revoking temporary credentials]: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html

use sha2::{Digest as _, Sha256};

use super::document::{Node, Reference};
use super::shell::{Command, comment, commented};
use super::{Place, RevocationList, commands, policies};
use crate::x509::Certificate;

/// Seconds until a revocation list, a disabled profile or a disabled trust anchor is known everywhere.
const SPREAD: u32 = 10;
/// Hexadecimal digits that tell two source identities apart which make the same name of a policy.
const DIGITS: usize = 8;
/// The most characters of a source identity.
const LONGEST: usize = 64;
/// The most characters of a policy's name that are taken from a source identity.
const NAME: usize = 60;

/// What ends.
#[derive(Clone, Debug)]
pub enum Target {
    /// What every certificate of the CA has.
    Anchor,
    /// What one certificate has.
    Certificate {
        /// Its serial number in hex, for the comment.
        serial: String,
        /// The source identity of its sessions.
        source_identity: String,
        /// The list that has it; `None` where the trust anchor asks distribution points.
        list: Option<RevocationList>,
    },
    /// What the host of a source identity has, by whichever certificate.
    Host(String),
    /// What the role's sessions may do, whoever has them.
    Role,
}

/// Writes the script. `name` is that of the session, and so of trust anchor, profile and role.
pub fn write(name: &str, place: &Place, target: &Target) -> String {
    let script = Script { name, resource: name.replace('.', "-"), place };
    let (what, steps) = match target {
        Target::Anchor => (String::from("every certificate of the CA"), script.anchor()),
        Target::Certificate { serial, source_identity, list } => (
            format!("the certificate with the serial number {serial} (source identity '{source_identity}')"),
            script.certificate(source_identity, list.as_ref()),
        ),
        Target::Host(source_identity) => {
            (format!("the host with the source identity '{source_identity}'"), script.host(source_identity))
        }
        Target::Role => (String::from("everybody who has a session of the role"), script.role()),
    };
    let head = format!(
        "Ends what {what} has, by the trust anchor, profile and roles '{name}' of account {}, {}. Written by anyrole setup; nothing was sent.\nRun it with sh where the AWS CLI is signed in as an administrator of the account. It may be run again.\nSessions of roles that were assumed with these are sessions of their own: run the second step for those roles too.",
        place.account(),
        place.region()
    );
    format!(
        "#!/bin/sh\n{}set -eu\n{}{steps}",
        comment(&super::wrapped(&head)),
        commands::guard(place.account())
    )
}

struct Script<'a> {
    name: &'a str,
    resource: String,
    place: &'a Place,
}

impl Script<'_> {
    fn aws(&self, operation: &'static str) -> Command {
        Command::aws(operation).text("--region", self.place.region())
    }

    /// Looks for the ARN of the trust anchor.
    fn find_anchor(&self) -> String {
        let found = find(
            self.place,
            "list-trust-anchors",
            &format!("trustAnchors[?name=='{}'].trustAnchorArn", self.resource),
        );
        format!("{found}{}trust_anchor_arn=$1\n", self.one("trust anchors"))
    }

    fn find_profile(&self) -> String {
        let found =
            find(self.place, "list-profiles", &format!("profiles[?name=='{}'].profileId", self.resource));
        format!("{found}{}profile_id=$1\n", self.one("profiles"))
    }

    /// Ends the script where there is not exactly one.
    fn one(&self, what: &str) -> String {
        format!(
            "set -- $found\n[ $# = 1 ] || {{ echo \"there are $# {what} {}, and one is needed\" >&2; exit 1; }}\n",
            self.resource
        )
    }

    /// Denies in each role of the profiles that a query finds.
    fn deny(&self, query: &str, policy: &str, source_identity: Option<&str>, is_dated: bool) -> String {
        let put = Command::aws("iam put-role-policy")
            .expression("--role-name", "\"${role##*/}\"")
            .text("--policy-name", policy)
            .json("--policy-document", &denial(source_identity, is_dated));
        let put: String = put.render().lines().map(|line| format!("  {line}\n")).collect();
        let now = if is_dated { NOW } else { "" };
        let found = find(self.place, "list-profiles", query);
        // A loop over nothing would deny nothing, and say nothing.
        format!(
            "{now}{found}[ -n \"$found\" ] || {{ echo \"no profile has a role\" >&2; exit 1; }}\nfor role in $found; do\n{put}done\n"
        )
    }

    fn deny_in_own_role(&self) -> String {
        let put = Command::aws("iam put-role-policy")
            .text("--role-name", self.name)
            .text("--policy-name", OLDER)
            .json("--policy-document", &denial(None, true));
        format!("{NOW}{}", put.render())
    }

    fn own_roles(&self) -> String {
        format!("profiles[?name=='{}'].roleArns[]", self.resource)
    }

    fn certificate(&self, source_identity: &str, list: Option<&RevocationList>) -> String {
        let first = match list {
            Some(list) => self.find_anchor() + &self.import(list),
            None => String::from(
                "# Publish the list that has the certificate at its distribution point, and wait until the trust anchor has asked for it.\n",
            ),
        };
        format!(
            "\n# 1. No new sessions: the revocation list.\n{first}sleep {SPREAD}\n\
             \n# 2. Sessions that exist. Those that a new certificate of the host gets from here on are not touched.\n{}{}",
            self.deny(&self.own_roles(), &policy_name(source_identity), Some(source_identity), true),
            self.afterwards(&policy_name(source_identity))
        )
    }

    fn import(&self, list: &RevocationList) -> String {
        let data = list.argument();
        let import = self
            .aws("rolesanywhere import-crl")
            .text("--name", &self.resource)
            .expression("--crl-data", &data)
            .switch("--enabled")
            .expression("--trust-anchor-arn", "\"$trust_anchor_arn\"");
        let update = self
            .aws("rolesanywhere update-crl")
            .expression("--crl-id", "\"$crl_id\"")
            .expression("--crl-data", &data);
        let enable = self.aws("rolesanywhere enable-crl").expression("--crl-id", "\"$crl_id\"");
        let within = |script: String| script.lines().map(|line| format!("  {line}\n")).collect::<String>();
        let found = find(self.place, "list-crls", "crls[?trustAnchorArn=='$trust_anchor_arn'].crlId");
        format!(
            "{found}set -- $found\ncase $# in\n0)\n{}  ;;\n1)\n  crl_id=$1\n{}  ;;\n*)\n  echo \"the trust anchor has $# lists: update the right one by hand\" >&2\n  exit 1\n  ;;\nesac\n",
            within(import.render()),
            within(update.render() + &enable.render())
        )
    }

    fn host(&self, source_identity: &str) -> String {
        let name = policy_name(source_identity);
        let later = self.deny(&self.own_roles(), &name, Some(source_identity), true);
        format!(
            "\n# 1. Sessions that exist, and those that are made from here on: the host has nothing, whatever certificate it shows.\n{}\
             \n# 2. Revoke its certificates, and import the list: anyrole setup {} --revoke certificate says how.\n\
             \n# 3. When the host has a new certificate, deny only what is older:\n{}{}",
            self.deny(&self.own_roles(), &name, Some(source_identity), false),
            self.name,
            commented(&later),
            self.afterwards(&name)
        )
    }

    fn role(&self) -> String {
        let disable = self.aws("rolesanywhere disable-profile").expression("--profile-id", "\"$profile_id\"");
        let enable = self.aws("rolesanywhere enable-profile").expression("--profile-id", "\"$profile_id\"");
        format!(
            "\n# 1. No new sessions: the profile.\n{}{}sleep {SPREAD}\n\
             \n# 2. Sessions that exist.\n{}\
             \n# 3. When the cause is gone:\n{}{}",
            self.find_profile(),
            disable.render(),
            self.deny_in_own_role(),
            commented(&enable.render()),
            self.afterwards(OLDER)
        )
    }

    fn anchor(&self) -> String {
        let id = "\"${trust_anchor_arn##*/}\"";
        let disable = self.aws("rolesanywhere disable-trust-anchor").expression("--trust-anchor-id", id);
        format!(
            "\n# 1. No new sessions: the trust anchor, for all of its certificates.\n{}{}sleep {SPREAD}\n\
             \n# 2. Sessions that exist, in the roles of every profile of the region: any of them may have been used.\n{}{}",
            self.find_anchor(),
            disable.render(),
            self.deny("profiles[].roleArns[]", OLDER, None, true),
            self.afterwards(OLDER)
        )
    }

    fn afterwards(&self, policy: &str) -> String {
        let delete = Command::aws("iam delete-role-policy")
            .text("--role-name", self.name)
            .text("--policy-name", policy);
        format!(
            "\n# After 12 hours, the longest that a session lasts, the policy denies nothing any more:\n{}",
            commented(&delete.render())
        )
    }
}

/// Asks for all that a query finds, over every page of the answer.
fn find(place: &Place, operation: &str, query: &str) -> String {
    format!(
        "found=$(aws rolesanywhere {operation} \\\n  --region {} \\\n  --query \"{query}\" \\\n  --output text)\n",
        place.region()
    )
}

/// Takes the time at which the script runs, as policies write it.
const NOW: &str = "now=$(date -u +%Y-%m-%dT%H:%M:%SZ)\n";

/// The name that IAM's console gives to the policy against older sessions of a role.
const OLDER: &str = "AWSRevokeOlderSessions";

/// Denies everything to sessions of a source identity, or to all; to those from before now, or to all.
fn denial(source_identity: Option<&str>, is_dated: bool) -> Node {
    let mut condition = Vec::new();
    if let Some(source_identity) = source_identity {
        condition.push(("StringEquals", Node::map([("aws:SourceIdentity", Node::text(source_identity))])));
    }
    if is_dated {
        let now = Node::Reference(Reference::Now);
        condition.push(("DateLessThan", Node::map([("aws:TokenIssueTime", now)])));
    }
    policies::policy(vec![Node::map([
        ("Effect", Node::text("Deny")),
        ("Action", Node::text("*")),
        ("Resource", Node::text("*")),
        ("Condition", Node::map(condition)),
    ])])
}

/// Returns a name for the policy against one source identity: what IAM takes of it, and a digest.
fn policy_name(source_identity: &str) -> String {
    let plain = source_identity.chars().take(NAME);
    let plain: String = plain
        .map(|letter| if letter.is_ascii_alphanumeric() || "+=,.@-_".contains(letter) { letter } else { '-' })
        .collect();
    let mut digest = hex::encode(Sha256::digest(source_identity));
    digest.truncate(DIGITS);
    format!("revoked-{plain}-{digest}")
}

/// Checks the text of a source identity, as STS takes it.
///
/// # Errors
///
/// Fails if STS would not take it.
pub fn source_identity(text: &str) -> Result<String, super::SetupError> {
    let count = text.chars().count();
    let misfit = crate::explain::tag_value_misfit(text);
    match misfit {
        Some(why) => Err(super::SetupError::value("source-identity", text, why)),
        None if !(2..=LONGEST).contains(&count) => {
            Err(super::SetupError::value("source-identity", text, "it has 2 to 64 characters: CN=build-17"))
        }
        None => Ok(text.to_owned()),
    }
}

/// Returns the source identity that Roles Anywhere gives to the sessions of a certificate: `CN=` and the common name, the name
/// alone where both are too long, and `ID=` and the serial number in hex where there is none (user guide, "trust model").
pub fn source_identity_of(certificate: &Certificate) -> String {
    let name = certificate.subject_attributes().iter().find(|(kind, _)| kind == "CN");
    match name.and_then(|(_, value)| value.as_deref()) {
        Some(name) if name.chars().count() <= LONGEST - 3 => format!("CN={name}"),
        Some(name) if name.chars().count() <= LONGEST => name.to_owned(),
        Some(_) | None => format!("ID={}", certificate.serial_number().hex()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hosts_have_two_policies() {
        assert_ne!(policy_name("CN=a b"), policy_name("CN=a-b"));
        assert!(policy_name("CN=a b").starts_with("revoked-CN=a-b-"));
        assert!(policy_name(&"é".repeat(64)).len() <= 128);
        assert_eq!(super::super::shell::word(&policy_name("CN=a b")), policy_name("CN=a b"));
    }
}
