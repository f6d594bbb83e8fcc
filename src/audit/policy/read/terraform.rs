//! A Terraform configuration: policies, roles and profiles of AWS's provider.

use super::super::node::{Member, Node, Value};
use super::hcl::{Block, Body};
use super::{Content, Holder, Kind, Profile, Role};

/// Takes every policy, role and profile of a configuration.
pub(super) fn content(body: &Body) -> Content {
    let mut content = Content::default();
    for block in &body.blocks {
        let [kind, name] = block.labels.as_slice() else { continue };
        match (block.kind.as_str(), kind.as_str()) {
            ("data", "aws_iam_policy_document") => {
                let address = format!("data.{kind}.{name}");
                let holder = holder_of(&address, body);
                let document = policy_document(block, &address, &mut content);
                let (kind, holder, owner) = holder.unwrap_or((Kind::Identity, Holder::Unknown, None));
                content.add(&document, kind, holder, owner.as_deref(), Some(&address));
            }
            ("resource", kind) => resource(kind, &format!("{kind}.{name}"), block, &mut content),
            _ => {}
        }
    }
    content
}

/// Tells of a resource type which attribute has the policy, and whose it is.
pub(super) fn policy_of(kind: &str) -> Option<(&'static str, Kind, Holder)> {
    Some(match kind {
        "aws_iam_role" => ("assume_role_policy", Kind::Trust, Holder::Role),
        "aws_iam_policy" => ("policy", Kind::Identity, Holder::Unknown),
        "aws_iam_role_policy" => ("policy", Kind::Identity, Holder::Role),
        "aws_iam_user_policy" => ("policy", Kind::Identity, Holder::User),
        "aws_iam_group_policy" => ("policy", Kind::Identity, Holder::Group),
        "aws_ssoadmin_permission_set_inline_policy" => ("inline_policy", Kind::Identity, Holder::Role),
        "aws_rolesanywhere_profile" => ("session_policy", Kind::Session, Holder::Role),
        "aws_organizations_policy" => ("content", Kind::Other, Holder::Unknown),
        _ if kind.starts_with("aws_") && kind.ends_with("_policy") => {
            ("policy", Kind::Other, Holder::Unknown)
        }
        "aws_kms_key" => ("policy", Kind::Other, Holder::Unknown),
        _ => return None,
    })
}

/// Whose a resource's policy is: the resource itself, or the role, user or group that it names.
pub(super) fn owner_key(kind: &str) -> Option<&'static str> {
    match kind {
        "aws_iam_role_policy" => Some("role"),
        "aws_iam_user_policy" => Some("user"),
        "aws_iam_group_policy" => Some("group"),
        _ => None,
    }
}

fn resource(kind: &str, address: &str, block: &Block, content: &mut Content) {
    let body = &block.body;
    let name = |key: &str| body.get(key).and_then(named);
    match kind {
        "aws_iam_role" => {
            for inline in body.blocks.iter().filter(|block| block.kind == "inline_policy") {
                if let Some(policy) = inline.body.get("policy") {
                    let name = inline.body.get("name").and_then(Node::scalar).unwrap_or_default();
                    let resource = format!("{address}/{name}");
                    add(policy, Kind::Identity, Holder::Role, Some(address), &resource, content);
                }
            }
            content.roles.push(Role {
                id: address.to_owned(),
                arn: None,
                attached: names(body, "managed_policy_arns"),
            });
        }
        "aws_iam_role_policy_attachment" => {
            if let (Some(role), Some(policy)) = (name("role"), name("policy_arn")) {
                content.roles.push(Role { id: role, arn: None, attached: vec![policy] });
            }
            return;
        }
        "aws_iam_user_policy_attachment" | "aws_iam_group_policy_attachment" => {
            let holder = if kind.contains("user") { Holder::User } else { Holder::Group };
            content.held.extend(name("policy_arn").map(|policy| (policy, holder)));
            return;
        }
        "aws_rolesanywhere_profile" => {
            let is_set = |key: &str| body.get(key).is_some_and(|node| node.value != Value::Null);
            content.profiles.push(Profile {
                name: address.to_owned(),
                roles: names(body, "role_arns"),
                mappings: None,
                narrows: is_set("session_policy") || is_set("managed_policy_arns"),
                propagates: false,
            });
        }
        _ => {}
    }
    let Some((key, kind_of_policy, holder)) = policy_of(kind) else { return };
    let Some(policy) = body.get(key) else { return };
    let owner = owner_key(kind).and_then(name).unwrap_or_else(|| address.to_owned());
    add(policy, kind_of_policy, holder, Some(&owner), address, content);
}

