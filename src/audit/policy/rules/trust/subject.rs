//! For which certificates: conditions on what Roles Anywhere makes of one.

use super::super::super::document::{Condition, Item, Statement};
use super::super::super::finding::Draft;
use super::super::super::node::HOLE;
use super::super::super::read::Profile;
use super::Surroundings;
use crate::audit::files::Severity;
use crate::explain::tag_value_misfit;
use crate::policy::mapping;
use crate::text::{nearest, quoted};
use crate::x509::name::number_of;

const CHANGE: &str = "\"Condition\": {\"StringEquals\": {\"aws:PrincipalTag/x509Subject/CN\": \"NAME\"}}";

pub(super) fn judge(statement: &Statement, around: &Surroundings<'_>) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    for condition in &statement.conditions {
        let tag = tag_of(condition);
        if let Some(tag) = tag {
            drafts.extend(not_mapped(condition, tag, around));
            drafts.extend(condition.values.iter().filter_map(|item| unfit(condition, item)));
        }
        if condition.is_below("aws:OriginIdentity/") {
            drafts.extend(not_propagated(condition, around));
        }
        if names_subject(condition) {
            drafts.extend(wildcards(condition));
        }
    }
    if !statement.has_unknown_condition {
        drafts.extend(no_subject(statement));
    }
    drafts.into_iter().map(|draft| draft.of(statement)).collect()
}

/// Returns the session tag that a condition is on.
fn tag_of(condition: &Condition) -> Option<&str> {
    let prefix =
        ["aws:PrincipalTag/", "aws:RequestTag/"].into_iter().find(|prefix| condition.is_below(prefix))?;
    let tag = &condition.key[prefix.len()..];
    (!tag.contains(HOLE)).then_some(tag)
}

/// Tells whether a condition says which certificate: not only who issued it.
fn names_subject(condition: &Condition) -> bool {
    let is_subject = |tag: &str| {
        let tag = tag.to_ascii_lowercase();
        tag.starts_with("x509subject/") || tag.starts_with("x509san/")
    };
    tag_of(condition).is_some_and(is_subject)
        || condition.is_on("aws:OriginIdentity/Subject")
        || condition.is_on("sts:SourceIdentity")
}

/// Tells whether a condition only holds where the key is there and fits.
fn is_asked_for(condition: &Condition) -> bool {
    let operator = condition.operator.as_str();
    !condition.is_negated()
        && !operator.ends_with("IfExists")
        && !operator.starts_with("ForAllValues:")
        && operator != "Null"
}

fn no_subject(statement: &Statement) -> Option<Draft> {
    let on_subject: Vec<&Condition> =
        statement.conditions.iter().filter(|condition| names_subject(condition)).collect();
    if on_subject.iter().any(|condition| is_asked_for(condition)) {
        return None;
    }
    let by_issuer = statement.conditions.iter().any(|condition| {
        tag_of(condition).is_some_and(|tag| tag.to_ascii_lowercase().starts_with("x509issuer/"))
            && is_asked_for(condition)
    });
    let whose = if by_issuer { "of that issuer" } else { "of the trust anchor's CA" };
    let says = match on_subject.first() {
        None => {
            format!("no condition on a subject or alternative name: every certificate {whose} gets the role")
        }
        Some(condition) if condition.is_negated() => format!(
            "{} {} names who does not get the role: every other certificate {whose} does",
            condition.operator, condition.key
        ),
        Some(condition) => format!(
            "{} {}: it holds where the certificate has no such attribute, and so every such certificate {whose} gets the role",
            condition.operator, condition.key
        ),
    };
    Some(Draft::new("trust-no-subject", Severity::High, statement.line, says, CHANGE))
}

/// Spells out what a pattern admits.
fn wildcards(condition: &Condition) -> Vec<Draft> {
    if !condition.operator.contains("Like") || condition.is_negated() {
        return Vec::new();
    }
    let with_wildcard = condition.values.iter().filter(|item| item.text.contains(['*', '?']));
    let drafts = with_wildcard.map(|item| {
        let is_all = item.text.chars().all(|letter| letter == '*');
        let severity = if is_all { Severity::High } else { Severity::Medium };
        let says = if is_all {
            format!(
                "{} {} \"*\": every certificate that has one gets the role",
                condition.operator, condition.key
            )
        } else {
            format!(
                "{} {} {}: admits every certificate whose {}",
                condition.operator,
                condition.key,
                quoted(&item.text),
                one_spelled(&condition.key, &item.text)
            )
        };
        let change = format!("\"StringEquals\": {{\"{}\": [the names that are meant]}}", condition.key);
        Draft::new("trust-wildcard", severity, item.line, says, change)
    });
    drafts.collect()
}

