//! From files, variables and descriptors to an [`Identity`].

use zeroize::Zeroizing;

use super::error::Part;
use super::password::Password;
use super::reader::{Bytes, Reader, Unread};
use super::source::{IdentitySource, Input, PasswordSource, TokenObject};
use super::token::TokenParts;
use super::{CertificateBytes, Identity, IdentityError, Provenance, certificate_bytes, renewal};
use crate::env::Environment;
use crate::private_file;
use crate::secret::Secret;
use crate::signer::SigningKey;
use crate::signer::file::FileKey;
use crate::x509::pem::{self, Block, Label};
use crate::x509::pkcs12::{self, Pkcs12Error};
use crate::x509::private_key::{self, ReadKey};
use crate::x509::{Certificate, Chain, PrivateKeyError};

/// Loads an identity, orders its chain, and proves that certificate and key match.
///
/// Each source is read once, but for files that do not fit together or hold nothing whole: they may be being replaced just now,
/// and are read again for a short time, all of them. The end entity is the certificate in `source.certificate` that has the private
/// key's public half, wherever it stands; of several, the one that is valid longest. All other certificates,
/// and those of `source.intermediates`, are material for the chain. Time is not looked at: see
/// [`Identity::check`].
///
/// # Errors
///
/// Fails if anything is missing, unreadable, unsafe, unsupported or does not belong together.
pub fn load(source: &IdentitySource, env: &Environment) -> Result<Identity, IdentityError> {
    load_by(Loader::of(source, Reader::new(env, source.allow_insecure_key_file)), source)
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
    let reader = Reader::new(env, source.allow_insecure_key_file);
    load_by(Loader::of(source, reader.with_certificate(&source.certificate, certificate)), source)
}

fn load_by(mut loader: Loader<'_>, source: &IdentitySource) -> Result<Identity, IdentityError> {
    let IdentitySource { certificate, private_key, intermediates, .. } = source;
    let inputs = std::iter::once(certificate).chain(private_key).chain(intermediates);
    renewal::settled(inputs, || {
        let outcome = load_once(&mut loader, source);
        loader.reader.forget_file();
        outcome
    })
}

fn load_once(loader: &mut Loader<'_>, source: &IdentitySource) -> Result<Identity, IdentityError> {
    let IdentitySource { certificate, private_key, intermediates, .. } = source;
    let key_input = private_key.as_ref().unwrap_or(certificate);
    // All is read before anything is parsed: the less time lies between two files, the surer they are of one day.
    let public =
        (key_input.is_device() || key_input != certificate).then(|| loader.reader.public_bytes(certificate));
    let private = (!key_input.is_device()).then(|| loader.reader.private_bytes(key_input));
    let more = intermediates.as_ref().map(|input| (input, loader.reader.public_bytes(input)));
    let (certificates, key_material) = match (public, private) {
        (None, Some(private)) => loader.combined(private, certificate)?,
        (Some(public), Some(private)) => {
            let certificates = loader.certificates(public, certificate, Part::Certificate)?;
            (certificates, loader.key_material(private, key_input)?)
        }
        (public, None) => {
            let public = public.unwrap_or_else(|| loader.reader.public_bytes(certificate));
            (loader.certificates(public, certificate, Part::Certificate)?, KeyMaterial::InDevice)
        }
    };
    let more = match more {
        Some((input, bytes)) => loader.certificates(bytes, input, Part::Intermediates)?,
        None => Vec::new(),
    };
    let insecure_key_file = key_material.insecure().cloned();
    let key = loader.open(&key_material, key_input, &certificates)?;
    let end_entity = choose(&certificates, key.as_ref());
    let candidates = certificates.into_iter().chain(more).collect();
    let provenance = Provenance {
        certificate: Some(source.certificate.to_string()),
        private_key: Some(key_input.to_string()),
        insecure_key_file,
        certificate_sha256: loader.certificate_sha256,
        ..Provenance::default()
    };
    let Some(end_entity) = end_entity else {
        let source_name = source.certificate.to_string();
        return Err(IdentityError::CertificateMissing { part: Part::Certificate, source_name, found: None });
    };
    Identity::from_chain(loader.chain(end_entity, candidates), key, provenance)
}

