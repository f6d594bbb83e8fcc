//! The profile: whether it lists the role, how long sessions last, and what STS sees of the certificate.

use super::commands::Commands;
use super::model::{Profile, Role, TipConfiguration};
use super::read::Facts;
use super::tags::{self, Tags};
use super::{Presented, same_arn};
use crate::clock::describe_seconds;
use crate::doctor::Check;
use crate::explain;
use crate::text::quoted;
use crate::x509::Certificate;

const PROFILE: &str = "profile";
const ROLES: &str = "profile-role";
const NAME: &str = "profile-session-name";
const DURATION: &str = "profile-duration";
const TAGS: &str = "profile-tags";
const IDENTITY: &str = "source-identity";
const TIP: &str = "origin-identity";

/// How long a profile's sessions last, and a role's at most, unless something else is said, in seconds.
const DEFAULT_SECONDS: u64 = 3600;

/// Finds the profile that the session names, and says how it stands.
pub(super) fn found<'a>(
    facts: &'a Facts,
    presented: &Presented<'_>,
    commands: &Commands<'_>,
) -> (Check, Option<&'a Profile>) {
    let wanted = &presented.request.profile_arn;
    let profile = facts
        .profiles
        .iter()
        .find(|profile| same_arn(wanted.arn(), &profile.profile_arn, profile.alias_arn.as_deref()));
    let Some(profile) = profile else {
        let why = match facts.profiles.first() {
            None => String::from("no answer of get-profile is in the folder"),
            Some(other) => {
                format!("the folder has the profile {}, and the session names {wanted}", other.profile_arn)
            }
        };
        return (super::missing(PROFILE, why, commands.profile()), None);
    };
    let name = super::named(profile.name.as_deref(), &profile.profile_arn);
    let check = if profile.enabled == Some(false) {
        Check::bad(
            PROFILE,
            format!("the profile {name} is disabled"),
            format!(
                "aws rolesanywhere enable-profile --profile-id {} --region {}",
                wanted.arn().identifier(),
                presented.request.region
            ),
        )
    } else {
        let narrowed = if profile.session_policy.as_deref().is_some_and(|policy| !policy.trim().is_empty())
            || !profile.managed_policy_arns.is_empty()
        {
            "; its policies narrow what every session may do"
        } else {
            ""
        };
        let alias = super::by_alias(wanted.arn(), profile.alias_arn.as_deref());
        Check::good(PROFILE, format!("the profile {name} is enabled{alias}{narrowed}"))
    };
    (check, Some(profile))
}

/// Checks the profile's rules, in the order of the service.
pub(super) fn rules(profile: &Profile, role: Option<&Role>, presented: &Presented<'_>) -> Vec<Check> {
    let mut checks = vec![lists_the_role(profile, presented)];
    checks.extend(session_name(profile, presented));
    checks.push(duration(profile, role, presented));
    checks
}

fn lists_the_role(profile: &Profile, presented: &Presented<'_>) -> Check {
    let role = &presented.request.role_arn;
    let add = |others: &str| {
        format!(
            "aws rolesanywhere update-profile --profile-id {} --region {} --role-arns {role}{others}",
            presented.request.profile_arn.arn().identifier(),
            presented.request.region
        )
    };
    if profile.role_arns.iter().any(|listed| *listed == role.to_string()) {
        return Check::good(ROLES, format!("the profile lists {role}"));
    }
    if profile.role_arns.is_empty() {
        return Check::bad(ROLES, "the profile lists no role", add(""));
    }
    let others: String = profile.role_arns.iter().map(|listed| format!(" {listed}")).collect();
    let same_name =
        profile.role_arns.iter().find(|listed| listed.rsplit('/').next() == Some(role.role_name()));
    match same_name {
        Some(other) => Check::bad(
            ROLES,
            format!(
                "the profile lists {other}, and the session names {role}: account and path count as well"
            ),
            format!("name the role as the profile has it: --role-arn {other}"),
        ),
        None => Check::bad(
            ROLES,
            format!("{role} is not one of the {} roles that the profile lists", profile.role_arns.len()),
            add(&others),
        ),
    }
}

fn session_name(profile: &Profile, presented: &Presented<'_>) -> Option<Check> {
    let name = presented.request.role_session_name.as_deref()?;
    Some(if profile.accept_role_session_name == Some(true) {
        Check::good(NAME, format!("the profile accepts the role session name {}", quoted(name)))
    } else {
        Check::bad(
            NAME,
            format!("the role session name {} is given, and the profile accepts none", quoted(name)),
            format!(
                "leave out --role-session-name, or: aws rolesanywhere update-profile --profile-id {} --region {} \
                 --accept-role-session-name",
                presented.request.profile_arn.arn().identifier(),
                presented.request.region
            ),
        )
    })
}

