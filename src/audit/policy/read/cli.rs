//! What the AWS CLI prints, and policies that stand alone: found by their members, wherever they are.

use super::super::node::{Member, Node, Value};
use super::{Content, Holder, Kind, Profile, Role};

/// Whose policies the members below are.
#[derive(Clone, Copy, Default)]
struct Of<'a> {
    holder: Holder,
    name: Option<&'a str>,
}

/// Takes every policy, role and profile from a document.
pub(super) fn read(node: &Node, content: &mut Content) {
    visit(node, Of::default(), content);
}

fn visit<'a>(node: &'a Node, of: Of<'a>, content: &mut Content) {
    if let Value::List(nodes) = &node.value {
        nodes.iter().for_each(|node| visit(node, of, content));
        return;
    }
    if !node.is_map() {
        return;
    }
    if let Some(statement) = node.get("Statement")
        && looks_like_statements(statement)
    {
        let name = node.get("Id").and_then(Node::as_text);
        content.add(node, Kind::Identity, of.holder, of.name, of.name.or(name));
        return;
    }
    let text = |key: &str| node.get(key).and_then(Node::as_text);
    let of = holder(node, of);
    if let Some(document) = node.get("AssumeRolePolicyDocument") {
        content.add(document, Kind::Trust, Holder::Role, of.name, of.name);
        role(node, of.name.unwrap_or_default(), content);
    }
    if let Some(document) = node.get("PolicyDocument") {
        let policy = text("PolicyName");
        let resource = match (of.name, policy) {
            (Some(name), Some(policy)) => Some(format!("{name}/{policy}")),
            (name, policy) => name.or(policy).map(str::to_owned),
        };
        content.add(document, Kind::Identity, of.holder, of.name, resource.as_deref());
    }
    if let Some(arn) = text("profileArn") {
        profile(node, arn, content);
        return;
    }
    for member in node.members() {
        nested(node, member, of, content);
    }
}

/// Returns whose the members of an object are: it says so itself, or the one around it does.
fn holder<'a>(node: &'a Node, of: Of<'a>) -> Of<'a> {
    let named = [("RoleName", Holder::Role), ("UserName", Holder::User), ("GroupName", Holder::Group)];
    let named = named
        .into_iter()
        .find_map(|(key, holder)| Some(Of { holder, name: Some(node.get(key).and_then(Node::as_text)?) }));
    named.unwrap_or(of)
}

fn nested<'a>(node: &'a Node, member: &'a Member, of: Of<'a>, content: &mut Content) {
    match member.key.as_str() {
        "AssumeRolePolicyDocument" | "PolicyDocument" => {}
        // A version of a managed policy; of several the one that counts.
        "PolicyVersionList" | "Versions" => {
            let name = node.get("PolicyName").or_else(|| node.get("Arn")).and_then(Node::as_text);
            let is_default = |version: &&Node| {
                matches!(version.get("IsDefaultVersion").map(|it| &it.value), Some(Value::Bool(true)))
            };
            for version in member.node.one_or_more().iter().filter(is_default) {
                if let Some(document) = version.get("Document") {
                    content.add(
                        document,
                        Kind::Identity,
                        of.holder,
                        node.get("Arn").and_then(Node::as_text),
                        name,
                    );
                }
            }
        }
        "Document" => content.add(&member.node, Kind::Identity, of.holder, of.name, of.name),
        "AttachedManagedPolicies" | "AttachedPolicies" => {
            for arn in member.node.one_or_more().iter().filter_map(|policy| policy.get("PolicyArn")) {
                if let (Some(arn), Holder::User | Holder::Group) = (arn.as_text(), of.holder) {
                    content.held.push((arn.to_owned(), of.holder));
                }
            }
        }
        // A template as get-template prints it.
        "TemplateBody" => match &member.node.value {
            Value::Text(text) => {
                let nodes = super::json::read(text).or_else(|_| super::yaml::read(text)).unwrap_or_default();
                let inner = super::of_nodes(&nodes);
                let line = member.line;
                content.policies.extend(inner.policies.into_iter().map(|mut found| {
                    found.document = found.document.relined(&|_| line);
                    found
                }));
                content.roles.extend(inner.roles);
                content.profiles.extend(inner.profiles);
            }
            Value::Map(_) => {
                let inner = super::of_nodes(std::slice::from_ref(&member.node));
                content.policies.extend(inner.policies);
                content.roles.extend(inner.roles);
                content.profiles.extend(inner.profiles);
                content.left_out.extend(inner.left_out);
            }
            Value::Bool(_) | Value::List(_) | Value::Null | Value::Number(_) | Value::Unknown(_) => {}
        },
        _ => visit(&member.node, of, content),
    }
}

fn role(node: &Node, name: &str, content: &mut Content) {
    let attached = node.get("AttachedManagedPolicies").or_else(|| node.get("AttachedPolicies"));
    let attached = attached.map(Node::one_or_more).unwrap_or_default();
    content.roles.push(Role {
        id: name.to_owned(),
        arn: node.get("Arn").and_then(Node::as_text).map(str::to_owned),
        attached: attached
            .iter()
            .filter_map(|policy| policy.get("PolicyArn").and_then(Node::as_text).map(str::to_owned))
            .collect(),
    });
}

fn profile(node: &Node, arn: &str, content: &mut Content) {
    let texts = |key: &str| -> Vec<String> {
        let list = node.get(key).map(Node::one_or_more).unwrap_or_default();
        list.iter().filter_map(|node| node.as_text().map(str::to_owned)).collect()
    };
    let name = node.get("name").and_then(Node::as_text).unwrap_or(arn);
    let has_policy = node.get("sessionPolicy").and_then(Node::as_text).is_some_and(|text| !text.is_empty());
    if let Some(policy) = node.get("sessionPolicy").filter(|_| has_policy) {
        content.add(policy, Kind::Session, Holder::Role, Some(name), Some(name));
    }
    content.profiles.push(Profile {
        name: name.to_owned(),
        roles: texts("roleArns"),
        mappings: node.get("attributeMappings").map(super::cloudformation::mappings),
        narrows: has_policy || !texts("managedPolicyArns").is_empty(),
        propagates: node.at(&["tipConfiguration", "status"]).and_then(Node::as_text) == Some("ENABLED"),
    });
}

/// Tells a policy's statements from a member that is called alike.
fn looks_like_statements(node: &Node) -> bool {
    node.one_or_more().iter().all(|statement| {
        statement.is_unknown()
            || ["Effect", "Action", "NotAction", "Resource", "Principal"]
                .iter()
                .any(|key| statement.get(key).is_some())
    }) && matches!(node.value, Value::List(_) | Value::Map(_))
}
