//! What is granted to a verified request: the rules of CreateSession and of the AssumeRole behind it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};

use super::{PolicyRefusal, Profile, Role};
use crate::simulator::attributes::{TAGS_LIMIT, UnmappedAttributes, fits_identity_text, map_attributes};
use crate::simulator::trust_policy::{Caller, RequestContext, SERVICE_PRINCIPAL, TrustAction, TrustRefusal};
use crate::text::shown;
use crate::verifier::arn::Arn;
use crate::verifier::{Certificate, VerifiedRequest};

/// Longest common name that gets the prefix `CN=` in the source identity, which has at most 64 characters.
const PREFIXED_COMMON_NAME_LIMIT: usize = 61;

/// Most characters of a source identity.
const SOURCE_IDENTITY_LIMIT: usize = 64;

/// A session that may be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The role, as requested.
    pub role_arn: Arn,
    /// The role session's name.
    pub session_name: String,
    /// How long the session lasts.
    pub duration: Duration,
    /// The source identity passed to AssumeRole.
    pub source_identity: String,
    /// `arn:…:sts::…:assumed-role/ROLE/SESSION`, without the role's path.
    pub assumed_role_arn: String,
    /// `AROA…:SESSION`.
    pub assumed_role_id: String,
    /// The subject's ARN, the same for the same subject name.
    pub subject_arn: String,
    /// The account of trust anchor, profile and role.
    pub account: String,
    /// The session tags, by key.
    pub session_tags: BTreeMap<String, String>,
    /// Mapped attributes that no session tag can carry.
    pub unmapped: UnmappedAttributes,
    /// The keys `aws:OriginIdentity/…` with trusted identity propagation; else none.
    pub origin_identity: BTreeMap<String, String>,
}

/// Decides what is granted to a verified request.
///
/// `duration = min(profile, request)`, the profile's if the request has none; a role's shorter maximum is a refusal.
/// The session has the requested name, else the serial number in lower-case hex.
///
/// # Errors
///
/// Fails with the first rule that is broken: profile, session name, role, duration, source identity, number of session
/// tags, origin identity, trust policy.
pub fn grant(
    profiles: &[Profile],
    roles: &[Role],
    request: &VerifiedRequest,
) -> Result<Grant, PolicyRefusal> {
    let parameters = &request.parameters;
    let anchor = &request.trust_anchor_arn;
    let profile = usable_profile(profiles, &parameters.profile_arn, anchor)?;
    if let Some(name) = &parameters.role_session_name
        && !profile.accept_role_session_name
    {
        return Err(PolicyRefusal::SessionNameNotAccepted { found: shown(name) });
    }
    let role = usable_role(profile, roles, &parameters.role_arn, anchor)?;
    let requested = parameters.duration_seconds.map(|seconds| Duration::from_secs(seconds.into()));
    let duration = requested.map_or(profile.duration, |requested| requested.min(profile.duration));
    if duration > role.max_session_duration {
        return Err(PolicyRefusal::DurationTooLong {
            role: shown(&role.arn),
            requested_seconds: duration.as_secs(),
            allowed_seconds: role.max_session_duration.as_secs(),
        });
    }
    let session_name =
        parameters.role_session_name.clone().unwrap_or_else(|| request.end_entity.serial_hex());
    let source_identity = source_identity(&request.end_entity);
    let mapped = map_attributes(&request.end_entity, &profile.attribute_mappings);
    if !source_identity.chars().all(fits_identity_text) {
        return Err(PolicyRefusal::SourceIdentity {
            found: shown(&source_identity),
            unmapped: mapped.unmapped,
        });
    }
    if mapped.tags.len() > TAGS_LIMIT {
        return Err(PolicyRefusal::TagsTooMany { found: mapped.tags.len() });
    }
    let origin_identity = match profile.tip {
        Some(tip) => tip.origin_identity(&profile.attribute_mappings, &mapped)?,
        None => BTreeMap::new(),
    };
    let mut context = request_context(anchor, &session_name, &source_identity, &mapped.tags);
    origin_identity.iter().for_each(|(key, value)| context.set(key, value));
    context.set_all("aws:SourceIp", request.source_address.as_ref().map(IpAddr::to_string));
    ask_trust_policy(role, &context, !mapped.tags.is_empty())
        .map_err(|refusal| PolicyRefusal::TrustPolicy { refusal, unmapped: mapped.unmapped.clone() })?;
    Ok(Grant {
        role_arn: role.arn.clone(),
        duration,
        source_identity,
        session_tags: mapped.tags,
        unmapped: mapped.unmapped,
        origin_identity,
        assumed_role_arn: assumed_role_arn(&role.arn, &session_name),
        assumed_role_id: format!("{}:{session_name}", role.unique_id()),
        subject_arn: anchor.sibling(&format!("subject/{}", subject_id(&request.end_entity))).to_string(),
        account: anchor.account().to_owned(),
        session_name,
    })
}

