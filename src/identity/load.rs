//! From files, variables and descriptors to an [`Identity`].

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::Part;
use super::source::{IdentitySource, Input, PasswordSource};
use super::{CertificateBytes, Identity, IdentityError, Provenance};
use crate::env::Environment;
use crate::private_file::{self, KEY_FILE_LIMIT, KeyFilePolicy, ReadError, ReadRefusal};
use crate::prompt;
use crate::secret::Secret;
use crate::signer::SigningKey as _;
use crate::signer::file::FileKey;
use crate::x509::pem::{self, Block, Label};
use crate::x509::private_key::{self, EncryptedPrivateKey, ReadKey};
use crate::x509::{Certificate, Chain, PrivateKey, PrivateKeyError};

/// The most bytes of certificates read from one source.
const CERTIFICATES_LIMIT: u64 = 1024 * 1024;
/// The longest password, in bytes.
const PASSWORD_LIMIT: u64 = 4096;
/// The folder of systemd credentials.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Loads an identity, orders its chain, and proves that certificate and key match.
///
/// Each source is read once, but for a certificate's file that does not fit the key's: both may just have been
/// replaced, and it is read again. The end entity is the certificate in `source.certificate` that has the private
/// key's public half, wherever it stands; of several, the one that is valid longest. All other certificates,
/// and those of `source.intermediates`, are material for the chain. Time is not looked at: see
/// [`Identity::check`].
///
/// # Errors
///
/// Fails if anything is missing, unreadable, unsafe, unsupported or does not belong together.
pub fn load(source: &IdentitySource, env: &Environment) -> Result<Identity, IdentityError> {
    load_by(Loader::new(env, source.allow_insecure_key_file), source)
}

/// Loads an identity as [`load`] does, from bytes of its certificate that were read before.
///
/// They are not read again, unless the private key is in the same file: then its permissions have to be judged on the
/// descriptor that is read.
///
/// # Errors
///
/// As [`load`].
pub fn load_read(
    source: &IdentitySource,
    certificate: &CertificateBytes,
    env: &Environment,
) -> Result<Identity, IdentityError> {
    let loader = Loader::new(env, source.allow_insecure_key_file);
    load_by(Loader { certificate: Some((&source.certificate, certificate)), ..loader }, source)
}

fn load_by(mut loader: Loader<'_>, source: &IdentitySource) -> Result<Identity, IdentityError> {
    let separate = source.private_key.as_ref().filter(|key| **key != source.certificate);
    let (mut certificates, key_material) = match separate {
        Some(key) => {
            (loader.certificates(&source.certificate, Part::Certificate)?, loader.key_material(key)?)
        }
        None => loader.combined(&source.certificate)?,
    };
    let more = match &source.intermediates {
        Some(input) => loader.certificates(input, Part::Intermediates)?,
        None => Vec::new(),
    };
    let key_input = separate.unwrap_or(&source.certificate);
    let insecure_key_file = key_material.insecure.clone();
    let key = loader.open(&key_material, key_input, &source.password)?;
    let is_stale = separate.is_some() && !certificates.iter().any(|certificate| belongs(certificate, &key));
    if is_stale && matches!(source.certificate, Input::Path(_)) {
        // A renewal may have replaced both files between the two reads: then the certificate is there by now.
        certificates = loader.certificates(&source.certificate, Part::Certificate)?;
    }
    let end_entity = choose(&certificates, &key);
    let candidates = certificates.into_iter().chain(more).collect();
    let provenance = Provenance {
        certificate: Some(source.certificate.to_string()),
        private_key: Some(key_input.to_string()),
        insecure_key_file,
        ..Provenance::default()
    };
    let Some(end_entity) = end_entity else {
        let source_name = source.certificate.to_string();
        return Err(IdentityError::CertificateMissing { part: Part::Certificate, source_name, found: None });
    };
    Identity::from_chain(Chain::order(end_entity, candidates), Box::new(key), provenance)
}

/// Loads the certificates of an identity without its key; the first one that is no CA is the end entity.
///
/// # Errors
///
/// As [`load`], as far as certificates are concerned.
pub fn load_chain(
    certificate: &Input,
    intermediates: Option<&Input>,
    env: &Environment,
) -> Result<Chain, IdentityError> {
    let mut loader = Loader::new(env, false);
    let mut candidates = loader.certificates(certificate, Part::Certificate)?;
    let end_entity =
        candidates.iter().find(|certificate| !certificate.is_ca()).or(candidates.first()).cloned();
    if let Some(input) = intermediates {
        candidates.extend(loader.certificates(input, Part::Intermediates)?);
    }
    end_entity.map(|end_entity| Chain::order(end_entity, candidates)).ok_or_else(|| {
        let source_name = certificate.to_string();
        IdentityError::CertificateMissing { part: Part::Certificate, source_name, found: None }
    })
}