fn duration(profile: &Profile, role: Option<&Role>, presented: &Presented<'_>) -> Check {
    let of_profile = profile.duration_seconds.unwrap_or(DEFAULT_SECONDS);
    let requested = presented.request.session_duration.map(|duration| duration.as_secs());
    let granted = requested.map_or(of_profile, |requested| requested.min(of_profile));
    let told = describe_seconds(granted);
    let name = presented.request.role_arn.role_name();
    if let Some(role) = role {
        let most = role.max_session_duration.unwrap_or(DEFAULT_SECONDS);
        if granted > most {
            return Check::bad(
                DURATION,
                format!(
                    "the session would last {told}, and {} is the MaxSessionDuration of the role {name}",
                    describe_seconds(most)
                ),
                format!(
                    "ask for less with --session-duration {most}s, or: aws iam update-role --role-name {name} \
                     --max-session-duration {granted}"
                ),
            );
        }
    }
    match requested {
        Some(requested) if requested > of_profile => Check::doubtful(
            DURATION,
            format!("{} are asked for, and the profile grants {told}", describe_seconds(requested)),
            "raise durationSeconds of the profile, or ask for less with --session-duration",
        ),
        Some(_) | None if role.is_none() => Check::good(
            DURATION,
            format!(
                "the profile grants {told}; whether the role allows as much is not known without get-role"
            ),
        ),
        Some(_) | None => Check::good(
            DURATION,
            format!("sessions of {told}: the profile grants them, and the role allows them"),
        ),
    }
}

/// What STS sees of the certificate.
pub(super) struct Seen {
    pub(super) tags: Tags,
    pub(super) source_identity: String,
    /// The keys `aws:OriginIdentity/…` but for the issuer; `None` where trusted identity propagation is off.
    pub(super) origin: Option<Vec<(&'static str, String)>>,
}

/// Maps the certificate as the profile says; tells what is left out, and what AWS refuses of it.
pub(super) fn seen(profile: &Profile, certificate: &Certificate) -> (Vec<Check>, Seen) {
    let mappings = profile.attribute_mappings.as_deref();
    let tags = tags::of(certificate, mappings);
    let mut checks = vec![match tags.values.len() {
        0 => Check::good(TAGS, "the profile maps nothing of the certificate: there are no session tags"),
        many if many > tags::MOST_TAGS => Check::bad(
            TAGS,
            format!(
                "the certificate gives {many} session tags, and a session has {} at most",
                tags::MOST_TAGS
            ),
            "map fewer attributes: aws rolesanywhere put-attribute-mapping",
        ),
        _ => Check::good(TAGS, format!("STS sees {}", tags.line())),
    }];
    for (tag, why) in &tags.left_out {
        checks.push(Check::doubtful(
            TAGS,
            format!("{tag} {why}: AWS leaves it out, and no condition on it holds"),
            format!("issue the certificate with another value, or take {tag} out of policies"),
        ));
    }
    let source_identity = tags::source_identity(certificate);
    checks.push(match explain::unfit_source_identity(certificate) {
        Some(why) => Check::bad(
            IDENTITY,
            format!("the common name {why}, which STS does not take in the source identity"),
            "issue the certificate with a common name of letters, digits, blanks and _.:/=+-@",
        ),
        None => Check::good(IDENTITY, format!("the source identity is {}", quoted(&source_identity))),
    });
    let (check, origin) = match profile.tip_configuration.as_ref().filter(|tip| tip.status == "ENABLED") {
        None => (None, None),
        Some(tip) => {
            let (check, origin) = origin(tip, profile, &tags);
            (Some(check), Some(origin))
        }
    };
    checks.extend(check);
    (checks, Seen { tags, source_identity, origin })
}

fn origin(tip: &TipConfiguration, profile: &Profile, tags: &Tags) -> (Check, Vec<(&'static str, String)>) {
    let field = tip.subject_source.as_deref().unwrap_or("x509Subject/CN");
    let mut keys = Vec::new();
    if let Some(kind) = &tip.subject_type {
        keys.push(("aws:OriginIdentity/SubjectType", kind.clone()));
    }
    let check = match tags.values.get(field) {
        _ if !tags::covers(profile.attribute_mappings.as_deref(), field) => Check::bad(
            TIP,
            format!(
                "the profile takes the origin identity from {field}, and its attribute mappings have no rule for it"
            ),
            "add the rule: aws rolesanywhere put-attribute-mapping",
        ),
        None => Check::bad(
            TIP,
            format!(
                "the profile takes the origin identity from {field}, and the certificate has no such value: CreateSession is denied"
            ),
            format!("issue the certificate with {field}, or choose another subjectSource for the profile"),
        ),
        Some(subject) => {
            keys.push(("aws:OriginIdentity/Subject", subject.clone()));
            Check::good(
                TIP,
                format!("aws:OriginIdentity/Subject is {}, which no caller can change", quoted(subject)),
            )
        }
    };
    (check, keys)
}
