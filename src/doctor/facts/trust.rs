//! The role's trust policy: what each condition says of the certificate, and whether AWS may assume the role for it.

use super::Presented;
use super::commands::Commands;
use super::model::{Role, TrustAnchor};
use super::profile::Seen;
use super::read::Facts;
use crate::doctor::Check;
use crate::policy::{Caller, Context, Decision, Effect, Judged, Opinion, ROLES_ANYWHERE, TrustPolicy, Truth};

const ROLE: &str = "role";
const CONDITION: &str = "trust-policy-condition";
const POLICY: &str = "trust-policy";
const ANCHOR: &str = "trust-policy-anchor";

/// What the service does to a role for a certificate; the last one only where there are session tags.
const ACTIONS: [&str; 3] = ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"];

/// Finds the role that the session names.
pub(super) fn found<'a>(
    facts: &'a Facts,
    presented: &Presented<'_>,
    commands: &Commands<'_>,
) -> (Check, Option<&'a Role>) {
    let wanted = presented.request.role_arn.to_string();
    match facts.roles.iter().find(|role| role.arn == wanted) {
        Some(role) => (Check::good(ROLE, format!("the role {wanted} exists")), Some(role)),
        None => {
            let why = match facts.roles.first() {
                None => String::from("no answer of get-role is in the folder"),
                Some(other) if other.arn.rsplit('/').next() == wanted.rsplit('/').next() => {
                    return (
                        Check::bad(
                            ROLE,
                            format!(
                                "the role is {}, and the session names {wanted}: account and path count as well",
                                other.arn
                            ),
                            format!("name the role as it is: --role-arn {}", other.arn),
                        ),
                        None,
                    );
                }
                Some(other) => {
                    format!("the folder has the role {}, and the session names {wanted}", other.arn)
                }
            };
            (super::missing(ROLE, why, commands.role()), None)
        }
    }
}

