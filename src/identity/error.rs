//! Why there is no usable identity.

use super::selection_error::SelectionError;
use crate::clock::Timestamp;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::private_file::Exposure;
use crate::signer::pkcs11::Pkcs11Error;
use crate::signer::tpm::TpmError;
use crate::text::printable;
use crate::x509::chain::DEPTH_LIMIT;
use crate::x509::pem::{Label, PemError};
use crate::x509::{Certificate, CertificateError, PrivateKeyError, SubjectPublicKeyInfo};

/// The ids of this module's errors.
pub const IDS: &[&str] = &[
    "certificate-expired",
    "certificate-is-ca",
    "certificate-malformed",
    "certificate-missing",
    "certificate-not-pem",
    "certificate-not-yet-valid",
    "certificate-unreadable",
    "certificate-version",
    "chain-too-deep",
    "empty-subject",
    "intermediate-not-ca",
    "key-file-permissions",
    "key-mismatch",
    "no-digital-signature",
    "password-unreadable",
    "password-wrong",
    "path-length-exceeded",
    "pkcs12-ambiguous",
    "pkcs12-damaged",
    "pkcs12-password-missing",
    "pkcs12-password-wrong",
    "pkcs12-unsupported",
    "private-key-encrypted",
    "private-key-malformed",
    "private-key-missing",
    "private-key-not-pem",
    "private-key-unreadable",
    "private-key-unsupported",
    "selection-ambiguous",
    "selector-matches-none",
    "self-signed",
    "source-malformed",
    "source-unsupported",
    "weak-signature-hash",
];