/// Loads a private key without a certificate, and the warning where its file is not private.
///
/// # Errors
///
/// As [`load`], as far as the private key is concerned.
pub fn load_private_key(
    input: &Input,
    password: &PasswordSource,
    allow_insecure_key_file: bool,
    env: &Environment,
) -> Result<(FileKey, Option<private_file::Warning>), IdentityError> {
    let mut loader = Loader::new(env, allow_insecure_key_file);
    let material = loader.key_material(input)?;
    let key = loader.open(&material, input, password)?;
    Ok((key, material.insecure))
}

/// Tells whether a certificate is a key's.
fn belongs(certificate: &Certificate, key: &FileKey) -> bool {
    key.public_key() == Some(certificate.public_key())
}

/// Reads the bytes of a certificate's source, and nothing else.
///
/// # Errors
///
/// Fails if the source cannot be read.
pub fn read_certificate(input: &Input, env: &Environment) -> Result<CertificateBytes, IdentityError> {
    let bytes = Loader::new(env, false).public_bytes(input);
    bytes.map(CertificateBytes::new).map_err(|unread| certificate_unread(unread, input, Part::Certificate))
}

/// Loads the private key if that needs no person, no device and nothing that can be read once only: from a file or a
/// variable, not encrypted. Anything else is `None`.
pub fn unattended_key(source: &IdentitySource, env: &Environment) -> Option<FileKey> {
    let input = source.private_key.as_ref().unwrap_or(&source.certificate);
    match input {
        Input::Path(_) | Input::Variable(_) => {}
        Input::Descriptor(_) | Input::Pkcs11Uri(_) | Input::StandardInput | Input::TpmHandle(_) => {
            return None;
        }
    }
    let material = Loader::new(env, source.allow_insecure_key_file).key_material(input).ok()?;
    let block = material.blocks.iter().find(|block| block.label.is_private_key())?;
    let parameters = material.blocks.iter().find(|block| block.label == Label::EcParameters);
    match private_key::read(block, parameters).ok()? {
        ReadKey::Clear(key) => FileKey::new(key).ok(),
        ReadKey::Encrypted(_) => None,
    }
}

/// Returns the certificate of a key; where none is, the one that an error about it should name.
fn choose(certificates: &[Certificate], key: &FileKey) -> Option<Certificate> {
    certificates
        .iter()
        .filter(|certificate| belongs(certificate, key))
        .max_by_key(|certificate| certificate.not_after())
        .or_else(|| certificates.iter().find(|certificate| !certificate.is_ca()))
        .or(certificates.first())
        .cloned()
}

/// The blocks of a source that holds a private key.
struct KeyMaterial {
    blocks: Vec<Block>,
    insecure: Option<private_file::Warning>,
}

/// Why the bytes of a source were not had.
enum Unread {
    Denied(Box<private_file::Denial>),
    Exposed(ReadError, private_file::Exposure),
    Unsupported(&'static str),
    Why(String),
}

impl From<ReadError> for Unread {
    fn from(error: ReadError) -> Self {
        match &error.reason {
            ReadRefusal::Denied(denial) => Self::Denied(denial.clone()),
            ReadRefusal::Exposed(exposure) => Self::Exposed(error.clone(), exposure.clone()),
            ReadRefusal::Io(_)
            | ReadRefusal::NotAFile(_)
            | ReadRefusal::Silent(_)
            | ReadRefusal::TooLarge(_)
            | ReadRefusal::Untrusted(_) => Self::Why(error.reason.to_string()),
        }
    }
}

/// Reads sources; the standard input at most once.
struct Loader<'a> {
    env: &'a Environment,
    policy: KeyFilePolicy,
    /// The certificate's source, where it was read before.
    certificate: Option<(&'a Input, &'a CertificateBytes)>,
    standard_input: Option<Zeroizing<Vec<u8>>>,
}

type Bytes = (Zeroizing<Vec<u8>>, Option<private_file::Warning>);

impl<'a> Loader<'a> {
    fn new(env: &'a Environment, allow_insecure: bool) -> Self {
        let credentials_directory = env.os_var(CREDENTIALS_DIRECTORY).map(PathBuf::from);
        let policy = KeyFilePolicy { allow_insecure, credentials_directory };
        Self { env, policy, certificate: None, standard_input: None }
    }

