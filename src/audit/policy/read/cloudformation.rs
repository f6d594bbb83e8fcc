//! Templates of CloudFormation and SAM: the policies of IAM's resource types, and profiles of Roles Anywhere.

use super::super::node::{Node, Value};
use super::intrinsic::resolved;
use super::{Content, Holder, Kind, Profile, Role};
use crate::policy::mapping::DEFAULT_RULES;

/// Tells whether a document is a template: resources, each with a type.
pub(super) fn is_template(node: &Node) -> bool {
    let resources = node.get("Resources").map(Node::members).unwrap_or_default();
    resources.iter().any(|resource| {
        resource.node.get("Type").and_then(Node::as_text).is_some_and(|kind| kind.contains("::"))
    })
}

/// Takes every policy, role and profile of a template.
pub(super) fn read(node: &Node, content: &mut Content) {
    for resource in node.get("Resources").map(Node::members).unwrap_or_default() {
        let Some(kind) = resource.node.get("Type").and_then(Node::as_text) else {
            if resource.key.starts_with("Fn::ForEach::") {
                let why = "resources of Fn::ForEach are not known before it is evaluated";
                content.leave_out(resource.line, Some(&resource.key), why);
            }
            continue;
        };
        let Some(properties) = resource.node.get("Properties") else { continue };
        resource_of(kind, &resource.key, &resolved(properties), content);
    }
}

fn resource_of(kind: &str, id: &str, properties: &Node, content: &mut Content) {
    match kind {
        "AWS::IAM::Role" => {
            if let Some(document) = properties.get("AssumeRolePolicyDocument") {
                content.add(document, Kind::Trust, Holder::Role, Some(id), Some(id));
            }
            inline(properties, Holder::Role, id, content);
            let arn = None;
            content.roles.push(Role {
                id: id.to_owned(),
                arn,
                attached: names(properties, "ManagedPolicyArns"),
            });
        }
        "AWS::IAM::User" | "AWS::IAM::Group" => {
            let holder = if kind == "AWS::IAM::User" { Holder::User } else { Holder::Group };
            inline(properties, holder, id, content);
            let attached = names(properties, "ManagedPolicyArns");
            content.held.extend(attached.into_iter().map(|policy| (policy, holder)));
        }
        "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" => {
            let has = |key: &str| !names(properties, key).is_empty();
            let holder = match () {
                () if has("Users") => Holder::User,
                () if has("Groups") => Holder::Group,
                () if has("Roles") => Holder::Role,
                () => Holder::Unknown,
            };
            let roles = names(properties, "Roles");
            // A policy that is a resource of its own may be attached elsewhere by its id.
            let owner =
                if kind == "AWS::IAM::Policy" { roles.first().map_or(id, String::as_str) } else { id };
            document(properties, holder, owner, id, content);
            for role in roles {
                content.roles.push(Role { id: role, arn: None, attached: vec![id.to_owned()] });
            }
        }
        "AWS::IAM::RolePolicy" | "AWS::IAM::UserPolicy" | "AWS::IAM::GroupPolicy" => {
            let (holder, key) = match kind {
                "AWS::IAM::RolePolicy" => (Holder::Role, "RoleName"),
                "AWS::IAM::UserPolicy" => (Holder::User, "UserName"),
                _ => (Holder::Group, "GroupName"),
            };
            let owner = names(properties, key);
            document(properties, holder, owner.first().map_or(id, String::as_str), id, content);
        }
        "AWS::Serverless::Function" | "AWS::Serverless::StateMachine" => serverless(id, properties, content),
        "AWS::RolesAnywhere::Profile" => profile(id, properties, content),
        _ => other(id, properties, content),
    }
}

/// Says which policies are of a kind that is not judged.
fn other(id: &str, properties: &Node, content: &mut Content) {
    let document = ["PolicyDocument", "KeyPolicy", "ResourcePolicy", "AccessPolicies", "Policy"]
        .iter()
        .find_map(|key| properties.get(key).filter(|node| node.get("Statement").is_some()));
    if let Some(document) = document {
        content.add(document, Kind::Other, Holder::Unknown, None, Some(id));
    }
}

