//! Conditions that IAM refuses, that never hold, or that hold where their key is absent.

use std::net::IpAddr;

use super::super::document::{Condition, Document, Item, Statement};
use super::super::finding::Draft;
use super::keys;
use crate::audit::files::Severity;
use crate::clock::Timestamp;
use crate::policy::{Comparison, Operator, Quantifier};
use crate::text::{nearest, quoted};

pub(super) fn judge(document: &Document) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for statement in &document.statements {
        for condition in &statement.conditions {
            drafts.extend(key(condition).map(|draft| draft.of(statement)));
            match Operator::parse(&condition.operator) {
                None => drafts.extend(operator(condition).map(|draft| draft.of(statement))),
                Some(operator) => {
                    let found = values(condition, operator).or_else(|| literal(condition, operator));
                    let found = found.or_else(|| absent(statement, condition, operator));
                    drafts.extend(found.map(|draft| draft.of(statement)));
                }
            }
        }
    }
    drafts
}

fn operator(condition: &Condition) -> Option<Draft> {
    let name = condition.operator.as_str();
    if name.contains(super::super::node::HOLE) || name.is_empty() {
        return None;
    }
    let bare = name.rsplit(':').next().unwrap_or(name);
    let bare = bare.strip_suffix("IfExists").unwrap_or(bare);
    let same = Operator::names().find(|known| known.eq_ignore_ascii_case(bare));
    let hint = same.or_else(|| nearest(bare, Operator::names()));
    let change = match hint {
        Some(known) => format!("write {known}"),
        None => String::from(
            "write one of IAM's operators, such as StringEquals, StringLike, ArnLike, IpAddress or Bool",
        ),
    };
    let says = if name.eq_ignore_ascii_case("NullIfExists") {
        String::from("NullIfExists: Null asks whether the key is there, and cannot be IfExists")
    } else {
        format!("{} is no condition operator of IAM", quoted(name))
    };
    Some(Draft::new("policy-operator-unknown", Severity::High, condition.line, says, change))
}

fn key(condition: &Condition) -> Option<Draft> {
    let key = condition.key.as_str();
    if key.contains(super::super::node::HOLE) || key.is_empty() {
        return None;
    }
    let draft = |says: String, change: String| {
        Some(Draft::new("policy-key-unknown", Severity::Medium, condition.line, says, change))
    };
    let Some((prefix, _)) = key.split_once(':') else {
        let known = keys::GLOBAL.iter().filter_map(|known| known.strip_prefix("aws:"));
        let hint = nearest(key, known).map(|name| format!("write aws:{name}"));
        let change = hint
            .unwrap_or_else(|| String::from("write it with its service, such as aws:SourceIp or s3:prefix"));
        return draft(
            format!("{} is no condition key: each has its service before a colon", quoted(key)),
            change,
        );
    };
    if !prefix.eq_ignore_ascii_case("aws") || keys::is_known(key) {
        return None;
    }
    let stem = key.split_once('/').map_or(key, |(stem, _)| stem);
    let known = || keys::GLOBAL.iter().map(|known| known.trim_end_matches('/'));
    let exact = known().find(|known| known.eq_ignore_ascii_case(stem));
    let change = match (exact, nearest(stem, known())) {
        (Some(known), _) if key.contains('/') => format!("write {known}: it has nothing behind a slash"),
        (Some(known), _) => format!("write {known}/ and a name behind it"),
        (None, Some(near)) => format!("write {near}"),
        (None, None) => String::from("write one of the global keys of IAM's page, or take the condition out"),
    };
    draft(
        format!(
            "{} is no global condition key: no request has it, so that the condition is decided by its absence",
            quoted(key)
        ),
        change,
    )
}

/// Judges the values: is there one that can match?
fn values(condition: &Condition, operator: Operator) -> Option<Draft> {
    let known: Vec<&Item> = condition.values.iter().filter(|item| !item.is_unknown()).collect();
    let wrong = known.iter().find_map(|item| Some((*item, misfit(condition, operator, &item.text)?)));
    let (item, (why, change)) = wrong?;
    let effect = if operator.negated { "is always met" } else { "never matches" };
    let says =
        format!("{} {} {}: {why}, and so it {effect}", condition.operator, condition.key, quoted(&item.text));
    Some(Draft::new("policy-value-never", Severity::High, item.line, says, change))
}

fn misfit(condition: &Condition, operator: Operator, value: &str) -> Option<(String, String)> {
    let has_variable = value.contains("${");
    let of = |why: &str, change: &str| Some((why.to_owned(), change.to_owned()));
    match operator.comparison {
        Comparison::IpAddress => address(condition, value),
        Comparison::Null | Comparison::Bool => {
            let is_truth = ["true", "false"].iter().any(|known| known.eq_ignore_ascii_case(value));
            if is_truth || has_variable {
                None
            } else {
                of("it is not true or false", "write \"true\" or \"false\"")
            }
        }
        Comparison::Numeric(_) => {
            let is_number = value.trim().parse::<f64>().is_ok_and(f64::is_finite);
            if is_number || has_variable {
                None
            } else {
                of("it is no number", "write a number, such as \"3600\"")
            }
        }
        Comparison::Date(_) => {
            if is_date(value) || has_variable {
                None
            } else {
                of("it is no date", "write \"2027-03-31T00:00:00Z\"")
            }
        }
        Comparison::Arn => {
            let is_arn = value == "*"
                || value.starts_with("arn:") && value.split(':').count() >= 6
                || value.starts_with("arn:*")
                || has_variable;
            if is_arn || value.starts_with('*') {
                None
            } else {
                of("it is no ARN", "write the ARN with its six parts, arn:aws:SERVICE:REGION:ACCOUNT:NAME")
            }
        }
        Comparison::Text | Comparison::TextAnyCase | Comparison::TextLike => {
            let is_address = condition.is_on("aws:SourceIp") || condition.is_on("aws:VpcSourceIp");
            if is_address && value.contains('/') {
                return of(
                    "the address is compared letter by letter, and no address has a slash",
                    "write IpAddress or NotIpAddress in the place of the operator",
                );
            }
            None
        }
        Comparison::Binary => None,
    }
}

