//! One X.509 certificate: its DER and the facts that matter here.

use std::fmt;

use num_bigint::{BigInt, Sign};
use x509_parser::prelude::*;

use super::damage;
use super::name::{attributes, render, render_general};
use super::pem::{Block, Label};
use super::public_key::{Hash, SubjectPublicKeyInfo, VerifiedAlgorithm};
use super::sha256_hex;
use crate::clock::Timestamp;

/// The longest serial number that is shown, in octets. RFC 5280 §4.1.2.2 allows 20; longer ones exist.
const SERIAL_LIMIT: usize = 64;

/// The longest serial number of RFC 5280, in octets of the INTEGER.
const USUAL_SERIAL_OCTETS: usize = 20;

/// A certificate's serial number (RFC 5280 §4.1.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SerialNumber {
    decimal: String,
    hex: String,
    usual: bool,
}

impl SerialNumber {
    /// Reads the content octets of a DER INTEGER: two's complement, so that a number may be negative.
    fn from_content(octets: &[u8]) -> Self {
        let number = BigInt::from_signed_bytes_be(octets);
        let (sign, magnitude) = number.to_bytes_be();
        let minus = if sign == Sign::Minus { "-" } else { "" };
        let usual = sign == Sign::Plus && octets.len() <= USUAL_SERIAL_OCTETS;
        Self { decimal: number.to_string(), hex: format!("{minus}{}", hex::encode(magnitude)), usual }
    }

    /// Returns the number in decimal, as the Authorization header carries it; a negative one with a minus sign.
    pub fn decimal(&self) -> &str {
        &self.decimal
    }

    /// Returns the number in lower-case hex with an even number of digits, as AWS and openssl show it.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// Returns whether it is as RFC 5280 asks: positive, and its INTEGER at most 20 octets long.
    pub const fn is_usual(&self) -> bool {
        self.usual
    }
}

/// The hash function under a certificate's own signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureHash {
    /// None apart: ML-DSA and EdDSA hash as part of the signature.
    Intrinsic,
    /// MD5.
    Md5,
    /// An algorithm not known here, by object identifier.
    Other(String),
    /// SHA-1.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl SignatureHash {
    /// Returns whether AWS takes it: SHA-256 or stronger (Roles Anywhere user guide, "trust model").
    pub const fn is_sufficient(&self) -> bool {
        match self {
            Self::Intrinsic | Self::Sha256 | Self::Sha384 | Self::Sha512 => true,
            // Not known here is not known to be weak; AWS decides.
            Self::Other(_) => true,
            Self::Md5 | Self::Sha1 | Self::Sha224 => false,
        }
    }
}

impl fmt::Display for SignatureHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intrinsic => f.write_str("none apart"),
            Self::Md5 => f.write_str("MD5"),
            Self::Other(oid) => write!(f, "object identifier {oid}"),
            Self::Sha1 => f.write_str("SHA-1"),
            Self::Sha224 => f.write_str("SHA-224"),
            Self::Sha256 => f.write_str("SHA-256"),
            Self::Sha384 => f.write_str("SHA-384"),
            Self::Sha512 => f.write_str("SHA-512"),
        }
    }
}

/// A certificate and the facts read from it.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    serial_number: SerialNumber,
    subject: Name,
    issuer: Name,
    not_before: Timestamp,
    not_after: Timestamp,
    version: u32,
    basic_constraints: Option<BasicConstraintsFacts>,
    key_usage: Option<u16>,
    public_key: SubjectPublicKeyInfo,
    subject_key_id: Option<String>,
    authority_key_id: Option<String>,
    subject_alternative_names: Vec<String>,
    unknown_critical_extensions: Vec<String>,
    signature_hash: SignatureHash,
    verification: Option<VerifiedAlgorithm>,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// A distinguished name: as text to show, as DER to compare, and its attributes.
#[derive(Clone, PartialEq, Eq)]
struct Name {
    text: String,
    der: Vec<u8>,
    attributes: Vec<(String, Option<String>)>,
}

impl Name {
    fn of(name: &X509Name<'_>) -> Self {
        Self { text: render(name), der: name.as_raw().to_vec(), attributes: attributes(name) }
    }
}

#[derive(Clone, Copy)]
struct BasicConstraintsFacts {
    is_ca: bool,
    path_length: Option<u32>,
}

/// Why bytes are not a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an X.509 certificate in DER: {why}")]
pub struct CertificateError {
    /// What the parser found.
    pub why: String,
}

