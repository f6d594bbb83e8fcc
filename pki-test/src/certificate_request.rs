//! Certificate requests (PKCS#10, RFC 2986): parsed defensively, and written for our own keys.
//!
//! A request proves that its author holds the private key, and nothing else. So its public key is used once its
//! signature is checked; the names and rights that it requests are only for display.

use pkcs8::{ObjectIdentifier, SubjectPublicKeyInfoRef};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Version;

use crate::algorithm::SignatureAlgorithm;
use crate::certificate::IssueError;
use crate::der;
use crate::distinguished_name::DistinguishedName;
use crate::end_entity::SubjectAlternativeName;
use crate::key_pair::KeyPair;
use crate::pem::{self, PemError};
use crate::text::shown;
use crate::verifier::certificate::{public_key, signature_scheme};
use crate::verifier::signature::PublicKey;

/// The largest request accepted: four times one with an RSA key of 8192 bits and the longest names.
pub const MAX_REQUEST_OCTETS: usize = 64 * 1024;

/// The most names of a request that are kept for display.
const MAX_SHOWN_NAMES: usize = 32;

/// `extensionRequest` (RFC 2985 §5.4.2).
const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");

/// The first octet of an uncompressed point, the one format that every program reads (RFC 5480 §2.2).
const UNCOMPRESSED: u8 = 0x04;

/// A certificate request whose signature was made by the private key of its public key.
#[derive(Clone, Debug)]
pub struct CertificateRequest {
    subject_public_key_info: Vec<u8>,
    key: PublicKey,
    wishes: Wishes,
}

/// What a request asks for besides its public key: for display only, and never copied into a certificate.
///
/// The texts contain no control characters and are cut at 200 characters.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Wishes {
    /// The subject name; empty if none is requested.
    pub subject: String,
    /// The subject alternative names as `DNS:build-17`, `URI:spiffe://…`; at most 32 of them.
    pub subject_alternative_names: Vec<String>,
    /// Whether it asks to become a CA.
    pub authority: bool,
}

impl CertificateRequest {
    /// Parses a request, as PEM or DER, and checks its signature.
    ///
    /// In a PEM text it is the one block `CERTIFICATE REQUEST`, or `NEW CERTIFICATE REQUEST` as GnuTLS and Windows
    /// write it; everything else is ignored.
    ///
    /// # Errors
    ///
    /// Fails if there is no request or more than one, if it is damaged, if AWS does not accept its key or the hash of
    /// its signature, or if the signature is not by its own key.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > MAX_REQUEST_OCTETS {
            return Err(RequestError::TooLong);
        }
        if bytes.first() == Some(&der::SEQUENCE) {
            return Self::from_der(bytes);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| RequestError::Missing)?;
        let blocks = pem::parse(text)?;
        let mut requests = blocks
            .iter()
            .filter(|block| matches!(block.label, "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST"));
        let request = requests.next().ok_or(RequestError::Missing)?;
        if requests.next().is_some() {
            return Err(RequestError::Several);
        }
        Self::from_der(&request.der)
    }

    fn from_der(bytes: &[u8]) -> Result<Self, RequestError> {
        let Ok(([], request)) = X509CertificationRequest::from_der(bytes) else {
            return Err(RequestError::Malformed);
        };
        let info = &request.certification_request_info;
        if info.version != X509Version::V1 || request.signature_value.unused_bits != 0 {
            return Err(RequestError::Malformed);
        }
        let subject_public_key_info = info.subject_pki.raw.to_vec();
        // The public key is copied into a certificate unchanged, so it must be strict DER.
        SubjectPublicKeyInfoRef::try_from(subject_public_key_info.as_slice())
            .map_err(|_| RequestError::Malformed)?;
        let key = public_key(&info.subject_pki).map_err(|found| RequestError::Key { found: shown(found) })?;
        if let PublicKey::Ec { point, .. } = &key
            && point.first() != Some(&UNCOMPRESSED)
        {
            return Err(RequestError::Key { found: format!("{key} with a compressed point") });
        }
        let scheme = signature_scheme(&request.signature_algorithm)
            .map_err(|found| RequestError::SignatureAlgorithm { found: shown(found) })?;
        if !key.verifies(scheme, info.raw, &request.signature_value.data) {
            return Err(RequestError::Signature);
        }
        Ok(Self { subject_public_key_info, wishes: Wishes::of(&request), key })
    }

    /// Creates a request for `key_pair`, signed by it, and returns its PEM.
    ///
    /// `subject` may be empty: CAs put their own names into certificates, and so do we.
    ///
    /// # Errors
    ///
    /// Fails if a name is impossible, or if signing fails.
    pub fn render(
        key_pair: &KeyPair,
        subject: &DistinguishedName,
        subject_alternative_names: &[SubjectAlternativeName],
    ) -> Result<String, IssueError> {
        let algorithm = key_pair.algorithm().signature_algorithm();
        let public_key = key_pair.subject_public_key_info();
        Self::render_for(public_key, algorithm, subject, subject_alternative_names, |info| {
            Ok(key_pair.sign(algorithm, info)?)
        })
    }

    /// Makes a request for a key that is elsewhere, such as in a device: `signer` signs what it is given with `algorithm`.
    ///
    /// # Errors
    ///
    /// Fails if a name cannot be, or as `signer` does.
    pub fn render_for<E: From<IssueError>>(
        subject_public_key_info: &[u8],
        algorithm: SignatureAlgorithm,
        subject: &DistinguishedName,
        subject_alternative_names: &[SubjectAlternativeName],
        signer: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<String, E> {
        let critical = subject.is_empty();
        let attributes = match SubjectAlternativeName::extension(subject_alternative_names, critical)? {
            Some(extension) => {
                let extensions = der::sequence(&[&extension.to_der()]);
                der::sequence(&[&der::oid(&EXTENSION_REQUEST), &der::element(der::SET, &[&extensions])])
            }
            None => Vec::new(),
        };
        let request = sign(subject_public_key_info, algorithm, subject, &attributes, signer)?;
        Ok(String::clone(&pem::render("CERTIFICATE REQUEST", &request)))
    }

    /// Returns the DER of the public key, for [`Authority::issue`].
    ///
    /// [`Authority::issue`]: crate::authority::Authority::issue
    pub fn subject_public_key_info(&self) -> &[u8] {
        &self.subject_public_key_info
    }

    /// Returns the public key; rendered as text it is its type and size, such as `EC P-384` or `RSA 2048`.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Returns what else is requested, for display.
    pub const fn wishes(&self) -> &Wishes {
        &self.wishes
    }
}