    /// Reads a source of certificates and parses them all.
    fn certificates(&mut self, input: &Input, part: Part) -> Result<Vec<Certificate>, IdentityError> {
        let bytes = self.public_bytes(input).map_err(|unread| certificate_unread(unread, input, part))?;
        parse_certificates(&read_certificate_blocks(&bytes, input, part)?, input, part)
    }

    /// Reads a source that must hold both certificate and private key.
    fn combined(&mut self, input: &Input) -> Result<(Vec<Certificate>, KeyMaterial), IdentityError> {
        let (bytes, insecure) = match self.private_bytes(input) {
            Ok(bytes) => bytes,
            // A certificate's file may well be open to all. Only if a key is in it is that the trouble.
            Err(exposed @ Unread::Exposed(..)) => {
                let bytes = self
                    .public_bytes(input)
                    .map_err(|unread| certificate_unread(unread, input, Part::Certificate))?;
                let blocks = read_certificate_blocks(&bytes, input, Part::Certificate)?;
                let certificates = parse_certificates(&blocks, input, Part::Certificate);
                if blocks.iter().any(|block| block.label.is_private_key()) {
                    return Err(key_unread(exposed, input));
                }
                return Err(certificates.err().unwrap_or_else(|| key_missing(&blocks, input)));
            }
            Err(unread) => return Err(certificate_unread(unread, input, Part::Certificate)),
        };
        let blocks = read_certificate_blocks(&bytes, input, Part::Certificate)?;
        let certificates = parse_certificates(&blocks, input, Part::Certificate)?;
        Ok((certificates, KeyMaterial { blocks, insecure }))
    }

    /// Reads a source of a private key.
    fn key_material(&mut self, input: &Input) -> Result<KeyMaterial, IdentityError> {
        let (bytes, insecure) = match self.private_bytes(input) {
            Ok(bytes) => bytes,
            Err(exposed @ Unread::Exposed(..)) => return Err(self.exposed_key(exposed, input)),
            Err(unread) => return Err(key_unread(unread, input)),
        };
        let blocks = pem::read(&bytes)
            .map_err(|cause| IdentityError::PrivateKeyNotPem { source_name: input.to_string(), cause })?;
        Ok(KeyMaterial { blocks, insecure })
    }

    /// Returns what is wrong with a file that others can read: that, if a private key is in it, or else that none is.
    fn exposed_key(&mut self, exposed: Unread, input: &Input) -> IdentityError {
        let blocks = self.public_bytes(input).ok().and_then(|bytes| pem::read(&bytes).ok());
        match blocks {
            Some(blocks) if !blocks.iter().any(|block| block.label.is_private_key()) => {
                key_missing(&blocks, input)
            }
            Some(_) | None => key_unread(exposed, input),
        }
    }

    /// Parses the private key among the blocks, decrypts it if that is needed, and takes it into use.
    fn open(
        &mut self,
        material: &KeyMaterial,
        input: &Input,
        password: &PasswordSource,
    ) -> Result<FileKey, IdentityError> {
        let source_name = input.to_string();
        let Some(block) = material.blocks.iter().find(|block| block.label.is_private_key()) else {
            if material.blocks.iter().any(|block| block.label == Label::Pkcs12) {
                return Err(IdentityError::SourceUnsupported { source_name, kind: PKCS12 });
            }
            return Err(key_missing(&material.blocks, input));
        };
        if block.label == Label::Tss2PrivateKey {
            return Err(IdentityError::SourceUnsupported { source_name, kind: "a TPM 2.0 key" });
        }
        let parameters = material.blocks.iter().find(|block| block.label == Label::EcParameters);
        let key = match private_key::read(block, parameters) {
            Ok(ReadKey::Clear(key)) => key,
            Ok(ReadKey::Encrypted(encrypted)) => self.decrypt(&encrypted, block.line, input, password)?,
            Err(error) => return Err(key_error(error, block.line, input)),
        };
        FileKey::new(key).map_err(|error| IdentityError::PrivateKeyMalformed {
            source_name,
            line: block.line,
            why: error.to_string(),
        })
    }

