//! From files, variables and descriptors to an [`Identity`].

mod folders;

use zeroize::Zeroizing;

use super::error::Part;
use super::held::Held;
use super::in_tpm::{self, Form, TpmSettings};
use super::password::Password;
use super::reader::{Bytes, Reader, Unread};
use super::search::Keys;
use super::selection_error::SelectionError;
use super::source::{IdentitySource, Input, PasswordSource, TokenObject};
use super::token::TokenParts;
use super::{CertificateBytes, Identity, IdentityError, Provenance, Selection, certificate_bytes, renewal};
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
/// key's public half, wherever it stands, and that the selector matches; of several, the one that is valid longest. All other
/// certificates, and those of `source.intermediates`, are material for the chain. Certificate and key may be in folders: then
/// the selector says which is meant, and the key is found by its public half. Time is not looked at: see [`Identity::check`].
///
/// # Errors
///
/// Fails if anything is missing, unreadable, unsafe, unsupported or does not belong together.
pub fn load(source: &IdentitySource, env: &Environment) -> Result<Identity, IdentityError> {
    load_by(Loader::of(source, Reader::new(env, source.allow_insecure_key_file)), source)
}

/// Loads an identity as [`load`] does, from bytes of its certificate that were read before.
///
/// They are not read again, unless the private key is in the same file: its permissions must be checked on the
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
    let read = if source.has_folder() { loader.read_folders(source)? } else { loader.read_files(source)? };
    let Material { held, more, key_input, key_material } = read;
    let insecure_key_file = key_material.insecure().cloned();
    let key = loader.open(&key_material, &key_input, &meant(source, &held, &key_material)?)?;
    let end_entity = choose(source, &held, key.as_ref())?;
    let provenance = Provenance {
        certificate: Some(name_of(source, end_entity)),
        private_key: Some(key_input.to_string()),
        insecure_key_file,
        certificate_sha256: loader.certificate_sha256,
        ..Provenance::default()
    };
    let chain = loader.order(source, end_entity, &held, more);
    Identity::from_chain(chain, key, provenance)
}

/// What an identity is made of.
struct Material {
    held: Vec<Held>,
    more: Vec<Certificate>,
    key_input: Input,
    key_material: KeyMaterial,
}

/// Names the place of a certificate: the source, or the file in it.
fn name_of(source: &IdentitySource, of: &Held) -> String {
    let file = of.file.as_ref().zip(source.certificate.folder());
    file.map_or_else(
        || source.certificate.to_string(),
        |(name, folder)| Input::file(folder.join(name)).to_string(),
    )
}

/// Returns the certificates that the key of a device may belong to: those that are selected.
fn meant(
    source: &IdentitySource,
    held: &[Held],
    key_material: &KeyMaterial,
) -> Result<Vec<Certificate>, IdentityError> {
    match key_material {
        KeyMaterial::Blocks { .. } => Ok(Vec::new()),
        KeyMaterial::InDevice => {
            let matching = source.selection.matching(held, &source.certificate.to_string())?;
            Ok(matching.iter().map(|held| held.certificate.clone()).collect())
        }
    }
}

/// Loads the certificates of an identity without its key; the first one that is no CA and that the selector matches is the end entity.
/// The password is that of a PKCS#12 store.
///
/// # Errors
///
/// As [`load`], as far as certificates are concerned.
pub fn load_chain(source: &IdentitySource, env: &Environment) -> Result<Chain, IdentityError> {
    let IdentitySource { certificate, intermediates, selection, .. } = source;
    let mut loader = Loader::of(source, Reader::new(env, source.allow_insecure_key_file));
    renewal::settled(std::iter::once(certificate).chain(intermediates), || {
        let (held, passed_over) = loader.held(source)?;
        let source_name = certificate.to_string();
        let matching = selection.matching(&held, &source_name)?;
        let end_entity = if certificate.folder().is_some() {
            // Those without a key are none that a session could be made with.
            let with_keys = match source.key_folder() {
                Some(folder) => {
                    let folder = folders::listed(&folder)?;
                    Keys::find(&folder, &matching, &mut loader).certificates()
                }
                None => Vec::new(),
            };
            let possible = if with_keys.is_empty() { &matching } else { &with_keys };
            if possible.is_empty() {
                return Err(SelectionError::Nothing { source_name, passed_over }.into());
            }
            selection.one(possible, &source_name)?
        } else {
            let missing =
                IdentityError::CertificateMissing { part: Part::Certificate, source_name, found: None };
            matching.first().copied().ok_or(missing)?
        };
        let more = loader.more(source)?;
        Ok(loader.order(source, end_entity, &held, more))
    })
}

