//! From a file to the policies in it, by what it holds and not by its name.
//!
//! ```text
//! json, yaml, hcl ──► Node ──► cli, cloudformation, terraform, plan ──► Found
//! ```

mod cli;
mod cloudformation;
mod hcl;
mod intrinsic;
mod json;
mod locals;
mod plan;
mod terraform;
mod yaml;

use super::node::{HOLE, Node, Value};
pub(super) use hcl::Body;
pub(super) use terraform::configuration;

/// What a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It says what its holder may do.
    Identity,
    /// It belongs to a resource or to an organization: not judged here.
    Other,
    /// It narrows the sessions of a Roles Anywhere profile.
    Session,
    /// It says who may assume a role.
    Trust,
}

/// Who has a policy, as far as the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Holder {
    Group,
    Role,
    #[default]
    Unknown,
    User,
}

/// A policy in a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) holder: Holder,
    /// The holder's name in the file: a logical id, an address, a name.
    pub(super) owner: Option<String>,
    /// The policy's name, as people know it: logical id, Terraform address, role and policy.
    pub(super) resource: Option<String>,
    pub(super) document: Node,
}

/// A role, and what is attached to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Role {
    /// How policies name it in this file: logical id, address, name.
    pub(super) id: String,
    pub(super) arn: Option<String>,
    /// ARNs, or the ids of policies in this file.
    pub(super) attached: Vec<String>,
}

/// A profile of Roles Anywhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Profile {
    pub(super) name: String,
    /// ARNs, or the ids of roles in this file.
    pub(super) roles: Vec<String>,
    /// Field and specifier; `None` where it says none: the defaults.
    pub(super) mappings: Option<Vec<(String, String)>>,
    /// Whether something narrows its sessions: a session policy, or managed policies.
    pub(super) narrows: bool,
    /// Whether trusted identity propagation is on.
    pub(super) propagates: bool,
}

/// Where a name means the same as in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Names {
    /// In the whole account: names and ARNs.
    #[default]
    Account,
    /// In the file alone: the logical ids of a template.
    File,
    /// In the files of its folder: addresses of a Terraform configuration.
    Folder,
}

/// What a file holds, or Terraform's language, which means something with the other files of its folder alone.
#[derive(Debug)]
pub(super) enum Reading {
    Content(Content),
    Terraform(Body),
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Content {
    pub(super) policies: Vec<Found>,
    pub(super) roles: Vec<Role>,
    pub(super) profiles: Vec<Profile>,
    pub(super) names: Names,
    /// Policies that users or groups have, by id.
    pub(super) held: Vec<(String, Holder)>,
    /// What is in it and was not judged: line, resource, why.
    pub(super) left_out: Vec<(usize, Option<String>, String)>,
}

/// The most bytes of a file.
pub(super) const FILE_LIMIT: u64 = 64 * 1024 * 1024;
/// The most bytes of a file in Terraform's language or YAML, whose readers take far more memory than the text.
const TEXT_LIMIT: usize = 4 * 1024 * 1024;

/// Reads a file; the name's ending only says what to try first.
///
/// # Errors
///
/// Fails if it is no text of a known form.
pub(super) fn file(bytes: &[u8], name: &str) -> Result<Reading, String> {
    let Some(text) = crate::text::decoded(bytes) else { return Err(String::from("it is no text")) };
    if text.trim().is_empty() {
        return Err(String::from("it is empty: the command printed nothing but an error, perhaps"));
    }
    let is_json = text.trim_start().starts_with(['{', '[']);
    if is_json {
        return json::read(&text).map(|nodes| Reading::Content(of_nodes(&nodes)));
    }
    if text.len() > TEXT_LIMIT {
        return Err(format!("it is larger than {TEXT_LIMIT} bytes, and no JSON"));
    }
    if looks_like_hcl(&text, name) {
        return hcl::read(&text).map(Reading::Terraform);
    }
    match yaml::read(&text) {
        Ok(nodes) => Ok(Reading::Content(of_nodes(&nodes))),
        Err(why) => hcl::read(&text).map(Reading::Terraform).map_err(|_| why),
    }
}

fn looks_like_hcl(text: &str, name: &str) -> bool {
    const BLOCKS: [&str; 8] =
        ["resource", "data", "locals", "module", "provider", "terraform", "variable", "output"];
    let first_word = |line: &str| {
        let word: String = line.chars().take_while(char::is_ascii_lowercase).collect();
        BLOCKS.contains(&word.as_str()) && line.trim_end().ends_with('{')
    };
    name.ends_with(".tf") || text.lines().any(first_word)
}

fn of_nodes(nodes: &[Node]) -> Content {
    let mut content = Content::default();
    for node in nodes {
        if cloudformation::is_template(node) {
            content.names = Names::File;
            cloudformation::read(node, &mut content);
        } else if plan::is_plan(node) {
            plan::read(node, &mut content);
        } else {
            cli::read(node, &mut content);
        }
    }
    content
}

impl Content {
    fn leave_out(&mut self, line: usize, resource: Option<&str>, why: impl Into<String>) {
        self.left_out.push((line, resource.map(str::to_owned), why.into()));
    }

