//! Shows what would be presented to AWS: certificate, chain, key and what is wrong with them. Pure.
//!
//! This module also has the two diagnostic commands of the official helper, `read-certificate-data` and `sign-string`,
//! whose output programs parse; it is identical byte for byte.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use crate::clock::Timestamp;
use crate::diagnostic::Diagnostic as _;
use crate::explain::session_tags;
use crate::identity::Identity;
use crate::identity::{candidates, check};
use crate::signer::{DigestAlgorithm, SignError, SigningKey};
use crate::text::printable;
use crate::x509::Certificate;
use crate::x509::Chain;

use crate::x509::{KeyKind, Selector, SubjectPublicKeyInfo};

/// What would be presented, with problems and warnings.
///
/// Serialised, it is the `data` of the command's JSON: names in snake case, times in RFC 3339, hex in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether there is no problem.
    pub usable: bool,
    /// The certificate's source, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "without_quotes")]
    pub certificate_source: Option<String>,
    /// The private key's source, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "without_quotes")]
    pub private_key_source: Option<String>,
    /// The algorithm in the Authorization header; none without a private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<&'static str>,
    /// The certificate whose key signs.
    pub end_entity: CertificateReport,
    /// The session tags that a trust policy can compare, by AWS's default mappings: key and value.
    pub session_tags: Vec<(String, String)>,
    /// The certificates in the chain header, in its order.
    pub intermediates: Vec<CertificateReport>,
    /// Roots in the sources, which are not presented.
    pub roots_left_out: Vec<String>,
    /// Where the chain ends, if certificates were left out and none is the issuer: `'CN=a', issued by 'CN=b'`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_end: Option<String>,
    /// Why AWS would refuse it.
    pub problems: Vec<Finding>,
    /// Problems that do not matter yet.
    pub warnings: Vec<String>,
}

/// One certificate's facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateReport {
    /// The subject name, in the form of RFC 4514.
    pub subject: String,
    /// The issuer's name.
    pub issuer: String,
    /// The serial number in decimal, as the Authorization header has it.
    pub serial_decimal: String,
    /// The serial number in hex.
    pub serial_hex: String,
    /// The first second of validity.
    pub not_before: String,
    /// The last second of validity.
    pub not_after: String,
    /// How far away the end of validity is: `in 3 days`.
    pub expires: String,
    /// The kind of the key: `EC P-256`.
    pub public_key: String,
    /// The SHA-256 of the public key's DER.
    pub public_key_sha256: String,
    /// The SHA-256 of the certificate's DER.
    pub sha256: String,
    /// The selector of this certificate alone, for `--cert-selector`.
    pub selector: String,
    /// The selector of this certificate and of its renewals, by the names of subject and issuer; none where one of them is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector_with_renewals: Option<String>,
    /// The hash under the certificate's signature.
    pub signature_hash: String,
    /// The subject alternative names: `DNS:host.example`.
    pub subject_alternative_names: Vec<String>,
    /// Where the issuer's revocation list is: the URLs of the CRL distribution points.
    pub crl_urls: Vec<String>,
}

/// One reason why AWS would refuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The stable id, for `anyrole explain`.
    pub id: &'static str,
    /// What is wrong.
    pub text: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Serialises a source without the quotes that surround a path in text.
fn without_quotes<S: serde::Serializer>(source: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let bare = |source: &String| match source.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        Some(path) => path.to_owned(),
        None => source.clone(),
    };
    source.as_ref().map(bare).serialize(serializer)
}

impl Report {
    /// Reports on an identity at the time `now`.
    pub fn of_identity(identity: &Identity, now: Timestamp) -> Self {
        let provenance = identity.provenance();
        let mut report =
            Self::of_parts(identity.end_entity(), identity.intermediates(), &provenance.roots, now);
        report.set_problems(identity.problems(now));
        report.warnings = identity.warnings(now).iter().map(ToString::to_string).collect();
        report.set_open_end(
            identity.intermediates().last().unwrap_or(identity.end_entity()),
            &provenance.roots,
            &provenance.unrelated,
        );
        report.certificate_source.clone_from(&provenance.certificate);
        report.private_key_source.clone_from(&provenance.private_key);
        report.algorithm = Some(identity.signature_algorithm().authorization_name());
        report
    }

