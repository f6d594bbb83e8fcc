//! The facts of one certificate, and the rules of the trust model that it must satisfy by itself.

use std::fmt;

use num_bigint::BigUint;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, KeyUsage, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey as ParsedKey;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::certificate_fault::CertificateFault;
use super::signature::{
    Curve, Hash, MlDsaLevel, PublicKey, RSA_MAXIMUM_BITS, RSA_MINIMUM_BITS, SignatureScheme,
};
use crate::text::shown;

/// The most octets of a serial number's INTEGER, including a zero octet for the sign (RFC 5280, section 4.1.2.2).
const SERIAL_LIMIT: usize = 20;

/// A parsed certificate; nothing about it is trusted yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    to_be_signed: Vec<u8>,
    signature: Vec<u8>,
    scheme: Result<SignatureScheme, String>,
    key: Result<PublicKey, String>,
    version: u32,
    serial: Vec<u8>,
    subject_name: Vec<u8>,
    issuer_name: Vec<u8>,
    subject: String,
    issuer: String,
    common_name: Option<String>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    is_ca: bool,
    path_length: Option<u32>,
    key_usage: Option<KeyUsage>,
    unknown_critical_extension: Option<String>,
    crl_urls: Vec<String>,
}

impl Certificate {
    /// Parses exactly one DER certificate.
    ///
    /// # Errors
    ///
    /// Fails if the bytes are not one certificate, if bytes follow it, if its two signature algorithms differ, or if an
    /// extension that the rules need is repeated or malformed.
    pub fn parse(der: &[u8]) -> Result<Self, CertificateFault> {
        let malformed = |reason| CertificateFault::Malformed { reason };
        let (rest, parsed) =
            X509Certificate::from_der(der).map_err(|_| malformed("it is not a DER certificate"))?;
        if !rest.is_empty() {
            return Err(malformed("bytes follow the certificate"));
        }
        if parsed.signature_algorithm != parsed.tbs_certificate.signature {
            return Err(malformed("the inner and the outer signature algorithm differ"));
        }
        let basic_constraints =
            parsed.basic_constraints().map_err(|_| malformed("basic constraints are malformed"))?;
        let key_usage = parsed.key_usage().map_err(|_| malformed("key usage is malformed"))?;
        Ok(Self {
            der: der.to_vec(),
            to_be_signed: parsed.tbs_certificate.as_ref().to_vec(),
            signature: parsed.signature_value.data.to_vec(),
            scheme: signature_scheme(&parsed.signature_algorithm),
            key: public_key(parsed.public_key()),
            version: parsed.version().0.saturating_add(1),
            serial: parsed.raw_serial().to_vec(),
            subject_name: parsed.subject().as_raw().to_vec(),
            issuer_name: parsed.issuer().as_raw().to_vec(),
            subject: shown(parsed.subject()),
            issuer: shown(parsed.issuer()),
            common_name: parsed
                .subject()
                .iter_common_name()
                .next()
                .and_then(|attribute| attribute.as_str().ok())
                .map(str::to_owned),
            not_before: parsed.validity().not_before.to_datetime(),
            not_after: parsed.validity().not_after.to_datetime(),
            is_ca: basic_constraints.as_ref().is_some_and(|extension| extension.value.ca),
            path_length: basic_constraints.and_then(|extension| extension.value.path_len_constraint),
            key_usage: key_usage.map(|extension| *extension.value),
            unknown_critical_extension: unknown_critical_extension(&parsed),
            crl_urls: crl_urls(&parsed),
        })
    }

    /// Returns the certificate's DER bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Returns the subject name for display, without control characters and cut at 200.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the issuer's name for display, without control characters and cut at 200.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the DER of the subject name.
    pub fn subject_name(&self) -> &[u8] {
        &self.subject_name
    }

    /// Returns the DER of the issuer's name.
    pub fn issuer_name(&self) -> &[u8] {
        &self.issuer_name
    }

    /// Returns the first common name of the subject, if there is one that is text.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// Returns the serial number as an unsigned number.
    pub fn serial(&self) -> BigUint {
        BigUint::from_bytes_be(&self.serial)
    }

    /// Returns the serial number in lower-case hex with an even number of digits, as in session names.
    pub fn serial_hex(&self) -> String {
        hex::encode(self.serial().to_bytes_be())
    }

    /// Returns the end of validity.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// Returns where the issuer's revocation list is: the URLs of the CRL distribution points, in their order.
    pub fn crl_urls(&self) -> &[String] {
        &self.crl_urls
    }

    /// Returns the path length constraint: how many CA certificates may stand below; `None` is any number.
    pub fn path_length(&self) -> Option<u32> {
        self.path_length
    }

    /// Returns whether subject and issuer are the same name.
    pub fn is_self_issued(&self) -> bool {
        self.subject_name == self.issuer_name
    }

