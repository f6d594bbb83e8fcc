//! Commands of the AWS CLI for what another language cannot say.

use super::document::{Node, Reference};
use super::shell::{Command, variable};
use super::{Plan, Subject};

/// Returns the region's flag, which every command has.
pub(super) fn aws(plan: &Plan, operation: &'static str) -> Command {
    Command::aws(operation).text("--region", plan.place.region())
}

/// Returns the id at the end of an ARN: older versions of the AWS CLI take no ARN in its place.
fn id(reference: Reference) -> String {
    format!("\"${{{}##*/}}\"", variable(reference))
}

/// Adds to a command what only the AWS CLI can say of a trust anchor.
pub(super) fn of_anchor(plan: &Plan, mut command: Command) -> Command {
    if let Some(alias) = &plan.alias {
        command = command.text("--alias-name", alias);
    }
    if plan.asks_distribution_points { command.switch("--crl-dp-revocation-enabled") } else { command }
}

/// Adds to a command what only the AWS CLI can say of a profile.
pub(super) fn of_profile(plan: &Plan, mut command: Command) -> Command {
    if let Some(alias) = &plan.alias {
        command = command.text("--alias-name", alias);
    }
    match plan.subject {
        Some(subject) => command.json("--tip-configuration", &configuration(subject)),
        None => command,
    }
}

fn configuration(subject: Subject) -> Node {
    Node::map([
        ("status", Node::text("ENABLED")),
        ("subjectType", Node::text("workload")),
        ("subjectSource", Node::text(subject.tag())),
    ])
}

/// Returns the commands that change the trust anchor and the profile to what only the AWS CLI can say.
pub(super) fn updates(plan: &Plan) -> Vec<Command> {
    let mut commands = Vec::new();
    if plan.alias.is_some() || plan.asks_distribution_points {
        let update = aws(plan, "rolesanywhere update-trust-anchor")
            .expression("--trust-anchor-id", &id(Reference::TrustAnchorArn));
        commands.push(of_anchor(plan, update));
    }
    if plan.alias.is_some() || plan.subject.is_some() {
        let update =
            aws(plan, "rolesanywhere update-profile").expression("--profile-id", &id(Reference::ProfileArn));
        commands.push(of_profile(plan, update));
    }
    commands
}

/// Returns the commands that set the attribute mappings.
pub(super) fn mappings(plan: &Plan) -> Vec<Command> {
    let mut commands = Vec::new();
    for mapping in &plan.mappings {
        let of = |operation| {
            aws(plan, operation)
                .expression("--profile-id", &id(Reference::ProfileArn))
                .text("--certificate-field", mapping.field)
        };
        // A profile begins with the defaults; without them it is the same whether put adds to them or replaces them.
        commands.push(of("rolesanywhere delete-attribute-mapping"));
        if !mapping.specifiers.is_empty() {
            let rules = mapping.specifiers.iter().map(|name| Node::map([("specifier", Node::text(name))]));
            commands.push(
                of("rolesanywhere put-attribute-mapping")
                    .json("--mapping-rules", &Node::List(rules.collect())),
            );
        }
    }
    commands
}

/// Returns the command that imports the revocation list.
pub(super) fn import(plan: &Plan) -> Option<Command> {
    let list = plan.revocation_list.as_ref()?;
    Some(
        aws(plan, "rolesanywhere import-crl")
            .text("--name", &plan.resource_name())
            .expression("--crl-data", &list.argument())
            .switch("--enabled")
            .expression("--trust-anchor-arn", "\"$trust_anchor_arn\""),
    )
}

/// Writes commands below one another.
pub(super) fn script(commands: &[Command]) -> String {
    commands.iter().map(Command::render).collect()
}