    fn decrypt(
        &mut self,
        encrypted: &EncryptedPrivateKey,
        line: usize,
        input: &Input,
        password: &PasswordSource,
    ) -> Result<PrivateKey, IdentityError> {
        let opened = |password: &Secret<String>| {
            encrypted.decrypt(password).map_err(|error| key_error(error, line, input))
        };
        let unreadable = |unread: Unread| {
            let why = match unread {
                Unread::Denied(denial) => denial.to_string(),
                Unread::Exposed(error, _) => error.to_string(),
                Unread::Unsupported(kind) => format!("{kind} is not supported by this version"),
                Unread::Why(why) => why,
            };
            IdentityError::PasswordUnreadable { private_key: input.to_string(), why }
        };
        match password {
            PasswordSource::Credential(name) => opened(&self.credential(name).map_err(unreadable)?),
            PasswordSource::Given(password) => opened(password),
            PasswordSource::Input(input) => {
                let (bytes, _) = self.private_bytes(input).map_err(unreadable)?;
                opened(&password_text(&bytes).map_err(unreadable)?)
            }
            PasswordSource::Nobody => Err(IdentityError::PrivateKeyEncrypted {
                source_name: input.to_string(),
                why: String::from("nobody is asked for its password here"),
            }),
            PasswordSource::Prompt => {
                let answer =
                    prompt::ask_secret(&format!("Password of the private key {input}")).map_err(|error| {
                        IdentityError::PrivateKeyEncrypted {
                            source_name: input.to_string(),
                            why: error.to_string(),
                        }
                    })?;
                opened(&answer)
            }
        }
    }

    fn credential(&self, name: &str) -> Result<Secret<String>, Unread> {
        let Some(directory) = &self.policy.credentials_directory else {
            return Err(Unread::Why(format!(
                "{CREDENTIALS_DIRECTORY} is not set, so there is no systemd credential"
            )));
        };
        if name.is_empty() || name.contains('/') || name == ".." {
            return Err(Unread::Why(String::from("the name of a systemd credential has no slash")));
        }
        let (bytes, _) = private_file::read_key_file(&directory.join(name), &self.policy)?;
        password_text(&bytes)
    }

    fn public_bytes(&mut self, input: &Input) -> Result<Zeroizing<Vec<u8>>, Unread> {
        if let Some(read) = self.read_before(input) {
            return Ok(read);
        }
        match input {
            Input::Path(path) => Ok(private_file::read_bounded(path, CERTIFICATES_LIMIT)?),
            Input::Descriptor(_)
            | Input::Pkcs11Uri(_)
            | Input::StandardInput
            | Input::TpmHandle(_)
            | Input::Variable(_) => self.other_bytes(input),
        }
    }

    fn private_bytes(&mut self, input: &Input) -> Result<Bytes, Unread> {
        match input {
            Input::Path(path) => Ok(private_file::read_key_file(path, &self.policy)?),
            Input::Descriptor(_)
            | Input::Pkcs11Uri(_)
            | Input::StandardInput
            | Input::TpmHandle(_)
            | Input::Variable(_) => self.other_bytes(input).map(|bytes| (bytes, None)),
        }
    }

    fn read_before(&self, input: &Input) -> Option<Zeroizing<Vec<u8>>> {
        self.certificate
            .filter(|(read, _)| *read == input)
            .map(|(_, certificate)| certificate.bytes().clone())
    }

    /// Reads what is no named file, and so has no permissions to judge.
    fn other_bytes(&mut self, input: &Input) -> Result<Zeroizing<Vec<u8>>, Unread> {
        if let Some(read) = self.read_before(input) {
            return Ok(read);
        }
        match input {
            Input::Descriptor(number) => {
                let path = Path::new("/dev/fd").join(number.to_string());
                Ok(private_file::read_bounded(&path, KEY_FILE_LIMIT)?)
            }
            Input::Path(path) => Ok(private_file::read_bounded(path, KEY_FILE_LIMIT)?),
            Input::Pkcs11Uri(_) => Err(Unread::Unsupported("PKCS#11")),
            Input::StandardInput => match &self.standard_input {
                Some(bytes) => Ok(bytes.clone()),
                None => {
                    let bytes = private_file::read_standard_input(KEY_FILE_LIMIT)?;
                    self.standard_input = Some(bytes.clone());
                    Ok(bytes)
                }
            },
            Input::TpmHandle(_) => Err(Unread::Unsupported("a TPM 2.0 key")),
            Input::Variable(name) => match self.env.var(name) {
                Ok(Some(value)) => Ok(Zeroizing::new(value.into_bytes())),
                Ok(None) => Err(Unread::Why(String::from("it is not set, or empty"))),
                Err(_) => Err(Unread::Why(String::from("it is not UTF-8"))),
            },
        }
    }
}

