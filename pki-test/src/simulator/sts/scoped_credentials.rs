//! GetScopedCredentials: the same session with fewer permissions, for a shorter time, or both.
//!
//! From the service model of botocore 1.44. Identity, session tags and source identity stay the same. If the model
//! names no code for a broken rule it is STS's usual one, `ValidationError`; a fourth policy is "denied".

use std::time::Duration;

use time::OffsetDateTime;

use super::form::Form;
use super::refusal::StsRefusal;
use super::scope_policy::ScopePolicy;
use super::{StsResult, escaped, render_credentials, render_source_identity};
use crate::simulator::credentials::{IssuedCredentials, Principal};
use crate::simulator::journal::ScopeLayer;
use crate::simulator::{State, lock};

/// The action in a policy.
const ACTION: &str = "sts:GetScopedCredentials";
/// The most policies that a session is narrowed by.
const POLICIES_LIMIT: usize = 3;
/// Most characters of a policy.
const POLICY_LENGTH: usize = 2_048;
/// Most seconds, and at least one.
const DURATION_LIMIT: u64 = 129_600;
/// The longest token that a client can ask for.
const TOKEN_SIZE_LIMIT: usize = 4_096;
/// The size that the utilization is a percentage of. AWS does not document its own, and may change it.
const TOKEN_SIZE_MOST: usize = 8_192;

/// The parameters of GetScopedCredentials.
struct Request<'a> {
    policy: Option<&'a str>,
    duration: Option<Duration>,
    description: Option<&'a str>,
    minimum_token_size: usize,
}

impl<'a> Request<'a> {
    fn read(form: &'a Form) -> Result<Self, StsRefusal> {
        let policy = form.value("Policy");
        if policy.is_some_and(|policy| !fits_policy(policy)) {
            return Err(StsRefusal::Parameter(
                "Policy must have 1 to 2048 characters of [\\u0009\\u000A\\u000D\\u0020-\\u00FF]",
            ));
        }
        let number = |name| form.value(name).map(str::parse::<u64>).transpose();
        let duration = number("DurationSeconds").ok();
        let duration = duration.filter(|seconds| seconds.is_none_or(|s| (1..=DURATION_LIMIT).contains(&s)));
        let duration = duration.ok_or(StsRefusal::Parameter("DurationSeconds must be 1 to 129600"))?;
        let minimum_token_size = number("MinimumSessionTokenSize").ok();
        let minimum_token_size = minimum_token_size
            .and_then(|size| usize::try_from(size.unwrap_or(0)).ok())
            .filter(|size| *size <= TOKEN_SIZE_LIMIT)
            .ok_or(StsRefusal::Parameter("MinimumSessionTokenSize must be 0 to 4096"))?;
        let description = form.value("ScopedSessionDescription");
        if description.is_some_and(|description| !fits_description(description)) {
            return Err(StsRefusal::Parameter(
                "ScopedSessionDescription must have 2 to 256 characters of \
                 [\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]",
            ));
        }
        if policy.is_none() && duration.is_none() {
            return Err(StsRefusal::Parameter("Policy or DurationSeconds must be specified"));
        }
        Ok(Self { policy, duration: duration.map(Duration::from_secs), description, minimum_token_size })
    }
}

fn fits_policy(text: &str) -> bool {
    (1..=POLICY_LENGTH).contains(&text.chars().count())
        && text.chars().all(|character| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{ff}'))
}

fn fits_description(text: &str) -> bool {
    (2..=256).contains(&text.chars().count())
        && text
            .chars()
            .all(|character| matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}'))
}

/// Checks whether the policies that already narrow the caller allow `action` on `resource`. The role's own policies are
/// not simulated.
pub(super) fn ask_layers(caller: &Principal, action: &'static str, resource: &str) -> Result<(), StsRefusal> {
    for (number, policy) in (1..).zip(policies(caller)) {
        if !ScopePolicy::parse(policy).is_ok_and(|policy| policy.allows(action, resource)) {
            let caller = caller.assumed_role_arn.clone();
            return Err(StsRefusal::ScopePolicyDenies { caller, action, number });
        }
    }
    Ok(())
}

fn policies(caller: &Principal) -> impl Iterator<Item = &str> {
    caller.layers.iter().filter_map(|layer| layer.policy.as_deref())
}

/// Narrows the caller's session; returns the answer, and the new session for the journal.
pub(super) fn scoped_credentials(
    state: &State,
    caller: &IssuedCredentials,
    form: &Form,
    now: OffsetDateTime,
) -> Result<(StsResult, Principal), StsRefusal> {
    let request = Request::read(form)?;
    if let Some(policy) = request.policy {
        ScopePolicy::parse(policy).map_err(StsRefusal::PolicyMalformed)?;
    }
    ask_layers(&caller.principal, ACTION, "*")?;
    let policies_count = policies(&caller.principal).count() + usize::from(request.policy.is_some());
    if policies_count > POLICIES_LIMIT {
        let caller = caller.principal.assumed_role_arn.clone();
        return Err(StsRefusal::ScopePoliciesTooMany { caller, action: ACTION });
    }
    let end = request.duration.map(|duration| now.saturating_add(duration.try_into().unwrap_or_default()));
    // Credentials end at a whole second, as they are sent.
    let end = end.map(|end| end.replace_nanosecond(0).unwrap_or(end));
    if end.is_some_and(|end| end > caller.expiration) {
        let remaining_seconds = (caller.expiration - now).whole_seconds();
        return Err(StsRefusal::LifetimeInsufficient { remaining_seconds });
    }
    let expiration = end.unwrap_or(caller.expiration);
    let mut principal = caller.principal.clone();
    principal.layers.push(ScopeLayer {
        policy: request.policy.map(str::to_owned),
        duration_seconds: request.duration.map(|duration| duration.as_secs()),
        description: request.description.map(str::to_owned),
    });
    let issued = IssuedCredentials::issue_until(principal.clone(), expiration, request.minimum_token_size)
        .map_err(|_| StsRefusal::Parameter("no random numbers"))?;
    let result = render(&issued, policies_count);
    lock(&state.credentials).add(issued);
    Ok((result, principal))
}

fn render(issued: &IssuedCredentials, policies_count: usize) -> StsResult {
    let Principal { assumed_role_arn, user_id, .. } = &issued.principal;
    let size = issued.session_token.len();
    let inner = zeroize::Zeroizing::new(format!(
        "{}    <SessionInfo>\n      <ScopedSessionId>{}</ScopedSessionId>\n      <Arn>{}</Arn>\n    </SessionInfo>\n    \
         <ScopedPoliciesCount>{policies_count}</ScopedPoliciesCount>\n    <SessionTokenSize>{size}</SessionTokenSize>\n    \
         <SessionTokenUtilization>{}</SessionTokenUtilization>\n{}",
        render_credentials(issued).as_str(),
        escaped(user_id),
        escaped(assumed_role_arn),
        (size * 100).div_ceil(TOKEN_SIZE_MOST),
        render_source_identity(&issued.principal),
    ));
    StsResult { operation: "GetScopedCredentials", inner }
}