/// Says what a condition asks of a certificate, in words: `common name begins with 'build-'`.
pub(in super::super) fn spelled(condition: &Condition) -> String {
    let not = if condition.is_negated() { "not: " } else { "" };
    let is_like = condition.operator.contains("Like");
    let each: Vec<String> = condition
        .values
        .iter()
        .map(|item| match is_like {
            true => one_spelled(&condition.key, &item.text),
            false => format!("{} is {}", attribute(&condition.key), quoted(&item.text)),
        })
        .collect();
    let if_exists = if condition.operator.ends_with("IfExists") { ", or is not there" } else { "" };
    format!("{not}{}{if_exists}", each.join(" or "))
}

fn one_spelled(key: &str, pattern: &str) -> String {
    let attribute = attribute(key);
    let is_plain = |text: &str| !text.contains(['*', '?']);
    if is_plain(pattern) {
        return format!("{attribute} is {}", quoted(pattern));
    }
    if pattern.chars().all(|letter| letter == '*') {
        return format!("{attribute} is anything");
    }
    let starts = pattern.strip_suffix('*').filter(|rest| is_plain(rest));
    let ends = pattern.strip_prefix('*').filter(|rest| is_plain(rest));
    let inside =
        pattern.strip_prefix('*').and_then(|rest| rest.strip_suffix('*')).filter(|rest| is_plain(rest));
    let sample = pattern.replace('*', "evil.example").replace('?', "x");
    match (starts, ends, inside) {
        (Some(start), ..) => format!("{attribute} begins with {}, also {}", quoted(start), quoted(&sample)),
        (_, Some(end), _) => format!("{attribute} ends with {}, also {}", quoted(end), quoted(&sample)),
        (.., Some(part)) => format!("{attribute} has {} in it, also {}", quoted(part), quoted(&sample)),
        (None, None, None) => {
            format!(
                "{attribute} is like {} (* any characters, dots and slashes too; ? one), also {}",
                quoted(pattern),
                quoted(&sample)
            )
        }
    }
}

fn attribute(key: &str) -> String {
    let lower = key.to_ascii_lowercase();
    let tag = lower.split_once('/').map_or(lower.as_str(), |(_, tag)| tag);
    match tag {
        "x509subject/cn" => String::from("common name"),
        "x509subject/o" => String::from("organization"),
        "x509subject/ou" => String::from("organizational unit"),
        "x509issuer/cn" => String::from("issuer's common name"),
        "x509san/dns" => String::from("first DNS name"),
        "x509san/uri" => String::from("first URI"),
        "subject" => String::from("subject (aws:OriginIdentity)"),
        "sts:sourceidentity" => String::from("source identity"),
        _ => key.split_once('/').map_or(key, |(_, tag)| tag).to_owned(),
    }
}

/// Tells whether a profile makes a session tag of some certificates.
pub(in super::super) fn maps(profile: Option<&Profile>, tag: &str) -> bool {
    match profile.and_then(|profile| profile.mappings.as_ref()) {
        Some(mappings) => mappings
            .iter()
            .any(|(field, specifier)| mapping::makes(field, specifier, tag) || specifier.contains(HOLE)),
        None => mapping::DEFAULT_RULES.iter().any(|(field, specifier)| mapping::makes(field, specifier, tag)),
    }
}

/// Judges a condition on a tag that sessions do not have.
fn not_mapped(condition: &Condition, tag: &str, around: &Surroundings<'_>) -> Option<Draft> {
    let draft = |says: String, change: String| {
        Some(Draft::new("trust-not-mapped", Severity::High, condition.line, says, change))
    };
    let never = if condition.is_negated() || condition.operator.ends_with("IfExists") {
        "is decided by its absence"
    } else {
        "never holds"
    };
    if let Some(right) = misspelt(tag) {
        let says = format!(
            "{}: Roles Anywhere makes no session tag {}, and so the condition {never}",
            condition.key,
            quoted(tag)
        );
        let prefix = condition.key.split_once('/').map_or("aws:PrincipalTag", |(prefix, _)| prefix);
        let change = match right {
            Some(right) => format!("write {prefix}/{right}"),
            None => format!(
                "write {prefix}/x509Subject/CN, or another attribute: x509Subject, x509Issuer, x509SAN/DNS, x509SAN/URI, x509SAN/Name"
            ),
        };
        return draft(says, change);
    }
    let open = |profile: &&&Profile| !maps(Some(profile), tag);
    if around.profiles.is_empty() {
        if maps(None, tag) {
            return None;
        }
        let says = format!(
            "{}: the default attribute mappings make no session tag {}, and so the condition {never}",
            condition.key,
            quoted(tag)
        );
        return draft(
            says,
            String::from(
                "take an attribute that is mapped, or map this one: aws rolesanywhere put-attribute-mapping",
            ),
        );
    }
    let profile = around.profiles.iter().find(open)?;
    let says = format!(
        "{}: the attribute mappings of the profile {} make no session tag {}, and so the condition {never}",
        condition.key,
        quoted(&profile.name),
        quoted(tag)
    );
    let (field, specifier) = tag.split_once('/').unwrap_or((tag, "*"));
    draft(
        says,
        format!(
            "map it: aws rolesanywhere put-attribute-mapping --certificate-field {field} --mapping-rules specifier={specifier}, or take an attribute that is mapped"
        ),
    )
}

