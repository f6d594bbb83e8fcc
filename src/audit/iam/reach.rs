//! What a user or role may do, from its policies: everything, become everything, whole services, or less.
//!
//! A summary for people, not a decision about a request. It errs towards more: conditions of what allows are taken as met, those of
//! what denies as unmet. The ways to more permissions are those of `audit policy`.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::audit::policy::{PATHS, Path, stands_for};

/// How far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing is allowed.
    Nothing,
    /// Some actions, or some resources.
    Limited,
    /// Everything in one service or several.
    Services,
    /// To give itself more.
    Escalation,
    /// Everything.
    Administrator,
}

/// What a user or role may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// How far.
    pub level: Level,
    /// Services in which it may do everything; `*` for all but some.
    pub services: Vec<String>,
    /// Actions by which it can give itself more.
    pub ways: Vec<String>,
    /// Policies whose documents are missing or cannot be read: it may do more than is said here.
    pub unread: Vec<String>,
}

impl Reach {
    /// Tells whether it is an administrator or can become one.
    pub const fn is_high(&self) -> bool {
        match self.level {
            Level::Administrator | Level::Escalation => true,
            Level::Nothing | Level::Limited | Level::Services => false,
        }
    }

    /// Says it in a few words.
    pub fn short(&self) -> String {
        let some = |texts: &[String]| match texts {
            [first, second, third, rest @ ..] if !rest.is_empty() => {
                format!("{first}, {second}, {third} and {} more", rest.len())
            }
            few => few.join(", "),
        };
        let words = match self.level {
            Level::Administrator => String::from("administrator"),
            Level::Escalation => format!("can become administrator by {}", some(&self.ways)),
            Level::Services if self.services.first().is_some_and(|service| service == "*") => {
                String::from("almost every service")
            }
            Level::Services => format!("all of {}", some(&self.services)),
            Level::Limited => String::from("limited"),
            Level::Nothing => String::from("nothing"),
        };
        if self.unread.is_empty() {
            words
        } else {
            format!("{words}, and what is not known: {}", some(&self.unread))
        }
    }
}

/// A policy: its name, and its document where there is one.
pub(super) type Policy<'a> = (&'a str, Option<&'a Value>);