/// Adds a policy; one that is a policy document of this configuration is judged where it stands.
fn add(node: &Node, kind: Kind, holder: Holder, owner: Option<&str>, resource: &str, content: &mut Content) {
    let is_document =
        node.reference().is_some_and(|address| address.starts_with("data.aws_iam_policy_document."));
    if !is_document {
        content.add(node, kind, holder, owner, Some(resource));
    }
}

/// Tells of a policy document what it is used for.
fn holder_of(address: &str, body: &Body) -> Option<(Kind, Holder, Option<String>)> {
    body.blocks.iter().filter(|block| block.kind == "resource").find_map(|block| {
        let [kind, name] = block.labels.as_slice() else { return None };
        let (key, kind_of_policy, holder) = policy_of(kind)?;
        let own = block.body.get(key);
        let inline = block.body.blocks.iter().filter(|block| block.kind == "inline_policy");
        let inline = inline
            .filter_map(|block| block.body.get("policy"))
            .find_map(|node| (node.reference() == Some(address)).then(|| format!("{kind}.{name}")));
        if let Some(role) = inline {
            return Some((Kind::Identity, Holder::Role, Some(role)));
        }
        (own?.reference() == Some(address)).then(|| {
            let owner = owner_key(kind).and_then(|key| block.body.get(key)).and_then(named);
            (kind_of_policy, holder, Some(owner.unwrap_or_else(|| format!("{kind}.{name}"))))
        })
    })
}

/// Returns a text, or what a reference refers to.
fn named(node: &Node) -> Option<String> {
    node.reference().map(str::to_owned).or_else(|| node.scalar())
}

fn names(body: &Body, key: &str) -> Vec<String> {
    body.get(key).map(Node::one_or_more).unwrap_or_default().iter().filter_map(named).collect()
}

/// Builds the policy that an `aws_iam_policy_document` is.
fn policy_document(block: &Block, address: &str, content: &mut Content) -> Node {
    for key in ["source_policy_documents", "override_policy_documents", "source_json", "override_json"] {
        if let Some(node) = block.body.get(key) {
            content.leave_out(node.line, Some(address), format!("what {key} adds is not joined to it"));
        }
    }
    let mut statements = Vec::new();
    for inner in &block.body.blocks {
        match (inner.kind.as_str(), inner.labels.first().map(String::as_str)) {
            ("statement", _) => statements.push(statement(inner.line, &inner.body)),
            ("dynamic", Some("statement")) => {
                let contents = inner.body.blocks.iter().filter(|block| block.kind == "content");
                statements.extend(contents.map(|block| statement(inner.line, &block.body)));
            }
            _ => {}
        }
    }
    let line = block.line;
    let version = block.body.get("version").cloned().unwrap_or_else(|| Node::text(line, "2012-10-17"));
    Node::new(
        line,
        Value::Map(vec![
            member("Version", version),
            member("Statement", Node::new(line, Value::List(statements))),
        ]),
    )
}

fn member(key: &str, node: Node) -> Member {
    Member { key: key.to_owned(), line: node.line, node }
}

