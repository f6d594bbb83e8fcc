//! The form of a policy: what IAM refuses, and which version it is.

use super::super::document::Document;
use super::super::finding::Draft;
use super::super::node::{HOLE, shown};
use crate::audit::files::Severity;
use crate::text::quoted;

const CURRENT: &str = "2012-10-17";

pub(super) fn judge(document: &Document) -> Vec<Draft> {
    let refused = |(line, what): &(usize, String)| malformed(*line, what);
    let mut drafts: Vec<Draft> = document.faults.iter().map(refused).collect();
    drafts.extend(version(document));
    drafts
}

fn malformed(line: usize, what: &str) -> Draft {
    Draft::new(
        "policy-malformed",
        Severity::High,
        line,
        format!("IAM refuses the policy: {what}"),
        "write it as IAM's grammar of policies has it, or remove it",
    )
}

fn version(document: &Document) -> Option<Draft> {
    let line = document.version.as_ref().map_or(document.line, |version| version.line);
    let written = document.version.as_ref().map(|version| version.text.as_str());
    let told = match written {
        Some(CURRENT) => return None,
        Some(text) if text.contains(HOLE) => return None,
        None => String::from("it has no Version, which means 2008-10-17"),
        Some("2008-10-17") => String::from("its Version is 2008-10-17"),
        Some(other) => {
            let what = format!("its Version is {}, and there are {CURRENT} and 2008-10-17", quoted(other));
            return Some(malformed(line, &what));
        }
    };
    let change = format!("\"Version\": \"{CURRENT}\"");
    let variable = variable(document);
    Some(match variable {
        Some(variable) => Draft::new(
            "policy-old-version",
            Severity::Medium,
            line,
            format!("{told}: {} is no variable there, but these characters themselves", quoted(&variable)),
            change,
        ),
        None => Draft::new(
            "policy-old-version",
            Severity::Low,
            line,
            format!("{told}: policy variables would be taken as they are written"),
            change,
        ),
    })
}

/// Returns the first policy variable.
fn variable(document: &Document) -> Option<String> {
    let resources = document.statements.iter().flat_map(|statement| &statement.resources);
    let resources = resources.flat_map(|names| &names.items);
    let conditions = document.statements.iter().flat_map(|statement| &statement.conditions);
    let values = conditions.flat_map(|condition| &condition.values);
    let mut texts = resources.chain(values).map(|item| item.text.as_str());
    texts.find_map(|text| {
        let start = text.find("${")?;
        let end = text[start..].find('}')?;
        Some(shown(&text[start..=start + end]))
    })
}

/// Judges what identity policies alone have: each statement a resource and no principal, names of the form `service:Action`.
pub(super) fn identity(document: &Document) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for statement in &document.statements {
        let mut refuse = |line: usize, what: String| {
            drafts.push(malformed(line, &format!("{} {what}", statement.name())).of(statement));
        };
        if statement.resources.is_none() {
            refuse(statement.line, String::from("has no Resource"));
        }
        if let Some(principals) = &statement.principals {
            refuse(principals.line, String::from("has a Principal, which an identity policy cannot have"));
        }
        for item in statement.actions.iter().flat_map(|names| &names.items) {
            if !item.is_unknown() && !is_action(&item.text) {
                refuse(
                    item.line,
                    format!("has the action {}, and an action is service:Name", quoted(&item.text)),
                );
            }
        }
        for item in statement.resources.iter().flat_map(|names| &names.items) {
            if !item.is_unknown() && !is_resource(&item.text) {
                refuse(
                    item.line,
                    format!("has the resource {}, which is no ARN and not *", quoted(&item.text)),
                );
            }
        }
    }
    drafts
}

fn is_action(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*?-_".contains(&byte))
    };
    text == "*" || text.split_once(':').is_some_and(|(service, name)| is_word(service) && is_word(name))
}

fn is_resource(text: &str) -> bool {
    let is_whole = text.starts_with("arn:") && (text.split(':').count() >= 6 || text.ends_with('*'));
    (!text.is_empty() && text.bytes().all(|byte| byte == b'*')) || is_whole || text.starts_with("${")
}