/// Returns every end-entity certificate of a source that the selector matches, and where in a folder it is.
///
/// # Errors
///
/// As [`load_chain`].
pub fn load_matching(
    source: &IdentitySource,
    env: &Environment,
) -> Result<Vec<(Certificate, Option<String>)>, IdentityError> {
    let mut loader = Loader::of(source, Reader::new(env, false));
    let (held, _) = loader.held(source)?;
    match source.selection.matching(&held, &source.certificate.to_string()) {
        Ok(matching) => {
            Ok(matching.iter().map(|held| (held.certificate.clone(), held.file.clone())).collect())
        }
        Err(IdentityError::Selection(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Returns where the private key of an identity is: in the file of a folder, where it is looked for in one.
///
/// # Errors
///
/// As [`load`], as far as finding the key is concerned.
pub fn key_input(source: &IdentitySource, env: &Environment) -> Result<Input, IdentityError> {
    let mut loader = Loader::of(source, Reader::new(env, source.allow_insecure_key_file));
    if source.key_folder().is_none() {
        return Ok(source.private_key.as_ref().unwrap_or(&source.certificate).clone());
    }
    renewal::settled(std::iter::once(&source.certificate).chain(&source.private_key), || {
        let (held, passed_over) = loader.held(source)?;
        loader.find_key(source, &held, passed_over)
    })
}

/// Loads a private key without a certificate, and the warning if its file is not private.
///
/// # Errors
///
/// As [`load`], as far as the private key is concerned.
pub fn load_private_key(
    input: &Input,
    password: &PasswordSource,
    tpm: Option<&TpmSettings>,
    allow_insecure_key_file: bool,
    env: &Environment,
) -> Result<(Box<dyn SigningKey>, Option<private_file::Warning>), IdentityError> {
    let mut loader = Loader::new(Reader::new(env, allow_insecure_key_file), password, tpm);
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
    renewal::settled([input], || match Reader::new(env, false).public_bytes(input) {
        Ok(bytes) => Ok(CertificateBytes::new(bytes)),
        Err(_) if input.folder().is_some() => Ok(folders::listed(input)?.stamp()),
        Err(unread) => Err(certificate_unread(unread, input, Part::Certificate)),
    })
}

/// Reads the bytes of a certificate's source again, for a short time, while a file holds no whole certificate.
///
/// # Errors
///
/// As [`read_certificate`]; a source that is still incomplete at the end is not an error here.
pub fn read_whole_certificate(input: &Input, env: &Environment) -> Result<CertificateBytes, IdentityError> {
    let mut read = read_certificate(input, env)?;
    let _ = renewal::settled([input], || {
        if read.is_whole() {
            return Ok(());
        }
        read = read_certificate(input, env)?;
        // This error only causes another attempt.
        let source_name = input.to_string();
        if read.is_whole() {
            Ok(())
        } else {
            Err(IdentityError::CertificateMissing { part: Part::Certificate, source_name, found: None })
        }
    });
    Ok(read)
}

/// Lists the certificates on PKCS#11 tokens that a URI means and that the selector matches, each with the URI that means it alone. Nobody is asked for a PIN.
///
/// # Errors
///
/// Fails if the module or the token cannot be used; that there is no such certificate is one of these errors.
pub fn list_token(
    object: &TokenObject,
    selection: &Selection,
    env: &Environment,
) -> Result<Vec<(Certificate, String)>, IdentityError> {
    let mut found = TokenParts::new(env, false).list(object)?;
    found.retain(|(certificate, _)| selection.admits(certificate));
    Ok(found)
}

/// Tells whether a certificate of these names is among bytes that were read of an identity's certificate; CAs do not count.
///
/// A PKCS#12 store is opened with the identity's password if that needs no prompt; otherwise it counts as empty.
pub fn holds(
    source: &IdentitySource,
    certificate: &CertificateBytes,
    subject_name: &str,
    issuer_name: &str,
    env: &Environment,
) -> bool {
    if certificate.is_folder() {
        // The one that is looked for may be half written just now.
        let found = renewal::settled([&source.certificate], || {
            let matching = load_matching(&source.unattended(), env)?;
            let is_there = matching.iter().any(|(one, _)| one.is_end_entity_of(subject_name, issuer_name));
            let source_name = source.certificate.to_string();
            let absent = SelectionError::Nothing { source_name, passed_over: Vec::new() };
            if is_there { Ok(()) } else { Err(absent.into()) }
        });
        return found.is_ok();
    }
    if !certificate.is_store() {
        return certificate.holds(subject_name, issuer_name);
    }
    let password = source.password.unattended();
    let mut loader = Loader::new(Reader::new(env, source.allow_insecure_key_file), &password, None);
    let Some(bytes) = certificate.bytes().cloned() else { return false };
    let bytes = Ok(bytes);
    let certificates = loader.certificates(bytes, &source.certificate, Part::Certificate);
    certificates.is_ok_and(|found| found.iter().any(|one| one.is_end_entity_of(subject_name, issuer_name)))
}

/// Loads the private key if that needs no prompt, no device and nothing that can be read only once: from a file or a
/// variable, not encrypted, or in a PKCS#12 store with an empty password. Anything else is `None`.
pub fn unattended_key(source: &IdentitySource, env: &Environment) -> Option<FileKey> {
    let input = &key_input(&source.unattended(), env).ok()?;
    match input {
        Input::Path(_) | Input::Variable(_) => {}
        Input::Descriptor(_) | Input::Pkcs11Uri(_) | Input::StandardInput | Input::TpmHandle(_) => {
            return None;
        }
    }
    let reader = Reader::new(env, source.allow_insecure_key_file);
    let mut loader = Loader::new(reader, &PasswordSource::Nobody, None);
    let bytes = loader.reader.private_bytes(input);
    match loader.key_material(bytes, input).ok()? {
        KeyMaterial::Blocks { blocks, .. } => loader.open_blocks(&blocks, input).ok(),
        KeyMaterial::InDevice => None,
    }
}

/// Returns the certificate of a key, the one that is valid longest. Of a key that does not tell its public half this may be any end
/// entity, and its first signature tells. Where none is the key's: the one that an error about it should name.
fn choose<'a>(
    source: &IdentitySource,
    held: &'a [Held],
    key: &dyn SigningKey,
) -> Result<&'a Held, IdentityError> {
    let source_name = source.certificate.to_string();
    let matching = source.selection.matching(held, &source_name)?;
    if key.public_key().is_none() && !source.selection.is_silent() {
        return source.selection.one(&matching, &source_name);
    }
    let may_be_its = |held: &&Held| match key.public_key() {
        Some(public) => held.certificate.public_key() == public && source.selection.means(held),
        None => !held.certificate.is_ca(),
    };
    let its = held.iter().filter(may_be_its).max_by_key(|held| held.certificate.not_after());
    let missing = IdentityError::CertificateMissing { part: Part::Certificate, source_name, found: None };
    its.or(matching.first().copied()).ok_or(missing)
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

/// Builds certificates and keys from what is read.
struct Loader<'a> {
    reader: Reader<'a>,
    tokens: TokenParts,
    password: Password<'a>,
    /// How keys in a TPM are used; `None` leaves it alone.
    tpm: Option<&'a TpmSettings>,
    /// The SHA-256 of the certificate's source, once it was read.
    certificate_sha256: Option<[u8; 32]>,
}

impl<'a> Loader<'a> {
    fn new(reader: Reader<'a>, password: &'a PasswordSource, tpm: Option<&'a TpmSettings>) -> Self {
        let mut tokens = TokenParts::new(reader.env(), reader.allows_insecure());
        if let PasswordSource::Input(input) = password {
            tokens.keep_from_others([input]);
        }
        Self { reader, tokens, password: Password::new(password), tpm, certificate_sha256: None }
    }

    fn of(source: &'a IdentitySource, reader: Reader<'a>) -> Self {
        let IdentitySource { certificate, private_key, intermediates, password, tpm, .. } = source;
        let mut this = Self::new(reader, password, tpm.as_ref());
        this.tokens.keep_from_others(std::iter::once(certificate).chain(private_key).chain(intermediates));
        this
    }

    /// Reads certificates and key, where neither is in a folder.
    fn read_files(&mut self, source: &IdentitySource) -> Result<Material, IdentityError> {
        let IdentitySource { certificate, private_key, intermediates, .. } = source;
        let key_input = private_key.as_ref().unwrap_or(certificate);
        // All is read before anything is parsed: the less time lies between two files, the surer they are of one day.
        let public = (key_input.is_device() || key_input != certificate)
            .then(|| self.reader.public_bytes(certificate));
        let private = (!key_input.is_device()).then(|| self.reader.private_bytes(key_input));
        let more = intermediates.as_ref().map(|input| (input, self.reader.public_bytes(input)));
        let (certificates, key_material) = match (public, private) {
            (None, Some(private)) => self.combined(private, certificate)?,
            (Some(public), Some(private)) => {
                let certificates = self.certificates(public, certificate, Part::Certificate)?;
                (certificates, self.key_material(private, key_input)?)
            }
            (public, None) => {
                let public = public.unwrap_or_else(|| self.reader.public_bytes(certificate));
                (self.certificates(public, certificate, Part::Certificate)?, KeyMaterial::InDevice)
            }
        };
        let more = match more {
            Some((input, bytes)) => self.certificates(bytes, input, Part::Intermediates)?,
            None => Vec::new(),
        };
        Ok(Material { held: Held::of(&certificates), more, key_input: key_input.clone(), key_material })
    }

    /// Orders the chain of an end entity. What else is in a folder is no part of it, and nothing to tell of.
    fn order(
        &mut self,
        source: &IdentitySource,
        end_entity: &Held,
        held: &[Held],
        more: Vec<Certificate>,
    ) -> Chain {
        let named = more.clone();
        let candidates = held.iter().map(|held| held.certificate.clone()).chain(more).collect();
        let mut chain = self.chain(end_entity.certificate.clone(), candidates);
        if source.certificate.folder().is_some() {
            chain.unrelated.retain(|one| named.contains(one));
            let last = chain.intermediates.last().unwrap_or(&chain.end_entity);
            chain.roots.retain(|root| named.contains(root) || root.issued(last));
        }
        chain
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
            // A certificate's file may be readable by all. Only a key in it makes that a problem.
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

    /// Returns the error for a file that others can read: exposure if it holds a private key, else that it holds none.
    fn exposed_key(&mut self, exposed: Unread, input: &Input) -> IdentityError {
        let blocks = self.reader.public_bytes(input).ok().and_then(|bytes| pem::read(&bytes).ok());
        match blocks {
            Some(blocks) if !blocks.iter().any(|block| block.label.may_hold_private_key()) => {
                key_missing(&blocks, input)
            }
            Some(_) | None => key_unread(exposed, input),
        }
    }

    /// Opens the PKCS#12 stores among the blocks, and puts their contents in their place.
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

    /// Opens a PKCS#12 store. If there is no password, or only a person has it, an empty one is tried first: such
    /// stores are common, and the only ones that the official helper opens.
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
            (KeyMaterial::Blocks { blocks, .. }, _) => {
                match blocks.iter().find(|block| block.label.is_private_key()) {
                    Some(block) if block.label == Label::Tss2PrivateKey => {
                        in_tpm::open(self.tpm, Form::File(&block.der), &mut self.reader, input.to_string())
                    }
                    Some(_) | None => Ok(Box::new(self.open_blocks(blocks, input)?)),
                }
            }
            (KeyMaterial::InDevice, Input::Pkcs11Uri(object)) => {
                Ok(Box::new(self.tokens.key(object, certificates)?))
            }
            (KeyMaterial::InDevice, Input::TpmHandle(handle)) => {
                in_tpm::open(self.tpm, Form::Handle(handle), &mut self.reader, input.to_string())
            }
            (
                KeyMaterial::InDevice,
                Input::Descriptor(_) | Input::Path(_) | Input::StandardInput | Input::Variable(_),
            ) => Err(IdentityError::SourceUnsupported { source_name: input.to_string(), kind: "a device" }),
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