/// Sums up what policies allow, within a permissions boundary if there is one.
pub(super) fn of(policies: &[Policy<'_>], boundary: Option<Policy<'_>>) -> Reach {
    let mut unread = Vec::new();
    let mut allowed = Vec::new();
    for policy in policies {
        match statements(policy) {
            Some(read) => allowed.extend(read),
            None => unread.push(policy.0.to_owned()),
        }
    }
    let limit = boundary.and_then(|boundary| {
        let read = statements(&boundary);
        if read.is_none() {
            unread.push(format!("boundary {}", boundary.0));
        }
        read
    });
    let may =
        |action: &str| allows(&allowed, action) && limit.as_ref().is_none_or(|limit| allows(limit, action));
    let open: Vec<&Path> = PATHS
        .iter()
        .filter(|path| path.actions.iter().all(|action| may(&action.to_ascii_lowercase())))
        .collect();
    let mut services = whole_services(&allowed, &may);
    services.extend(limit.iter().flat_map(|limit| whole_services(limit, &may)));
    let is_everything = services.contains("*");
    let level = if is_everything && open.len() == PATHS.len() {
        Level::Administrator
    } else if !open.is_empty() {
        Level::Escalation
    } else if !services.is_empty() {
        Level::Services
    } else if allowed.iter().any(|statement| statement.is_allow) {
        Level::Limited
    } else {
        Level::Nothing
    };
    let ways = open.iter().map(|path| path.name()).collect();
    Reach { level, services: services.into_iter().collect(), ways, unread }
}

/// A statement, as far as it counts here.
struct Statement {
    is_allow: bool,
    /// Of what denies: whether it always does.
    is_unconditional: bool,
    /// `NotAction`.
    all_but: bool,
    /// In lower case, with `*` and `?`.
    actions: Vec<String>,
    /// Whether it is about any resource of a kind.
    is_broad: bool,
    /// Whether it is about every resource.
    is_everywhere: bool,
}

impl Statement {
    fn names(&self, action: &str) -> bool {
        self.actions.iter().any(|name| stands_for(name, action)) != self.all_but
    }
}

/// Tells whether an action, in lower case, is allowed on any resource of its kind.
fn allows(statements: &[Statement], action: &str) -> bool {
    let by = |statement: &&Statement| statement.names(action);
    let denied =
        |statement: &Statement| !statement.is_allow && statement.is_unconditional && statement.is_everywhere;
    statements.iter().filter(by).any(|statement| statement.is_allow && statement.is_broad)
        && !statements.iter().filter(by).any(denied)
}

/// Returns the services of which everything is allowed, `*` for all of them or all but some.
fn whole_services(statements: &[Statement], may: &dyn Fn(&str) -> bool) -> BTreeSet<String> {
    let mut services = BTreeSet::new();
    for statement in statements.iter().filter(|statement| statement.is_allow && statement.is_broad) {
        let is_star = |pattern: &String| pattern == "*" || pattern == "*:*";
        if statement.is_everywhere && (statement.all_but || statement.actions.iter().any(is_star)) {
            // What stands for any action that no policy names.
            if may("any-service:any-action") {
                services.insert(String::from("*"));
            }
            continue;
        }
        let whole = statement.actions.iter().filter_map(|pattern| pattern.strip_suffix(":*"));
        for service in whole.filter(|service| !service.contains(['*', '?'])) {
            if !statement.all_but && may(&format!("{service}:any-action")) {
                services.insert(service.to_owned());
            }
        }
    }
    services
}

/// Reads the statements of a document: an object, its text, or its text percent-encoded.
fn statements(policy: &Policy<'_>) -> Option<Vec<Statement>> {
    let Some(document) = policy.1 else { return known(policy.0) };
    let parsed;
    let document = match document {
        Value::String(text) => {
            let decoded = percent_decode_str(text).decode_utf8_lossy();
            let json = if text.trim_start().starts_with('{') { text.as_str() } else { &*decoded };
            parsed = serde_json::from_str::<Value>(json).ok()?;
            &parsed
        }
        other @ (Value::Array(_) | Value::Bool(_) | Value::Null | Value::Number(_) | Value::Object(_)) => {
            other
        }
    };
    let list = match document.get("Statement")? {
        Value::Array(list) => list.iter().collect(),
        one @ (Value::Bool(_) | Value::Null | Value::Number(_) | Value::Object(_) | Value::String(_)) => {
            vec![one]
        }
    };
    list.into_iter().map(|statement| self::statement(statement.as_object()?)).collect()
}

/// Returns what AWS's best known policies say, where the details do not have their documents.
fn known(arn: &str) -> Option<Vec<Statement>> {
    let (_, name) = arn.split_once(":iam::aws:policy/")?;
    let allow = |all_but: bool, actions: &[&str]| Statement {
        is_allow: true,
        is_unconditional: true,
        all_but,
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        is_broad: true,
        is_everywhere: true,
    };
    match name {
        "AdministratorAccess" => Some(vec![allow(false, &["*"])]),
        "IAMFullAccess" => Some(vec![allow(false, &["iam:*"])]),
        "PowerUserAccess" => Some(vec![allow(true, &["iam:*", "organizations:*", "account:*"])]),
        _ => None,
    }
}

fn statement(members: &Map<String, Value>) -> Option<Statement> {
    let (all_but, actions) = match (members.get("Action"), members.get("NotAction")) {
        (Some(actions), None) => (false, texts(actions)?),
        (None, Some(actions)) => (true, texts(actions)?),
        (Some(_), Some(_)) | (None, None) => return None,
    };
    let (is_broad, is_everywhere) = match (members.get("Resource"), members.get("NotResource")) {
        (Some(resources), _) => {
            let resources = texts(resources)?;
            (resources.iter().any(|one| is_broad(one)), resources.iter().any(|one| one == "*"))
        }
        // Everything but some.
        (None, Some(_)) => (true, false),
        // A trust policy's statement is about its role.
        (None, None) => (false, false),
    };
    let is_allow = match members.get("Effect")?.as_str()? {
        "Allow" => true,
        "Deny" => false,
        _ => return None,
    };
    Some(Statement {
        is_allow,
        is_unconditional: members.get("Condition").is_none(),
        all_but,
        actions: actions.iter().map(|action| action.to_ascii_lowercase()).collect(),
        is_broad,
        is_everywhere,
    })
}

/// Tells whether a resource is any of its kind: `*`, `arn:aws:iam::*:user/*`, but not `…:user/${aws:username}`.
fn is_broad(resource: &str) -> bool {
    if resource == "*" {
        return true;
    }
    let Some(of_service) = resource.splitn(6, ':').nth(5) else { return false };
    let kind = of_service.strip_suffix('*').map(|kind| kind.trim_end_matches(['/', ':']));
    kind.is_some_and(|kind| kind.is_empty() || KINDS.contains(&kind))
}

/// The kinds of resources of the actions that count here. A bucket's name is no kind.
const KINDS: &[&str] = &[
    "cluster",
    "devEndpoint",
    "function",
    "group",
    "policy",
    "project",
    "role",
    "stack",
    "task-definition",
    "user",
];

fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(list) => list.iter().map(|text| text.as_str().map(str::to_owned)).collect(),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reach(statements: &Value) -> Reach {
        of(&[("p", Some(&json!({"Version": "2012-10-17", "Statement": statements})))], None)
    }

    #[test]
    fn reach_is_summed_up() {
        let allow = |action: Value| json!({"Effect": "Allow", "Action": action, "Resource": "*"});
        let own = json!({"Effect": "Allow", "Action": ["iam:CreateAccessKey", "iam:*LoginProfile"],
                         "Resource": "arn:aws:iam::*:user/${aws:username}"});
        for (statements, level, short) in [
            (allow(json!("*")), Level::Administrator, "administrator"),
            (json!([allow(json!("*:*"))]), Level::Administrator, "administrator"),
            (
                json!([allow(json!("*")), {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]),
                Level::Escalation,
                "can become administrator by sts:AssumeRole, lambda:UpdateFunctionCode, ",
            ),
            (
                json!({"Effect": "Allow", "NotAction": ["iam:*", "sts:*", "lambda:*", "glue:*", "cloudformation:*",
                       "sagemaker:*", "ssm:*", "ec2*", "ecs:*", "rolesanywhere:*"], "Resource": "*"}),
                Level::Services,
                "almost every service",
            ),
            (
                allow(json!("iam:*")),
                Level::Escalation,
                "can become administrator by iam:CreatePolicyVersion, ",
            ),
            (
                allow(json!("iam:putuser?olicy")),
                Level::Escalation,
                "can become administrator by iam:PutUserPolicy",
            ),
            (
                allow(json!(["iam:PassRole", "ec2:Run*"])),
                Level::Escalation,
                "can become administrator by iam:PassRole + ec2:RunInstances",
            ),
            (own, Level::Limited, "limited"),
            (allow(json!(["s3:*", "sqs:*", "sns:Publish"])), Level::Services, "all of s3, sqs"),
            (allow(json!("s3:Get*")), Level::Limited, "limited"),
            (
                json!([{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::bucket/*"}]),
                Level::Limited,
                "limited",
            ),
            (json!([{"Effect": "Deny", "Action": "*", "Resource": "*"}]), Level::Nothing, "nothing"),
        ] {
            let found = reach(&statements);
            assert_eq!(found.level, level, "{statements}");
            assert!(found.short().starts_with(short), "{}", found.short());
        }
    }

    #[test]
    fn a_boundary_limits_and_what_is_missing_is_named() {
        let admin = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
        let s3 = json!({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}});
        let found = of(&[("a", Some(&admin))], Some(("b", Some(&s3))));
        assert_eq!((found.short().as_str(), found.ways.len()), ("all of s3", 0));
        let found = of(&[("a", Some(&s3)), ("arn:aws:iam::aws:policy/Other", None)], Some(("b", None)));
        assert_eq!(
            found.short(),
            "all of s3, and what is not known: arn:aws:iam::aws:policy/Other, boundary b"
        );
        let found = of(&[("arn:aws:iam::aws:policy/AdministratorAccess", None)], None);
        assert_eq!(found.level, Level::Administrator);
        let text = Value::String(String::from("%7B%22Statement%22%3A%5B%5D%7D"));
        assert_eq!(of(&[("t", Some(&text))], None).level, Level::Nothing);
    }
}
