//! The service control policy against static access keys.

use super::document::{Node, Reference};
use super::error::SetupError;
use super::hcl::{self, Item};
use super::shell::{self, Command};
use super::terraform::{self, block, opening};
use super::{Format, Place, cloudformation, commands, yaml};

/// What the policy is called.
const NAME: &str = "deny-static-keys";

/// Takes the ARN of a role, or a pattern of such ARNs, that may make users and keys all the same.
///
/// # Errors
///
/// Fails if it is something else.
pub fn exception(text: &str) -> Result<String, SetupError> {
    let mut fields = text.split(':');
    let is_role = fields.next() == Some("arn")
        && fields.next().is_some_and(|partition| partition.starts_with("aws"))
        && fields.next() == Some("iam")
        && fields.next() == Some("")
        && fields.next().is_some_and(|account| !account.is_empty())
        && fields.next().is_some_and(|role| role.strip_prefix("role/").is_some_and(|name| !name.is_empty()))
        && fields.next().is_none()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/*?_+=,.@-".contains(&byte));
    if is_role {
        return Ok(text.to_owned());
    }
    Err(SetupError::value(
        "except",
        text,
        "it is the ARN of a role: arn:aws:iam::111122223333:role/break-glass",
    ))
}

fn policy(exceptions: &[String]) -> Node {
    let mut statement = vec![
        ("Sid", Node::text("NoStaticKeys")),
        ("Effect", Node::text("Deny")),
        ("Action", Node::texts(["iam:CreateAccessKey", "iam:CreateUser"])),
        ("Resource", Node::text("*")),
    ];
    if !exceptions.is_empty() {
        let others = Node::map([("aws:PrincipalArn", Node::texts(exceptions))]);
        statement.push(("Condition", Node::map([("ArnNotLike", others)])));
    }
    super::policies::policy(vec![Node::map(statement)])
}

/// Writes the policy, and that it is attached to what the reader names.
pub fn write(place: &Place, exceptions: &[String], format: Format) -> String {
    match format {
        Format::Cli => cli(place, exceptions),
        Format::CloudFormation => template(place, exceptions),
        Format::Terraform => configuration(place, exceptions),
    }
}

fn head(place: &Place, exceptions: &[String], how: &str) -> String {
    let mut text = format!(
        "A service control policy against static access keys, from the organization's management account {}. Written by anyrole setup; nothing was sent.\n{how}\nIt binds every account below the target, their root users too, and never the management account itself. Keys that exist go on working.",
        place.account()
    );
    text.push_str(if exceptions.is_empty() {
        "\nNobody is excepted: who needs a key makes it in the management account, or detaches the policy. --except ROLE_ARN excepts a role."
    } else {
        "\nExcepted are the roles under aws:PrincipalArn: whoever may make a role of such a name, or change who has it, is excepted too."
    });
    super::wrapped(&text)
}

fn cli(place: &Place, exceptions: &[String]) -> String {
    let how =
        "Run it with sh, and what it is to bind: the root, a unit or an account.\n  sh FILE ou-abcd-11111111";
    let mut text = format!("#!/bin/sh\n{}set -eu\n", shell::comment(&head(place, exceptions, how)));
    text.push_str("target_id=${1:?the id of the root, the unit or the account}\n");
    text.push_str(&commands::guard(place.account()));
    let create = Command::aws("organizations create-policy")
        .text("--name", NAME)
        .text("--description", "No static access keys")
        .text("--type", "SERVICE_CONTROL_POLICY")
        .json("--content", &policy(exceptions))
        .into_variable("policy_id", "Policy.PolicySummary.Id");
    let attach = Command::aws("organizations attach-policy")
        .expression("--policy-id", "\"$policy_id\"")
        .expression("--target-id", "\"$target_id\"");
    text + "\n" + &create.render() + &attach.render()
}

fn template(place: &Place, exceptions: &[String]) -> String {
    let how = format!(
        "Save it as a file, then:\n  aws cloudformation deploy --region {} --stack-name {NAME} --template-file FILE --parameter-overrides TargetId=ou-abcd-11111111",
        place.region()
    );
    let properties = vec![
        ("Name", Node::text(NAME)),
        ("Description", Node::text("No static access keys")),
        ("Type", Node::text("SERVICE_CONTROL_POLICY")),
        ("TargetIds", Node::List(vec![Node::Reference(Reference::TargetId)])),
        ("Content", policy(exceptions)),
    ];
    let parameter = Node::map([
        ("Type", Node::text("String")),
        ("Description", Node::text("The id of the root, the unit or the account that it binds")),
    ]);
    let document = Node::map([
        ("AWSTemplateFormatVersion", Node::text("2010-09-09")),
        ("Description", Node::text("The service control policy against static access keys")),
        ("Parameters", Node::map([("TargetId", parameter)])),
        (
            "Resources",
            Node::map([("Policy", cloudformation::resource("AWS::Organizations::Policy", properties))]),
        ),
    ]);
    yaml::comment(&head(place, exceptions, &how))
        + "\n"
        + &yaml::document(&document, &cloudformation::function)
}

fn configuration(place: &Place, exceptions: &[String]) -> String {
    let how = "Save it as a file in a folder of its own, then:\n  terraform init && terraform apply -var target_id=ou-abcd-11111111";
    let mut items = vec![Item::Comment(head(place, exceptions, how))];
    items.extend(opening(&[("", place.region())], place.account(), terraform::PROVIDER));
    items.push(block(
        &["variable", "target_id"],
        vec![
            Item::Expression("type", String::from("string")),
            Item::Attribute(
                "description",
                Node::text("The id of the root, the unit or the account that it binds"),
            ),
        ],
    ));
    items.push(block(
        &["resource", "aws_organizations_policy", "deny_static_keys"],
        vec![
            Item::Attribute("name", Node::text(NAME)),
            Item::Attribute("description", Node::text("No static access keys")),
            Item::Attribute("type", Node::text("SERVICE_CONTROL_POLICY")),
            Item::Attribute("content", Node::Json(Box::new(policy(exceptions)))),
        ],
    ));
    items.push(block(
        &["resource", "aws_organizations_policy_attachment", "deny_static_keys"],
        vec![
            Item::Expression("policy_id", String::from("aws_organizations_policy.deny_static_keys.id")),
            Item::Attribute("target_id", Node::Reference(Reference::TargetId)),
        ],
    ));
    hcl::file(&items, &|reference| terraform::expression(reference, ""))
}
