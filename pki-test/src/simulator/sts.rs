//! STS for the sessions that the simulator has issued: GetCallerIdentity and AssumeRole.
//!
//! The query protocol with real SigV4 verification, from the specification of [SigV4]. Every credential here is a role
//! session, so each AssumeRole is role chaining, which AWS limits to one hour.
//!
//! [SigV4]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use percent_encoding::percent_decode_str;
use time::OffsetDateTime;

use super::answer::Answer;
use super::create_session::describe;
use super::credentials::{IssuedCredentials, Principal};
use super::journal::{Operation, Verdict};
use super::policy::assumed_role_arn;
use super::{State, lock};
use crate::verifier::envelope::{Envelope, Expectation, optional_header};
use crate::verifier::refusal::{rfc3339, shown};
use crate::verifier::{Arn, ReceivedRequest, Refusal};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The version of the API that every client sends.
const VERSION: &str = "2011-06-15";

/// The longest session of a role that was assumed with a role's session credentials.
const CHAINED_LIMIT: Duration = Duration::from_secs(3_600);

/// Most parameters of a form that are looked at; AssumeRole with fifty tags has fewer.
const PARAMETERS_LIMIT: usize = 200;

/// Why STS refuses.
#[derive(Debug, thiserror::Error)]
enum StsRefusal {
    #[error("{0} is not authorized to perform: sts:AssumeRole on resource: {1}")]
    AccessDenied(String, String),
    #[error("The security token included in the request is expired")]
    Expired,
    #[error("Could not find operation {0} for version 2011-06-15")]
    InvalidAction(String),
    #[error("The security token included in the request is invalid.")]
    InvalidToken,
    #[error("Request is missing Authentication Token")]
    NoAuthentication,
    #[error("{0}")]
    Parameter(&'static str),
    #[error("{0}")]
    Signature(Refusal),
}

impl StsRefusal {
    const fn code(&self) -> &'static str {
        match self {
            Self::AccessDenied(..) => "AccessDenied",
            Self::Expired => "ExpiredToken",
            Self::InvalidAction(_) => "InvalidAction",
            Self::InvalidToken => "InvalidClientTokenId",
            Self::NoAuthentication => "MissingAuthenticationToken",
            Self::Parameter(_) => "ValidationError",
            Self::Signature(
                Refusal::AuthorizationMalformed { .. }
                | Refusal::SignatureForm
                | Refusal::SignedHeadersForm { .. }
                | Refusal::HeaderMissing { .. }
                | Refusal::HeaderMalformed { .. },
            ) => "IncompleteSignature",
            Self::Signature(_) => "SignatureDoesNotMatch",
        }
    }

    /// Returns the HTTP status. Expired session tokens have been answered with 403 for years, whatever the model says
    /// of the exception of that name, which is about web identity tokens.
    const fn status(&self) -> u16 {
        match self {
            Self::AccessDenied(..) | Self::Expired | Self::InvalidToken | Self::NoAuthentication => 403,
            Self::InvalidAction(_) | Self::Parameter(_) => 400,
            Self::Signature(_) => match self.code().as_bytes() {
                b"IncompleteSignature" => 400,
                _ => 403,
            },
        }
    }

    /// Returns the rule's stable name, as the journal has it.
    fn rule(&self) -> String {
        let name = match self {
            Self::Signature(refusal) => return refusal.rule(),
            Self::AccessDenied(..) => "role-unknown",
            Self::Expired => "session-expired",
            Self::InvalidAction(_) => "action-unknown",
            Self::InvalidToken => "session-unknown",
            Self::NoAuthentication => "authorization-missing",
            Self::Parameter(_) => "parameter-malformed",
        };
        name.to_owned()
    }
}

/// Answers a request to STS.
pub(super) fn answer(state: &State, request: &ReceivedRequest) -> Answer {
    let now = state.now();
    let mut entry = describe(state, request, Operation::SecurityTokenService);
    let outcome = authenticate(state, request, now).and_then(|caller| {
        entry.role = Some(caller.principal.assumed_role_arn.clone());
        perform(state, request, &caller, now)
    });
    let answer = match outcome {
        Ok(result) => {
            let mut answer = Answer::xml(200, String::new(), now);
            answer.body = result.render(answer.request_id()).into_bytes();
            answer
        }
        Err(refusal) => {
            entry.verdict = Verdict::Refused {
                code: refusal.code().to_owned(),
                rule: refusal.rule(),
                detail: refusal.to_string(),
            };
            let mut answer = Answer::xml(refusal.status(), String::new(), now);
            answer.body = render_error(&refusal, answer.request_id()).into_bytes();
            answer
        }
    };
    entry.status = Some(answer.status);
    state.journal.add(entry);
    answer
}

