//! The parameters of CreateSession, from the query and the JSON body.
//!
//! The three ARNs may be in either place. If they are in both they must agree.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::Strictness;
use super::arn::Arn;
use super::canonical::query_parameters;
use super::refusal::Refusal;
use super::request::ReceivedRequest;
use crate::text::shown;

/// Shortest session that may be requested, in seconds.
pub const DURATION_MINIMUM_SECONDS: u32 = 900;

/// Longest session that may be requested, in seconds.
pub const DURATION_MAXIMUM_SECONDS: u32 = 43_200;

/// The requested parameters of CreateSession.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionParameters {
    /// The trust anchor, by identifier or alias.
    pub trust_anchor_arn: Arn,
    /// The profile, by identifier or alias.
    pub profile_arn: Arn,
    /// The role to assume.
    pub role_arn: Arn,
    /// The requested session duration in seconds, 900 to 43,200; `None` leaves it to the profile.
    pub duration_seconds: Option<u32>,
    /// The requested role session name, 2 to 64 of `[A-Za-z0-9_+=,.@-]`; `None` leaves it to the service.
    pub role_session_name: Option<String>,
}

/// The JSON body. `sessionName` and `instanceProperties` are accepted and have no effect, as at the service.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    trust_anchor_arn: Option<String>,
    profile_arn: Option<String>,
    role_arn: Option<String>,
    duration_seconds: Option<i64>,
    role_session_name: Option<String>,
    #[serde(rename = "sessionName")]
    _session_name: Option<String>,
    #[serde(rename = "instanceProperties")]
    _instance_properties: Option<BTreeMap<String, String>>,
    #[serde(flatten)]
    unknown: BTreeMap<String, Value>,
}

impl SessionParameters {
    /// Reads the parameters of a request.
    ///
    /// # Errors
    ///
    /// Fails if query or body is malformed, if an ARN is missing, malformed, repeated or contradictory, if a value is
    /// outside its range, and, for a strict verifier, if there is an unknown parameter.
    pub fn read(request: &ReceivedRequest, strictness: Strictness) -> Result<Self, Refusal> {
        let mut query = Query::default();
        for (name, value) in query_parameters(request.query())? {
            query.add(&name, value, strictness)?;
        }
        let body = parse_body(&request.body)?;
        if let (Strictness::Strict, Some(name)) = (strictness, body.unknown.keys().next()) {
            return Err(Refusal::ParameterUnknown { name: shown(name) });
        }
        Ok(Self {
            trust_anchor_arn: one_arn("trustAnchorArn", query.trust_anchor_arn, body.trust_anchor_arn)?,
            profile_arn: one_arn("profileArn", query.profile_arn, body.profile_arn)?,
            role_arn: one_arn("roleArn", query.role_arn, body.role_arn)?,
            duration_seconds: body.duration_seconds.map(duration).transpose()?,
            role_session_name: body.role_session_name.map(session_name).transpose()?,
        })
    }
}

#[derive(Default)]
struct Query {
    trust_anchor_arn: Option<String>,
    profile_arn: Option<String>,
    role_arn: Option<String>,
}

impl Query {
    fn add(&mut self, name: &str, value: String, strictness: Strictness) -> Result<(), Refusal> {
        let (name, place) = match name {
            "trustAnchorArn" => ("trustAnchorArn", &mut self.trust_anchor_arn),
            "profileArn" => ("profileArn", &mut self.profile_arn),
            "roleArn" => ("roleArn", &mut self.role_arn),
            _ if strictness == Strictness::Strict => {
                return Err(Refusal::ParameterUnknown { name: shown(name) });
            }
            _ => return Ok(()),
        };
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(Refusal::ParameterRepeated { name }),
        }
    }
}

fn parse_body(body: &[u8]) -> Result<Body, Refusal> {
    if body.is_empty() {
        return Ok(Body::default());
    }
    serde_json::from_slice(body).map_err(|error| Refusal::BodyMalformed { reason: shown(error) })
}

fn one_arn(name: &'static str, query: Option<String>, body: Option<String>) -> Result<Arn, Refusal> {
    let text = match (query, body) {
        (Some(query), Some(body)) if query != body => {
            return Err(Refusal::ParameterConflict { name, query: shown(query), body: shown(body) });
        }
        (Some(text), _) | (None, Some(text)) => text,
        (None, None) => return Err(Refusal::ParameterMissing { name }),
    };
    text.parse().map_err(|reason| Refusal::ParameterArn { name, reason })
}

fn duration(seconds: i64) -> Result<u32, Refusal> {
    u32::try_from(seconds)
        .ok()
        .filter(|seconds| (DURATION_MINIMUM_SECONDS..=DURATION_MAXIMUM_SECONDS).contains(seconds))
        .ok_or_else(|| Refusal::ParameterRange {
            name: "durationSeconds",
            found: seconds.to_string(),
            expected: "900 to 43200",
        })
}

fn session_name(name: String) -> Result<String, Refusal> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    if (2..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(name);
    }
    Err(Refusal::ParameterRange {
        name: "roleSessionName",
        found: shown(name),
        expected: "2 to 64 characters of [A-Za-z0-9_+=,.@-]",
    })
}
