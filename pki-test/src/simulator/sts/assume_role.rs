//! AssumeRole with a role's session credentials: role chaining.
//!
//! Such a session lasts at most an hour. The source identity, the origin identity and the transitive session tags of the
//! caller stay with it. What the policies of the caller's role allow is not simulated; the policies that narrow the caller and the role's
//! trust policy decide.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use time::OffsetDateTime;

use super::form::Form;
use super::refusal::StsRefusal;
use super::scoped_credentials::ask_layers;
use super::{StsResult, escaped, render_credentials, render_source_identity};
use crate::simulator::attributes::{TAGS_LIMIT, fits_a_tag, fits_identity_text};
use crate::simulator::credentials::{IssuedCredentials, Principal};
use crate::simulator::policy::{Role, assumed_role_arn};
use crate::simulator::trust_policy::{Caller, RequestContext, TrustAction};
use crate::simulator::{State, lock};
use crate::text::shown;
use crate::verifier::Arn;

/// The longest session of a role that was assumed with a role's session credentials.
const CHAINED_LIMIT: Duration = Duration::from_secs(3_600);

/// Most characters of a session tag's key.
const TAG_KEY_LIMIT: usize = 128;

/// The parameters of AssumeRole.
struct Request<'a> {
    role_arn: Arn,
    session_name: &'a str,
    duration: Duration,
    external_id: Option<&'a str>,
    source_identity: Option<&'a str>,
    tags: BTreeMap<String, String>,
    transitive: BTreeSet<String>,
}

impl<'a> Request<'a> {
    fn read(form: &'a Form) -> Result<Self, StsRefusal> {
        let fits = |text: &&str| {
            (2..=64).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
        };
        let role_arn = form
            .value("RoleArn")
            .and_then(|role| role.parse().ok())
            .ok_or(StsRefusal::Parameter("RoleArn is missing or no ARN"))?;
        let session_name = form
            .value("RoleSessionName")
            .filter(fits)
            .ok_or(StsRefusal::Parameter("RoleSessionName must be 2 to 64 characters of [\\w+=,.@-]"))?;
        let external_id = form.value("ExternalId");
        if external_id.is_some_and(|id| !fits_external_id(id)) {
            let message = "ExternalId must be 2 to 1224 characters of [\\w+=,.@:\\/-]";
            return Err(StsRefusal::Parameter(message));
        }
        let source_identity = form.value("SourceIdentity");
        if source_identity.is_some_and(|identity| !fits(&identity)) {
            return Err(StsRefusal::Parameter("SourceIdentity must be 2 to 64 characters of [\\w+=,.@-]"));
        }
        let tags = read_tags(form)?;
        let transitive: BTreeSet<String> =
            form.members("TransitiveTagKeys").into_iter().map(str::to_owned).collect();
        if !transitive.iter().all(|key| tags.contains_key(key)) {
            return Err(StsRefusal::Parameter("Each of TransitiveTagKeys must be the key of one of Tags"));
        }
        Ok(Self {
            role_arn,
            session_name,
            duration: read_duration(form)?,
            external_id,
            source_identity,
            tags,
            transitive,
        })
    }
}

fn fits_external_id(id: &str) -> bool {
    (2..=1_224).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte))
}

