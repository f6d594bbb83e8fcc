//! What the account has, laid beside what would be presented: the answers of five read-only commands of the AWS CLI.
//!
//! Nothing is sent. The files are recognised by what they hold, so that they may have any name. What an answer does not say
//! is not checked, and the command that would say it stands in the hint. The order is that in which CreateSession meets
//! the rules.

mod anchor;
mod commands;
mod model;
mod profile;
mod read;
mod subject;
mod tags;
mod trust;

use std::path::Path;

use super::Check;
use crate::arn::Arn;
use crate::clock::Timestamp;
use crate::session::SessionRequest;
use crate::text::quoted;
use crate::x509::Chain;

const FACTS: &str = "facts";

/// What would be presented to AWS.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The certificate and its intermediates; `None` where they cannot be read.
    pub chain: Option<&'a Chain>,
    /// What would be asked for.
    pub request: &'a SessionRequest,
    /// The present.
    pub now: Timestamp,
}

/// Lays the answers in a folder beside what would be presented.
pub fn checks(folder: &Path, presented: &Presented<'_>) -> Vec<Check> {
    let certificate = presented.chain.map(|chain| &chain.end_entity);
    let commands = commands::Commands { folder, request: presented.request, certificate };
    let (facts, mut told) = read::folder(folder);
    let mut checks = vec![overview(folder, &facts, &commands)];
    checks.append(&mut told);

    let (check, anchor) = anchor::found(&facts, presented, &commands);
    checks.push(check);
    if let Some(anchor) = anchor {
        checks.push(anchor::chain(anchor, &facts, presented, &commands));
    }
    checks.extend(anchor::revocation(anchor, &facts, presented, &commands));

    let (check, profile) = profile::found(&facts, presented, &commands);
    checks.push(check);
    let (of_role, role) = trust::found(&facts, presented, &commands);
    if let Some(profile) = profile {
        checks.extend(profile::rules(profile, role, presented));
    }
    let seen = match (profile, certificate) {
        (Some(profile), Some(certificate)) => {
            let (told, seen) = profile::seen(profile, certificate);
            checks.extend(told);
            Some(seen)
        }
        (Some(_) | None, _) => None,
    };
    checks.push(of_role);
    if let Some(role) = role {
        checks.extend(trust::policy(role, anchor, seen.as_ref(), presented));
    }
    checks.push(subject::check(&facts, presented, &commands));
    checks
}

/// Says what was found, and how the rest is had.
fn overview(folder: &Path, facts: &read::Facts, commands: &commands::Commands<'_>) -> Check {
    let count = |count: usize, name: &str| match count {
        0 => None,
        1 => Some(format!("one {name}")),
        many => Some(format!("{many} {name}s")),
    };
    let found: Vec<String> = [
        count(facts.trust_anchors.len(), "trust anchor"),
        facts.crls.as_ref().map(|crls| {
            count(crls.len(), "revocation list").unwrap_or_else(|| String::from("no revocation list"))
        }),
        count(facts.profiles.len(), "profile"),
        count(facts.roles.len(), "role"),
        count(facts.subjects.len(), "subject"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let path = quoted(&folder.display().to_string());
    if found.len() == 5 {
        return Check::good(FACTS, format!("{path} has {}", found.join(", ")));
    }
    let text = if found.is_empty() {
        format!("{path} has no answer of the AWS CLI")
    } else {
        format!("{path} has {} of the five answers: {}", found.len(), found.join(", "))
    };
    let hint = format!("for all five, with {}: {}", commands::PERMISSIONS, commands.all());
    Check { hint: Some(hint), ..Check::not_checked(FACTS, text) }
}

/// Returns a check that was not made for want of an answer, with the command that prints it.
fn missing(id: &'static str, why: String, command: String) -> Check {
    Check { hint: Some(command), ..Check::not_checked(id, why) }
}

/// Tells whether a resource is the one that was named, by its own ARN or by its alias.
fn same_arn(named: &Arn, arn: &str, alias: Option<&str>) -> bool {
    named.as_str() == arn || alias == Some(named.as_str())
}

/// Names a resource by its name, where it has one.
fn named(name: Option<&str>, arn: &str) -> String {
    match name {
        Some(name) => quoted(name),
        None => arn.to_owned(),
    }
}

/// Says that a resource was found by its alias.
fn by_alias(named: &Arn, alias: Option<&str>) -> &'static str {
    if alias == Some(named.as_str()) { ", and has this alias" } else { "" }
}