/// Loads the certificates of an identity without its key; the first one that is no CA is the end entity. The password is that of a
/// PKCS#12 store.
///
/// # Errors
///
/// As [`load`], as far as certificates are concerned.
pub fn load_chain(
    certificate: &Input,
    intermediates: Option<&Input>,
    password: &PasswordSource,
    env: &Environment,
) -> Result<Chain, IdentityError> {
    let mut loader = Loader::new(Reader::new(env, false), password);
    renewal::settled(std::iter::once(certificate).chain(intermediates), || {
        let bytes = loader.reader.public_bytes(certificate);
        let mut candidates = loader.certificates(bytes, certificate, Part::Certificate)?;
        let end_entity =
            candidates.iter().find(|certificate| !certificate.is_ca()).or(candidates.first()).cloned();
        if let Some(input) = intermediates {
            let bytes = loader.reader.public_bytes(input);
            candidates.extend(loader.certificates(bytes, input, Part::Intermediates)?);
        }
        end_entity.map(|end_entity| loader.chain(end_entity, candidates)).ok_or_else(|| {
            let source_name = certificate.to_string();
            IdentityError::CertificateMissing { part: Part::Certificate, source_name, found: None }
        })
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
) -> Result<(Box<dyn SigningKey>, Option<private_file::Warning>), IdentityError> {
    let mut loader = Loader::new(Reader::new(env, allow_insecure_key_file), password);
    renewal::settled([input], || {
        let material = if input.is_device() {
            KeyMaterial::InDevice
        } else {
            let bytes = loader.reader.private_bytes(input);
            loader.key_material(bytes, input)?
        };
        let key = loader.open(&material, input, &[])?;
        Ok((key, material.insecure().cloned()))
    })
}

/// Reads the bytes of a certificate's source, and nothing else.
///
/// # Errors
///
/// Fails if the source cannot be read.
pub fn read_certificate(input: &Input, env: &Environment) -> Result<CertificateBytes, IdentityError> {
    if let Input::Pkcs11Uri(object) = input {
        return Ok(CertificateBytes::in_device(&object.place()));
    }
    renewal::settled([input], || {
        let bytes = Reader::new(env, false).public_bytes(input);
        bytes
            .map(CertificateBytes::new)
            .map_err(|unread| certificate_unread(unread, input, Part::Certificate))
    })
}

/// Reads the bytes of a certificate's source again, for a short time, while there is no whole certificate in a file.
///
/// # Errors
///
/// As [`read_certificate`]; what is not whole in the end is no error here.
pub fn read_whole_certificate(input: &Input, env: &Environment) -> Result<CertificateBytes, IdentityError> {
    let mut read = read_certificate(input, env)?;
    let _ = renewal::settled([input], || {
        if read.is_whole() {
            return Ok(());
        }
        read = read_certificate(input, env)?;
        // Whatever is wrong with it: it may pass.
        let source_name = input.to_string();
        if read.is_whole() {
            Ok(())
        } else {
            Err(IdentityError::CertificateMissing { part: Part::Certificate, source_name, found: None })
        }
    });
    Ok(read)
}

/// Lists the certificates on PKCS#11 tokens that a URI means, each with the URI that means it alone. Nobody is asked for a PIN.
///
/// # Errors
///
/// Fails if the module or the token cannot be used; that there is no such certificate is one of these errors.
pub fn list_token(
    object: &TokenObject,
    env: &Environment,
) -> Result<Vec<(Certificate, String)>, IdentityError> {
    TokenParts::new(env, false).list(object)
}

/// Tells whether a certificate of these names is among bytes that were read of an identity's certificate; CAs do not count.
///
/// A PKCS#12 store is opened with the identity's password, if that needs no person; else it holds nothing that is known here.
pub fn holds(
    source: &IdentitySource,
    certificate: &CertificateBytes,
    subject_name: &str,
    issuer_name: &str,
    env: &Environment,
) -> bool {
    if !certificate.is_store() {
        return certificate.holds(subject_name, issuer_name);
    }
    let password = source.password.unattended();
    let mut loader = Loader::new(Reader::new(env, source.allow_insecure_key_file), &password);
    let Some(bytes) = certificate.bytes().cloned() else { return false };
    let bytes = Ok(bytes);
    let certificates = loader.certificates(bytes, &source.certificate, Part::Certificate);
    certificates.is_ok_and(|found| found.iter().any(|one| one.is_end_entity_of(subject_name, issuer_name)))
}

/// Loads the private key if that needs no person, no device and nothing that can be read once only: from a file or a
/// variable, not encrypted, or in a PKCS#12 store with an empty password. Anything else is `None`.
pub fn unattended_key(source: &IdentitySource, env: &Environment) -> Option<FileKey> {
    let input = source.private_key.as_ref().unwrap_or(&source.certificate);
    match input {
        Input::Path(_) | Input::Variable(_) => {}
        Input::Descriptor(_) | Input::Pkcs11Uri(_) | Input::StandardInput | Input::TpmHandle(_) => {
            return None;
        }
    }
    let mut loader = Loader::new(Reader::new(env, source.allow_insecure_key_file), &PasswordSource::Nobody);
    let bytes = loader.reader.private_bytes(input);
    match loader.key_material(bytes, input).ok()? {
        KeyMaterial::Blocks { blocks, .. } => loader.open_blocks(&blocks, input).ok(),
        KeyMaterial::InDevice => None,
    }
}

/// Returns the certificate of a key, the one that is valid longest. Of a key that does not tell its public half this may be any end
/// entity, and its first signature tells. Where none is the key's: the one that an error about it should name.
fn choose(certificates: &[Certificate], key: &dyn SigningKey) -> Option<Certificate> {
    let may_be_its = |certificate: &&Certificate| match key.public_key() {
        Some(public) => certificate.public_key() == public,
        None => !certificate.is_ca(),
    };
    certificates
        .iter()
        .filter(may_be_its)
        .max_by_key(|certificate| certificate.not_after())
        .or_else(|| certificates.iter().find(|certificate| !certificate.is_ca()))
        .or(certificates.first())
        .cloned()
}

/// What is to be opened for a private key.
enum KeyMaterial {
    /// The blocks of a source, which the key is among.
    Blocks { blocks: Vec<Block>, insecure: Option<private_file::Warning> },
    /// Nothing was read: the key is in a device, and stays there.
    InDevice,
}

impl KeyMaterial {
    /// Returns the warning where the file that was read is not private.
    const fn insecure(&self) -> Option<&private_file::Warning> {
        match self {
            Self::Blocks { insecure, .. } => insecure.as_ref(),
            Self::InDevice => None,
        }
    }
}

/// Makes certificates and keys of what is read.
struct Loader<'a> {
    reader: Reader<'a>,
    tokens: TokenParts,
    password: Password<'a>,
    /// The SHA-256 of the certificate's source, once it was read.
    certificate_sha256: Option<[u8; 32]>,
}

impl<'a> Loader<'a> {
    fn new(reader: Reader<'a>, password: &'a PasswordSource) -> Self {
        let mut tokens = TokenParts::new(reader.env(), reader.allows_insecure());
        if let PasswordSource::Input(input) = password {
            tokens.keep_from_others([input]);
        }
        Self { reader, tokens, password: Password::new(password), certificate_sha256: None }
    }

    fn of(source: &'a IdentitySource, reader: Reader<'a>) -> Self {
        let IdentitySource { certificate, private_key, intermediates, password, .. } = source;
        let mut this = Self::new(reader, password);
        this.tokens.keep_from_others(std::iter::once(certificate).chain(private_key).chain(intermediates));
        this
    }

    /// Orders a chain. Of the certificates on a token those are taken that are part of it, and nothing is said of the others.
    fn chain(&mut self, end_entity: Certificate, mut candidates: Vec<Certificate>) -> Chain {
        candidates.extend(self.tokens.take_beside());
        let mut chain = Chain::order(end_entity, candidates);
        let last = chain.intermediates.last().unwrap_or(&chain.end_entity);
        chain.roots.retain(|root| !self.tokens.has(root) || root.issued(last));
        chain.unrelated.retain(|other| !self.tokens.has(other));
        chain
    }

    /// Parses all certificates of a source; of a token, where no bytes were read, it takes those that are meant.
    fn certificates(
        &mut self,
        bytes: Result<Zeroizing<Vec<u8>>, Unread>,
        input: &Input,
        part: Part,
    ) -> Result<Vec<Certificate>, IdentityError> {
        if let Input::Pkcs11Uri(object) = input {
            return self.tokens.certificates(object, part);
        }
        let bytes = bytes.map_err(|unread| certificate_unread(unread, input, part))?;
        if part == Part::Certificate {
            self.certificate_sha256 = Some(certificate_bytes::sha256(&bytes));
        }
        let blocks = self.opened(read_certificate_blocks(&bytes, input, part)?, input)?;
        parse_certificates(&blocks, input, part)
    }

    /// Parses a source that must hold both certificate and private key.
    fn combined(
        &mut self,
        bytes: Result<Bytes, Unread>,
        input: &Input,
    ) -> Result<(Vec<Certificate>, KeyMaterial), IdentityError> {
        let (bytes, insecure) = match bytes {
            Ok(bytes) => bytes,
            // A certificate's file may well be open to all. Only if a key is in it is that the trouble.
            Err(exposed @ Unread::Exposed(..)) => {
                let bytes = self
                    .reader
                    .public_bytes(input)
                    .map_err(|unread| certificate_unread(unread, input, Part::Certificate))?;
                let blocks = read_certificate_blocks(&bytes, input, Part::Certificate)?;
                if blocks.iter().any(|block| block.label.may_hold_private_key()) {
                    return Err(key_unread(exposed, input));
                }
                let certificates = parse_certificates(&blocks, input, Part::Certificate);
                return Err(certificates.err().unwrap_or_else(|| key_missing(&blocks, input)));
            }
            Err(unread) => return Err(certificate_unread(unread, input, Part::Certificate)),
        };
        self.certificate_sha256 = Some(certificate_bytes::sha256(&bytes));
        let blocks = self.opened(read_certificate_blocks(&bytes, input, Part::Certificate)?, input)?;
        let certificates = parse_certificates(&blocks, input, Part::Certificate)?;
        Ok((certificates, KeyMaterial::Blocks { blocks, insecure }))
    }

    /// Takes the blocks of a private key's source.
    fn key_material(
        &mut self,
        bytes: Result<Bytes, Unread>,
        input: &Input,
    ) -> Result<KeyMaterial, IdentityError> {
        let (bytes, insecure) = match bytes {
            Ok(bytes) => bytes,
            Err(exposed @ Unread::Exposed(..)) => return Err(self.exposed_key(exposed, input)),
            Err(unread) => return Err(key_unread(unread, input)),
        };
        let blocks = pem::read(&bytes)
            .map_err(|cause| IdentityError::PrivateKeyNotPem { source_name: input.to_string(), cause })?;
        Ok(KeyMaterial::Blocks { blocks: self.opened(blocks, input)?, insecure })
    }

    /// Returns what is wrong with a file that others can read: that, if a private key is in it, or else that none is.
    fn exposed_key(&mut self, exposed: Unread, input: &Input) -> IdentityError {
        let blocks = self.reader.public_bytes(input).ok().and_then(|bytes| pem::read(&bytes).ok());
        match blocks {
            Some(blocks) if !blocks.iter().any(|block| block.label.may_hold_private_key()) => {
                key_missing(&blocks, input)
            }
            Some(_) | None => key_unread(exposed, input),
        }
    }

    /// Opens PKCS#12 stores among the blocks: what is in them takes their place.
    fn opened(&mut self, blocks: Vec<Block>, input: &Input) -> Result<Vec<Block>, IdentityError> {
        let mut all = Vec::with_capacity(blocks.len());
        for block in blocks {
            if block.label == Label::Pkcs12 {
                all.extend(self.open_store(&block.der, input)?);
            } else {
                all.push(block);
            }
        }
        Ok(all)
    }

    /// Opens a PKCS#12 store. Where there is no password, or only a person could tell, an empty one is tried first: such stores are
    /// common, and all that the official helper opens.
    fn open_store(&mut self, der: &[u8], input: &Input) -> Result<Vec<Block>, IdentityError> {
        let failed = |error| store_error(error, input);
        pkcs12::check(der).map_err(failed)?;
        if self.password.is_unknown() {
            match pkcs12::open(der, &Secret::new(String::new())) {
                Err(Pkcs12Error::WrongPassword) => {}
                outcome => return outcome.map_err(failed),
            }
        }
        let what = format!("the PKCS#12 store {input}");
        let password = self
            .password
            .get(&mut self.reader, &what)
            .map_err(|why| why.of_store(input.to_string(), what))?;
        pkcs12::open(der, &password).map_err(failed)
    }

    /// Takes a private key into use, wherever it is. On a token with several keys the one is meant that a certificate belongs to.
    fn open(
        &mut self,
        material: &KeyMaterial,
        input: &Input,
        certificates: &[Certificate],
    ) -> Result<Box<dyn SigningKey>, IdentityError> {
        match (material, input) {
            (KeyMaterial::Blocks { blocks, .. }, _) => Ok(Box::new(self.open_blocks(blocks, input)?)),
            (KeyMaterial::InDevice, Input::Pkcs11Uri(object)) => {
                Ok(Box::new(self.tokens.key(object, certificates)?))
            }
            (
                KeyMaterial::InDevice,
                Input::Descriptor(_)
                | Input::Path(_)
                | Input::StandardInput
                | Input::TpmHandle(_)
                | Input::Variable(_),
            ) => {
                let kind = "a TPM 2.0 key";
                Err(IdentityError::SourceUnsupported { source_name: input.to_string(), kind })
            }
        }
    }

    /// Parses the private key among the blocks, decrypts it if that is needed, and takes it into use.
    fn open_blocks(&mut self, blocks: &[Block], input: &Input) -> Result<FileKey, IdentityError> {
        let source_name = input.to_string();
        let Some(block) = blocks.iter().find(|block| block.label.is_private_key()) else {
            return Err(key_missing(blocks, input));
        };
        if block.label == Label::Tss2PrivateKey {
            return Err(IdentityError::SourceUnsupported { source_name, kind: "a TPM 2.0 key" });
        }
        let parameters = blocks.iter().find(|block| block.label == Label::EcParameters);
        let failed = |error| key_error(error, block.line, input);
        let key = match private_key::read(block, parameters).map_err(failed)? {
            ReadKey::Clear(key) => key,
            ReadKey::Encrypted(encrypted) => {
                let what = format!("the private key {input}");
                let password = self
                    .password
                    .get(&mut self.reader, &what)
                    .map_err(|why| why.of_key(input.to_string(), what))?;
                encrypted.decrypt(&password).map_err(failed)?
            }
        };
        FileKey::new(key).map_err(|error| IdentityError::PrivateKeyMalformed {
            source_name,
            line: block.line,
            why: error.to_string(),
        })
    }
}

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
    let certificates = blocks.iter().filter_map(|block| Some((block.line, Certificate::of_block(block)?)));
    let certificates = certificates
        .map(|(line, parsed)| {
            let source_name = source_name();
            parsed.map_err(|cause| IdentityError::CertificateMalformed { part, source_name, line, cause })
        })
        .collect::<Result<Vec<_>, _>>()?;
    if certificates.is_empty() {
        let found = blocks.first().map(|block| block.label.clone());
        return Err(IdentityError::CertificateMissing { part, source_name: source_name(), found });
    }
    Ok(certificates)
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
            IdentityError::CertificateUnreadable { part, source_name, why, cure: input.check_the_name() }
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
            IdentityError::PrivateKeyUnreadable { source_name, why, cure: input.check_the_name() }
        }
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

fn store_error(error: Pkcs12Error, input: &Input) -> IdentityError {
    let source_name = input.to_string();
    match error {
        Pkcs12Error::Ambiguous(keys) => IdentityError::Pkcs12Ambiguous { source_name, keys },
        Pkcs12Error::Damaged(why) => IdentityError::Pkcs12Damaged { source_name, why },
        Pkcs12Error::Unsupported(why) => IdentityError::Pkcs12Unsupported { source_name, why },
        Pkcs12Error::WrongPassword => IdentityError::Pkcs12PasswordWrong { source_name },
    }
}
