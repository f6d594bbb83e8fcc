//! The last stage: the header that carries the signature.

use std::fmt;

use http::HeaderValue;

use super::{CanonicalRequest, Scope, SigningError, header_value};
use crate::signer::Signature;

/// The value of the `Authorization` header.
pub struct Authorization(String);

impl Authorization {
    /// `algorithm Credential=credential/scope, SignedHeaders=list, Signature=hex(signature)`
    ///
    /// `credential` is the certificate's serial number in decimal. The hex is lower case. The parts are separated by a
    /// comma and a blank.
    ///
    /// See [the signing process], task 4 (follow its example; its text asks for commas in the list of headers).
    ///
    /// [the signing process]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html
    pub fn new(
        algorithm: &str,
        credential: &str,
        scope: &Scope,
        canonical_request: &CanonicalRequest,
        signature: &Signature,
    ) -> Self {
        let signed_headers = canonical_request.signed_headers();
        let signature = hex::encode(signature.octets());
        Self(format!(
            "{algorithm} Credential={credential}/{scope}, SignedHeaders={signed_headers}, Signature={signature}"
        ))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the header's value, marked as sensitive.
    pub(super) fn header_value(&self) -> Result<HeaderValue, SigningError> {
        let mut value = header_value("authorization", &self.0)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// Shows nothing: a signature is a bearer token for minutes.
impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization")
    }
}
