//! Signs one request with AWS4-X509.
//!
//! Pure: the caller gives the time, and nothing is read or sent here.
//! AWS4-X509 is SigV4 with three changes: the signature is made by a certificate's key, the
//! credential is the certificate's serial number, and the certificate travels in a signed header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::{Authorization, CanonicalRequest, Request, Scope, SignedRequest, SigningError, StringToSign};
use crate::clock::Timestamp;
use crate::identity::Identity;

/// The service's name in the scope.
const SERVICE: &str = "rolesanywhere";

/// Signs a request to Roles Anywhere with an identity.
///
/// Adds `X-Amz-Date`, `X-Amz-X509` (the end entity, DER in padded base64), `X-Amz-X509-Chain` (the intermediates in the
/// same form, joined by commas; absent if there are none) and `Authorization`. `region` is that of the scope, and must
/// be the region of the endpoint.
///
/// # Errors
///
/// Fails if the key or its device refuses, or if a header cannot be sent.
pub fn sign(
    mut request: Request,
    identity: &mut Identity,
    region: &str,
    now: Timestamp,
) -> Result<SignedRequest, SigningError> {
    request.headers.extend(certificate_headers(identity, now));
    let algorithm = identity.signature_algorithm().authorization_name();
    let scope = Scope::new(now, region.to_owned(), SERVICE);
    let canonical_request = CanonicalRequest::of(&request);
    let string_to_sign = StringToSign::new(algorithm, &scope, &canonical_request);
    let signature = identity.sign(string_to_sign.as_str().as_bytes()).map_err(SigningError::Key)?;
    let serial_number = identity.end_entity().serial_number().decimal();
    let authorization = Authorization::new(algorithm, serial_number, &scope, &canonical_request, &signature);
    let mut headers = HeaderMap::with_capacity(1);
    headers.insert(AUTHORIZATION, authorization.header_value()?);
    SignedRequest::new(request, headers)
}

fn certificate_headers(identity: &Identity, now: Timestamp) -> Vec<(String, String)> {
    let mut headers = vec![
        (String::from("x-amz-date"), now.amz_date()),
        (String::from("x-amz-x509"), STANDARD.encode(identity.end_entity().der())),
    ];
    if !identity.intermediates().is_empty() {
        let chain: Vec<_> =
            identity.intermediates().iter().map(|certificate| STANDARD.encode(certificate.der())).collect();
        headers.push((String::from("x-amz-x509-chain"), chain.join(",")));
    }
    headers
}
