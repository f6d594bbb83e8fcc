//! CreateSession on the wire: what is sent, and what is accepted in the answer.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use super::SessionRequest;
use super::error::{AnswerError, SessionError};
use crate::arn::RoleArn;
use crate::clock::Timestamp;
use crate::credentials::{CredentialSet, SessionCredentials};
use crate::http::{NoAnswer, Response};
use crate::signing::{Endpoint, Method, Request};

/// Renders the request: the ARNs in the query, as in the official helper, and the rest in a JSON body.
///
/// `durationSeconds` and `roleSessionName` are left out if they are `None`.
pub fn request(request: &SessionRequest, endpoint: &Endpoint) -> Request {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        duration_seconds: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        role_session_name: Option<&'a str>,
    }
    let body = Body {
        duration_seconds: request.session_duration.map(|duration| duration.as_secs()),
        role_session_name: request.role_session_name.as_deref(),
    };
    Request {
        method: Method::Post,
        endpoint: endpoint.clone(),
        path: String::from("/sessions"),
        query: vec![
            (String::from("profileArn"), request.profile_arn.to_string()),
            (String::from("roleArn"), request.role_arn.to_string()),
            (String::from("trustAnchorArn"), request.trust_anchor_arn.to_string()),
        ],
        headers: vec![(String::from("content-type"), String::from("application/json"))],
        // Only numbers and a checked name, so serialisation cannot fail.
        body: serde_json::to_vec(&body).unwrap_or_default(),
    }
}

/// Reads the credentials of one role from a successful answer.
///
/// An answer is used only if AWS can have sent its credentials ([`SessionCredentials::from_answer`]) and the role is
/// the requested one. Unknown members are ignored.
///
/// # Errors
///
/// Fails if the answer is not such a document, or is a proxy's page.
pub fn read(answer: &Response, role_arn: &RoleArn, now: Timestamp) -> Result<CredentialSet, SessionError> {
    if answer.is_page() {
        return Err(NoAnswer::of_proxy(answer).into());
    }
    Ok(parse(answer.body(), role_arn, now)?)
}

/// Parses the body of a successful answer; see [`read`].
///
/// # Errors
///
/// Fails if anything is missing or malformed.
pub fn parse(body: &[u8], role_arn: &RoleArn, now: Timestamp) -> Result<CredentialSet, AnswerError> {
    let answer: Answer<'_> = serde_json::from_slice(body)
        .map_err(|error| AnswerError::Malformed { why: describe(body, &error) })?;
    let offered = answer.credential_set.len();
    let entry = answer.credential_set.into_iter().find(|entry| entry.role_arn == role_arn.arn().as_str());
    let entry = entry.ok_or_else(|| match offered {
        0 => AnswerError::Empty,
        _ => AnswerError::OtherRole { asked: role_arn.to_string() },
    })?;
    let Credentials { access_key_id, secret_access_key, session_token, expiration } = &entry.credentials;
    let credentials = SessionCredentials::from_answer(
        access_key_id,
        &secret_access_key.0,
        &session_token.0,
        expiration,
        now,
    )?;
    let optional = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
    Ok(CredentialSet {
        role_arn: role_arn.clone(),
        assumed_role_arn: entry.assumed_role_user.and_then(|user| optional(user.arn)),
        source_identity: optional(entry.source_identity),
        subject_arn: optional(answer.subject_arn),
        credentials,
    })
}

/// Describes what is wrong with a document, quoting nothing from it but the name of a member that we look for.
fn describe(body: &[u8], error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let missing = error.to_string();
    let missing = missing.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    if let Some(member) = missing {
        return format!("its member {member} is missing");
    }
    let what = match error.classify() {
        Category::Io | Category::Syntax => instead_of_json(body),
        Category::Data => "a member is of another type",
        Category::Eof if body.trim_ascii().is_empty() => return String::from("it is empty"),
        Category::Eof => "it is cut off",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

/// Describes a body that is not JSON: pages come from proxies, and compressed answers were not requested.
fn instead_of_json(body: &[u8]) -> &'static str {
    const GZIP: &[u8] = &[0x1F, 0x8B];
    let begin = body.trim_ascii_start();
    let head = begin[..begin.len().min(256)].to_ascii_lowercase();
    let holds = |part: &[u8]| head.windows(part.len()).any(|window| window == part);
    if begin.starts_with(GZIP) {
        "it is compressed by gzip"
    } else if holds(b"<html") || holds(b"<!doctype html") {
        "it is a page of HTML"
    } else if begin.starts_with(b"<") {
        "it is XML"
    } else {
        "it is not JSON"
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    #[serde(borrow)]
    credential_set: Vec<Entry<'a>>,
    #[serde(borrow, default)]
    subject_arn: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    #[serde(borrow)]
    role_arn: Cow<'a, str>,
    #[serde(borrow)]
    credentials: Credentials<'a>,
    #[serde(borrow, default)]
    assumed_role_user: Option<AssumedRoleUser<'a>>,
    #[serde(borrow, default)]
    source_identity: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct AssumedRoleUser<'a> {
    #[serde(borrow, default)]
    arn: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials<'a> {
    #[serde(borrow)]
    access_key_id: Cow<'a, str>,
    #[serde(borrow)]
    secret_access_key: SecretText<'a>,
    #[serde(borrow)]
    session_token: SecretText<'a>,
    #[serde(borrow)]
    expiration: Cow<'a, str>,
}

/// A secret in the body's buffer or, if the JSON has escapes, in a separate buffer that is wiped.
#[derive(Deserialize)]
#[serde(transparent)]
struct SecretText<'a>(#[serde(borrow)] Cow<'a, str>);

impl Drop for SecretText<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.0 {
            text.zeroize();
        }
    }
}

impl fmt::Debug for SecretText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}