/// Why there is no usable identity: the files, the certificate or the key must be fixed.
///
/// `source_name` is the source as errors show it: in quotes, as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// A certificate that will be presented has expired.
    #[error("the {} expired at {not_after}, {}", certificate.part, not_after.distance_from(*now))]
    CertificateExpired {
        /// Which certificate.
        certificate: Box<CertificateFacts>,
        /// Its last second.
        not_after: Timestamp,
        /// The current time, by this machine's clock.
        now: Timestamp,
    },
    /// The end-entity certificate is a CA's.
    #[error("the end-entity certificate is a CA certificate, and AWS refuses those")]
    CertificateIsCa {
        /// Which certificate.
        certificate: Box<CertificateFacts>,
    },
    /// A CERTIFICATE block does not contain a certificate.
    #[error("cannot use the {part} {source_name}: {}", place(*line, &cause.to_string()))]
    CertificateMalformed {
        /// What was being read.
        part: Part,
        /// Where.
        source_name: String,
        /// The line on which the block begins; 0 for DER.
        line: usize,
        /// What the parser found.
        cause: CertificateError,
    },
    /// The source contains no certificate, but perhaps something else.
    #[error("there is no certificate in {source_name}{}", instead(found.as_ref()))]
    CertificateMissing {
        /// What was being read.
        part: Part,
        /// Where.
        source_name: String,
        /// What is there.
        found: Option<Label>,
    },
    /// The source is neither PEM nor DER, or damaged PEM.
    #[error("cannot use the {part} {source_name}: {cause}")]
    CertificateNotPem {
        /// What was being read.
        part: Part,
        /// Where.
        source_name: String,
        /// What is wrong with it.
        cause: PemError,
    },
    /// A certificate that will be presented is not valid yet.
    #[error("the {} is not valid before {not_before}, {}", certificate.part, not_before.distance_from(*now))]
    CertificateNotYetValid {
        /// Which certificate.
        certificate: Box<CertificateFacts>,
        /// Its first second.
        not_before: Timestamp,
        /// The current time, by this machine's clock.
        now: Timestamp,
    },
    /// The certificate's source cannot be read.
    #[error("cannot read the {part} {source_name}: {why}")]
    CertificateUnreadable {
        /// What was being read.
        part: Part,
        /// Where.
        source_name: String,
        /// The cause.
        why: String,
        /// What to do: for an administrator if this user lacks permission, else where the name is configured.
        cure: Option<String>,
    },
    /// The end-entity certificate is older than X.509 version 3.
    #[error("the end-entity certificate is X.509 version {version}, and AWS takes version 3 only")]
    CertificateVersion {
        /// Which certificate.
        certificate: Box<CertificateFacts>,
        /// Its version.
        version: u32,
    },
    /// There are more intermediates than AWS takes.
    #[error("the chain has {count} intermediates, and AWS takes at most {DEPTH_LIMIT}")]
    ChainTooDeep {
        /// The end-entity certificate.
        certificate: Box<CertificateFacts>,
        /// How many there are.
        count: usize,
    },
    /// The end-entity certificate has no subject name.
    #[error("the end-entity certificate has an empty subject name, and AWS refuses those")]
    EmptySubject {
        /// Which certificate.
        certificate: Box<CertificateFacts>,
    },
    /// A certificate above the end entity may not issue certificates.
    #[error("the intermediate certificate is not a CA's: {why}")]
    IntermediateNotCa {
        /// Which certificate.
        certificate: Box<CertificateFacts>,
        /// What it lacks.
        why: &'static str,
    },
    /// Other users can access the private key's file.
    #[error("cannot use the private key {source_name}: {exposure}")]
    KeyFilePermissions {
        /// The file.
        source_name: String,
        /// The command that fixes it.
        cure: String,
        /// What other users can do.
        exposure: Exposure,
    },
    /// The private key does not match the certificate.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch {
        /// The certificate's public key.
        certificate: Box<KeySide>,
        /// The private key's public half.
        private_key: Box<KeySide>,
    },
    /// The end-entity certificate does not allow signing.
    #[error("the end-entity certificate does not allow digital signatures (key usage digitalSignature)")]
    NoDigitalSignature {
        /// Which certificate.
        certificate: Box<CertificateFacts>,
        /// Whether there is a keyUsage extension at all.
        has_key_usage: bool,
    },
    /// The password's source cannot be read.
    #[error("cannot read the password of {what}: {why}")]
    PasswordUnreadable {
        /// What it would decrypt, and where that is: `the private key 'host.key'`.
        what: String,
        /// The cause.
        why: String,
        /// What to do, if that is known.
        cure: Option<String>,
    },
    /// The password does not decrypt the private key.
    #[error("the password does not decrypt the private key {source_name}")]
    PasswordWrong {
        /// Where the key is.
        source_name: String,
    },
    /// There are more intermediates below a CA than its certificate allows.
    #[error(
        "{below} intermediate certificates stand below one that allows {allowed} (path length constraint)"
    )]
    PathLengthExceeded {
        /// Which certificate.
        certificate: Box<CertificateFacts>,
        /// How many it allows.
        allowed: u32,
        /// How many there are.
        below: usize,
    },
    /// A PKCS#12 store holds several private keys, and nothing says which one to use.
    #[error("the PKCS#12 store {source_name} holds {keys} private keys, and one is needed")]
    Pkcs12Ambiguous {
        /// Where.
        source_name: String,
        /// How many.
        keys: usize,
    },
    /// A PKCS#12 store is damaged.
    #[error("the PKCS#12 store {source_name} is damaged: {why}")]
    Pkcs12Damaged {
        /// Where.
        source_name: String,
        /// The cause.
        why: String,
    },
    /// A PKCS#12 store has a password, but none was given and there is no terminal.
    #[error("the PKCS#12 store {source_name} has a password, and {why}")]
    Pkcs12PasswordMissing {
        /// Where.
        source_name: String,
        /// Why there is no password.
        why: String,
    },
    /// The password does not open the PKCS#12 store.
    #[error("the password does not open the PKCS#12 store {source_name}")]
    Pkcs12PasswordWrong {
        /// Where.
        source_name: String,
    },
    /// A PKCS#12 store is encrypted or encoded in a way that is not supported.
    #[error("cannot open the PKCS#12 store {source_name}: {why}")]
    Pkcs12Unsupported {
        /// Where.
        source_name: String,
        /// What is not supported.
        why: String,
    },
    /// A certificate or key on a PKCS#11 token cannot be used.
    #[error(transparent)]
    Pkcs11(Box<Pkcs11Error>),
    /// The private key is encrypted, and there is no password and no terminal to ask on.
    #[error("the private key {source_name} is encrypted, and {why}")]
    PrivateKeyEncrypted {
        /// Where the key is.
        source_name: String,
        /// Why there is no password.
        why: String,
    },
    /// The private key is damaged.
    #[error("cannot use the private key {source_name}: {}", place(*line, why))]
    PrivateKeyMalformed {
        /// Where the key is.
        source_name: String,
        /// The line on which the block begins; 0 for DER.
        line: usize,
        /// The cause.
        why: String,
    },
    /// The source contains no private key, but perhaps something else.
    #[error("there is no private key in {source_name}{}", instead(found.as_ref()))]
    PrivateKeyMissing {
        /// Where.
        source_name: String,
        /// What is there.
        found: Option<Label>,
    },
    /// The source is neither PEM nor DER, or damaged PEM.
    #[error("cannot use the private key {source_name}: {cause}")]
    PrivateKeyNotPem {
        /// Where.
        source_name: String,
        /// What is wrong with it.
        cause: PemError,
    },
    /// The private key's source cannot be read.
    #[error("cannot read the private key {source_name}: {why}")]
    PrivateKeyUnreadable {
        /// Where.
        source_name: String,
        /// The cause.
        why: String,
        /// What to do: for an administrator if this user lacks permission, else where the name is configured.
        cure: Option<String>,
    },
    /// The private key's type, or its encryption, is not supported.
    #[error("cannot use the private key {source_name}: {cause}")]
    PrivateKeyUnsupported {
        /// Where.
        source_name: String,
        /// What is not supported.
        cause: PrivateKeyError,
    },
    /// None of several certificates is taken.
    #[error(transparent)]
    Selection(Box<SelectionError>),
    /// The end-entity certificate was issued by nobody but itself.
    #[error("the end-entity certificate is signed by its own key, so no trust anchor can stand above it")]
    SelfSigned {
        /// Which certificate.
        certificate: Box<CertificateFacts>,
    },
    /// The source is of a kind that this version does not support.
    #[error("cannot use {source_name}: {kind} is not supported by this version")]
    SourceUnsupported {
        /// Where.
        source_name: String,
        /// What it is.
        kind: &'static str,
    },
    /// The private key is in a TPM, and cannot be used.
    #[error("cannot use the TPM key {source_name}: {cause}")]
    Tpm {
        /// Where it, or its file, is.
        source_name: String,
        /// Why.
        cause: Box<TpmError>,
    },
    /// A TPM did not make a key.
    #[error("cannot make a key in the TPM: {cause}")]
    TpmKeyNotMade {
        /// Why.
        cause: Box<TpmError>,
    },
    /// A certificate that will be presented is signed with a hash that AWS refuses.
    #[error("the {} is signed with {hash}, and AWS takes SHA-256 or stronger", certificate.part)]
    WeakSignatureHash {
        /// Which certificate.
        certificate: Box<CertificateFacts>,
        /// The hash.
        hash: String,
    },
}