fn read_duration(form: &Form) -> Result<Duration, StsRefusal> {
    let duration = match form.value("DurationSeconds") {
        None => CHAINED_LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| (900..=43_200).contains(seconds))
            .map(Duration::from_secs)
            .ok_or(StsRefusal::Parameter("DurationSeconds must be 900 to 43200"))?,
    };
    if duration > CHAINED_LIMIT {
        return Err(StsRefusal::Parameter(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    Ok(duration)
}

fn read_tags(form: &Form) -> Result<BTreeMap<String, String>, StsRefusal> {
    let pairs = form.tags();
    if pairs.len() > TAGS_LIMIT {
        return Err(StsRefusal::Parameter("Tags must have at most 50 members"));
    }
    let mut tags = BTreeMap::new();
    for (key, value) in pairs {
        let key_fits =
            (1..=TAG_KEY_LIMIT).contains(&key.chars().count()) && key.chars().all(fits_identity_text);
        if !key_fits || !fits_a_tag(value) {
            let message = "A session tag has a key of 1 to 128 and a value of at most 256 characters of \
                           [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]";
            return Err(StsRefusal::Parameter(message));
        }
        let twice = tags.keys().any(|other: &String| other.eq_ignore_ascii_case(key));
        if twice {
            return Err(StsRefusal::Parameter("Duplicate tag keys found. Tag keys are case insensitive."));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    Ok(tags)
}

/// Assumes a role and returns the credentials.
pub(super) fn assume_role(
    state: &State,
    caller: &Principal,
    form: &Form,
    source_address: Option<IpAddr>,
    now: OffsetDateTime,
) -> Result<StsResult, StsRefusal> {
    let request = Request::read(form)?;
    let user = || format!("User: {}", caller.assumed_role_arn);
    let role = state
        .roles
        .iter()
        .find(|role| role.arn == request.role_arn)
        .ok_or_else(|| StsRefusal::RoleUnknown { caller: user(), role: shown(&request.role_arn) })?;
    ask_layers(caller, "sts:AssumeRole", &request.role_arn.to_string())?;
    if request.duration > role.max_session_duration {
        return Err(StsRefusal::Parameter(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let session = session(role, caller, &request)?;
    ask_trust_policy(role, caller, &request, &session, source_address)?;
    let issued = IssuedCredentials::issue(session, now, request.duration)
        .map_err(|_| StsRefusal::Parameter("no random numbers"))?;
    let result = render(&issued);
    lock(&state.credentials).add(issued);
    Ok(result)
}

/// Returns the identity of the new session: what the caller passes on, and what the request adds.
fn session(role: &Role, caller: &Principal, request: &Request<'_>) -> Result<Principal, StsRefusal> {
    let source_identity = match (&caller.source_identity, request.source_identity) {
        (Some(own), Some(other)) if own != other => {
            let (caller, role) = (format!("User: {}", caller.assumed_role_arn), shown(&role.arn));
            return Err(StsRefusal::SourceIdentityChanged { caller, role });
        }
        (Some(identity), _) => Some(identity.clone()),
        (None, other) => other.map(str::to_owned),
    };
    let inherited = caller.session_tags.iter().filter(|(key, _)| caller.transitive_tag_keys.contains(*key));
    let mut session_tags: BTreeMap<String, String> =
        inherited.map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in &request.tags {
        if session_tags.keys().any(|own| own.eq_ignore_ascii_case(key)) {
            return Err(StsRefusal::TransitiveTag { key: shown(key) });
        }
        session_tags.insert(key.clone(), value.clone());
    }
    if session_tags.len() > TAGS_LIMIT {
        return Err(StsRefusal::Parameter("A session has at most 50 session tags, inherited ones counted"));
    }
    Ok(Principal {
        role_arn: role.arn.clone(),
        assumed_role_arn: assumed_role_arn(&role.arn, request.session_name),
        user_id: format!("{}:{}", role.unique_id(), request.session_name),
        account: role.arn.account().to_owned(),
        source_identity,
        session_tags,
        transitive_tag_keys: caller.transitive_tag_keys.union(&request.transitive).cloned().collect(),
        // The permissions are those of the new role.
        layers: Vec::new(),
        origin_identity: caller.origin_identity.clone(),
    })
}

/// Checks each action of the request: assuming the role, passing on a source identity, and passing on tags.
fn ask_trust_policy(
    role: &Role,
    caller: &Principal,
    request: &Request<'_>,
    session: &Principal,
    source_address: Option<IpAddr>,
) -> Result<(), StsRefusal> {
    let mut context = RequestContext::default();
    context.set("aws:PrincipalAccount", &caller.account);
    context.set("aws:PrincipalArn", caller.role_arn.to_string());
    context.set("aws:PrincipalType", "AssumedRole");
    context.set("aws:userid", &caller.user_id);
    context.set("sts:RoleSessionName", request.session_name);
    context.set_all("aws:SourceIp", source_address.as_ref().map(IpAddr::to_string));
    context.set_all("aws:TagKeys", request.tags.keys().cloned());
    context.set_all("sts:TransitiveTagKeys", session.transitive_tag_keys.iter().cloned());
    for (key, value) in &caller.session_tags {
        context.set(&format!("aws:PrincipalTag/{key}"), value);
    }
    for (key, value) in &session.session_tags {
        context.set(&format!("aws:RequestTag/{key}"), value);
    }
    caller.origin_identity.iter().for_each(|(key, value)| context.set(key, value));
    let optional = [
        ("aws:SourceIdentity", caller.source_identity.as_deref()),
        ("sts:ExternalId", request.external_id),
        ("sts:SourceIdentity", session.source_identity.as_deref()),
    ];
    for (key, value) in optional {
        context.set_all(key, value.map(str::to_owned));
    }
    let whom = Caller::RoleSession { role_arn: &caller.role_arn, session_arn: &caller.assumed_role_arn };
    let ask = |action| {
        role.trust_policy.decide(action, whom, &context).map_err(|refusal| StsRefusal::TrustPolicy {
            caller: format!("User: {}", caller.assumed_role_arn),
            role: shown(&role.arn),
            refusal,
        })
    };
    ask(TrustAction::AssumeRole)?;
    if session.source_identity.is_some() {
        ask(TrustAction::SetSourceIdentity)?;
    }
    if session.session_tags.is_empty() { Ok(()) } else { ask(TrustAction::TagSession) }
}

fn render(issued: &IssuedCredentials) -> StsResult {
    let inner = zeroize::Zeroizing::new(format!(
        "    <AssumedRoleUser>\n      <Arn>{}</Arn>\n      <AssumedRoleId>{}</AssumedRoleId>\n    \
         </AssumedRoleUser>\n{}    <PackedPolicySize>0</PackedPolicySize>\n{}",
        escaped(&issued.principal.assumed_role_arn),
        escaped(&issued.principal.user_id),
        render_credentials(issued).as_str(),
        render_source_identity(&issued.principal),
    ));
    StsResult { operation: "AssumeRole", inner }
}