/// Finds the session whose credentials signed the request.
fn authenticate(
    state: &State,
    request: &ReceivedRequest,
    now: OffsetDateTime,
) -> Result<IssuedCredentials, StsRefusal> {
    if request.header_values("authorization").next().is_none() {
        return Err(StsRefusal::NoAuthentication);
    }
    let envelope = Envelope::open(
        request,
        Expectation {
            service: "sts",
            regions: &[&state.verifier.region, "us-east-1"],
            now,
            skew: state.verifier.skew,
            // Some SDKs do not sign the content type, and STS does not mind.
            covered: &[],
            strictness: state.verifier.strictness,
        },
    )
    .map_err(StsRefusal::Signature)?;
    let authorization = &envelope.authorization;
    if authorization.algorithm != "AWS4-HMAC-SHA256" {
        let found = shown(&authorization.algorithm);
        return Err(StsRefusal::Signature(Refusal::AlgorithmUnknown { found }));
    }
    let issued =
        lock(&state.credentials).find(&authorization.credential_id).ok_or(StsRefusal::InvalidToken)?;
    let token = optional_header(request, "x-amz-security-token").map_err(StsRefusal::Signature)?;
    let token_matches =
        token.is_some_and(|token| verify_slices_are_equal(token, issued.session_token.as_bytes()).is_ok());
    if !token_matches {
        return Err(StsRefusal::InvalidToken);
    }
    if now >= issued.expiration {
        return Err(StsRefusal::Expired);
    }
    let scope = &authorization.scope;
    let key = signing_key(&issued.secret_access_key, &scope.date, &scope.region, &scope.service);
    hmac::verify(&key, envelope.string_to_sign.as_bytes(), &authorization.signature)
        .map_err(|_| StsRefusal::Signature(envelope.signature_mismatch()))?;
    Ok(issued)
}

/// `HMAC(HMAC(HMAC(HMAC("AWS4" + secret, date), region), service), "aws4_request")`
fn signing_key(secret: &str, date: &str, region: &str, service: &str) -> hmac::Key {
    let mut first = zeroize::Zeroizing::new(Vec::with_capacity(4 + secret.len()));
    first.extend_from_slice(b"AWS4");
    first.extend_from_slice(secret.as_bytes());
    [date, region, service, "aws4_request"].iter().fold(
        hmac::Key::new(hmac::HMAC_SHA256, &first),
        |key, part| {
            let tag = hmac::sign(&key, part.as_bytes());
            hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref())
        },
    )
}

/// The result of an operation: its name, and the XML inside its result element.
struct StsResult {
    operation: &'static str,
    inner: zeroize::Zeroizing<String>,
}

impl StsResult {
    fn render(&self, request_id: &str) -> String {
        let Self { operation, inner } = self;
        format!(
            "<{operation}Response xmlns=\"{NAMESPACE}\">\n  <{operation}Result>\n{}  </{operation}Result>\n  \
             <ResponseMetadata>\n    <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n\
             </{operation}Response>\n",
            inner.as_str()
        )
    }
}

fn perform(
    state: &State,
    request: &ReceivedRequest,
    caller: &IssuedCredentials,
    now: OffsetDateTime,
) -> Result<StsResult, StsRefusal> {
    let form = parse_form(&request.body)?;
    let value = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let action = value("Action").unwrap_or_default();
    if value("Version") != Some(VERSION) {
        return Err(StsRefusal::InvalidAction(shown(action)));
    }
    match action {
        "GetCallerIdentity" => {
            let Principal { assumed_role_arn, user_id, account } = &caller.principal;
            Ok(StsResult {
                operation: "GetCallerIdentity",
                inner: zeroize::Zeroizing::new(format!(
                    "    <Arn>{}</Arn>\n    <UserId>{}</UserId>\n    <Account>{}</Account>\n",
                    escaped(assumed_role_arn),
                    escaped(user_id),
                    escaped(account)
                )),
            })
        }
        "AssumeRole" => assume_role(
            state,
            caller,
            value("RoleArn"),
            value("RoleSessionName"),
            value("DurationSeconds"),
            now,
        ),
        other => Err(StsRefusal::InvalidAction(shown(other))),
    }
}