/// The role of a certificate here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The source of the end-entity certificate.
    Certificate,
    /// The certificate whose key signs.
    EndEntity,
    /// A CA certificate above it.
    Intermediate,
    /// The source of further intermediates.
    Intermediates,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::EndEntity => "end-entity certificate",
            Self::Intermediate => "intermediate certificate",
            Self::Intermediates => "intermediates",
        })
    }
}

/// Which certificate an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Its role.
    pub part: Part,
    /// Where it came from, if known.
    pub source_name: Option<String>,
    /// Its serial number in decimal.
    pub serial: String,
    /// Its subject name.
    pub subject: String,
}

impl CertificateFacts {
    pub(crate) fn new(part: Part, source_name: Option<&String>, certificate: &Certificate) -> Box<Self> {
        Box::new(Self {
            part,
            source_name: source_name.cloned(),
            serial: certificate.serial_number().decimal().to_owned(),
            subject: certificate.subject_name().to_owned(),
        })
    }

    fn fact(&self) -> Fact {
        let source = self.source_name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
        Fact::new(
            "certificate",
            format!("{source}serial {}, subject '{}'", self.serial, printable(&self.subject)),
        )
    }
}

/// One side of a key comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySide {
    /// Where it came from, if known.
    pub source_name: Option<String>,
    /// The kind of the key.
    pub kind: String,
    /// The SHA-256 of the public key's DER, in lower-case hex.
    pub sha256: String,
}

impl KeySide {
    pub(crate) fn new(source_name: Option<String>, public_key: &SubjectPublicKeyInfo) -> Box<Self> {
        Box::new(Self { source_name, kind: public_key.kind().to_string(), sha256: public_key.sha256() })
    }

    fn fact(&self, name: &'static str) -> Fact {
        let source = self.source_name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
        Fact::new(name, format!("{source}{}, public key SHA-256 {}", self.kind, self.sha256))
    }
}

fn place(line: usize, why: &str) -> String {
    if line == 0 { String::from(why) } else { format!("the block at line {line}: {why}") }
}

fn instead(found: Option<&Label>) -> String {
    found.map(|label| format!(", only {label}")).unwrap_or_default()
}

