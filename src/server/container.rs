//! The container-credentials protocol: who is let through, and what is answered. Pure.

use std::sync::Arc;

use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, FORWARDED, HOST, HeaderMap,
    HeaderName, HeaderValue, ORIGIN, TRANSFER_ENCODING, VIA,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde::Serialize;
use zeroize::Zeroizing;

use super::token::Token;
use crate::cache::CacheEntry;

/// Headers of browsers and forwarders, which no SDK sends: whoever asks through one of them is not on this host.
const FOREIGN: &[HeaderName] = &[FORWARDED, ORIGIN, VIA];
/// What others of them begin with: the fetch metadata of browsers, and all that forwarders add.
const FOREIGN_PREFIXES: &[&str] = &["sec-fetch-", "x-forwarded-"];

/// What a request must be like to be answered.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) port: u16,
    pub(super) path: &'static str,
    pub(super) token: Arc<Token>,
}

/// Why a request is refused. The answer says no more than the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not a request of an SDK: a body, no host or two, another form of target.
    Malformed,
    /// A browser, a forwarder, or the name of another host, as in DNS rebinding.
    Foreign,
    /// Another method than GET.
    Method,
    /// Another path.
    Path,
    /// No token, two, or another one.
    Token,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Foreign => StatusCode::FORBIDDEN,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Path => StatusCode::NOT_FOUND,
            Self::Token => StatusCode::UNAUTHORIZED,
        }
    }
}

impl Gate {
    /// Decides by the head of a request whether it is answered.
    pub(super) fn admit(&self, head: &Parts) -> Result<(), Refusal> {
        let headers = &head.headers;
        let foreign = |name: &HeaderName| {
            FOREIGN.contains(name) || FOREIGN_PREFIXES.iter().any(|prefix| name.as_str().starts_with(prefix))
        };
        if headers.keys().any(foreign) {
            return Err(Refusal::Foreign);
        }
        if head.uri.authority().is_some() || head.uri.scheme().is_some() {
            return Err(Refusal::Malformed);
        }
        let host = only(headers, &HOST).ok_or(Refusal::Malformed)?;
        let own = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{}", self.port));
        if !own.iter().any(|own| own.as_bytes().eq_ignore_ascii_case(host.as_bytes())) {
            return Err(Refusal::Foreign);
        }
        if head.method != Method::GET {
            return Err(Refusal::Method);
        }
        let empty = headers.get_all(CONTENT_LENGTH).iter().all(|length| length == "0");
        if headers.contains_key(TRANSFER_ENCODING) || !empty {
            return Err(Refusal::Malformed);
        }
        // The token before the path: without it not even the paths are told.
        match only(headers, &AUTHORIZATION) {
            Some(offered) if self.token.is(offered.as_bytes()) => {}
            Some(_) | None => return Err(Refusal::Token),
        }
        if head.uri.path() != self.path {
            return Err(Refusal::Path);
        }
        Ok(())
    }
}

/// Returns the value of a header that occurs once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() { None } else { first }
}

/// The members that the SDKs read, `Code` for older .NET, and what AWS's own endpoints add.
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

/// A failure, in the members that the SDKs show.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure<'a> {
    code: &'static str,
    message: &'a str,
}

/// More than the names, the punctuation and the times take.
const FRAME: usize = 512;

/// Answers with the session, or says that there is none.
pub(super) fn answer(session: Result<Arc<CacheEntry>, Arc<str>>) -> Response<Full<Bytes>> {
    let entry = match session {
        Ok(entry) => entry,
        Err(reason) => {
            let failure = Failure { code: "NoCredentials", message: &reason };
            return response(StatusCode::SERVICE_UNAVAILABLE, to_bytes(&failure, reason.len() * 6));
        }
    };
    let credentials = &entry.credential_set.credentials;
    let role_arn = entry.credential_set.role_arn.to_string();
    let document = Document {
        code: "Success",
        kind: "AWS-HMAC",
        last_updated: entry.created_at.to_string(),
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        token: credentials.session_token.expose(),
        // By this host's clock, as all that its programs judge it by.
        expiration: entry.usable_until.min(credentials.expiration).to_string(),
        account_id: entry.account_id(),
        role_arn,
    };
    let texts = [document.access_key_id, document.secret_access_key, document.token, &document.role_arn];
    let longest = texts.iter().map(|text| text.len() * 6).sum();
    response(StatusCode::OK, to_bytes(&document, longest))
}

/// Answers a request that is not let through.
pub(super) fn refuse(refusal: Refusal) -> Response<Full<Bytes>> {
    let failure = Failure { code: "Refused", message: "this endpoint does not answer such a request" };
    let mut response = response(refusal.status(), to_bytes(&failure, 0));
    if refusal == Refusal::Method {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
    }
    response
}

/// Renders JSON into a buffer that is large enough not to move, and is wiped when the last holder drops it.
fn to_bytes(document: &impl Serialize, texts: usize) -> Bytes {
    let mut bytes = Zeroizing::new(Vec::with_capacity(FRAME + texts));
    let written = serde_json::to_writer(&mut *bytes, document);
    debug_assert!(written.is_ok(), "a struct of texts is always writable to memory");
    Bytes::from_owner(bytes)
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