    /// Adds a policy that stands as an object or as text; without one, or where only a later evaluation knows it, says so.
    fn add(&mut self, node: &Node, kind: Kind, holder: Holder, owner: Option<&str>, resource: Option<&str>) {
        if let Value::Unknown(reference) = &node.value {
            let of = reference.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
            self.leave_out(
                node.line,
                resource,
                format!("the policy is not known before it is evaluated{of}"),
            );
            return;
        }
        match embedded(node) {
            Ok(document) if document.get("Statement").is_some() => {
                let document = document.relined(&|line| line);
                self.policies.push(Found {
                    kind: by_content(kind, &document),
                    holder,
                    owner: owner.map(str::to_owned),
                    resource: resource.map(str::to_owned),
                    document,
                });
            }
            Ok(_) => self.leave_out(node.line, resource, "it has no Statement, and so is no policy"),
            Err(why) => self.leave_out(node.line, resource, why),
        }
    }
}

/// Tells what a policy is for by its statements, where its place does not say: one with principals is no identity policy.
fn by_content(kind: Kind, document: &Node) -> Kind {
    if kind != Kind::Identity {
        return kind;
    }
    let Some(statements) = document.get("Statement") else { return kind };
    let has_principal = |node: &Node| node.get("Principal").is_some() || node.get("NotPrincipal").is_some();
    let has_resource = |node: &Node| node.get("Resource").is_some() || node.get("NotResource").is_some();
    // No policy of a resource is about assuming a role; every action may be meant by either.
    let assumes = |node: &Node| {
        let actions = node.get("Action").or_else(|| node.get("NotAction"));
        let names = |name: &str| {
            (name == "*" && !has_resource(node)) || name.to_ascii_lowercase().starts_with("sts:")
        };
        actions.is_some_and(|actions| actions.one_or_more().iter().filter_map(Node::as_text).any(names))
    };
    let statements = statements.one_or_more();
    let with = statements.iter().filter(|node| has_principal(node));
    let mut with = with.peekable();
    if with.peek().is_none() {
        return kind;
    }
    if with.any(assumes) { Kind::Trust } else { Kind::Other }
}

/// Returns a policy that stands as text as an object: JSON, or the percent-encoded JSON that IAM keeps.
pub(super) fn embedded(node: &Node) -> Result<Node, String> {
    let Value::Text(text) = &node.value else { return Ok(node.clone()) };
    let line = node.line;
    let is_plain = text.trim_start().starts_with(['{', '"', '[']);
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    let json = if is_plain { text.as_str() } else { &*decoded };
    if json.trim() == HOLE.to_string() {
        return Ok(Node::new(line, Value::Unknown(None)));
    }
    let mut nodes = json::read(json).map_err(|_| String::from("the text is no JSON, and so no policy"))?;
    // The text stands in one line of the file, whatever lines it has itself.
    nodes.pop().map(|node| node.relined(&|_| line)).ok_or_else(|| String::from("the text is empty"))
}