impl CertificateError {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

impl Certificate {
    /// Parses the certificate in a block; `None` where it holds something else.
    pub fn of_block(block: &Block) -> Option<Result<Self, CertificateError>> {
        match block.label {
            Label::Certificate => Some(Self::parse(&block.der)),
            Label::TrustedCertificate => Some(Self::parse_prefix(&block.der)),
            Label::CertificateRequest
            | Label::DsaPrivateKey
            | Label::EcParameters
            | Label::EcPrivateKey
            | Label::EncryptedPrivateKey
            | Label::OpensshPrivateKey
            | Label::Other(_)
            | Label::Pkcs12
            | Label::Pkcs7
            | Label::PrivateKey
            | Label::PublicKey
            | Label::RevocationList
            | Label::RsaPrivateKey
            | Label::Tss2PrivateKey => None,
        }
    }

    /// Tells whether this is a certificate of these names, and no CA's.
    pub fn is_end_entity_of(&self, subject_name: &str, issuer_name: &str) -> bool {
        !self.is_ca() && self.subject_name() == subject_name && self.issuer_name() == issuer_name
    }

    /// Parses one certificate from DER; bytes after it are an error.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are not one X.509 certificate, or if an extension that matters here is malformed or
    /// appears twice.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, certificate) = X509Certificate::from_der(der)
            .map_err(|error| CertificateError::new(damage::describe(der, &error)))?;
        if !rest.is_empty() {
            return Err(CertificateError::new(format!("{} bytes follow it", rest.len())));
        }
        Self::view(der, &certificate)
    }