/// Returns the condition keys of the AssumeRole that the service makes.
///
/// The certificate's attributes are principal tags at this point already, as the service's guide describes, and also
/// the tags of the request.
fn request_context(
    anchor: &Arn,
    session_name: &str,
    source_identity: &str,
    tags: &BTreeMap<String, String>,
) -> RequestContext {
    let mut context = RequestContext::default();
    context.set("aws:PrincipalIsAWSService", "true");
    context.set("aws:PrincipalServiceName", SERVICE_PRINCIPAL);
    context.set("aws:SourceAccount", anchor.account());
    context.set("aws:SourceArn", anchor.to_string());
    context.set("sts:RoleSessionName", session_name);
    context.set("sts:SourceIdentity", source_identity);
    context.set_all("aws:TagKeys", tags.keys().cloned());
    for (key, value) in tags {
        context.set(&format!("aws:PrincipalTag/{key}"), value);
        context.set(&format!("aws:RequestTag/{key}"), value);
    }
    context
}

/// Checks each action that the service performs: it assumes the role, sets the source identity, and tags the session.
fn ask_trust_policy(role: &Role, context: &RequestContext, tagged: bool) -> Result<(), TrustRefusal> {
    let ask = |action| role.trust_policy.decide(action, Caller::RolesAnywhere, context);
    ask(TrustAction::AssumeRole)?;
    ask(TrustAction::SetSourceIdentity)?;
    if tagged { ask(TrustAction::TagSession) } else { Ok(()) }
}

fn usable_profile<'a>(
    profiles: &'a [Profile],
    arn: &Arn,
    anchor: &Arn,
) -> Result<&'a Profile, PolicyRefusal> {
    if arn.region() != anchor.region() {
        return Err(PolicyRefusal::ProfileRegion {
            found: shown(arn.region()),
            expected: anchor.region().to_owned(),
        });
    }
    if arn.account() != anchor.account() {
        return Err(PolicyRefusal::ProfileAccount {
            found: shown(arn.account()),
            expected: anchor.account().to_owned(),
        });
    }
    let profile = profiles
        .iter()
        .find(|profile| profile.answers_to(arn))
        .ok_or_else(|| PolicyRefusal::ProfileUnknown { arn: shown(arn) })?;
    if !profile.enabled {
        return Err(PolicyRefusal::ProfileDisabled { arn: shown(arn) });
    }
    if profile.role_arns.is_empty() {
        return Err(PolicyRefusal::ProfileEmpty { arn: shown(arn) });
    }
    Ok(profile)
}

fn usable_role<'a>(
    profile: &Profile,
    roles: &'a [Role],
    arn: &Arn,
    anchor: &Arn,
) -> Result<&'a Role, PolicyRefusal> {
    if !profile.role_arns.contains(arn) {
        let listed = profile.role_arns.len();
        return Err(PolicyRefusal::RoleNotInProfile { role: shown(arn), listed });
    }
    if arn.account() != anchor.account() {
        return Err(PolicyRefusal::RoleAccount {
            found: shown(arn.account()),
            expected: anchor.account().to_owned(),
        });
    }
    roles.iter().find(|role| role.arn == *arn).ok_or_else(|| PolicyRefusal::RoleUnknown { role: shown(arn) })
}

/// Returns `arn:…:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
pub(in crate::simulator) fn assumed_role_arn(role: &Arn, session_name: &str) -> String {
    let (partition, account, name) = (role.partition(), role.account(), role.resource_name());
    format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session_name}")
}

/// Returns `CN=` and the common name; the bare one if that is too long; `ID=` and the hex serial number without one.
fn source_identity(end_entity: &Certificate) -> String {
    match end_entity.common_name() {
        Some(name) if name.chars().count() <= PREFIXED_COMMON_NAME_LIMIT => format!("CN={name}"),
        Some(name) if name.chars().count() <= SOURCE_IDENTITY_LIMIT => name.to_owned(),
        Some(_) | None => format!("ID={}", end_entity.serial_hex()),
    }
}

/// Returns an identifier in the form of a UUID, derived from the subject name.
fn subject_id(end_entity: &Certificate) -> String {
    let hash = digest(&SHA256, end_entity.subject_name());
    uuid(&hash.as_ref()[..16])
}

/// Renders 16 bytes in the form 8-4-4-4-12.
pub(in crate::simulator) fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().take(16).enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&hex::encode([*byte]));
    }
    text
}