fn assume_role(
    state: &State,
    caller: &IssuedCredentials,
    role: Option<&str>,
    session_name: Option<&str>,
    duration: Option<&str>,
    now: OffsetDateTime,
) -> Result<StsResult, StsRefusal> {
    let arn: Arn = role
        .and_then(|role| role.parse().ok())
        .ok_or(StsRefusal::Parameter("RoleArn is missing or no ARN"))?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    let session_name = session_name
        .filter(|name| (2..=64).contains(&name.len()) && name.bytes().all(allowed))
        .ok_or(StsRefusal::Parameter("RoleSessionName must be 2 to 64 characters of [\\w+=,.@-]"))?;
    let duration = match duration {
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
    let role = state.roles.iter().find(|role| role.arn == arn).ok_or_else(|| {
        StsRefusal::AccessDenied(format!("User: {}", caller.principal.assumed_role_arn), shown(&arn))
    })?;
    let principal = Principal {
        assumed_role_arn: assumed_role_arn(&arn, session_name),
        user_id: format!("{}:{session_name}", role.unique_id()),
        account: arn.account().to_owned(),
    };
    let issued = IssuedCredentials::issue(principal, now, duration)
        .map_err(|_| StsRefusal::Parameter("no random numbers"))?;
    let inner = zeroize::Zeroizing::new(format!(
        "    <AssumedRoleUser>\n      <Arn>{}</Arn>\n      <AssumedRoleId>{}</AssumedRoleId>\n    \
         </AssumedRoleUser>\n    <Credentials>\n      <AccessKeyId>{}</AccessKeyId>\n      \
         <SecretAccessKey>{}</SecretAccessKey>\n      <SessionToken>{}</SessionToken>\n      \
         <Expiration>{}</Expiration>\n    </Credentials>\n    <PackedPolicySize>0</PackedPolicySize>\n",
        escaped(&issued.principal.assumed_role_arn),
        escaped(&issued.principal.user_id),
        issued.access_key_id,
        issued.secret_access_key.as_str(),
        issued.session_token.as_str(),
        rfc3339(issued.expiration),
    ));
    lock(&state.credentials).add(issued);
    Ok(StsResult { operation: "AssumeRole", inner })
}

/// Parses a form: pairs joined by `&`, `+` for a blank, percent escapes (`application/x-www-form-urlencoded`).
fn parse_form(body: &[u8]) -> Result<Vec<(String, String)>, StsRefusal> {
    let malformed = || StsRefusal::Parameter("The form in the body is malformed");
    let text = str::from_utf8(body).map_err(|_| malformed())?;
    let decoded = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8().map(|text| text.into_owned()).map_err(|_| malformed())
    };
    let pairs: Vec<&str> = text.trim_ascii().split('&').collect();
    if pairs.len() > PARAMETERS_LIMIT {
        return Err(malformed());
    }
    pairs
        .into_iter()
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        })
        .collect()
}

fn render_error(refusal: &StsRefusal, request_id: &str) -> String {
    let message = match refusal {
        StsRefusal::Signature(Refusal::SignatureMismatch { .. }) => {
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. Consult the service documentation for details."
                .to_owned()
        }
        StsRefusal::Signature(Refusal::ClockSkew { dated, now, .. }) if dated < now => {
            format!("Signature expired: {} is now earlier than {}", rfc3339(*dated), rfc3339(*now))
        }
        StsRefusal::Signature(Refusal::ClockSkew { dated, now, .. }) => {
            format!("Signature not yet current: {} is still later than {}", rfc3339(*dated), rfc3339(*now))
        }
        StsRefusal::AccessDenied(..)
        | StsRefusal::Expired
        | StsRefusal::InvalidAction(_)
        | StsRefusal::InvalidToken
        | StsRefusal::NoAuthentication
        | StsRefusal::Parameter(_)
        | StsRefusal::Signature(_) => refusal.to_string(),
    };
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\">\n  <Error>\n    <Type>Sender</Type>\n    <Code>{}</Code>\n    \
         <Message>{}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
        refusal.code(),
        escaped(&message)
    )
}

/// Escapes text for the content of an XML element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