impl Diagnostic for IdentityError {
    fn id(&self) -> &'static str {
        match self {
            Self::CertificateExpired { .. } => "certificate-expired",
            Self::CertificateIsCa { .. } => "certificate-is-ca",
            Self::CertificateMalformed { .. } => "certificate-malformed",
            Self::CertificateMissing { .. } => "certificate-missing",
            Self::CertificateNotPem { .. } => "certificate-not-pem",
            Self::CertificateNotYetValid { .. } => "certificate-not-yet-valid",
            Self::CertificateUnreadable { .. } => "certificate-unreadable",
            Self::CertificateVersion { .. } => "certificate-version",
            Self::ChainTooDeep { .. } => "chain-too-deep",
            Self::EmptySubject { .. } => "empty-subject",
            Self::IntermediateNotCa { .. } => "intermediate-not-ca",
            Self::KeyFilePermissions { .. } => "key-file-permissions",
            Self::KeyMismatch { .. } => "key-mismatch",
            Self::NoDigitalSignature { .. } => "no-digital-signature",
            Self::PasswordUnreadable { .. } => "password-unreadable",
            Self::PasswordWrong { .. } => "password-wrong",
            Self::PathLengthExceeded { .. } => "path-length-exceeded",
            Self::Pkcs12Ambiguous { .. } => "pkcs12-ambiguous",
            Self::Pkcs12Damaged { .. } => "pkcs12-damaged",
            Self::Pkcs12PasswordMissing { .. } => "pkcs12-password-missing",
            Self::Pkcs12PasswordWrong { .. } => "pkcs12-password-wrong",
            Self::Pkcs12Unsupported { .. } => "pkcs12-unsupported",
            Self::Pkcs11(error) => error.id(),
            Self::PrivateKeyEncrypted { .. } => "private-key-encrypted",
            Self::PrivateKeyMalformed { .. } => "private-key-malformed",
            Self::PrivateKeyMissing { .. } => "private-key-missing",
            Self::PrivateKeyNotPem { .. } => "private-key-not-pem",
            Self::PrivateKeyUnreadable { .. } => "private-key-unreadable",
            Self::PrivateKeyUnsupported { .. } => "private-key-unsupported",
            Self::Selection(error) => error.id(),
            Self::SelfSigned { .. } => "self-signed",
            Self::SourceUnsupported { .. } => "source-unsupported",
            Self::Tpm { cause, .. } | Self::TpmKeyNotMade { cause } => cause.id(),
            Self::WeakSignatureHash { .. } => "weak-signature-hash",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Identity
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::CertificateExpired { certificate, .. }
            | Self::CertificateIsCa { certificate }
            | Self::CertificateNotYetValid { certificate, .. }
            | Self::CertificateVersion { certificate, .. }
            | Self::ChainTooDeep { certificate, .. }
            | Self::EmptySubject { certificate }
            | Self::IntermediateNotCa { certificate, .. }
            | Self::NoDigitalSignature { certificate, .. }
            | Self::PathLengthExceeded { certificate, .. }
            | Self::SelfSigned { certificate }
            | Self::WeakSignatureHash { certificate, .. } => vec![certificate.fact()],
            Self::Selection(error) => error.facts(),
            Self::KeyMismatch { certificate, private_key } => {
                vec![certificate.fact("certificate"), private_key.fact("private key")]
            }
            Self::Pkcs11(error) => error.facts(),
            Self::Tpm { cause, .. } | Self::TpmKeyNotMade { cause } => cause.facts(),
            Self::CertificateMalformed { .. }
            | Self::CertificateMissing { .. }
            | Self::CertificateNotPem { .. }
            | Self::CertificateUnreadable { .. }
            | Self::KeyFilePermissions { .. }
            | Self::PasswordUnreadable { .. }
            | Self::PasswordWrong { .. }
            | Self::Pkcs12Ambiguous { .. }
            | Self::Pkcs12Damaged { .. }
            | Self::Pkcs12PasswordMissing { .. }
            | Self::Pkcs12PasswordWrong { .. }
            | Self::Pkcs12Unsupported { .. }
            | Self::PrivateKeyEncrypted { .. }
            | Self::PrivateKeyMalformed { .. }
            | Self::PrivateKeyMissing { .. }
            | Self::PrivateKeyNotPem { .. }
            | Self::PrivateKeyUnreadable { .. }
            | Self::PrivateKeyUnsupported { .. }
            | Self::SourceUnsupported { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::CertificateExpired { certificate, now, .. } => {
                let renew = match certificate.part {
                    Part::Certificate | Part::EndEntity => "renew the certificate",
                    Part::Intermediate | Part::Intermediates => {
                        "give the renewed certificate of this CA with --intermediates"
                    }
                };
                return Some(format!("{renew}, or correct this machine's clock (now {now})"));
            }
            Self::CertificateNotYetValid { now, .. } => {
                return Some(format!("wait, or correct this machine's clock (now {now})"));
            }
            Self::KeyFilePermissions { cure, .. } => return Some(cure.clone()),
            Self::Pkcs11(error) => return error.hint(),
            Self::Selection(error) => return error.hint(),
            Self::CertificateIsCa { .. } => "give the end entity's own certificate with --certificate",
            Self::CertificateMalformed { .. } => "export the certificate again, in PEM",
            Self::CertificateMissing {
                found: Some(Label::CertificateRequest),
                part: Part::Certificate | Part::EndEntity,
                ..
            } => "send the request to your CA, and give the certificate that comes back with --certificate",
            Self::CertificateNotPem { cause: PemError::Foreign(kind), .. }
            | Self::PrivateKeyNotPem { cause: PemError::Foreign(kind), .. } => {
                return Some(format!("convert it: {}", kind.conversion()));
            }
            Self::CertificateNotPem { part: Part::Intermediates, cause: PemError::TooManyBlocks, .. } => {
                "give the CA certificates between the end entity and the trust anchor alone with --intermediates"
            }
            Self::CertificateMissing { part: Part::Intermediates, .. }
            | Self::CertificateNotPem { part: Part::Intermediates, .. } => {
                "give the CA certificates above the end entity, in PEM or DER, with --intermediates"
            }
            Self::CertificateNotPem { cause: PemError::TooManyBlocks, .. } => {
                "give the end entity's own certificate, and those above it at most, with --certificate"
            }
            Self::CertificateMissing { .. } | Self::CertificateNotPem { .. } => {
                "give the end entity's certificate, in PEM or DER, with --certificate"
            }
            Self::CertificateUnreadable { cure: Some(cure), .. }
            | Self::PrivateKeyUnreadable { cure: Some(cure), .. } => return Some(cure.clone()),
            Self::CertificateUnreadable { part: Part::Intermediates, .. } => {
                "check the path that --intermediates, its variable or the config file gives"
            }
            Self::CertificateUnreadable { .. } => {
                "check the path that --certificate, its variable or the config file gives"
            }
            Self::CertificateVersion { .. } => {
                "have it issued again as version 3, with key usage digitalSignature"
            }
            Self::ChainTooDeep { .. } => "use a CA further down the chain as the trust anchor",
            Self::EmptySubject { .. } => "have it issued again with a subject name, at least a common name",
            Self::IntermediateNotCa { .. } | Self::PathLengthExceeded { .. } => {
                "ask the CA for the right certificates, or use a CA further down the chain as the trust anchor"
            }
            Self::KeyMismatch { .. } => "after a renewal, replace both files together",
            Self::NoDigitalSignature { .. } => "have it issued again with key usage digitalSignature",
            Self::PasswordUnreadable { cure: Some(cure), .. } => return Some(cure.clone()),
            Self::PasswordUnreadable { .. } => "check the source of the password",
            Self::PasswordWrong { .. } => "check the password with openssl pkey -in FILE -noout",
            Self::Pkcs12Ambiguous { .. } => {
                "take one out: keytool -importkeystore -srckeystore OLD.p12 -srcalias ALIAS -destkeystore NEW.p12"
            }
            Self::Pkcs12Damaged { .. } => {
                "export it again; what openssl says of it: openssl pkcs12 -info -noout -in FILE"
            }
            Self::Pkcs12PasswordWrong { .. } => {
                "check the password with openssl pkcs12 -info -noout -in FILE, with -legacy if it was made by Windows or openssl 1.1"
            }
            Self::Pkcs12Unsupported { .. } => "convert it: openssl pkcs12 -legacy -in OLD.p12 -out NEW.pem",
            Self::PrivateKeyEncrypted { .. } | Self::Pkcs12PasswordMissing { .. } => {
                "give the password with --pkcs8-password-file"
            }
            Self::PrivateKeyMalformed { .. } | Self::PrivateKeyNotPem { .. } => {
                "check the key with openssl pkey -in FILE -noout"
            }
            Self::PrivateKeyMissing { .. } => "give the private key's file with --private-key",
            Self::PrivateKeyUnreadable { .. } => {
                "check the path that --private-key, its variable or the config file gives"
            }
            Self::PrivateKeyUnsupported { cause, .. } => return unsupported_key_hint(cause),
            Self::SelfSigned { .. } => "have it issued by the CA that is the trust anchor",
            Self::SourceUnsupported { .. } => {
                "give the certificate and the private key as files: PEM, DER or PKCS#12"
            }
            Self::Tpm { cause, .. } | Self::TpmKeyNotMade { cause } => return cause.hint(),
            Self::WeakSignatureHash { .. } => "have it issued again with a SHA-256 signature",
        };
        Some(String::from(hint))
    }
}

