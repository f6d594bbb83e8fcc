//! Reads the sources of an identity: files, variables and descriptors.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{CertificateBytes, Input};
use crate::env::Environment;
use crate::private_file::{self, KEY_FILE_LIMIT, KeyFilePolicy, ReadError, ReadRefusal};

/// The most bytes of certificates that are read from one source.
const CERTIFICATES_LIMIT: u64 = 1024 * 1024;
/// The folder of systemd credentials.
pub(super) const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Why a source could not be read.
pub(super) enum Unread {
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

/// Bytes that may contain a private key, and the warning if their file is not private.
pub(super) type Bytes = (Zeroizing<Vec<u8>>, Option<private_file::Warning>);

/// Reads sources; standard input and descriptors at most once.
pub(super) struct Reader<'a> {
    env: &'a Environment,
    policy: KeyFilePolicy,
    /// The certificate's source, if it was read already.
    certificate: Option<(&'a Input, &'a CertificateBytes)>,
    /// Sources that can be read only once, and were.
    read_once: Vec<(Input, Zeroizing<Vec<u8>>)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(env: &'a Environment, allow_insecure: bool) -> Self {
        let credentials_directory = env.os_var(CREDENTIALS_DIRECTORY).map(PathBuf::from);
        let policy = KeyFilePolicy { allow_insecure, credentials_directory };
        Self { env, policy, certificate: None, read_once: Vec::new() }
    }

    pub(super) const fn env(&self) -> &'a Environment {
        self.env
    }

    /// Tells whether a file is read that others can read.
    pub(super) const fn allows_insecure(&self) -> bool {
        self.policy.allow_insecure
    }

    /// Has the certificate's source been read before.
    pub(super) fn with_certificate(self, input: &'a Input, bytes: &'a CertificateBytes) -> Self {
        Self { certificate: Some((input, bytes)), ..self }
    }

    /// Forgets the bytes of a certificate's file, which may have changed since.
    pub(super) fn forget_file(&mut self) {
        self.certificate = self.certificate.filter(|(input, _)| !matches!(input, Input::Path(_)));
    }

    /// Reads a source that is not secret.
    pub(super) fn public_bytes(&mut self, input: &Input) -> Result<Zeroizing<Vec<u8>>, Unread> {
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

    /// Reads a source that may be secret; a file's permissions are checked.
    pub(super) fn private_bytes(&mut self, input: &Input) -> Result<Bytes, Unread> {
        match input {
            Input::Path(path) => Ok(private_file::read_key_file(path, &self.policy)?),
            Input::Descriptor(_)
            | Input::Pkcs11Uri(_)
            | Input::StandardInput
            | Input::TpmHandle(_)
            | Input::Variable(_) => self.other_bytes(input).map(|bytes| (bytes, None)),
        }
    }

    /// Reads a systemd credential.
    pub(super) fn credential(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, Unread> {
        let Some(directory) = &self.policy.credentials_directory else {
            return Err(Unread::Why(format!(
                "{CREDENTIALS_DIRECTORY} is not set, so there is no systemd credential"
            )));
        };
        if name.is_empty() || name.contains('/') || name == ".." {
            return Err(Unread::Why(String::from("the name of a systemd credential has no slash")));
        }
        Ok(private_file::read_key_file(&directory.join(name), &self.policy)?.0)
    }

    fn read_before(&self, input: &Input) -> Option<Zeroizing<Vec<u8>>> {
        self.certificate
            .filter(|(read, _)| *read == input)
            .and_then(|(_, certificate)| certificate.bytes().cloned())
    }

    /// Reads anything but a named file, and so without permissions to check.
    fn other_bytes(&mut self, input: &Input) -> Result<Zeroizing<Vec<u8>>, Unread> {
        if let Some(read) = self.read_before(input) {
            return Ok(read);
        }
        if let Some((_, bytes)) = self.read_once.iter().find(|(read, _)| read == input) {
            return Ok(bytes.clone());
        }
        let bytes = match input {
            Input::Descriptor(number) => {
                let path = Path::new("/dev/fd").join(number.to_string());
                private_file::read_bounded(&path, KEY_FILE_LIMIT)?
            }
            Input::Path(path) => return Ok(private_file::read_bounded(path, KEY_FILE_LIMIT)?),
            Input::Pkcs11Uri(_) => return Err(Unread::Unsupported("PKCS#11")),
            Input::StandardInput => private_file::read_standard_input(KEY_FILE_LIMIT)?,
            Input::TpmHandle(_) => return Err(Unread::Unsupported("a key at a handle of a TPM")),
            Input::Variable(name) => {
                return match self.env.var(name) {
                    Ok(Some(value)) => Ok(Zeroizing::new(value.into_bytes())),
                    Ok(None) => Err(Unread::Why(String::from("it is not set, or empty"))),
                    Err(_) => Err(Unread::Why(String::from("it is not UTF-8"))),
                };
            }
        };
        self.read_once.push((input.clone(), bytes.clone()));
        Ok(bytes)
    }
}