    /// Reports on certificates alone, from `source`, at the time `now`.
    pub fn of_chain(chain: &Chain, source: String, now: Timestamp) -> Self {
        let mut report = Self::of_parts(&chain.end_entity, &chain.intermediates, &chain.roots, now);
        report.set_problems(check::problems(&chain.end_entity, &chain.intermediates, Some(&source), now));
        report.warnings = check::warnings(&chain.end_entity, &chain.intermediates, &chain.unrelated, now)
            .iter()
            .map(ToString::to_string)
            .collect();
        report.set_open_end(
            chain.intermediates.last().unwrap_or(&chain.end_entity),
            &chain.roots,
            &chain.unrelated,
        );
        report.certificate_source = Some(source);
        report
    }

    fn of_parts(
        end_entity: &Certificate,
        intermediates: &[Certificate],
        roots: &[Certificate],
        now: Timestamp,
    ) -> Self {
        Self {
            usable: true,
            certificate_source: None,
            private_key_source: None,
            algorithm: None,
            end_entity: CertificateReport::new(end_entity, now),
            session_tags: session_tags(end_entity),
            intermediates: intermediates.iter().map(|one| CertificateReport::new(one, now)).collect(),
            roots_left_out: roots.iter().map(|root| root.subject_name().to_owned()).collect(),
            open_end: None,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn set_open_end(&mut self, last: &Certificate, roots: &[Certificate], unrelated: &[Certificate]) {
        let is_open = !unrelated.is_empty() && !roots.iter().any(|root| root.issued(last));
        self.open_end = is_open.then(|| candidates::end(last));
    }

    fn set_problems(&mut self, problems: Vec<crate::identity::IdentityError>) {
        self.problems = problems
            .iter()
            .map(|problem| Finding { id: problem.id(), text: problem.to_string(), hint: problem.hint() })
            .collect();
        self.usable = self.problems.is_empty();
    }
}

impl CertificateReport {
    fn new(certificate: &Certificate, now: Timestamp) -> Self {
        Self {
            subject: certificate.subject_name().to_owned(),
            issuer: certificate.issuer_name().to_owned(),
            serial_decimal: certificate.serial_number().decimal().to_owned(),
            serial_hex: certificate.serial_number().hex().to_owned(),
            not_before: certificate.not_before().to_string(),
            not_after: certificate.not_after().to_string(),
            expires: certificate.not_after().distance_from(now),
            public_key: certificate.public_key().kind().to_string(),
            public_key_sha256: certificate.public_key().sha256(),
            sha256: certificate.sha256(),
            selector: Selector::of_one(certificate).to_string(),
            selector_with_renewals: Selector::of_renewals(certificate).map(|selector| selector.to_string()),
            signature_hash: certificate.signature_hash().to_string(),
            subject_alternative_names: certificate.subject_alternative_names().to_vec(),
            crl_urls: certificate.crl_urls().to_vec(),
        }
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display| {
            writeln!(f, "  {name:<12}{value}")
        };
        row(f, "subject", &or_none(&self.subject))?;
        row(f, "issuer", &or_none(&self.issuer))?;
        row(f, "serial", &format_args!("{} (hex {})", self.serial_decimal, self.serial_hex))?;
        row(f, "valid", &format_args!("{} to {} ({})", self.not_before, self.not_after, self.expires))?;
        row(f, "key", &format_args!("{}, SHA-256 {}", self.public_key, self.public_key_sha256))?;
        row(f, "signed with", &self.signature_hash)?;
        row(f, "SHA-256", &self.sha256)?;
        for name in &self.subject_alternative_names {
            row(f, "also named", name)?;
        }
        for url in &self.crl_urls {
            row(f, "CRL at", &printable(url))?;
        }
        Ok(())
    }
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// Renders the report for people, each certificate in its own paragraph, with a line feed at the end.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("end-entity certificate")?;
        if let Some(source) = &self.certificate_source {
            write!(f, " in {source}")?;
        }
        f.write_char('\n')?;
        self.end_entity.write(f)?;
        writeln!(f, "  {:<12}{}", "selector", self.end_entity.selector)?;
        if let Some(selector) = &self.end_entity.selector_with_renewals {
            writeln!(f, "  {:<12}{selector}", "renewals")?;
        }
        for (key, value) in &self.session_tags {
            writeln!(f, "  {:<12}{key}={value}", "session tag")?;
        }
        let count = self.intermediates.len();
        for (index, intermediate) in self.intermediates.iter().enumerate() {
            writeln!(f, "intermediate certificate {} of {count}", index + 1)?;
            intermediate.write(f)?;
        }
        if count == 0 {
            f.write_str("no intermediate certificates: the trust anchor must be the issuer itself\n")?;
        }
        if let Some(end) = &self.open_end {
            writeln!(f, "the chain ends at {end}: no other certificate given issued it")?;
        }
        for root in &self.roots_left_out {
            writeln!(f, "not presented, since it is a root: {}", or_none(root))?;
        }
        if let (Some(source), Some(algorithm)) = (&self.private_key_source, self.algorithm) {
            writeln!(f, "private key in {source}\n  {:<12}{algorithm}", "algorithm")?;
        }
        for problem in &self.problems {
            writeln!(f, "problem: {} [{}]", problem.text, problem.id)?;
            if let Some(hint) = &problem.hint {
                writeln!(f, "  {:<12}{hint}", "hint")?;
            }
        }
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        Ok(())
    }
}

/// The certificates of a token: what `inspect` shows where a URI means several.
///
/// Serialised, it is the `data` of the command's JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenReport {
    /// The certificates.
    pub certificates: Vec<TokenCertificateReport>,
}