impl IdentityError {
    /// Returns whether a renewal that is under way could explain this, so that it may pass in a moment: a file is
    /// absent or incomplete, or the certificate and the key do not match yet.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::CertificateMalformed { .. }
            | Self::CertificateMissing { .. }
            | Self::CertificateNotPem { .. }
            | Self::CertificateUnreadable { .. }
            | Self::KeyMismatch { .. }
            | Self::Pkcs12Damaged { .. }
            | Self::PrivateKeyMalformed { .. }
            | Self::PrivateKeyMissing { .. }
            | Self::PrivateKeyNotPem { .. }
            | Self::PrivateKeyUnreadable { .. } => true,
            Self::Selection(error) => error.may_pass(),
            Self::CertificateExpired { .. }
            | Self::CertificateIsCa { .. }
            | Self::CertificateNotYetValid { .. }
            | Self::CertificateVersion { .. }
            | Self::ChainTooDeep { .. }
            | Self::EmptySubject { .. }
            | Self::IntermediateNotCa { .. }
            | Self::KeyFilePermissions { .. }
            | Self::NoDigitalSignature { .. }
            | Self::PasswordUnreadable { .. }
            | Self::PasswordWrong { .. }
            | Self::PathLengthExceeded { .. }
            | Self::Pkcs12Ambiguous { .. }
            | Self::Pkcs12PasswordMissing { .. }
            | Self::Pkcs12PasswordWrong { .. }
            | Self::Pkcs12Unsupported { .. }
            | Self::Pkcs11(_)
            | Self::PrivateKeyEncrypted { .. }
            | Self::PrivateKeyUnsupported { .. }
            | Self::SelfSigned { .. }
            | Self::SourceUnsupported { .. }
            | Self::Tpm { .. }
            | Self::TpmKeyNotMade { .. }
            | Self::WeakSignatureHash { .. } => false,
        }
    }
}

