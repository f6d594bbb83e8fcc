//! Signs one request with SigV4 and an access key, through the `aws-sigv4` crate.
//!
//! Pure: the caller gives the time. STS accepts only SigV4.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign as sign_http};
use aws_sigv4::sign::v4::SigningParams;
use http::{HeaderMap, HeaderName};

use super::{Request, SignedRequest, SigningError, header_value};
use crate::clock::Timestamp;
use crate::credentials::KeyPair;

/// Signs a request to an AWS service.
///
/// Adds `X-Amz-Date`, for a session `X-Amz-Security-Token`, and `Authorization`. `service` is the name in the scope
/// (`sts`).
///
/// # Errors
///
/// Fails if a header cannot be sent.
pub fn sign<'a>(
    request: Request,
    credentials: impl Into<KeyPair<'a>>,
    service: &str,
    region: &str,
    now: Timestamp,
) -> Result<SignedRequest, SigningError> {
    let library = |error: &dyn std::error::Error| SigningError::Sigv4 { why: error.to_string() };
    let KeyPair { access_key_id, secret_access_key, session_token } = credentials.into();
    let identity = Credentials::new(
        access_key_id,
        secret_access_key.expose().as_str(),
        session_token.map(|token| token.expose().clone()),
        None,
        "anyrole",
    )
    .into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(system_time(now))
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| library(&error))?
        .into();
    let url = request.url();
    let host = [("host", request.endpoint.authority())];
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let signable = SignableRequest::new(
        request.method.as_str(),
        url.as_str(),
        host.into_iter().chain(headers),
        SignableBody::Bytes(&request.body),
    )
    .map_err(|error| library(&error))?;
    let (instructions, _signature) =
        sign_http(signable, &params).map_err(|error| library(&error))?.into_parts();
    let (signing_headers, _query) = instructions.into_parts();
    let mut headers = HeaderMap::with_capacity(signing_headers.len());
    for header in signing_headers {
        let mut value = header_value(header.name(), header.value())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_static(header.name()), value);
    }
    SignedRequest::new(request, headers)
}

fn system_time(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(now.unix_seconds()).unwrap_or(0))
}
