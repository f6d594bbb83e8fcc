//! The AWS side as a configuration of Terraform.

use super::document::{Node, Reference};
use super::error::SetupError;
use super::hcl::{self, Item};
use super::{Plan, policies, shell, steps};

const HOW: &str = "Save it as a file in a folder of its own, then run the command below. In a module of yours leave out the blocks terraform and provider.\n  terraform init && terraform apply";

/// Writes the configuration: each resource, and the ARNs as outputs.
///
/// # Errors
///
/// Fails if IAM would not take the trust policy.
pub(super) fn write(plan: &Plan) -> Result<String, SetupError> {
    let label = label(&plan.name);
    let mut items = vec![Item::Comment(plan.head(HOW))];
    items.extend(opening(&[("", plan.place.region())], plan.place.account(), provider(plan)));
    items.push(anchor(plan, &label));
    items.extend(role(plan, &label)?);
    items.push(profile(plan, &label));
    for (name, reference) in [
        ("trust_anchor_arn", Reference::TrustAnchorArn),
        ("profile_arn", Reference::ProfileArn),
        ("role_arn", Reference::RoleArn),
    ] {
        items.push(block(&["output", name], vec![Item::Attribute("value", Node::Reference(reference))]));
    }
    Ok(hcl::file(&items, &|reference| expression(reference, &label)) + &ending(plan))
}

/// Writes a reference to what a configuration makes under this label.
pub(super) fn expression(reference: Reference, label: &str) -> String {
    match reference {
        // Only a script has a time of its own.
        Reference::Now => String::from("timestamp()"),
        Reference::ProfileArn => format!("aws_rolesanywhere_profile.{label}.arn"),
        Reference::RoleArn => format!("aws_iam_role.{label}.arn"),
        Reference::TargetId => String::from("var.target_id"),
        Reference::TopicArn => format!("aws_sns_topic.{label}.arn"),
        Reference::TrustAnchorArn => format!("aws_rolesanywhere_trust_anchor.{label}.arn"),
    }
}

/// Returns the blocks at the head: which provider, and for each alias its region; the one without an alias is the default.
pub(super) fn opening(regions: &[(&str, &str)], account: &str, provider: &str) -> Vec<Item> {
    let aws = Node::map([("source", Node::text("hashicorp/aws")), ("version", Node::text(provider))]);
    let providers = Item::Block(String::from("required_providers"), vec![Item::Attribute("aws", aws)]);
    let mut items = vec![block(
        &["terraform"],
        vec![Item::Attribute("required_version", Node::text(">= 1.3")), providers],
    )];
    for (alias, region) in regions {
        let mut body = Vec::new();
        if !alias.is_empty() {
            body.push(Item::Attribute("alias", Node::text(*alias)));
        }
        body.push(Item::Attribute("region", Node::text(*region)));
        body.push(Item::Attribute("allowed_account_ids", Node::texts([account])));
        items.push(block(&["provider", "aws"], body));
    }
    items
}

/// The oldest AWS provider that is known to take all this.
pub(super) const PROVIDER: &str = ">= 5.75";
/// The same, where callers may give a role session name; the argument came in December 2025.
const PROVIDER_WITH_SESSION_NAMES: &str = ">= 6.28";

fn provider(plan: &Plan) -> &'static str {
    if plan.session_names.is_empty() { PROVIDER } else { PROVIDER_WITH_SESSION_NAMES }
}

/// Writes a block with its labels.
pub(super) fn block(words: &[&str], body: Vec<Item>) -> Item {
    let (name, labels) = words.split_first().unwrap_or((&"", &[]));
    let labels: String = labels.iter().map(|label| format!(" \"{label}\"")).collect();
    Item::Block(format!("{name}{labels}"), body)
}

/// Returns the name as Terraform's own names are: letters, digits, `_` and `-`, a letter or `_` first.
pub(super) fn label(name: &str) -> String {
    let label = name.replace('.', "_");
    if label.starts_with(|first: char| first.is_ascii_digit()) { format!("_{label}") } else { label }
}

fn anchor(plan: &Plan, label: &str) -> Item {
    let (kind, data) = plan.anchor.source("x509_certificate_data", "acm_pca_arn");
    let data = data.as_map().unwrap_or_default().iter();
    let data = data.map(|(name, value)| {
        let name = if name == "acm_pca_arn" { "acm_pca_arn" } else { "x509_certificate_data" };
        Item::Attribute(name, value.clone())
    });
    let source = vec![
        Item::Attribute("source_type", Node::text(kind)),
        Item::Block(String::from("source_data"), data.collect()),
    ];
    block(
        &["resource", "aws_rolesanywhere_trust_anchor", label],
        vec![
            Item::Attribute("name", Node::text(plan.resource_name())),
            Item::Attribute("enabled", Node::Bool(true)),
            Item::Block(String::from("source"), source),
        ],
    )
}

fn role(plan: &Plan, label: &str) -> Result<Vec<Item>, SetupError> {
    let trust = policies::trust(plan)?;
    let role = block(
        &["resource", "aws_iam_role", label],
        vec![
            Item::Attribute("name", Node::text(&plan.name)),
            Item::Attribute("max_session_duration", Node::number(plan.role_seconds())),
            Item::Attribute("assume_role_policy", Node::Json(Box::new(trust))),
        ],
    );
    let policies = policies::of_role(plan).into_iter().map(|(name, policy)| {
        block(
            &["resource", "aws_iam_role_policy", &format!("{label}_{}", name.replace('-', "_"))],
            vec![
                Item::Attribute("name", Node::text(name)),
                Item::Expression("role", format!("aws_iam_role.{label}.id")),
                Item::Attribute("policy", Node::Json(Box::new(policy))),
            ],
        )
    });
    Ok(std::iter::once(role).chain(policies).collect())
}

fn profile(plan: &Plan, label: &str) -> Item {
    let mut body = vec![
        Item::Attribute("name", Node::text(plan.resource_name())),
        Item::Attribute("enabled", Node::Bool(true)),
        Item::Attribute("duration_seconds", Node::number(plan.seconds())),
        Item::Attribute("role_arns", Node::List(vec![Node::Reference(Reference::RoleArn)])),
    ];
    if !plan.session_names.is_empty() {
        body.push(Item::Attribute("accept_role_session_name", Node::Bool(true)));
    }
    block(&["resource", "aws_rolesanywhere_profile", label], body)
}

/// Returns the comments at the end: what the provider cannot say, and what comes next on the host.
fn ending(plan: &Plan) -> String {
    let mut commands = steps::updates(plan);
    commands.extend(steps::mappings(plan));
    commands.extend(steps::import(plan));
    let mut text = String::from("\n");
    if !commands.is_empty() {
        text.push_str("# Not in Terraform's AWS provider: after terraform apply, with the AWS CLI,\n");
        for name in ["trust_anchor_arn", "profile_arn"] {
            text.push_str(&format!("#   {name}=$(terraform output -raw {name})\n"));
        }
        text.push_str(&shell::commented(&steps::script(&commands)));
        text.push_str("#\n");
    }
    let output = |name: &str| format!("\"$(terraform output -raw {name})\"");
    let arns = ["trust_anchor_arn", "profile_arn", "role_arn"].map(output);
    let next = plan.next_command([&arns[0], &arns[1], &arns[2]]);
    text.push_str(&format!("# On the host:\n{}", shell::commented(&next)));
    text
}