impl From<Pkcs11Error> for IdentityError {
    fn from(error: Pkcs11Error) -> Self {
        Self::Pkcs11(Box::new(error))
    }
}

/// How a key is named whose curve is written out.
const EXPLICIT_CURVE: &str = "EC with explicit curve parameters";

/// Returns whether openssl 3 needs its legacy provider for this cipher.
fn is_of_legacy_provider(cipher: &str) -> bool {
    cipher.contains("RC2") || cipher.contains("RC4") || cipher.split(' ').any(|word| word == "DES")
}

fn unsupported_key_hint(cause: &PrivateKeyError) -> Option<String> {
    let hint = match cause {
        // Ciphers that openssl 3 and later keep in a separate module.
        PrivateKeyError::UnsupportedEncryption(name) if is_of_legacy_provider(name) => {
            "convert it with openssl pkcs8 -topk8 -provider legacy -provider default -in OLD.key -out NEW.key"
        }
        PrivateKeyError::UnsupportedKind(kind) if kind == EXPLICIT_CURVE => {
            "name its curve, if it has a name: openssl ec -in OLD.key -param_enc named_curve -out NEW.key"
        }
        PrivateKeyError::CostTooHigh(_)
        | PrivateKeyError::LegacyEncryption
        | PrivateKeyError::UnsupportedEncryption(_) => {
            "convert it with openssl pkcs8 -topk8 -in OLD.key -out NEW.key"
        }
        PrivateKeyError::UnsupportedKind(kind) if kind == "OpenSSH" => {
            "convert a copy of it in place: ssh-keygen -p -m PKCS8 -f COPY.key (an Ed25519 key cannot be used)"
        }
        PrivateKeyError::UnsupportedKind(_) => {
            "use an RSA key of 2048 to 8192 bits, an EC key on P-256, P-384 or P-521, or an ML-DSA key"
        }
        PrivateKeyError::Malformed(_) | PrivateKeyError::WrongPassword => return None,
    };
    Some(String::from(hint))
}