fn document(properties: &Node, holder: Holder, owner: &str, id: &str, content: &mut Content) {
    if let Some(document) = properties.get("PolicyDocument") {
        content.add(document, Kind::Identity, holder, Some(owner), Some(id));
    }
}

/// Takes the policies inside of a role, user or group.
fn inline(properties: &Node, holder: Holder, id: &str, content: &mut Content) {
    let policies = properties.get("Policies").map(Node::one_or_more).unwrap_or_default();
    for policy in policies {
        let Some(document) = policy.get("PolicyDocument") else { continue };
        let name = policy.get("PolicyName").and_then(Node::scalar);
        let resource = match name {
            Some(name) => format!("{id}/{name}"),
            None => id.to_owned(),
        };
        content.add(document, Kind::Identity, holder, Some(id), Some(&resource));
    }
}

/// SAM's `Policies`: documents, names of managed policies, and templates of policies, which SAM writes itself.
fn serverless(id: &str, properties: &Node, content: &mut Content) {
    if let Some(document) = properties.get("AssumeRolePolicyDocument") {
        content.add(document, Kind::Trust, Holder::Role, Some(id), Some(id));
    }
    let policies = properties.get("Policies").map(Node::one_or_more).unwrap_or_default();
    for policy in policies.iter().filter(|policy| policy.get("Statement").is_some()) {
        content.add(policy, Kind::Identity, Holder::Role, Some(id), Some(id));
    }
}

fn profile(id: &str, properties: &Node, content: &mut Content) {
    let policy = properties.get("SessionPolicy");
    if let Some(policy) = policy {
        content.add(policy, Kind::Session, Holder::Role, Some(id), Some(id));
    }
    content.profiles.push(Profile {
        name: id.to_owned(),
        roles: names(properties, "RoleArns"),
        mappings: properties.get("AttributeMappings").map(|node| with_defaults(mappings(node))),
        narrows: policy.is_some() || !names(properties, "ManagedPolicyArns").is_empty(),
        propagates: properties.at(&["TipConfiguration", "Status"]).and_then(Node::as_text) == Some("ENABLED"),
    });
}

/// Adds the defaults of the fields that are not named: a new profile keeps them.
fn with_defaults(mut mappings: Vec<(String, String)>) -> Vec<(String, String)> {
    let named: Vec<String> = mappings.iter().map(|(field, _)| field.clone()).collect();
    let kept = DEFAULT_RULES.iter().filter(|(field, _)| !named.iter().any(|known| known == field));
    mappings.extend(kept.map(|(field, specifier)| ((*field).to_owned(), (*specifier).to_owned())));
    mappings
}

/// Returns fields and specifiers of attribute mappings, as the service and CloudFormation write them.
pub(super) fn mappings(node: &Node) -> Vec<(String, String)> {
    let either = |node: &Node, names: [&str; 2]| names.iter().find_map(|name| node.get(name)).cloned();
    let mut found = Vec::new();
    for mapping in node.one_or_more() {
        let field =
            either(mapping, ["certificateField", "CertificateField"]).and_then(|field| field.scalar());
        let rules = either(mapping, ["mappingRules", "MappingRules"]);
        for rule in rules.as_ref().map(Node::one_or_more).unwrap_or_default() {
            let specifier = either(rule, ["specifier", "Specifier"]).and_then(|text| text.scalar());
            if let (Some(field), Some(specifier)) = (&field, specifier) {
                found.push((field.clone(), specifier));
            }
        }
    }
    found
}

/// Returns texts and references of a member; of an ARN that is not known whole what is known.
fn names(properties: &Node, key: &str) -> Vec<String> {
    let nodes = properties.get(key).map(Node::one_or_more).unwrap_or_default();
    let name = |node: &Node| match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Unknown(reference) => Some(reference.clone().unwrap_or_default()),
        Value::Bool(_) | Value::List(_) | Value::Map(_) | Value::Null | Value::Number(_) => None,
    };
    nodes.iter().filter_map(name).collect()
}