/// One certificate of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenCertificateReport {
    /// The URI that means this certificate and no other.
    pub uri: String,
    /// Whether it is a CA's.
    pub is_ca: bool,
    /// Its facts.
    #[serde(flatten)]
    pub certificate: CertificateReport,
}

impl TokenReport {
    /// Reports on certificates and their URIs at the time `now`.
    pub fn new(found: &[(Certificate, String)], now: Timestamp) -> Self {
        let report = |(certificate, uri): &(Certificate, String)| TokenCertificateReport {
            uri: uri.clone(),
            is_ca: certificate.is_ca(),
            certificate: CertificateReport::new(certificate, now),
        };
        Self { certificates: found.iter().map(report).collect() }
    }
}

/// Renders each certificate in its own paragraph, its URI first, with a line feed at the end.
impl fmt::Display for TokenReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for TokenCertificateReport { uri, is_ca, certificate } in &self.certificates {
            writeln!(f, "{} '{uri}'", if *is_ca { "CA certificate" } else { "certificate" })?;
            certificate.write(f)?;
        }
        Ok(())
    }
}

/// The object that `read-certificate-data` prints; the order of the fields is part of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateData<'a> {
    key_type: String,
    certificate_data: String,
    serial_number: &'a str,
    supported_algorithms: Vec<String>,
}

/// Renders a certificate as `read-certificate-data` does: compact JSON without a line feed.
///
/// Fields in this order: `keyType` (`RSA`, `EC`, `ML-DSA-44`, …, or empty), `certificateData` (standard base64 of
/// the DER), `serialNumber` (decimal), `supportedAlgorithms`.
pub fn read_certificate_data(certificate: &Certificate) -> String {
    let (key_type, supported_algorithms) = match certificate.public_key().kind() {
        kind @ (KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87) => {
            (kind.to_string(), vec![kind.to_string()])
        }
        KeyKind::EcP256 | KeyKind::EcP384 | KeyKind::EcP521 => (String::from("EC"), with_digests("EC")),
        KeyKind::Other(name) if name.starts_with("EC ") => (String::from("EC"), with_digests("EC")),
        KeyKind::Other(_) => (String::new(), with_digests("")),
        KeyKind::Rsa(_) => (String::from("RSA"), with_digests("RSA")),
    };
    let data = CertificateData {
        key_type,
        certificate_data: STANDARD.encode(certificate.der()),
        serial_number: certificate.serial_number().decimal(),
        supported_algorithms,
    };
    // A struct of strings always serialises.
    serde_json::to_string(&data).unwrap_or_default()
}