fn statement(line: usize, body: &Body) -> Node {
    let mut members = vec![];
    if body.get("effect").is_none() {
        members.push(member("Effect", Node::text(line, "Allow")));
    }
    for Member { key, node, .. } in &body.attributes {
        let name = match key.as_str() {
            "sid" => "Sid",
            "effect" => "Effect",
            "actions" => "Action",
            "not_actions" => "NotAction",
            "resources" => "Resource",
            "not_resources" => "NotResource",
            _ => continue,
        };
        if !matches!(&node.value, Value::Null) && !matches!(&node.value, Value::List(list) if list.is_empty())
        {
            members.push(member(name, with_variables(node)));
        }
    }
    for (kind, name) in [("principals", "Principal"), ("not_principals", "NotPrincipal")] {
        let blocks = blocks(body, kind);
        if blocks.is_empty() {
            continue;
        }
        let mut kinds: Vec<Member> = Vec::new();
        let line = blocks[0].0;
        let mut everyone = false;
        for (line, body) in blocks {
            let identifiers = body.get("identifiers").cloned().unwrap_or_else(|| unknown(line));
            let of = body.get("type").and_then(Node::scalar).unwrap_or_default();
            everyone |= of == "*";
            let of = if of == "*" { String::from("AWS") } else { of };
            match kinds.iter_mut().find(|known| known.key == of) {
                Some(known) => {
                    let mut all = known.node.one_or_more().to_vec();
                    all.extend_from_slice(identifiers.one_or_more());
                    known.node = Node::new(known.node.line, Value::List(all));
                }
                None => kinds.push(member(&of, identifiers)),
            }
        }
        let principals = if everyone { Node::text(line, "*") } else { Node::new(line, Value::Map(kinds)) };
        members.push(member(name, principals));
    }
    members.extend(conditions(body));
    Node::new(line, Value::Map(members))
}

/// Returns the blocks of a kind, those inside of `dynamic` too, and their lines.
fn blocks<'a>(body: &'a Body, kind: &str) -> Vec<(usize, &'a Body)> {
    let own = body.blocks.iter().filter(|block| block.kind == kind).map(|block| (block.line, &block.body));
    let dynamic = body
        .blocks
        .iter()
        .filter(|block| block.kind == "dynamic" && block.labels.first().is_some_and(|label| label == kind));
    let dynamic = dynamic
        .flat_map(|block| block.body.blocks.iter().filter(|block| block.kind == "content"))
        .map(|block| (block.line, &block.body));
    own.chain(dynamic).collect()
}

fn conditions(body: &Body) -> Option<Member> {
    let mut operators: Vec<Member> = Vec::new();
    let found = blocks(body, "condition");
    let line = found.first()?.0;
    for (line, body) in found {
        let test = body.get("test").and_then(Node::scalar).unwrap_or_default();
        let key = body.get("variable").and_then(Node::scalar).unwrap_or_default();
        let values = body.get("values").map_or_else(|| unknown(line), with_variables);
        let entry = Member { key, line, node: values };
        match operators.iter_mut().find(|known| known.key == test) {
            Some(known) => {
                if let Value::Map(keys) = &mut known.node.value {
                    keys.push(entry);
                }
            }
            None => operators.push(member(&test, Node::new(line, Value::Map(vec![entry])))),
        }
    }
    Some(member("Condition", Node::new(line, Value::Map(operators))))
}

const fn unknown(line: usize) -> Node {
    Node::new(line, Value::Unknown(None))
}

/// Writes IAM's variables as IAM does: in this data source they are `&{aws:username}`.
fn with_variables(node: &Node) -> Node {
    let value = match &node.value {
        Value::Text(text) => Value::Text(text.replace("&{", "${")),
        Value::List(nodes) => Value::List(nodes.iter().map(with_variables).collect()),
        other @ (Value::Bool(_) | Value::Map(_) | Value::Null | Value::Number(_) | Value::Unknown(_)) => {
            other.clone()
        }
    };
    Node::new(node.line, value)
}
