//! The AWS side as a shell script of the AWS CLI.

use super::document::{Node, Reference};
use super::error::SetupError;
use super::shell::{comment, variable};
use super::{Plan, policies, shell, steps};

const HOW: &str = "Run it with sh where the AWS CLI is signed in as an administrator of the account: in AWS CloudShell, for example. It stops at the first failure.";

/// Writes the script: each resource, and what was made at its end.
///
/// # Errors
///
/// Fails if IAM would not take the trust policy.
pub(super) fn write(plan: &Plan) -> Result<String, SetupError> {
    let trust = policies::trust(plan)?;
    let mut text = format!("#!/bin/sh\n{}set -eu\n", comment(&plan.head(HOW)));
    text.push_str(&guard(plan.place.account()));
    text.push_str(&format!("\n# The trust anchor: the CA; once.\n{}{}", nothing_yet(plan), anchor(plan)));
    text.push_str(&format!("\n# The role, and who may have it.\n{}", role(plan, &trust)));
    text.push_str(&format!("\n# The profile: which roles, for how long.\n{}", profile(plan)));
    let mappings = steps::mappings(plan);
    if !mappings.is_empty() {
        text.push_str(&format!("\n# Which fields become session tags.\n{}", steps::script(&mappings)));
    }
    if let Some(import) = steps::import(plan) {
        text.push_str(&format!("\n# The revocation list.\n{}", import.render()));
    }
    text.push_str(&ending(plan));
    Ok(text)
}

/// Ends the script in the wrong account.
pub(super) fn guard(account: &str) -> String {
    format!(
        "account=$(aws sts get-caller-identity \\\n  --query Account \\\n  --output text)\n\
         [ \"$account\" = {account} ] || {{ echo \"this is account $account, not {account}\" >&2; exit 1; }}\n"
    )
}

/// Ends the script where it has been run before: a second trust anchor of the same name would be made without a word.
fn nothing_yet(plan: &Plan) -> String {
    let name = plan.resource_name();
    format!(
        "found=$(aws rolesanywhere list-trust-anchors \\\n  --region {} \\\n  --query \"trustAnchors[?name=='{name}'].trustAnchorArn\" \\\n  --output text)\n\
         [ -z \"$found\" ] || {{ echo \"there is a trust anchor {name} already: $found\" >&2; exit 1; }}\n",
        plan.place.region()
    )
}

fn anchor(plan: &Plan) -> String {
    let (kind, data) = plan.anchor.source("x509CertificateData", "acmPcaArn");
    let source = Node::map([("sourceType", Node::text(kind)), ("sourceData", data)]);
    let create = steps::aws(plan, "rolesanywhere create-trust-anchor")
        .text("--name", &plan.resource_name())
        .switch("--enabled")
        .json("--source", &source);
    let name = variable(Reference::TrustAnchorArn);
    steps::of_anchor(plan, create).into_variable(name, "trustAnchor.trustAnchorArn").render()
}

fn role(plan: &Plan, trust: &Node) -> String {
    let create = shell::Command::aws("iam create-role")
        .text("--role-name", &plan.name)
        .text("--max-session-duration", &plan.role_seconds().to_string())
        .json("--assume-role-policy-document", trust)
        .into_variable(variable(Reference::RoleArn), "Role.Arn");
    let policies = policies::of_role(plan).into_iter().map(|(name, policy)| {
        shell::Command::aws("iam put-role-policy")
            .text("--role-name", &plan.name)
            .text("--policy-name", name)
            .json("--policy-document", &policy)
            .render()
    });
    create.render() + &policies.collect::<String>()
}

fn profile(plan: &Plan) -> String {
    let mut create = steps::aws(plan, "rolesanywhere create-profile")
        .text("--name", &plan.resource_name())
        .switch("--enabled")
        .text("--duration-seconds", &plan.seconds().to_string())
        .expression("--role-arns", "\"$role_arn\"");
    if !plan.session_names.is_empty() {
        create = create.switch("--accept-role-session-name");
    }
    let name = variable(Reference::ProfileArn);
    steps::of_profile(plan, create).into_variable(name, "profile.profileArn").render()
}

fn ending(plan: &Plan) -> String {
    let arns = [Reference::TrustAnchorArn, Reference::ProfileArn, Reference::RoleArn].map(variable);
    let [anchor, profile, role] = arns.map(|name| format!("${name}"));
    // Between double quotes the shell puts the ARNs in; what else it would read there has a backslash before it.
    let (before, after) = ("@anchor@", "@profile@");
    let command = plan.next_command([before, after, "@role@"]);
    let mut quoted = String::new();
    for character in command.chars() {
        if "\\\"$`".contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    let quoted =
        quoted.replacen(before, &anchor, 1).replacen(after, &profile, 1).replacen("@role@", &role, 1);
    format!("\n# On the host:\nprintf '%s\\n' \"{quoted}\"\n")
}