/// Judges the policy for each action that the service takes.
pub(super) fn policy(
    role: &Role,
    anchor: Option<&TrustAnchor>,
    seen: Option<&Seen>,
    presented: &Presented<'_>,
) -> Vec<Check> {
    let Some(document) = &role.assume_role_policy_document else {
        return vec![Check::not_checked(
            POLICY,
            "the answer of get-role has no trust policy: it was cut, perhaps by --query",
        )];
    };
    let policy = match TrustPolicy::read(document) {
        Ok(policy) => policy,
        Err(error) => {
            return vec![Check::bad(
                POLICY,
                format!("the trust policy cannot be judged: {error}"),
                "run get-role again, with --output json",
            )];
        }
    };
    let context = context(anchor, seen, presented);
    let caller = Caller::Service(ROLES_ANYWHERE);
    let is_tagged = seen.is_none_or(|seen| !seen.tags.values.is_empty());
    let actions = if is_tagged { &ACTIONS[..] } else { &ACTIONS[..2] };
    let decisions: Vec<(&str, Decision<'_>)> =
        actions.iter().map(|action| (*action, policy.decide(action, caller, &context))).collect();
    let mut checks = conditions(&decisions, anchor);
    checks.extend(verdict(&decisions, presented));
    checks.extend(unbound(&policy, &context));
    checks
}

/// Returns what is known of the request that the service makes; all else only AWS knows.
fn context(anchor: Option<&TrustAnchor>, seen: Option<&Seen>, presented: &Presented<'_>) -> Context {
    let request = presented.request;
    let mut context = Context::open();
    context.set("aws:PrincipalIsAWSService", "true");
    context.set("aws:PrincipalServiceName", ROLES_ANYWHERE);
    context.set("aws:SourceAccount", request.trust_anchor_arn.arn().account());
    context.set("aws:CurrentTime", presented.now.to_string());
    context.set("aws:EpochTime", presented.now.unix_seconds().to_string());
    let named = request.trust_anchor_arn.arn();
    match anchor {
        Some(anchor) => context.set("aws:SourceArn", anchor.trust_anchor_arn.as_str()),
        None if !named.is_alias() => context.set("aws:SourceArn", named.as_str()),
        // The ARN with the identifier is not known.
        None => {}
    }
    for absent in
        ["aws:MultiFactorAuth", "aws:SourceIdentity", "sts:ExternalId", "saml:", "aws:FederatedProvider"]
    {
        context.know_all(absent);
    }
    let serial = presented.chain.map(|chain| chain.end_entity.serial_number().hex().to_owned());
    let session_name = request.role_session_name.clone().or(serial);
    if let Some(name) = session_name {
        context.set("sts:RoleSessionName", name);
    }
    let Some(seen) = seen else { return context };
    context.set("sts:SourceIdentity", seen.source_identity.as_str());
    context.set_all("aws:TagKeys", seen.tags.values.keys().cloned());
    for (key, value) in &seen.tags.values {
        context.set(&format!("aws:PrincipalTag/{key}"), value);
        context.set(&format!("aws:RequestTag/{key}"), value);
    }
    context.know_all("aws:PrincipalTag/");
    context.know_all("aws:RequestTag/");
    match &seen.origin {
        // What the issuer is of a certificate, AWS knows.
        Some(keys) => {
            keys.iter().for_each(|(key, value)| context.set(key, value));
            context.know_all("aws:OriginIdentity/Subject");
        }
        None => context.know_all("aws:OriginIdentity/"),
    }
    context
}

/// Says of each condition what came of it: of the statements that name the service and one of its actions.
fn conditions(decisions: &[(&str, Decision<'_>)], anchor: Option<&TrustAnchor>) -> Vec<Check> {
    let mut told: Vec<String> = Vec::new();
    let mut checks = Vec::new();
    for (_, decision) in decisions {
        for opinion in decision.statements.iter().filter(|one| one.names_the_caller && one.names_the_action) {
            for judged in &opinion.conditions {
                let text = format!("{}: {}", opinion.statement.name(), judged.told());
                if !told.contains(&text) {
                    checks.push(condition(opinion, judged, decision.allowed, &text, anchor));
                    told.push(text);
                }
            }
        }
    }
    checks
}

fn condition(
    opinion: &Opinion<'_>,
    judged: &Judged<'_>,
    allowed: Truth,
    text: &str,
    anchor: Option<&TrustAnchor>,
) -> Check {
    if judged.truth == Truth::Unknown {
        return Check::not_checked(CONDITION, text);
    }
    // What is not met of a statement that allows stands in the way, unless another one allows; of one that denies it is all
    // of them together.
    let holds = judged.truth == Truth::Yes;
    let (told, stands_in_the_way) = match opinion.statement.effect() {
        Effect::Allow if holds => ("it holds", false),
        Effect::Allow if allowed == Truth::No => ("it does not hold", true),
        Effect::Allow if allowed == Truth::Yes => {
            ("it does not hold, and need not: another statement allows", false)
        }
        Effect::Allow => ("it does not hold; whether another statement allows, only AWS knows", false),
        Effect::Deny if opinion.applies == Truth::Yes => ("it holds, and the statement denies", true),
        Effect::Deny if holds => {
            ("it holds, and the statement does not deny: another of its conditions does not", false)
        }
        Effect::Deny => ("it does not hold, and so the statement does not deny", false),
    };
    let text = format!("{text}: {told}");
    if !stands_in_the_way {
        return Check::good(CONDITION, text);
    }
    let hint = match opinion.statement.effect() {
        Effect::Deny => String::from("the statement denies: change it, or what it denies of the certificate"),
        Effect::Allow => cure(judged, anchor),
    };
    Check::bad(CONDITION, text, hint)
}

fn cure(judged: &Judged<'_>, anchor: Option<&TrustAnchor>) -> String {
    let key = judged.condition.key();
    let is_alias = |value: &String| value.contains(":alias/trust-anchor/");
    if key.eq_ignore_ascii_case("aws:SourceArn") {
        let arn = anchor.map_or("the trust anchor's ARN", |anchor| anchor.trust_anchor_arn.as_str());
        let why = if judged.condition.values().iter().any(is_alias) {
            "; no policy applies to the ARN of an alias"
        } else {
            ""
        };
        return format!("compare aws:SourceArn with {arn}{why}");
    }
    if key.to_ascii_lowercase().starts_with("aws:originidentity/")
        && judged.found.as_ref().is_some_and(Vec::is_empty)
    {
        return String::from(
            "turn trusted identity propagation on in the profile: aws rolesanywhere update-profile --tip-configuration status=ENABLED",
        );
    }
    format!(
        "issue a certificate that meets it, or change {key} in the trust policy (aws iam update-assume-role-policy)"
    )
}

fn verdict(decisions: &[(&str, Decision<'_>)], presented: &Presented<'_>) -> Vec<Check> {
    let role = presented.request.role_arn.role_name();
    let of = |truth: Truth| -> Vec<&(&str, Decision<'_>)> {
        decisions.iter().filter(|(_, decision)| decision.allowed == truth).collect()
    };
    if let Some((action, decision)) = of(Truth::No).first() {
        let reason = nearest(decision)
            .map_or_else(|| String::from("it has no statement that allows anything"), Opinion::reason);
        return vec![Check::bad(
            POLICY,
            format!("the trust policy of {role} does not let {ROLES_ANYWHERE} do {action}: {reason}"),
            format!("in the trust policy of {role}, allow {ROLES_ANYWHERE} {}", ACTIONS.join(", ")),
        )];
    }
    let unknown = of(Truth::Unknown);
    if let Some((action, _)) = unknown.first() {
        return vec![Check::not_checked(
            POLICY,
            format!(
                "whether the trust policy of {role} allows {action} depends on what only AWS knows, as said above"
            ),
        )];
    }
    vec![Check::good(
        POLICY,
        format!("the trust policy of {role} lets {ROLES_ANYWHERE} assume it for this certificate"),
    )]
}

/// Returns the statement that denies, else the one that came nearest to allowing.
fn nearest<'a, 'b>(decision: &'a Decision<'b>) -> Option<&'a Opinion<'b>> {
    let denies = |one: &&Opinion<'b>| one.statement.effect() == Effect::Deny && one.applies == Truth::Yes;
    let rank = |one: &&Opinion<'b>| (one.names_the_caller, one.names_the_caller && one.names_the_action);
    decision.statements.iter().find(denies).or_else(|| {
        // Of several that are as near, the first.
        let allows = decision.statements.iter().rev().filter(|one| one.statement.effect() == Effect::Allow);
        allows.max_by_key(rank)
    })
}

/// Warns of a policy that any trust anchor may use: one of the whole account can be made by whoever may.
fn unbound(policy: &TrustPolicy, context: &Context) -> Option<Check> {
    let decision = policy.decide(ACTIONS[0], Caller::Service(ROLES_ANYWHERE), context);
    let is_bound = |opinion: &Opinion<'_>| {
        let keys = opinion.conditions.iter().map(|judged| judged.condition.key().to_ascii_lowercase());
        let mut keys = keys.filter(|key| key == "aws:sourcearn");
        keys.next().is_some()
    };
    let open = decision
        .statements
        .iter()
        .find(|one| one.statement.effect() == Effect::Allow && one.applies == Truth::Yes && !is_bound(one))?;
    Some(Check::doubtful(
        ANCHOR,
        format!(
            "{} does not ask for aws:SourceArn: every trust anchor of the account may be used",
            open.statement.name()
        ),
        "add ArnEquals aws:SourceArn with the ARN of the trust anchor",
    ))
}