/// Tells whether a tag is none of Roles Anywhere's, and which one was meant, if that is clear.
fn misspelt(tag: &str) -> Option<Option<String>> {
    let attribute = |field: &str, name: &str| {
        if number_of(name).is_some() {
            return None;
        }
        let meant = match name.to_ascii_lowercase().as_str() {
            "commonname" | "common_name" | "common-name" => "CN",
            "organization" | "organizationname" => "O",
            "organizationalunit" | "organizationalunitname" => "OU",
            "country" | "countryname" => "C",
            "locality" | "localityname" => "L",
            "state" | "stateorprovincename" | "s" => "ST",
            _ => return Some(None),
        };
        Some(Some(format!("{field}/{meant}")))
    };
    let (field, rest) = tag.split_once('/').unwrap_or((tag, ""));
    match (field.to_ascii_lowercase().as_str(), rest) {
        ("x509subject" | "x509issuer", name) if !name.is_empty() => {
            let field = if field.eq_ignore_ascii_case("x509Subject") { "x509Subject" } else { "x509Issuer" };
            attribute(field, name)
        }
        ("x509san", rest) => match rest.split_once('/') {
            Some((name, of_name)) if name.eq_ignore_ascii_case("Name") => attribute("x509SAN/Name", of_name),
            Some(_) => Some(None),
            None if ["DNS", "URI"].iter().any(|known| known.eq_ignore_ascii_case(rest)) => None,
            None => {
                let meant = match rest.to_ascii_lowercase().as_str() {
                    "dnsname" | "dns_name" | "domain" => Some("DNS"),
                    "url" | "uniformresourceidentifier" | "spiffe" => Some("URI"),
                    _ => None,
                };
                Some(meant.map(|name| format!("x509SAN/{name}")))
            }
        },
        (_, "") => Some(None),
        (near, rest) => {
            let fields = ["x509subject", "x509issuer", "x509san"];
            let meant = nearest(near, fields);
            let exact = meant.and_then(|near| fields.iter().position(|field| *field == near));
            Some(exact.map(|index| format!("{}/{rest}", ["x509Subject", "x509Issuer", "x509SAN"][index])))
        }
    }
}

fn not_propagated(condition: &Condition, around: &Surroundings<'_>) -> Option<Draft> {
    let profile = around.profiles.iter().find(|profile| !profile.propagates && profile.mappings.is_some())?;
    let says = format!(
        "{}: trusted identity propagation is not on in the profile {}, and so no request has the key",
        condition.key,
        quoted(&profile.name)
    );
    let change = "turn it on: aws rolesanywhere update-profile --tip-configuration status=ENABLED";
    Some(Draft::new("trust-not-mapped", Severity::High, condition.line, says, change))
}

/// Judges a value that no session tag can have.
fn unfit(condition: &Condition, item: &Item) -> Option<Draft> {
    if item.is_unknown() || item.text.contains("${") || condition.operator == "Null" {
        return None;
    }
    let is_like = condition.operator.contains("Like");
    let plain = if is_like { item.text.replace(['*', '?'], "") } else { item.text.clone() };
    // A star that is meant as a wildcard has a rule of its own.
    let why = tag_value_misfit(&plain).filter(|_| is_like || !item.text.contains('*'))?;
    let says = format!(
        "{} {}: no session tag can have this value, and Roles Anywhere leaves the attribute out: {why}",
        condition.operator, condition.key
    );
    let change = "issue certificates whose names have letters, digits, blanks and _.:/=+-@ alone, and compare with such a name";
    Some(Draft::new("trust-value-unfit", Severity::High, item.line, says, change))
}