    /// Parses the certificate at the start of DER that may go on: OpenSSL's TRUSTED CERTIFICATE has its trust
    /// settings behind it.
    ///
    /// # Errors
    ///
    /// As [`Self::parse`].
    pub fn parse_prefix(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, _) = X509Certificate::from_der(der)
            .map_err(|error| CertificateError::new(damage::describe(der, &error)))?;
        Self::parse(&der[..der.len() - rest.len()])
    }

    fn view(der: &[u8], certificate: &X509Certificate<'_>) -> Result<Self, CertificateError> {
        let tbs = &certificate.tbs_certificate;
        let serial = tbs.raw_serial();
        if serial.len() > SERIAL_LIMIT {
            return Err(CertificateError::new(format!(
                "its serial number has {} octets, more than {SERIAL_LIMIT}",
                serial.len()
            )));
        }
        let unreadable = |what: &'static str| {
            move |_: X509Error| {
                CertificateError::new(format!("its extension {what} is malformed or appears twice"))
            }
        };
        let basic_constraints = tbs.basic_constraints().map_err(unreadable("basicConstraints"))?;
        let key_usage = tbs.key_usage().map_err(unreadable("keyUsage"))?;
        let alternative = tbs.subject_alternative_name().map_err(unreadable("subjectAltName"))?;
        let (signature_hash, verification) = signature_algorithm(&certificate.signature_algorithm);
        Ok(Self {
            serial_number: SerialNumber::from_content(serial),
            subject: Name::of(&tbs.subject),
            issuer: Name::of(&tbs.issuer),
            not_before: Timestamp::from_unix_seconds(tbs.validity.not_before.timestamp()),
            not_after: Timestamp::from_unix_seconds(tbs.validity.not_after.timestamp()),
            version: tbs.version.0.saturating_add(1),
            basic_constraints: basic_constraints.map(|extension| BasicConstraintsFacts {
                is_ca: extension.value.ca,
                path_length: extension.value.path_len_constraint,
            }),
            key_usage: key_usage.map(|extension| extension.value.flags),
            public_key: SubjectPublicKeyInfo::new(tbs.subject_pki.raw.to_vec()),
            subject_key_id: tbs.extensions().iter().find_map(subject_key_id),
            authority_key_id: tbs.extensions().iter().find_map(authority_key_id),
            subject_alternative_names: alternative
                .map(|extension| extension.value.general_names.iter().map(render_general).collect())
                .unwrap_or_default(),
            unknown_critical_extensions: tbs
                .extensions()
                .iter()
                .filter(|extension| extension.critical && extension.parsed_extension().unsupported())
                .map(|extension| extension.oid.to_id_string())
                .collect(),
            signature_hash,
            verification,
            signed: tbs.as_ref().to_vec(),
            signature: certificate.signature_value.data.to_vec(),
            der: der.to_vec(),
        })
    }

    /// Returns the certificate itself, in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the serial number.
    pub const fn serial_number(&self) -> &SerialNumber {
        &self.serial_number
    }

    /// Returns the subject name as text in the form of RFC 4514, control characters escaped; empty where there is none.
    pub fn subject_name(&self) -> &str {
        &self.subject.text
    }

    /// Returns the issuer's name as text in the form of RFC 4514, control characters escaped.
    pub fn issuer_name(&self) -> &str {
        &self.issuer.text
    }

    /// Returns the attributes of the subject name in the certificate's order: the type (`CN`, or its number where it has
    /// no short name) and the value as it is; `None` where that is no text.
    pub fn subject_attributes(&self) -> &[(String, Option<String>)] {
        &self.subject.attributes
    }

    /// Returns the attributes of the issuer's name, as [`Self::subject_attributes`] does.
    pub fn issuer_attributes(&self) -> &[(String, Option<String>)] {
        &self.issuer.attributes
    }

    /// Returns the first second of validity.
    pub const fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Returns the last second of validity.
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Returns the version as people count it: 1, 2 or 3.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// Returns whether basicConstraints says that this is a CA.
    pub fn is_ca(&self) -> bool {
        self.basic_constraints.is_some_and(|constraints| constraints.is_ca)
    }

    /// Returns how many intermediates may stand below this CA; `None` where nothing limits it.
    pub fn path_length(&self) -> Option<u32> {
        self.basic_constraints.and_then(|constraints| constraints.path_length)
    }

    /// Returns whether keyUsage is there and allows digital signatures (bit 0).
    pub fn allows_digital_signature(&self) -> bool {
        self.key_usage.is_some_and(|bits| bits & 1 != 0)
    }

    /// Returns whether keyUsage is there and allows signing certificates (bit 5).
    pub fn allows_certificate_signing(&self) -> bool {
        self.key_usage.is_some_and(|bits| bits & (1 << 5) != 0)
    }

    /// Returns whether there is a keyUsage extension at all.
    pub const fn has_key_usage(&self) -> bool {
        self.key_usage.is_some()
    }

    /// Returns the hash function under this certificate's signature.
    pub const fn signature_hash(&self) -> &SignatureHash {
        &self.signature_hash
    }

    /// Returns the public key.
    pub const fn public_key(&self) -> &SubjectPublicKeyInfo {
        &self.public_key
    }

    /// Returns the subject key identifier in lower-case hex.
    pub fn subject_key_id(&self) -> Option<&str> {
        self.subject_key_id.as_deref()
    }

    /// Returns the key identifier of the issuer in lower-case hex.
    pub fn authority_key_id(&self) -> Option<&str> {
        self.authority_key_id.as_deref()
    }

    /// Returns the subject alternative names to be shown: `DNS:host.example`, in the certificate's order.
    pub fn subject_alternative_names(&self) -> &[String] {
        &self.subject_alternative_names
    }

    /// Returns the object identifiers of critical extensions that are not known here.
    pub fn unknown_critical_extensions(&self) -> &[String] {
        &self.unknown_critical_extensions
    }

    /// Returns the SHA-256 of the DER in lower-case hex.
    pub fn sha256(&self) -> String {
        sha256_hex(&self.der)
    }

    /// Returns the SHA-1 of the DER in lower-case hex: a name that other programs show, and no proof of anything.
    pub fn sha1(&self) -> String {
        use aws_lc_rs::digest;
        hex::encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.der))
    }

    /// Returns whether subject and issuer are the same name, octet by octet.
    pub fn is_self_issued(&self) -> bool {
        self.subject.der == self.issuer.der
    }

    /// Returns whether this is a root: self-issued and signed by its own key.
    ///
    /// A self-issued certificate whose signature cannot be verified here (MD5) counts as a root too.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && (self.verification.is_none() || self.issued(self))
    }

    /// Returns whether this certificate's key signed `child` and its subject is the name of the child's issuer.
    ///
    /// Names are compared octet by octet. A signature that cannot be verified here counts as not made.
    pub fn issued(&self, child: &Self) -> bool {
        let Some(algorithm) = child.verification else { return false };
        self.subject.der == child.issuer.der
            && self.public_key.verifies(algorithm, &child.signed, &child.signature)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

/// Shows what identifies it.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("serial_number", &self.serial_number.decimal)
            .field("subject_name", &self.subject.text)
            .field("issuer_name", &self.issuer.text)
            .finish_non_exhaustive()
    }
}

fn subject_key_id(extension: &X509Extension<'_>) -> Option<String> {
    let ParsedExtension::SubjectKeyIdentifier(id) = extension.parsed_extension() else { return None };
    Some(hex::encode(id.0))
}

fn authority_key_id(extension: &X509Extension<'_>) -> Option<String> {
    let ParsedExtension::AuthorityKeyIdentifier(id) = extension.parsed_extension() else { return None };
    id.key_identifier.as_ref().map(|id| hex::encode(id.0))
}

