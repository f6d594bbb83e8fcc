//! The answers: credentials in the document that every SDK reads, and refusals that reveal nothing.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use zeroize::Zeroizing;

use super::request_check::Refusal;
use crate::cache::CacheEntry;

/// An answer, complete in memory.
pub(super) type Answer = Response<Full<Bytes>>;

/// The members that the SDKs read, `Code` for older .NET versions, and what AWS's own endpoints add.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    code: &'static str,
    #[serde(rename = "Type")]
    kind: &'static str,
    last_updated: String,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
    account_id: &'a str,
    role_arn: String,
}

/// A failure, with the members that the SDKs show.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure<'a> {
    code: &'static str,
    message: &'a str,
}

/// More than the names, the punctuation and the times take up.
const FRAME: usize = 512;

/// Answers that there is no session, and why.
pub(super) fn no_credentials(reason: &str) -> Answer {
    let failure = Failure { code: "NoCredentials", message: reason };
    response(StatusCode::SERVICE_UNAVAILABLE, JSON, to_bytes(&failure, reason.len() * 6))
}

/// Answers with the document of a session.
pub(super) fn credentials(document: Bytes) -> Answer {
    response(StatusCode::OK, JSON, document)
}

/// Renders the document of a session.
pub(super) fn document_of(entry: &CacheEntry) -> Bytes {
    let credentials = &entry.credential_set.credentials;
    let role_arn = entry.credential_set.role_arn.to_string();
    let document = Document {
        code: "Success",
        kind: "AWS-HMAC",
        last_updated: entry.created_at.to_string(),
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        token: credentials.session_token.expose(),
        // By this host's clock, which its programs compare it with.
        expiration: entry.usable_until.min(credentials.expiration).to_string(),
        account_id: entry.account_id(),
        role_arn,
    };
    let texts = [document.access_key_id, document.secret_access_key, document.token, &document.role_arn];
    let longest = texts.iter().map(|text| text.len() * 6).sum();
    to_bytes(&document, longest)
}

/// Answers with a text that contains no secret.
pub(super) fn text(text: impl Into<Bytes>) -> Answer {
    response(StatusCode::OK, "text/plain", text.into())
}

/// Answers with a document that contains no secret.
pub(super) fn document(status: StatusCode, document: &impl Serialize) -> Answer {
    response(status, JSON, to_bytes(document, 0))
}

/// Refuses a request; nothing more is read from its connection.
pub(super) fn refuse(refusal: Refusal) -> Answer {
    let failure = Failure { code: "Refused", message: "this endpoint does not answer such a request" };
    let mut response = response(refusal.status(), JSON, to_bytes(&failure, 0));
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if let Refusal::Method(allowed) = refusal {
        headers.insert(ALLOW, HeaderValue::from_static(allowed));
    }
    response
}

/// Renders JSON into a buffer that is large enough not to be reallocated, and is wiped when its last owner drops it.
fn to_bytes(document: &impl Serialize, texts: usize) -> Bytes {
    let mut bytes = Zeroizing::new(Vec::with_capacity(FRAME + texts));
    let written = serde_json::to_writer(&mut *bytes, document);
    debug_assert!(written.is_ok(), "a struct of texts is always writable to memory");
    Bytes::from_owner(bytes)
}

const JSON: &str = "application/json";

fn response(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