fn address(condition: &Condition, value: &str) -> Option<(String, String)> {
    if value.contains("${") {
        return None;
    }
    let (base, length) = match value.split_once('/') {
        Some((base, length)) => (base, Some(length)),
        None => (value, None),
    };
    let Ok(address) = base.parse::<IpAddr>() else {
        return Some((
            String::from("it is no address"),
            String::from("write a network, such as \"203.0.113.0/24\""),
        ));
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    if length.is_some_and(|length| length.parse::<u32>().map_or(true, |bits| bits > most)) {
        return Some((
            format!("behind the slash it is 0 to {most}"),
            String::from("write a network, such as \"203.0.113.0/24\""),
        ));
    }
    let IpAddr::V4(address) = address else { return None };
    // Through a VPC's endpoint a request has no aws:SourceIp, and from elsewhere a public one.
    (condition.is_on("aws:SourceIp") && (address.is_private() || address.is_loopback() || address.is_link_local())).then(|| {
        (
            String::from("it is a private network, which AWS never sees as the source"),
            String::from("write the public address behind which these hosts are, or aws:SourceVpc or aws:VpcSourceIp for what comes through a VPC endpoint"),
        )
    })
}

/// Reads what IAM takes as a date: ISO 8601, a day alone too, or seconds since 1970.
fn is_date(text: &str) -> bool {
    let is_day = text.len() == 10 && Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z")).is_some();
    let is_minute = text.len() == 17
        && text.ends_with('Z')
        && Timestamp::parse_rfc3339(&format!("{}:00Z", &text[..16])).is_some();
    is_day || is_minute || text.parse::<i64>().is_ok() || Timestamp::parse_rfc3339(text).is_some()
}

/// Judges wildcards with an operator that takes them as they are.
fn literal(condition: &Condition, operator: Operator) -> Option<Draft> {
    if !matches!(operator.comparison, Comparison::Text | Comparison::TextAnyCase) {
        return None;
    }
    // `${*}` is how a star is written that stands for itself.
    let item = condition
        .values
        .iter()
        .find(|item| !item.is_unknown() && item.text.replace("${*}", "").contains('*'))?;
    let like = condition.operator.replace("EqualsIgnoreCase", "Like").replace("Equals", "Like");
    let effect = if operator.negated { "is met by everything" } else { "matches nothing" };
    let says = format!(
        "{} {} {}: with this operator * is a star and no wildcard, and so it {effect}",
        condition.operator,
        condition.key,
        quoted(&item.text)
    );
    let change = if condition.is_on("aws:SourceArn") || condition.is_on("aws:PrincipalArn") {
        format!(
            "write {} in the place of {}",
            if operator.negated { "ArnNotLike" } else { "ArnLike" },
            condition.operator
        )
    } else {
        format!("write {like} in the place of {}, or the whole value", condition.operator)
    };
    Some(Draft::new("policy-literal-wildcard", Severity::High, item.line, says, change))
}

/// Judges what is decided by a key's absence, where that is certain to be another thing than is meant.
fn absent(statement: &Statement, condition: &Condition, operator: Operator) -> Option<Draft> {
    const RULE: &str = "policy-absent-key";
    let name = condition.operator.as_str();
    let says_true = |expected: bool| {
        let text = if expected { "true" } else { "false" };
        condition.values.iter().all(|item| item.text.eq_ignore_ascii_case(text))
            && !condition.values.is_empty()
    };
    let is_asked_for = |expected: &str| {
        statement.conditions.iter().any(|other| {
            other.operator == "Null"
                && other.is_on(&condition.key)
                && other.values.iter().all(|item| item.text.eq_ignore_ascii_case(expected))
        })
    };
    let of_mfa = condition.is_on("aws:MultiFactorAuthPresent") && operator.comparison == Comparison::Bool;
    if of_mfa && statement.is_deny() && says_true(false) && !operator.if_exists {
        return Some(Draft::new(
            RULE,
            Severity::High,
            condition.line,
            "requests that are signed with static keys have no aws:MultiFactorAuthPresent: this denial does not reach them",
            "write BoolIfExists in the place of Bool",
        ));
    }
    if of_mfa && statement.is_allow() && says_true(true) && operator.if_exists {
        return Some(Draft::new(
            RULE,
            Severity::High,
            condition.line,
            "requests that are signed with static keys have no aws:MultiFactorAuthPresent, and with IfExists are allowed without a second factor",
            "write Bool in the place of BoolIfExists",
        ));
    }
    // The keys of a request's tags are meant this way: a request without tags is to be allowed.
    let is_usual = condition.is_on("aws:TagKeys") || condition.is_below("aws:RequestTag/");
    if operator.quantifier == Quantifier::All && statement.is_allow() && !is_usual && !is_asked_for("false") {
        let says = format!(
            "{name} {}: holds where the request does not have the key, and so allows then",
            condition.key
        );
        let change = format!(
            "write ForAnyValue in the place of ForAllValues, or add \"Null\": {{\"{}\": \"false\"}}",
            condition.key
        );
        return Some(Draft::new(RULE, Severity::Medium, condition.line, says, change));
    }
    None
}
