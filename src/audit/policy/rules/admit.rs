//! Whether a trust policy admits a certificate, and which others it would.

use serde_json::Value as Json;

use super::super::document::{Condition, Document, Statement};
use super::super::node::{Node, shown};
use super::trust::{Surroundings, is_of_service, maps, spelled};
use crate::clock::Timestamp;
use crate::explain::session_tags;
use crate::policy::{Caller, Context, Effect, Opinion, ROLES_ANYWHERE, TrustPolicy, Truth};
use crate::x509::Certificate;

/// The longest common name that gets the prefix `CN=` in the source identity, and the longest one that is it.
const PREFIXED_NAME: usize = 61;
const LONGEST_NAME: usize = 64;

/// What a trust policy says of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Admission {
    /// Whether it gets the role; `None` where that is not known.
    pub(in super::super) admitted: Option<bool>,
    pub(in super::super) reason: String,
    /// Which certificates get it, in words; one for each statement.
    pub(in super::super) others: Vec<String>,
}

/// Judges a certificate by a policy; `None` where the policy does not name Roles Anywhere.
///
/// The trust anchor is taken to be the one that the policy names: whether the certificate is of its CA is not asked here.
pub(in super::super) fn admission(
    node: &Node,
    document: &Document,
    around: &Surroundings<'_>,
    certificate: &Certificate,
    now: Timestamp,
) -> Option<Admission> {
    let of_service: Vec<&Statement> = document.statements.iter().filter(|one| is_of_service(one)).collect();
    if of_service.is_empty() {
        return None;
    }
    let others = of_service.iter().map(|statement| who(statement)).collect();
    let verdict = |admitted, reason: String| Some(Admission { admitted, reason: shown(&reason), others });
    let mut json = node.to_json();
    assume_anchor(&mut json);
    let policy = match TrustPolicy::read(&json) {
        Ok(policy) => policy,
        Err(error) => return verdict(None, format!("the policy cannot be judged: {error}")),
    };
    let context = context(around, certificate, now);
    let caller = Caller::Service(ROLES_ANYWHERE);
    let mut unknown = None;
    for action in ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"] {
        let decision = policy.decide(action, caller, &context);
        let reason = || {
            let denies =
                |one: &&Opinion<'_>| one.statement.effect() == Effect::Deny && one.applies != Truth::No;
            let nearest = decision.statements.iter().find(denies).or_else(|| {
                let allows =
                    decision.statements.iter().rev().filter(|one| one.statement.effect() == Effect::Allow);
                allows.max_by_key(|one| (one.names_the_caller, one.names_the_caller && one.names_the_action))
            });
            nearest.map_or_else(|| String::from("no statement allows anything"), Opinion::reason)
        };
        match decision.allowed {
            Truth::No => return verdict(Some(false), format!("{action}: {}", reason())),
            Truth::Unknown => unknown = unknown.or_else(|| Some(format!("{action}: {}", reason()))),
            Truth::Yes => {}
        }
    }
    match unknown {
        Some(reason) => verdict(None, reason.replace("${anyrole:unknown}", "${…}")),
        None => verdict(Some(true), String::from("every condition on it holds")),
    }
}

/// Takes the conditions on the trust anchor and its account as met.
fn assume_anchor(policy: &mut Json) {
    let is_of_anchor = |key: &str| {
        ["aws:SourceArn", "aws:SourceAccount"].iter().any(|known| known.eq_ignore_ascii_case(key))
    };
    let Some(statements) = policy.get_mut("Statement") else { return };
    if statements.is_object() {
        *statements = Json::Array(vec![statements.take()]);
    }
    let Some(statements) = statements.as_array_mut() else { return };
    // A denial of other anchors does not reach this one.
    statements.retain(|statement| {
        let operators = statement.get("Condition").and_then(Json::as_object);
        let denies_others = operators.into_iter().flatten().any(|(operator, keys)| {
            operator.contains("Not")
                && keys.as_object().is_some_and(|keys| keys.keys().any(|key| is_of_anchor(key)))
        });
        !(denies_others && statement.get("Effect").and_then(Json::as_str) == Some("Deny"))
    });
    for statement in statements {
        let is_allow = statement.get("Effect").and_then(Json::as_str) == Some("Allow");
        let operators = statement.get_mut("Condition").and_then(Json::as_object_mut).filter(|_| is_allow);
        for (_, keys) in operators.into_iter().flatten() {
            if let Some(keys) = keys.as_object_mut() {
                keys.retain(|key, _| !is_of_anchor(key));
            }
        }
    }
}