/// Reads which hash a signature algorithm uses, and how it can be verified here.
fn signature_algorithm(algorithm: &AlgorithmIdentifier<'_>) -> (SignatureHash, Option<VerifiedAlgorithm>) {
    use VerifiedAlgorithm::{Ecdsa, MlDsa, RsaPkcs1};
    let oid = algorithm.algorithm.to_id_string();
    match oid.as_str() {
        "1.2.840.10045.4.1" => (SignatureHash::Sha1, Some(Ecdsa(Hash::Sha1))),
        "1.2.840.10045.4.3.1" => (SignatureHash::Sha224, None),
        "1.2.840.10045.4.3.2" => (SignatureHash::Sha256, Some(Ecdsa(Hash::Sha256))),
        "1.2.840.10045.4.3.3" => (SignatureHash::Sha384, Some(Ecdsa(Hash::Sha384))),
        "1.2.840.10045.4.3.4" => (SignatureHash::Sha512, Some(Ecdsa(Hash::Sha512))),
        "1.2.840.113549.1.1.4" => (SignatureHash::Md5, None),
        "1.2.840.113549.1.1.5" => (SignatureHash::Sha1, Some(RsaPkcs1(Hash::Sha1))),
        "1.2.840.113549.1.1.10" => pss(algorithm),
        "1.2.840.113549.1.1.11" => (SignatureHash::Sha256, Some(RsaPkcs1(Hash::Sha256))),
        "1.2.840.113549.1.1.12" => (SignatureHash::Sha384, Some(RsaPkcs1(Hash::Sha384))),
        "1.2.840.113549.1.1.13" => (SignatureHash::Sha512, Some(RsaPkcs1(Hash::Sha512))),
        "1.2.840.113549.1.1.14" => (SignatureHash::Sha224, None),
        "1.3.101.112" | "1.3.101.113" => (SignatureHash::Intrinsic, None),
        "2.16.840.1.101.3.4.3.17" | "2.16.840.1.101.3.4.3.18" | "2.16.840.1.101.3.4.3.19" => {
            (SignatureHash::Intrinsic, Some(MlDsa))
        }
        _ => (SignatureHash::Other(oid), None),
    }
}

/// Reads the hash out of the parameters of RSASSA-PSS (RFC 4055 §3.1); absent means SHA-1.
fn pss(algorithm: &AlgorithmIdentifier<'_>) -> (SignatureHash, Option<VerifiedAlgorithm>) {
    use x509_parser::signature_algorithm::RsaSsaPssParams;
    let parameters = algorithm.parameters.as_ref().and_then(|any| RsaSsaPssParams::try_from(any).ok());
    let oid = parameters.map(|parameters| parameters.hash_algorithm_oid().to_id_string()).unwrap_or_default();
    match oid.as_str() {
        "1.3.14.3.2.26" => (SignatureHash::Sha1, None),
        "2.16.840.1.101.3.4.2.1" => (SignatureHash::Sha256, Some(VerifiedAlgorithm::RsaPss(Hash::Sha256))),
        "2.16.840.1.101.3.4.2.2" => (SignatureHash::Sha384, Some(VerifiedAlgorithm::RsaPss(Hash::Sha384))),
        "2.16.840.1.101.3.4.2.3" => (SignatureHash::Sha512, Some(VerifiedAlgorithm::RsaPss(Hash::Sha512))),
        _ => (SignatureHash::Other(String::from("1.2.840.113549.1.1.10")), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_whole_numbers_of_any_sign_and_size() {
        let both = |octets: &[u8]| {
            let serial = SerialNumber::from_content(octets);
            (serial.decimal().to_owned(), serial.hex().to_owned())
        };
        assert_eq!(both(&[1]), (String::from("1"), String::from("01")));
        assert_eq!(both(&[0, 0xff]), (String::from("255"), String::from("ff")));
        assert_eq!(both(&[0xff]), (String::from("-1"), String::from("-01")));
        assert_eq!(both(&[0x10; 20]).0, "91702063518801751730427283621413836527431061520");
        assert_eq!(both(&[0x10; 21]).1, "10".repeat(21));
        let usual = [&[1][..], &[0x7f; 20], &[0], &[0xff], &[1; 21]]
            .map(|octets| SerialNumber::from_content(octets).is_usual());
        assert_eq!(usual, [true, true, false, false, false]);
    }

    #[test]
    fn nonsense_is_an_error() {
        assert!(Certificate::parse(&[]).is_err());
        assert!(Certificate::parse(&[0x30, 0x82, 0xff, 0xff, 0]).is_err());
        assert!(Certificate::parse_prefix(b"-----BEGIN").is_err());
    }
}