const PKCS12: &str = "a PKCS#12 store";

fn read_certificate_blocks(bytes: &[u8], input: &Input, part: Part) -> Result<Vec<Block>, IdentityError> {
    pem::read(bytes).map_err(|cause| IdentityError::CertificateNotPem {
        part,
        source_name: input.to_string(),
        cause,
    })
}

fn parse_certificates(
    blocks: &[Block],
    input: &Input,
    part: Part,
) -> Result<Vec<Certificate>, IdentityError> {
    let source_name = || input.to_string();
    if blocks.iter().any(|block| block.label == Label::Pkcs12) {
        return Err(IdentityError::SourceUnsupported { source_name: source_name(), kind: PKCS12 });
    }
    let mut certificates = Vec::new();
    for block in blocks {
        let parsed = match block.label {
            Label::Certificate => Certificate::parse(&block.der),
            Label::TrustedCertificate => Certificate::parse_prefix(&block.der),
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
            | Label::Tss2PrivateKey => continue,
        };
        certificates.push(parsed.map_err(|cause| IdentityError::CertificateMalformed {
            part,
            source_name: source_name(),
            line: block.line,
            cause,
        })?);
    }
    if certificates.is_empty() {
        let found = blocks.first().map(|block| block.label.clone());
        return Err(IdentityError::CertificateMissing { part, source_name: source_name(), found });
    }
    Ok(certificates)
}

fn password_text(bytes: &[u8]) -> Result<Secret<String>, Unread> {
    if bytes.len() as u64 > PASSWORD_LIMIT {
        return Err(Unread::Why(format!("it is larger than {PASSWORD_LIMIT} bytes")));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Unread::Why(String::from("it is not UTF-8")))?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
}

fn certificate_unread(unread: Unread, input: &Input, part: Part) -> IdentityError {
    let source_name = input.to_string();
    match unread {
        Unread::Exposed(error, _) => IdentityError::CertificateUnreadable {
            part,
            source_name,
            why: error.reason.to_string(),
            cure: None,
        },
        Unread::Unsupported(kind) => IdentityError::SourceUnsupported { source_name, kind },
        Unread::Denied(denial) => IdentityError::CertificateUnreadable {
            part,
            source_name,
            why: denial.to_string(),
            cure: Some(denial.cure(false)),
        },
        Unread::Why(why) => {
            IdentityError::CertificateUnreadable { part, source_name, why, cure: check_the_name(input) }
        }
    }
}

fn key_unread(unread: Unread, input: &Input) -> IdentityError {
    let source_name = input.to_string();
    match unread {
        Unread::Exposed(error, exposure) => {
            IdentityError::KeyFilePermissions { source_name, cure: exposure.cure(&error.path), exposure }
        }
        Unread::Unsupported(kind) => IdentityError::SourceUnsupported { source_name, kind },
        Unread::Denied(denial) => IdentityError::PrivateKeyUnreadable {
            source_name,
            why: denial.to_string(),
            cure: Some(denial.cure(true)),
        },
        Unread::Why(why) => {
            IdentityError::PrivateKeyUnreadable { source_name, why, cure: check_the_name(input) }
        }
    }
}

/// Says where the name of a file that cannot be read is written.
fn check_the_name(input: &Input) -> Option<String> {
    match input {
        Input::Path(file) => file.named_by().map(|by| format!("check the path that {by} gives")),
        Input::Descriptor(_)
        | Input::Pkcs11Uri(_)
        | Input::StandardInput
        | Input::TpmHandle(_)
        | Input::Variable(_) => None,
    }
}

fn key_missing(blocks: &[Block], input: &Input) -> IdentityError {
    let found = blocks.first().map(|block| block.label.clone());
    IdentityError::PrivateKeyMissing { source_name: input.to_string(), found }
}

fn key_error(error: PrivateKeyError, line: usize, input: &Input) -> IdentityError {
    let source_name = input.to_string();
    match error {
        PrivateKeyError::Malformed(why) => {
            IdentityError::PrivateKeyMalformed { source_name, line, why: String::from(why) }
        }
        PrivateKeyError::WrongPassword => IdentityError::PasswordWrong { source_name },
        cause @ (PrivateKeyError::CostTooHigh(_)
        | PrivateKeyError::LegacyEncryption
        | PrivateKeyError::UnsupportedEncryption(_)
        | PrivateKeyError::UnsupportedKind(_)) => IdentityError::PrivateKeyUnsupported { source_name, cause },
    }
}
