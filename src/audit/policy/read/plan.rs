//! What `terraform show -json` prints of a plan or a state.

use super::super::node::{Node, Value};
use super::terraform::{owner_key, policy_of};
use super::{Content, Holder, Kind, Profile, Role};

/// Tells whether a document is a plan or a state.
pub(super) fn is_plan(node: &Node) -> bool {
    node.get("format_version").is_some()
        && ["planned_values", "values", "resource_changes"].iter().any(|key| node.get(key).is_some())
}

/// Takes every policy, role and profile of a plan, or of a state.
pub(super) fn read(node: &Node, content: &mut Content) {
    let values = node.get("planned_values").or_else(|| node.get("values"));
    let Some(root) = values.and_then(|values| values.get("root_module")) else { return };
    module(root, content);
    // What is known after the apply alone is not in the planned values.
    let changes = node.get("resource_changes").map(Node::one_or_more).unwrap_or_default();
    for change in changes {
        let text = |key: &str| change.get(key).and_then(Node::as_text);
        let (Some(kind), Some(address)) = (text("type"), text("address")) else { continue };
        let Some((key, ..)) = policy_of(kind) else { continue };
        let unknown = change.at(&["change", "after_unknown", key]);
        if text("mode") != Some("data") && matches!(unknown.map(|node| &node.value), Some(Value::Bool(true)))
        {
            content.leave_out(change.line, Some(address), "the policy is known after the apply alone");
        }
    }
}

fn module(module: &Node, content: &mut Content) {
    for resource in module.get("resources").map(Node::one_or_more).unwrap_or_default() {
        let text = |key: &str| resource.get(key).and_then(Node::as_text);
        if text("mode") == Some("data") {
            continue;
        }
        if let (Some(kind), Some(address), Some(values)) =
            (text("type"), text("address"), resource.get("values"))
        {
            take(kind, address, values, content);
        }
    }
    for child in module.get("child_modules").map(Node::one_or_more).unwrap_or_default() {
        self::module(child, content);
    }
}

fn take(kind: &str, address: &str, values: &Node, content: &mut Content) {
    let text = |key: &str| values.get(key).and_then(Node::as_text).map(str::to_owned);
    let texts = |key: &str| -> Vec<String> {
        let nodes = values.get(key).map(Node::one_or_more).unwrap_or_default();
        nodes.iter().filter_map(|node| node.as_text().map(str::to_owned)).collect()
    };
    match kind {
        "aws_iam_role" => {
            let name = text("name").unwrap_or_else(|| address.to_owned());
            for inline in values.get("inline_policy").map(Node::one_or_more).unwrap_or_default() {
                if let Some(policy) = inline.get("policy").filter(|policy| is_set(policy)) {
                    content.add(policy, Kind::Identity, Holder::Role, Some(&name), Some(address));
                }
            }
            content.roles.push(Role { id: name, arn: text("arn"), attached: texts("managed_policy_arns") });
        }
        "aws_iam_role_policy_attachment" => {
            if let (Some(id), Some(policy)) = (text("role"), text("policy_arn")) {
                content.roles.push(Role { id, arn: None, attached: vec![policy] });
            }
            return;
        }
        "aws_iam_user_policy_attachment" | "aws_iam_group_policy_attachment" => {
            let holder = if kind.contains("user") { Holder::User } else { Holder::Group };
            content.held.extend(text("policy_arn").map(|policy| (policy, holder)));
            return;
        }
        "aws_rolesanywhere_profile" => content.profiles.push(Profile {
            name: address.to_owned(),
            roles: texts("role_arns"),
            mappings: None,
            narrows: values.get("session_policy").is_some_and(is_set)
                || !texts("managed_policy_arns").is_empty(),
            propagates: false,
        }),
        _ => {}
    }
    let Some((key, kind_of_policy, holder)) = policy_of(kind) else { return };
    let Some(policy) = values.get(key).filter(|policy| is_set(policy)) else { return };
    let own = if kind == "aws_iam_role" { text("name") } else { text("arn") };
    let owner = owner_key(kind).and_then(text).or(own).unwrap_or_else(|| address.to_owned());
    content.add(policy, kind_of_policy, holder, Some(&owner), Some(address));
}

fn is_set(node: &Node) -> bool {
    node.as_text().is_some_and(|text| !text.trim().is_empty())
}
