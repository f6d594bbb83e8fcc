//! What is allowed: more than anybody means.

use super::super::actions::{Width, stands_for, takes_resource};
use super::super::document::{Document, Item, Names, Statement};
use super::super::finding::Draft;
use super::super::reach::{is_everything, whole_service};
use crate::audit::files::Severity;
use crate::text::quoted;

/// Services whose every action gives permissions away.
const OF_PERMISSIONS: [&str; 7] =
    ["iam", "identitystore", "kms", "organizations", "rolesanywhere", "sso", "sts"];

/// Beginnings of actions that look and change nothing; the second ones read what is inside too.
const LISTING: [&str; 2] = ["Describe", "List"];
const READING: [&str; 7] = ["BatchGet", "Get", "Head", "Lookup", "Query", "Search", "View"];

pub(super) fn judge(document: &Document) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for statement in document.statements.iter().filter(|statement| statement.is_allow()) {
        if let Some(resources) = statement.resources.as_ref().filter(|names| names.all_but) {
            drafts.push(not_resource(statement, resources));
        }
        let Some(actions) = &statement.actions else { continue };
        if actions.all_but {
            drafts.push(not_action(statement, actions));
            continue;
        }
        for item in actions.items.iter().filter(|item| !item.is_unknown()) {
            drafts.extend(action(statement, item));
        }
        drafts.extend(any_resource(statement, actions));
        drafts.extend(pass_role(statement, actions));
    }
    drafts
}

fn not_action(statement: &Statement, names: &Names) -> Draft {
    let listed = listed(&names.items);
    let wide = statement.width() != Width::Some;
    Draft::new(
        "policy-not-action",
        if wide && !statement.is_narrowed() { Severity::High } else { Severity::Medium },
        names.line,
        format!("NotAction with Allow: every action of every service but {listed}, those that AWS adds later included"),
        "name what is needed by \"Action\", or deny what is not by \"Effect\": \"Deny\"",
    )
    .of(statement)
}

fn not_resource(statement: &Statement, names: &Names) -> Draft {
    Draft::new(
        "policy-not-resource",
        Severity::High,
        names.line,
        format!(
            "NotResource with Allow: every resource but {}, those of later included",
            listed(&names.items)
        ),
        "name what is meant by \"Resource\", or deny the exception by \"Effect\": \"Deny\"",
    )
    .of(statement)
}

fn listed(items: &[Item]) -> String {
    let shown: Vec<String> = items.iter().take(3).map(|item| quoted(&item.text)).collect();
    let more = items.len().saturating_sub(3);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// Judges a name with a wildcard.
fn action(statement: &Statement, item: &Item) -> Option<Draft> {
    let name = item.text.as_str();
    let width = statement.width();
    if is_everything(name) {
        let (rule, severity, says) = match width {
            Width::All => {
                ("policy-admin", Severity::Critical, "every action on everything: this is an administrator")
            }
            Width::Type | Width::Some => (
                "policy-action-wildcard",
                Severity::High,
                "every action that these resources know, those that AWS adds later and those that change permissions included",
            ),
        };
        let change = "\"Action\": name the actions that are used, such as \"s3:GetObject\"; service last accessed data shows them";
        return Some(
            Draft::new(rule, severity, item.line, format!("{}: {says}", quoted(name)), change).of(statement),
        );
    }
    if let Some(service) = whole_service(name) {
        let gives = OF_PERMISSIONS.iter().any(|known| known.eq_ignore_ascii_case(service));
        let severity = match width {
            Width::All | Width::Type if gives => Severity::High,
            Width::All | Width::Type => Severity::Medium,
            Width::Some => Severity::Low,
        };
        let permissions = if gives { ", which hand out permissions" } else { "" };
        let says = format!(
            "{}: every action of {service}{permissions}, deleting and those that AWS adds later included",
            quoted(name)
        );
        let change = format!(
            "\"Action\": name those of {service} that are used, such as \"{service}:{}\"",
            example(service)
        );
        return Some(Draft::new("policy-service-wildcard", severity, item.line, says, change).of(statement));
    }
    prefix(statement, item, width)
}

fn example(service: &str) -> &'static str {
    match service.to_ascii_lowercase().as_str() {
        "s3" => "GetObject",
        "ec2" => "StartInstances",
        "iam" => "GetRole",
        "dynamodb" => "GetItem",
        "sqs" => "SendMessage",
        "lambda" => "InvokeFunction",
        "kms" => "Decrypt",
        "sts" => "AssumeRole",
        _ => "ActionName",
    }
}