    /// Returns the public key.
    ///
    /// # Errors
    ///
    /// Fails if the key's algorithm or size is not supported.
    pub fn key(&self) -> Result<&PublicKey, CertificateFault> {
        self.key.as_ref().map_err(|found| CertificateFault::KeyUnsupported { found: found.clone() })
    }

    /// Returns whether `issuer`'s key made this certificate's signature.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        match (&self.scheme, &issuer.key) {
            (Ok(scheme), Ok(key)) => key.verifies(*scheme, &self.to_be_signed, &self.signature),
            (Err(_), _) | (_, Err(_)) => false,
        }
    }

    /// Checks the rules for an end entity.
    ///
    /// Version 3, not a CA, key usage digitalSignature, a supported key, a signature hash of SHA-256 or stronger, a
    /// subject name, a positive serial number, no unknown critical extension, and validity at `now`.
    ///
    /// # Errors
    ///
    /// Fails with the first rule that is broken, validity last.
    pub fn check_end_entity(&self, now: OffsetDateTime) -> Result<(), CertificateFault> {
        self.check_form()?;
        if self.is_ca {
            return Err(CertificateFault::IsCa);
        }
        self.check_key_usage("digitalSignature", KeyUsage::digital_signature)?;
        self.check_validity(now)
    }

    /// Checks the rules for a CA certificate except validity: what a trust anchor must satisfy when it is created.
    ///
    /// # Errors
    ///
    /// Fails with the first rule that is broken.
    pub fn check_ca(&self) -> Result<(), CertificateFault> {
        self.check_form()?;
        if !self.is_ca {
            return Err(CertificateFault::NotCa);
        }
        self.check_key_usage("keyCertSign", KeyUsage::key_cert_sign)
    }

    /// Checks that `now` is within the validity, both ends included (RFC 5280, section 4.1.2.5).
    ///
    /// # Errors
    ///
    /// Fails before the start or after the end.
    pub fn check_validity(&self, now: OffsetDateTime) -> Result<(), CertificateFault> {
        let &Self { not_before, not_after, .. } = self;
        if now < not_before {
            return Err(CertificateFault::NotYetValid { not_before, now });
        }
        if now > not_after {
            return Err(CertificateFault::Expired { not_after, now });
        }
        Ok(())
    }

    fn check_form(&self) -> Result<(), CertificateFault> {
        if self.version != 3 {
            return Err(CertificateFault::Version { found: self.version });
        }
        if let Err(found) = &self.scheme {
            return Err(CertificateFault::SignatureAlgorithm { found: found.clone() });
        }
        self.key()?;
        if let Some(oid) = &self.unknown_critical_extension {
            return Err(CertificateFault::CriticalExtension { oid: oid.clone() });
        }
        let negative = self.serial.first().is_none_or(|&first| first & 0x80 != 0);
        if negative || self.serial() == BigUint::ZERO || self.serial.len() > SERIAL_LIMIT {
            return Err(CertificateFault::SerialNumber { found: shown(hex::encode(&self.serial)) });
        }
        // An empty name is an empty SEQUENCE: the tag and a length of zero.
        if self.subject_name.len() <= 2 {
            return Err(CertificateFault::EmptySubject);
        }
        Ok(())
    }

    fn check_key_usage(
        &self,
        missing: &'static str,
        bit: impl Fn(&KeyUsage) -> bool,
    ) -> Result<(), CertificateFault> {
        if self.key_usage.as_ref().is_some_and(bit) {
            return Ok(());
        }
        let found =
            self.key_usage.as_ref().map_or_else(|| "no key usage extension".to_owned(), ToString::to_string);
        Err(CertificateFault::KeyUsage { missing, found })
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject)
            .field("issuer", &self.issuer)
            .field("serial", &self.serial_hex())
            .finish_non_exhaustive()
    }
}

/// Returns the dotted OID of the first critical extension that the rules do not evaluate.
///
/// Key usage and basic constraints are evaluated; alternative names, extended key usage and certificate policies
/// restrict nothing here (no particular policy or purpose is asked for), and distribution points only where the trust
/// anchor asks for them.
fn unknown_critical_extension(certificate: &X509Certificate<'_>) -> Option<String> {
    let evaluated = |parsed: &ParsedExtension<'_>| {
        matches!(
            parsed,
            ParsedExtension::KeyUsage(_)
                | ParsedExtension::BasicConstraints(_)
                | ParsedExtension::SubjectAlternativeName(_)
                | ParsedExtension::ExtendedKeyUsage(_)
                | ParsedExtension::CertificatePolicies(_)
                | ParsedExtension::CRLDistributionPoints(_)
        )
    };
    certificate
        .extensions()
        .iter()
        .find(|extension| extension.critical && !evaluated(extension.parsed_extension()))
        .map(|extension| extension.oid.to_id_string())
}