/// Renders certificates as `read-certificate-data` lists those of a store: `Matching identities`, then for each a number, its SHA-1,
/// names and serial number in upper-case hex, and where it is: `File:` in a folder, or `URI:` on a token.
pub fn matching_identities(found: &[(Certificate, Option<String>)], place: &str) -> String {
    if found.is_empty() {
        return String::from("No matching identities\n");
    }
    let mut text = String::from("Matching identities\n");
    for (index, (certificate, found_at)) in found.iter().enumerate() {
        let serial = certificate.serial_number().hex().to_uppercase();
        let serial = serial.strip_prefix('0').filter(|rest| !rest.is_empty()).unwrap_or(&serial);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}) Hex Fingerprint: {}", index + 1, certificate.sha1());
        let _ = writeln!(text, "Subject: {}", certificate.subject_name());
        let _ = writeln!(text, "Issuer: {}", certificate.issuer_name());
        let _ = writeln!(text, "Serial Number: {serial}");
        if let Some(found_at) = found_at {
            let _ = writeln!(text, "{place}: {}", printable(found_at));
        }
        text.push('\n');
    }
    text
}

fn with_digests(key_type: &str) -> Vec<String> {
    ["SHA256", "SHA384", "SHA512"].map(|digest| format!("{key_type}{digest}")).to_vec()
}

/// The form in which `sign-string` prints a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignatureFormat {
    /// The octets themselves.
    Bin,
    /// A JSON string of lower-case hex.
    #[default]
    Json,
    /// Lower-case hex.
    Text,
}

/// Signs the fixed test string with a private key, and renders the signature without a line feed.
///
/// `"AWS Roles Anywhere Credential Helper Signing Test1" || SHA-256("IAM RA" || public key)`, where the public key is
/// an uncompressed EC point or a PKCS#1 RSAPublicKey; an ML-DSA key signs only the text, in its own way, regardless of
/// the digest.
///
/// # Errors
///
/// Fails if the key refuses, or does not tell its public half, which is part of the string.
pub fn sign_string(
    key: &mut dyn SigningKey,
    digest: DigestAlgorithm,
    format: SignatureFormat,
) -> Result<Vec<u8>, SignError> {
    let message = fixed_string(key.public_key().ok_or(SignError::NoPublicKey)?);
    let signature = key.sign_with(digest, &message)?;
    let text = hex::encode(signature.octets());
    Ok(match format {
        SignatureFormat::Bin => signature.octets().to_vec(),
        SignatureFormat::Json => format!("\"{text}\"").into_bytes(),
        SignatureFormat::Text => text.into_bytes(),
    })
}

fn fixed_string(public_key: &SubjectPublicKeyInfo) -> Vec<u8> {
    use aws_lc_rs::digest;
    let mut message = b"AWS Roles Anywhere Credential Helper Signing Test1".to_vec();
    let has_suffix = match public_key.kind() {
        KeyKind::EcP256 | KeyKind::EcP384 | KeyKind::EcP521 | KeyKind::Rsa(_) => true,
        KeyKind::MlDsa44 | KeyKind::MlDsa65 | KeyKind::MlDsa87 | KeyKind::Other(_) => false,
    };
    if let (true, Some(octets)) = (has_suffix, public_key.key_octets()) {
        let named = [b"IAM RA", octets].concat();
        message.extend_from_slice(digest::digest(&digest::SHA256, &named).as_ref());
    }
    message
}
