//! The AWS side as a template of CloudFormation.

use super::document::{Node, Reference};
use super::error::SetupError;
use super::{Plan, policies, shell, steps, yaml};

/// Writes the template: each resource, and the ARNs as outputs.
///
/// # Errors
///
/// Fails if IAM would not take the trust policy.
pub(super) fn write(plan: &Plan) -> Result<String, SetupError> {
    let how = format!(
        "Save it as a file, then:\n  aws cloudformation deploy --region {} --stack-name {} --template-file FILE --capabilities CAPABILITY_NAMED_IAM",
        plan.place.region(),
        stack(plan)
    );
    let mut resources = vec![
        ("TrustAnchor", resource("AWS::RolesAnywhere::TrustAnchor", anchor(plan))),
        ("Role", resource("AWS::IAM::Role", role(plan)?)),
        ("Profile", resource("AWS::RolesAnywhere::Profile", profile(plan))),
    ];
    if let Some(list) = &plan.revocation_list {
        let properties = vec![
            ("Name", Node::text(plan.resource_name())),
            ("Enabled", Node::Bool(true)),
            ("TrustAnchorArn", Node::Reference(Reference::TrustAnchorArn)),
            ("CrlData", Node::Lines(list.text().to_owned())),
        ];
        resources.push(("RevocationList", resource("AWS::RolesAnywhere::CRL", properties)));
    }
    let outputs = [
        ("TrustAnchorArn", Reference::TrustAnchorArn),
        ("ProfileArn", Reference::ProfileArn),
        ("RoleArn", Reference::RoleArn),
    ]
    .map(|(name, reference)| (name, Node::map([("Value", Node::Reference(reference))])));
    let document = Node::map([
        ("AWSTemplateFormatVersion", Node::text("2010-09-09")),
        ("Description", Node::text(format!("IAM Roles Anywhere for the session {}", plan.name))),
        ("Resources", Node::map(resources)),
        ("Outputs", Node::map(outputs)),
    ]);
    Ok(yaml::comment(&plan.head(&how)) + "\n" + &yaml::document(&document, &function) + &ending(plan))
}

/// Returns a resource of a type with its properties.
pub(super) fn resource(kind: &str, properties: Vec<(&'static str, Node)>) -> Node {
    Node::map([("Type", Node::text(kind)), ("Properties", Node::map(properties))])
}

/// Writes a reference as CloudFormation says it.
pub(super) fn function(reference: Reference) -> String {
    String::from(match reference {
        // Only a script has a time of its own.
        Reference::Now => "!Ref AWS::NoValue",
        Reference::ProfileArn => "!GetAtt Profile.ProfileArn",
        Reference::RoleArn => "!GetAtt Role.Arn",
        Reference::TargetId => "!Ref TargetId",
        Reference::TopicArn => "!Ref Topic",
        Reference::TrustAnchorArn => "!GetAtt TrustAnchor.TrustAnchorArn",
    })
}

/// Returns the name of the stack: letters, digits and hyphens, a letter first.
fn stack(plan: &Plan) -> String {
    format!("anyrole-{}", plan.name.replace(['.', '_'], "-"))
}

fn anchor(plan: &Plan) -> Vec<(&'static str, Node)> {
    let (kind, data) = plan.anchor.source("X509CertificateData", "AcmPcaArn");
    vec![
        ("Name", Node::text(plan.resource_name())),
        ("Enabled", Node::Bool(true)),
        ("Source", Node::map([("SourceType", Node::text(kind)), ("SourceData", data)])),
    ]
}

fn role(plan: &Plan) -> Result<Vec<(&'static str, Node)>, SetupError> {
    let mut properties = vec![
        ("RoleName", Node::text(&plan.name)),
        ("MaxSessionDuration", Node::number(plan.role_seconds())),
        ("AssumeRolePolicyDocument", policies::trust(plan)?),
    ];
    let policies = policies::of_role(plan)
        .into_iter()
        .map(|(name, policy)| Node::map([("PolicyName", Node::text(name)), ("PolicyDocument", policy)]));
    let policies: Vec<Node> = policies.collect();
    if !policies.is_empty() {
        properties.push(("Policies", Node::List(policies)));
    }
    Ok(properties)
}

fn profile(plan: &Plan) -> Vec<(&'static str, Node)> {
    let mut properties = vec![
        ("Name", Node::text(plan.resource_name())),
        ("Enabled", Node::Bool(true)),
        ("DurationSeconds", Node::number(plan.seconds())),
        ("RoleArns", Node::List(vec![Node::Reference(Reference::RoleArn)])),
    ];
    if !plan.session_names.is_empty() {
        properties.push(("AcceptRoleSessionName", Node::Bool(true)));
    }
    let mappings = plan.mappings.iter().map(|mapping| {
        let rules = mapping.specifiers.iter().map(|name| Node::map([("Specifier", Node::text(name))]));
        Node::map([
            ("CertificateField", Node::text(mapping.field)),
            ("MappingRules", Node::List(rules.collect())),
        ])
    });
    let mappings: Vec<Node> = mappings.collect();
    if !mappings.is_empty() {
        properties.push(("AttributeMappings", Node::List(mappings)));
    }
    properties
}

/// Returns the comments at the end: what CloudFormation cannot say, and what comes next on the host.
fn ending(plan: &Plan) -> String {
    let updates = steps::updates(plan);
    let output = |name: &str| {
        format!(
            "$(aws cloudformation describe-stacks --region {} --stack-name {} --query \"Stacks[0].Outputs[?OutputKey=='{name}'].OutputValue\" --output text)",
            plan.place.region(),
            stack(plan)
        )
    };
    let mut text = String::from("\n");
    text.push_str("# The ARNs, once the stack is there:\n");
    for (variable, name) in
        [("trust_anchor_arn", "TrustAnchorArn"), ("profile_arn", "ProfileArn"), ("role_arn", "RoleArn")]
    {
        text.push_str(&shell::commented(&format!("{variable}={}", output(name))));
    }
    if !updates.is_empty() {
        text.push_str("# Not in CloudFormation: with the AWS CLI,\n");
        text.push_str(&shell::commented(&steps::script(&updates)));
    }
    let next = plan.next_command(["\"$trust_anchor_arn\"", "\"$profile_arn\"", "\"$role_arn\""]);
    text.push_str(&format!("# On the host:\n{}", shell::commented(&next)));
    text
}
