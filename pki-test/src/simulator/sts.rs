//! STS for the sessions that the simulator has issued: GetCallerIdentity, AssumeRole and GetScopedCredentials.
//!
//! The query protocol with real SigV4 verification, from the specification of [SigV4]. Every credential here is a role
//! session, so each AssumeRole is role chaining, which AWS limits to one hour.
//!
//! [SigV4]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

mod assume_role;
mod form;
mod refusal;
mod scope_policy;
mod scoped_credentials;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use time::OffsetDateTime;

use self::assume_role::assume_role;
use self::form::Form;
use self::refusal::StsRefusal;
use self::scoped_credentials::scoped_credentials;
use super::answer::Answer;
use super::create_session::describe;
use super::credentials::{IssuedCredentials, Principal};
use super::journal::{JournalEntry, Operation, Verdict};
use super::{State, lock};
use crate::text::{rfc3339, shown};
use crate::verifier::envelope::{Envelope, Expectation, optional_header};
use crate::verifier::{ReceivedRequest, Refusal};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// The region of the global endpoint, `sts.amazonaws.com`, in addition to those of the world.
const GLOBAL_REGION: &str = "us-east-1";

/// The version of the API that every client sends.
const VERSION: &str = "2011-06-15";

/// Answers a request to STS.
pub(super) fn answer(state: &State, request: &ReceivedRequest) -> Answer {
    let now = state.now();
    let mut entry = describe(state, request, Operation::SecurityTokenService);
    let outcome = authenticate(state, request, now).and_then(|caller| {
        entry.role = Some(caller.credentials.principal.assumed_role_arn.clone());
        entry.scope_layers.clone_from(&caller.credentials.principal.layers);
        perform(state, request, &caller, now, &mut entry)
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
                detail: refusal.detail(),
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

/// Who signed a request, and for which endpoint.
struct Caller {
    credentials: IssuedCredentials,
    /// Whether the signature is for the global endpoint.
    is_global: bool,
}

/// Finds the session whose credentials signed the request.
fn authenticate(state: &State, request: &ReceivedRequest, now: OffsetDateTime) -> Result<Caller, StsRefusal> {
    if request.header_values("authorization").next().is_none() {
        return Err(StsRefusal::NoAuthentication);
    }
    let regions: Vec<&str> = state.regions.iter().map(String::as_str).chain([GLOBAL_REGION]).collect();
    let envelope = Envelope::open(
        request,
        Expectation {
            service: "sts",
            regions: &regions,
            now,
            skew: state.skew,
            // Some SDKs do not sign the content type, and STS does not require it.
            covered: &[],
            strictness: state.strictness,
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
    let is_global = !state.regions.contains(&scope.region);
    Ok(Caller { credentials: issued, is_global })
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
    caller: &Caller,
    now: OffsetDateTime,
    entry: &mut JournalEntry,
) -> Result<StsResult, StsRefusal> {
    let Caller { credentials: caller, is_global } = caller;
    let form = Form::parse(&request.body)?;
    let action = form.value("Action").unwrap_or_default();
    entry.action = Some(shown(action));
    if form.value("Version") != Some(VERSION) {
        return Err(StsRefusal::InvalidAction(shown(action)));
    }
    match action {
        "GetCallerIdentity" => {
            let Principal { assumed_role_arn, user_id, account, .. } = &caller.principal;
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
        "AssumeRole" => assume_role(state, &caller.principal, &form, request.source_address, now),
        // "Not available on the STS Global endpoint."
        "GetScopedCredentials" if *is_global => Err(StsRefusal::InvalidAction(shown(action))),
        "GetScopedCredentials" => {
            let (result, granted) = scoped_credentials(state, caller, &form, now)?;
            entry.scope_layers = granted.layers;
            Ok(result)
        }
        other => Err(StsRefusal::InvalidAction(shown(other))),
    }
}

/// Renders credentials as in the answer of each operation.
fn render_credentials(issued: &IssuedCredentials) -> zeroize::Zeroizing<String> {
    zeroize::Zeroizing::new(format!(
        "    <Credentials>\n      <AccessKeyId>{}</AccessKeyId>\n      \
         <SecretAccessKey>{}</SecretAccessKey>\n      <SessionToken>{}</SessionToken>\n      \
         <Expiration>{}</Expiration>\n    </Credentials>\n",
        issued.access_key_id,
        issued.secret_access_key.as_str(),
        issued.session_token.as_str(),
        rfc3339(issued.expiration),
    ))
}

/// Renders the source identity, if there is one.
fn render_source_identity(principal: &Principal) -> String {
    let render = |identity: &String| format!("    <SourceIdentity>{}</SourceIdentity>\n", escaped(identity));
    principal.source_identity.as_ref().map(render).unwrap_or_default()
}

fn render_error(refusal: &StsRefusal, request_id: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\">\n  <Error>\n    <Type>Sender</Type>\n    <Code>{}</Code>\n    \
         <Message>{}</Message>\n  </Error>\n  <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
        refusal.code(),
        escaped(&refusal.message())
    )
}

/// Escapes text for the content of an XML element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