/// `CertificationRequest = SEQUENCE { info, algorithm, BIT STRING signature }` (RFC 2986 §4)
fn sign<E>(
    subject_public_key_info: &[u8],
    algorithm: SignatureAlgorithm,
    subject: &DistinguishedName,
    attributes: &[u8],
    signer: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<Vec<u8>, E> {
    let info = der::sequence(&[
        &der::element(der::INTEGER, &[&[0]]),
        &subject.to_der(),
        subject_public_key_info,
        &der::element(der::context_constructed(0), &[attributes]),
    ]);
    let signature = signer(&info)?;
    Ok(der::sequence(&[&info, &algorithm.identifier(), &der::bit_string(&signature)]))
}

impl Wishes {
    fn of(request: &X509CertificationRequest<'_>) -> Self {
        let mut wishes =
            Self { subject: shown(&request.certification_request_info.subject), ..Self::default() };
        for extension in request.requested_extensions().into_iter().flatten() {
            if let ParsedExtension::BasicConstraints(constraints) = extension {
                wishes.authority |= constraints.ca;
            }
            if let ParsedExtension::SubjectAlternativeName(names) = extension {
                wishes
                    .subject_alternative_names
                    .extend(names.general_names.iter().take(MAX_SHOWN_NAMES + 1).map(name_text));
            }
        }
        if wishes.subject_alternative_names.len() > MAX_SHOWN_NAMES {
            wishes.subject_alternative_names.truncate(MAX_SHOWN_NAMES);
            wishes.subject_alternative_names.push(String::from("…"));
        }
        wishes
    }
}

fn name_text(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => shown(format_args!("DNS:{name}")),
        GeneralName::DirectoryName(name) => shown(format_args!("Name:{name}")),
        GeneralName::IPAddress(octets) => {
            let address = <[u8; 4]>::try_from(*octets)
                .map(std::net::IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(*octets).map(std::net::IpAddr::from));
            address.map_or_else(|_| String::from("IP:?"), |address| format!("IP:{address}"))
        }
        GeneralName::RFC822Name(name) => shown(format_args!("email:{name}")),
        GeneralName::URI(uri) => shown(format_args!("URI:{uri}")),
        GeneralName::OtherName(..)
        | GeneralName::X400Address(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => String::from("another kind of name"),
    }
}

/// Why a certificate request is not accepted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RequestError {
    /// AWS does not accept the public key's type or size.
    #[error(
        "the request's key is {found}; EC P-256, P-384, P-521, RSA of 2048 to 8192 bits and ML-DSA are taken"
    )]
    Key {
        /// Its type and size.
        found: String,
    },
    /// The bytes are not a request, or something in it is not DER.
    #[error("the certificate request is damaged")]
    Malformed,
    /// The text contains no request.
    #[error("the text holds no certificate request")]
    Missing,
    /// The PEM around the request is broken.
    #[error("the certificate request is not PEM")]
    Pem(#[from] PemError),
    /// There are several requests, each of which would need its own certificate.
    #[error("the text holds more than one certificate request")]
    Several,
    /// The signature is not by the request's own key: the bytes were changed, or the key is somebody else's.
    #[error("the certificate request is not signed by its own key")]
    Signature,
    /// The signature uses a hash weaker than SHA-256, or an unknown scheme.
    #[error("the certificate request is signed with {found}; make it again with SHA-256 or stronger")]
    SignatureAlgorithm {
        /// The algorithm.
        found: String,
    },
    /// More than [`MAX_REQUEST_OCTETS`].
    #[error("the certificate request has more than {MAX_REQUEST_OCTETS} bytes")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::KeyAlgorithm;

    #[test]
    fn a_compressed_point_is_refused() {
        let key_pair = KeyPair::generate(KeyAlgorithm::EcP256).expect("a key");
        let sound = key_pair.subject_public_key_info();
        let (algorithm, point) = (&sound[2..23], &sound[sound.len() - 65..]);
        let compressed = [&[2 + (point[64] & 1)], &point[1..33]].concat();
        let info = der::sequence(&[algorithm, &der::bit_string(&compressed)]);
        let algorithm = key_pair.algorithm().signature_algorithm();
        let signer = |info: &[u8]| key_pair.sign(algorithm, info);
        let request = sign(&info, algorithm, &DistinguishedName::default(), &[], signer).expect("a request");
        let refusal = CertificateRequest::parse(&request).expect_err("not every program reads it");
        assert_eq!(refusal, RequestError::Key { found: "EC P-256 with a compressed point".to_owned() });
    }
}