/// Returns the URLs of the CRL distribution points (RFC 5280, section 4.2.1.13).
///
/// Points whose list is another issuer's, or only for some reasons of revocation, are left out: no list of theirs tells
/// by itself that a certificate is good.
fn crl_urls(certificate: &X509Certificate<'_>) -> Vec<String> {
    let mut urls = Vec::new();
    for extension in certificate.extensions() {
        let ParsedExtension::CRLDistributionPoints(points) = extension.parsed_extension() else { continue };
        for point in &points.points {
            let is_whole = point.reasons.is_none() && point.crl_issuer.is_none();
            if let (true, Some(DistributionPointName::FullName(names))) =
                (is_whole, &point.distribution_point)
            {
                let url = |name: &GeneralName<'_>| {
                    if let GeneralName::URI(url) = name { Some((*url).to_owned()) } else { None }
                };
                urls.extend(names.iter().filter_map(url));
            }
        }
    }
    urls
}

/// Returns the signature scheme of an algorithm identifier, or the name of what is not allowed or not known.
pub(crate) fn signature_scheme(algorithm: &AlgorithmIdentifier<'_>) -> Result<SignatureScheme, String> {
    let oid = algorithm.algorithm.to_id_string();
    let refused = |name: &str| Err(name.to_owned());
    match oid.as_str() {
        "1.2.840.113549.1.1.11" => Ok(SignatureScheme::RsaPkcs1(Hash::Sha256)),
        "1.2.840.113549.1.1.12" => Ok(SignatureScheme::RsaPkcs1(Hash::Sha384)),
        "1.2.840.113549.1.1.13" => Ok(SignatureScheme::RsaPkcs1(Hash::Sha512)),
        "1.2.840.10045.4.3.2" => Ok(SignatureScheme::Ecdsa(Hash::Sha256)),
        "1.2.840.10045.4.3.3" => Ok(SignatureScheme::Ecdsa(Hash::Sha384)),
        "1.2.840.10045.4.3.4" => Ok(SignatureScheme::Ecdsa(Hash::Sha512)),
        "1.2.840.113549.1.1.2" => refused("MD2 with RSA"),
        "1.2.840.113549.1.1.4" => refused("MD5 with RSA"),
        "1.2.840.113549.1.1.5" => refused("SHA-1 with RSA"),
        "1.2.840.113549.1.1.10" => refused("RSASSA-PSS"),
        "1.2.840.113549.1.1.14" => refused("SHA-224 with RSA"),
        "1.2.840.10045.4.1" => refused("ECDSA with SHA-1"),
        "1.2.840.10045.4.3.1" => refused("ECDSA with SHA-224"),
        "1.3.101.112" => refused("Ed25519"),
        _ => ml_dsa_level(&oid).map(SignatureScheme::MlDsa).ok_or(oid),
    }
}

/// Returns the public key, or the name of an unsupported one.
pub(crate) fn public_key(info: &SubjectPublicKeyInfo<'_>) -> Result<PublicKey, String> {
    let oid = info.algorithm.algorithm.to_id_string();
    let bytes = info.subject_public_key.data.to_vec();
    match oid.as_str() {
        "1.2.840.113549.1.1.1" => match info.parsed() {
            Ok(ParsedKey::RSA(key)) if (RSA_MINIMUM_BITS..=RSA_MAXIMUM_BITS).contains(&key.key_size()) => {
                Ok(PublicKey::Rsa { bits: key.key_size(), der: bytes })
            }
            Ok(ParsedKey::RSA(key)) => Err(format!("RSA {}", key.key_size())),
            Ok(_) | Err(_) => Err("a malformed RSA key".to_owned()),
        },
        "1.2.840.10045.2.1" => {
            let curve = info.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
            match curve.map(|curve| curve.to_id_string()).as_deref() {
                Some("1.2.840.10045.3.1.7") => Ok(PublicKey::Ec { curve: Curve::P256, point: bytes }),
                Some("1.3.132.0.34") => Ok(PublicKey::Ec { curve: Curve::P384, point: bytes }),
                Some("1.3.132.0.35") => Ok(PublicKey::Ec { curve: Curve::P521, point: bytes }),
                Some(other) => Err(format!("EC on the curve {other}")),
                None => Err("EC without a named curve".to_owned()),
            }
        }
        "1.3.101.112" => Err("Ed25519".to_owned()),
        _ => match ml_dsa_level(&oid) {
            Some(level) => Ok(PublicKey::MlDsa { level, bytes }),
            None => Err(oid),
        },
    }
}

/// Returns the parameter set of an ML-DSA object identifier; the same identifier is used for keys and signatures.
fn ml_dsa_level(oid: &str) -> Option<MlDsaLevel> {
    match oid {
        "2.16.840.1.101.3.4.3.17" => Some(MlDsaLevel::MlDsa44),
        "2.16.840.1.101.3.4.3.18" => Some(MlDsaLevel::MlDsa65),
        "2.16.840.1.101.3.4.3.19" => Some(MlDsaLevel::MlDsa87),
        _ => None,
    }
}