/// Judges `s3:Put*`. What only lists is nobody's alarm, and what reads is none where the resource is named.
fn prefix(statement: &Statement, item: &Item, width: Width) -> Option<Draft> {
    let (service, pattern) = item.text.split_once(':')?;
    if !item.text.contains(['*', '?']) {
        return None;
    }
    let (service, pattern) = (service.trim(), pattern.trim());
    if service.contains(['*', '?']) {
        let says = format!("{}: services are meant whose names are not written down", quoted(&item.text));
        let draft = Draft::new(
            "policy-action-wildcard",
            Severity::Medium,
            item.line,
            says,
            "\"Action\": name the service",
        );
        return Some(draft.of(statement));
    }
    let begins = |words: &[&str]| {
        words
            .iter()
            .any(|word| pattern.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
    };
    if begins(&LISTING) {
        return None;
    }
    let is_wide = width != Width::Some;
    let reads = begins(&READING);
    if reads && !is_wide {
        return None;
    }
    let meant = match pattern.split_once('*') {
        Some((start, "")) => format!("every action of {service} whose name begins with {}", quoted(start)),
        Some(("", end)) if !end.contains('*') => {
            format!("every action of {service} whose name ends with {}", quoted(end))
        }
        Some(_) | None => format!("every action of {service} whose name is like {}", quoted(pattern)),
    };
    let what = if reads {
        "what they read may be content and not only settings"
    } else {
        "those that AWS adds later included"
    };
    let severity = if is_wide && !reads { Severity::Medium } else { Severity::Low };
    let says = format!("{}: {meant}, {what}", quoted(&item.text));
    let change = format!("\"Action\": name those of {service} that are used");
    Some(Draft::new("policy-action-wildcard", severity, item.line, says, change).of(statement))
}

/// Judges `"Resource": "*"` where actions take a resource.
fn any_resource(statement: &Statement, actions: &Names) -> Option<Draft> {
    let star = statement.resources.as_ref().filter(|names| !names.all_but)?;
    let star = star.items.iter().find(|item| is_everything(&item.text))?;
    if statement.is_narrowed() {
        return None;
    }
    // Passing a role has a rule of its own.
    let judged = |item: &&Item| takes_resource(&item.text) && !item.text.eq_ignore_ascii_case("iam:PassRole");
    let taking: Vec<&Item> = actions.items.iter().filter(judged).collect();
    let first = taking.first()?;
    let items: Vec<Item> = taking.iter().map(|item| (*item).clone()).collect();
    let service = first.text.split(':').next().unwrap_or_default();
    // Where a log goes is written by what AWS runs, and read by whoever may.
    let severity = if service.eq_ignore_ascii_case("logs") { Severity::Low } else { Severity::Medium };
    let says = format!(
        "Resource \"*\": {} on every resource of the account, though {} a resource",
        listed(&items),
        if items.len() == 1 { "it takes" } else { "they take" }
    );
    let change = format!(
        "\"Resource\": the ARNs that are meant, such as \"arn:aws:{service}:REGION:ACCOUNT:NAME\"; actions that take none go into a statement of their own"
    );
    let change = if service.eq_ignore_ascii_case("s3") {
        String::from(
            "\"Resource\": the ARNs that are meant, such as \"arn:aws:s3:::BUCKET/*\"; actions that take none go into a statement of their own",
        )
    } else {
        change
    };
    Some(Draft::new("policy-any-resource", severity, star.line, says, change).of(statement))
}

fn pass_role(statement: &Statement, actions: &Names) -> Option<Draft> {
    if statement.width() == Width::Some {
        return None;
    }
    let is_pass_role = |item: &&Item| {
        stands_for(&item.text, "iam:PassRole")
            && !is_everything(&item.text)
            && whole_service(&item.text).is_none()
    };
    let item = actions.items.iter().find(is_pass_role)?;
    let to = statement.conditions.iter().find(|condition| {
        condition.is_on("iam:PassedToService")
            && !condition.is_negated()
            && condition.values.iter().all(|value| value.text != "*")
    });
    if statement.has_unknown_condition {
        return None;
    }
    let (severity, says) = match to {
        Some(to) => (
            Severity::Medium,
            format!(
                "iam:PassRole on every role: an administrator's too can be handed to {}",
                listed(&to.values)
            ),
        ),
        None => (
            Severity::High,
            String::from(
                "iam:PassRole on every role: an administrator's too can be handed to any service, and used there",
            ),
        ),
    };
    let change = "\"Resource\": \"arn:aws:iam::ACCOUNT:role/NAME\", with \"Condition\": {\"StringEquals\": {\"iam:PassedToService\": \"ec2.amazonaws.com\"}}";
    Some(Draft::new("policy-pass-role", severity, item.line, says, change).of(statement))
}

/// Judges the policies of a user or a group, whose keys are static: may they be used from anywhere?
pub(in super::super) fn static_keys(documents: &[&Document]) -> Vec<Draft> {
    let statements = || documents.iter().flat_map(|document| &document.statements);
    let says_from_where = |statement: &Statement, negated: bool| {
        statement.has_unknown_condition
            || statement.conditions.iter().any(|condition| {
                ["aws:SourceIp", "aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn", "aws:VpcSourceIp"]
                    .iter()
                    .any(|key| condition.is_on(key))
                    && condition.is_negated() == negated
            })
    };
    let denies_elsewhere = statements().any(|statement| {
        statement.is_deny()
            && statement.width() == Width::All
            && says_from_where(statement, true)
            && statement
                .actions
                .as_ref()
                .is_some_and(|names| names.items.iter().any(|item| is_everything(&item.text)))
    });
    if denies_elsewhere {
        return Vec::new();
    }
    let open = statements().find(|statement| statement.is_allow() && !says_from_where(statement, false));
    let draft = open.map(|statement| {
        Draft::new(
            "policy-no-source-ip",
            Severity::Medium,
            statement.line,
            "a user's access keys are static, and these permissions may be used from any address: whoever copies the key has them",
            "\"Condition\": {\"IpAddress\": {\"aws:SourceIp\": [\"203.0.113.0/24\"]}} in the statement, or one that denies everything with NotIpAddress; better a role and no key: anyrole setup",
        )
        .of(statement)
    });
    draft.into_iter().collect()
}
