//! A Terraform configuration: policies, roles and profiles of AWS's provider, of all files of a folder together.

use std::collections::{BTreeMap, BTreeSet};

use super::super::node::{Member, Node, Value};
use super::hcl::{Block, Body};
use super::{Content, Holder, Kind, Names, Profile, Role, locals};

/// The data source whose blocks make a policy.
const DOCUMENT: &str = "aws_iam_policy_document";
/// What such a document joins before its own statements, and after them.
const BEFORE: [&str; 2] = ["source_policy_documents", "source_json"];
const AFTER: [&str; 2] = ["override_policy_documents", "override_json"];
/// How many documents are joined, one in the other.
const LONGEST_WAY: usize = 8;
/// The most documents that are joined to one, and the most statements that one may have then; a policy that IAM takes has a tenth
/// of that.
const MOST_JOINED: usize = 100;
const MOST_STATEMENTS: usize = 1000;

/// Takes every policy, role and profile of a configuration: for each of its files what stands in it.
pub(in crate::audit::policy) fn configuration(mut files: Vec<Body>) -> Vec<Content> {
    locals::put_in(&mut files);
    let documents = Documents::of(&files);
    files.iter().enumerate().map(|(file, body)| read(file, body, &documents)).collect()
}

fn read(file: usize, body: &Body, documents: &Documents<'_>) -> Content {
    let mut content = Content { names: Names::Folder, ..Content::default() };
    for block in &body.blocks {
        let [kind, name] = block.labels.as_slice() else { continue };
        match (block.kind.as_str(), kind.as_str()) {
            ("data", DOCUMENT) => {
                let address = format!("data.{kind}.{name}");
                let holder = documents.used.get(address.as_str());
                if holder.is_none() && documents.parts.contains(address.as_str()) {
                    continue; // It is judged in the document that it is a part of.
                }
                let document = documents.policy(file, block, &address, &mut content);
                let (kind, holder, owner) =
                    holder.cloned().unwrap_or((Kind::Identity, Holder::Unknown, None));
                content.add(&document, kind, holder, owner.as_deref(), Some(&address));
            }
            ("resource", kind) => resource(kind, &format!("{kind}.{name}"), block, documents, &mut content),
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

fn resource(kind: &str, address: &str, block: &Block, documents: &Documents<'_>, content: &mut Content) {
    let body = &block.body;
    let name = |key: &str| body.get(key).and_then(named);
    match kind {
        "aws_iam_role" => {
            for inline in body.blocks.iter().filter(|block| block.kind == "inline_policy") {
                if let Some(policy) = inline.body.get("policy") {
                    let name = inline.body.get("name").and_then(Node::scalar).unwrap_or_default();
                    let resource = format!("{address}/{name}");
                    let of = (Kind::Identity, Holder::Role, Some(address.to_owned()));
                    add(policy, of, &resource, documents, content);
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
    add(policy, (kind_of_policy, holder, Some(owner)), address, documents, content);
}

/// Adds a policy; one that is a policy document of this configuration is judged where it stands.
fn add(policy: &Node, of: Use, resource: &str, documents: &Documents<'_>, content: &mut Content) {
    match policy.reference().filter(|address| address.starts_with("data.aws_iam_policy_document.")) {
        Some(address) if documents.by_address.contains_key(address) => {}
        Some(address) => {
            let why = format!("its document ({address}) is in none of the files that were given");
            content.leave_out(policy.line, Some(resource), why);
        }
        None => {
            let (kind, holder, owner) = of;
            content.add(policy, kind, holder, owner.as_deref(), Some(resource));
        }
    }
}

/// What a policy is used for: which kind of policy it is, who has it, and the holder's name.
type Use = (Kind, Holder, Option<String>);

/// Tells which policy documents a resource uses, and what for.
fn uses(block: &Block) -> Vec<(&str, Use)> {
    let [kind, name] = block.labels.as_slice() else { return Vec::new() };
    let Some((key, kind_of_policy, holder)) = policy_of(kind) else { return Vec::new() };
    let address = format!("{kind}.{name}");
    let inline = block.body.blocks.iter().filter(|block| block.kind == "inline_policy");
    let inline = inline.filter_map(|block| block.body.get("policy")?.reference());
    let inline = inline.map(|document| (document, (Kind::Identity, Holder::Role, Some(address.clone()))));
    let own = block.body.get(key).and_then(Node::reference).map(|document| {
        let owner = owner_key(kind).and_then(|key| block.body.get(key)).and_then(named);
        (document, (kind_of_policy, holder, Some(owner.unwrap_or_else(|| address.clone()))))
    });
    inline.chain(own).collect()
}

/// Returns a text, or what a reference refers to.
fn named(node: &Node) -> Option<String> {
    node.reference().map(str::to_owned).or_else(|| node.scalar())
}

fn names(body: &Body, key: &str) -> Vec<String> {
    body.get(key).map(Node::one_or_more).unwrap_or_default().iter().filter_map(named).collect()
}

/// The policy documents of a configuration.
struct Documents<'a> {
    /// By address: the file, and the block in it.
    by_address: BTreeMap<String, (usize, &'a Block)>,
    /// The addresses of those that are joined to others here.
    parts: BTreeSet<&'a str>,
    /// What those that resources name are used for; of several uses the first.
    used: BTreeMap<&'a str, Use>,
}

impl<'a> Documents<'a> {
    fn of(files: &'a [Body]) -> Self {
        let blocks = || {
            let blocks = files.iter().enumerate();
            blocks.flat_map(|(file, body)| body.blocks.iter().map(move |block| (file, block)))
        };
        let documents = blocks().filter_map(|(file, block)| match block.labels.as_slice() {
            [kind, name] if block.kind == "data" && kind == DOCUMENT => {
                Some((format!("data.{kind}.{name}"), (file, block)))
            }
            _ => None,
        });
        let by_address: BTreeMap<String, (usize, &Block)> = documents.collect();
        let joined = by_address.iter().flat_map(|(address, (_, block))| {
            let nodes = BEFORE.iter().chain(&AFTER).filter_map(|key| block.body.get(key));
            let references = nodes.flat_map(Node::one_or_more).filter_map(Node::reference);
            references.filter(move |reference| reference != address)
        });
        let parts = joined.collect();
        let mut used = BTreeMap::new();
        for (_, block) in blocks().filter(|(_, block)| block.kind == "resource") {
            for (address, of) in uses(block) {
                used.entry(address).or_insert(of);
            }
        }
        Self { by_address, parts, used }
    }

    /// Builds the policy that a document of a file is, with the documents of this configuration that it joins.
    fn policy(&self, file: usize, block: &Block, address: &str, content: &mut Content) -> Node {
        let mut policy = Joined { file, statements: Vec::new(), left: MOST_JOINED, left_out: Vec::new() };
        self.join(block, None, LONGEST_WAY, &mut policy);
        for (line, why) in policy.left_out {
            content.leave_out(line, Some(address), why);
        }
        let line = block.line;
        let version = block.body.get("version").cloned().unwrap_or_else(|| Node::text(line, "2012-10-17"));
        Node::new(
            line,
            Value::Map(vec![
                member("Version", version),
                member("Statement", Node::new(line, Value::List(policy.statements))),
            ]),
        )
    }

    /// Adds a document to a policy: what it joins, its own statements, and what overrides them. What is of another file, and
    /// what that joins, stands `at` the line that names it.
    fn join(&self, block: &Block, at: Option<usize>, way: usize, policy: &mut Joined) {
        self.join_parts(block, BEFORE, at, way, policy);
        for (line, body) in blocks(&block.body, "statement") {
            let statement = statement(line, body);
            policy.add(match at {
                Some(at) => statement.relined(&|_| at),
                None => statement,
            });
        }
        self.join_parts(block, AFTER, at, way, policy);
    }

    fn join_parts(&self, block: &Block, keys: [&str; 2], at: Option<usize>, way: usize, policy: &mut Joined) {
        for (key, node) in keys.iter().filter_map(|key| Some((key, block.body.get(key)?))) {
            for part in node.one_or_more() {
                let known = part.reference().and_then(|address| self.by_address.get(address));
                match known.filter(|_| way > 0 && policy.has_room()) {
                    Some((file, known)) => {
                        policy.left -= 1;
                        let at = at.or_else(|| (*file != policy.file).then_some(part.line));
                        self.join(known, at, way - 1, policy);
                    }
                    None => {
                        let of = part.reference().map(|name| format!(" ({name})")).unwrap_or_default();
                        let why = format!("what {key} adds{of} is not joined to it");
                        policy.left_out.push((at.unwrap_or(part.line), why));
                    }
                }
            }
        }
    }
}

/// A policy of several documents.
struct Joined {
    /// The file of the document that joins them.
    file: usize,
    statements: Vec<Node>,
    /// How many documents may still be joined.
    left: usize,
    /// What is not: line and why.
    left_out: Vec<(usize, String)>,
}

impl Joined {
    fn has_room(&self) -> bool {
        self.left > 0 && self.statements.len() < MOST_STATEMENTS
    }

    /// Adds a statement; one with the same `Sid` gives way to it.
    fn add(&mut self, statement: Node) {
        fn sid(node: &Node) -> Option<&str> {
            node.get("Sid").and_then(Node::as_known_text).filter(|sid| !sid.is_empty())
        }
        let same = sid(&statement).filter(|_| self.statements.len() < MOST_STATEMENTS);
        match same.and_then(|new| self.statements.iter_mut().find(|known| sid(known) == Some(new))) {
            Some(same) => *same = statement,
            None => self.statements.push(statement),
        }
    }
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