/// Returns what is known of the request that the service makes for a certificate.
fn context(around: &Surroundings<'_>, certificate: &Certificate, now: Timestamp) -> Context {
    let mut context = Context::open();
    context.set("aws:PrincipalIsAWSService", "true");
    context.set("aws:PrincipalServiceName", ROLES_ANYWHERE);
    context.set("aws:CurrentTime", now.to_string());
    context.set("aws:EpochTime", now.unix_seconds().to_string());
    context.set("sts:SourceIdentity", source_identity(certificate));
    for absent in
        ["aws:MultiFactorAuth", "aws:SourceIdentity", "sts:ExternalId", "saml:", "aws:FederatedProvider"]
    {
        context.know_all(absent);
    }
    let is_mapped = |tag: &str| match around.profiles.as_slice() {
        [] => maps(None, tag),
        profiles => profiles.iter().any(|profile| maps(Some(profile), tag)),
    };
    let tags: Vec<(String, String)> =
        session_tags(certificate).into_iter().filter(|(tag, _)| is_mapped(tag)).collect();
    context.set_all("aws:TagKeys", tags.iter().map(|(tag, _)| tag.clone()));
    for (tag, value) in &tags {
        context.set(&format!("aws:PrincipalTag/{tag}"), value);
        context.set(&format!("aws:RequestTag/{tag}"), value);
    }
    context.know_all("aws:PrincipalTag/");
    context.know_all("aws:RequestTag/");
    let name = tags.iter().find(|(tag, _)| tag == "x509Subject/CN").map(|(_, value)| value);
    if around.profiles.iter().any(|profile| profile.propagates)
        && let Some(name) = name
    {
        context.set("aws:OriginIdentity/Subject", name);
    } else if !around.profiles.is_empty()
        && around.profiles.iter().all(|profile| !profile.propagates && profile.mappings.is_some())
    {
        context.know_all("aws:OriginIdentity/");
    }
    context
}

fn source_identity(certificate: &Certificate) -> String {
    let name = certificate.subject_attributes().iter().find(|(kind, _)| kind == "CN");
    match name.and_then(|(_, value)| value.as_deref()) {
        Some(name) if name.chars().count() <= PREFIXED_NAME => format!("CN={name}"),
        Some(name) if name.chars().count() <= LONGEST_NAME => name.to_owned(),
        Some(_) | None => format!("ID={}", certificate.serial_number().hex()),
    }
}

/// Says which certificates a statement admits.
fn who(statement: &Statement) -> String {
    let is_on_certificate = |condition: &&Condition| {
        condition.is_below("aws:PrincipalTag/")
            || condition.is_below("aws:RequestTag/")
            || condition.is_below("aws:OriginIdentity/")
            || condition.is_on("sts:SourceIdentity")
    };
    let asked: Vec<String> = statement.conditions.iter().filter(is_on_certificate).map(spelled).collect();
    let of = match statement.conditions.iter().find(|condition| condition.is_on("aws:SourceArn")) {
        Some(condition) if condition.values.len() == 1 => String::from("the trust anchor that it names"),
        Some(condition) => format!("the {} trust anchors that it names", condition.values.len()),
        None => String::from("any trust anchor of the account"),
    };
    let name = statement.name();
    shown(&if asked.is_empty() {
        format!("{name}: every certificate of {of}")
    } else {
        format!("{name}: every certificate of {of} whose {}", asked.join(", and whose "))
    })
}
