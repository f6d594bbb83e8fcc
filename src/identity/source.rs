//! Where the parts of an identity are: the values of `--certificate` and related settings.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::in_tpm::TpmSettings;
use super::selection::Selection;
use crate::diagnostic::{Diagnostic, Fault};
use crate::secret::Secret;
use crate::signer::pkcs11::uri::{self, UriError};
use crate::signer::pkcs11::{Access, Pkcs11Uri, Remembered};
use crate::signer::tpm::TpmKeySource;
use crate::text::quoted;

/// Where the bytes of a certificate, key or password come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// `fd:N`: an open descriptor, read to its end.
    Descriptor(u32),
    /// A file.
    Path(NamedFile),
    /// `pkcs11:…`: an object on a PKCS#11 token (RFC 7512).
    Pkcs11Uri(Box<TokenObject>),
    /// `-`: the standard input, read to its end.
    StandardInput,
    /// `handle:0x…`: a key in a TPM 2.0.
    TpmHandle(String),
    /// `env:NAME`: the value of a variable.
    Variable(String),
}

/// A source that is written wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read from {}: {why}", quoted(text))]
pub struct InputError {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Diagnostic for InputError {
    fn id(&self) -> &'static str {
        "source-malformed"
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(String::from(if self.text.starts_with("handle:") {
            "list the keys that stay in the TPM: tpm2_getcap handles-persistent"
        } else if self.text.starts_with(uri::SCHEME) {
            "write 'pkcs11:token=LABEL;object=LABEL', in quotes; anyrole inspect prints the URI of each certificate"
        } else {
            "write a path, -, env:NAME or fd:N; a file of such a name is ./env:NAME"
        }))
    }
}

/// A file, and where it was named: a flag, a variable, or a line of a config file.
#[derive(Clone, Debug)]
pub struct NamedFile {
    path: PathBuf,
    named_by: Option<Arc<str>>,
}

impl NamedFile {
    /// Returns where it was named, if known.
    pub fn named_by(&self) -> Option<&str> {
        self.named_by.as_deref()
    }
}

impl Deref for NamedFile {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

/// The same file, whoever named it.
impl PartialEq for NamedFile {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for NamedFile {}

impl Hash for NamedFile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.path.hash(state);
    }
}

impl Input {
    /// Returns a file without a record of where it was named.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::Path(NamedFile { path: path.into(), named_by: None })
    }

    /// Returns a file that was named there: `--certificate`, or `certificate ('config.toml', line 3)`.
    pub fn file_named_by(path: impl Into<PathBuf>, named_by: &str) -> Self {
        Self::Path(NamedFile { path: path.into(), named_by: Some(named_by.into()) })
    }

    /// Says where the path of an unreadable file was given.
    pub(super) fn check_the_name(&self) -> Option<String> {
        match self {
            Self::Path(file) => file.named_by().map(|by| format!("check the path that {by} gives")),
            Self::Descriptor(_)
            | Self::Pkcs11Uri(_)
            | Self::StandardInput
            | Self::TpmHandle(_)
            | Self::Variable(_) => None,
        }
    }

    /// Tells whether it names an object in a device, which has no bytes to read.
    pub(super) const fn is_device(&self) -> bool {
        match self {
            Self::Pkcs11Uri(_) | Self::TpmHandle(_) => true,
            Self::Descriptor(_) | Self::Path(_) | Self::StandardInput | Self::Variable(_) => false,
        }
    }

    /// Tells whether it names a place of many certificates, which are listed.
    pub fn holds_many(&self) -> bool {
        self.folder().is_some()
    }

    /// Returns the folder that it names, if it does.
    pub(super) fn folder(&self) -> Option<&Path> {
        match self {
            Self::Path(path) if path.is_dir() => Some(path),
            Self::Descriptor(_)
            | Self::Path(_)
            | Self::Pkcs11Uri(_)
            | Self::StandardInput
            | Self::TpmHandle(_)
            | Self::Variable(_) => None,
        }
    }

    fn asking_nobody(&self) -> Self {
        match self {
            Self::Pkcs11Uri(object) => Self::Pkcs11Uri(Box::new(object.asking_nobody())),
            other @ (Self::Descriptor(_)
            | Self::Path(_)
            | Self::StandardInput
            | Self::TpmHandle(_)
            | Self::Variable(_)) => other.clone(),
        }
    }

    /// Returns whether it can be read again.
    pub(super) const fn lasts(&self) -> bool {
        match self {
            Self::Path(_) | Self::Variable(_) => true,
            Self::Descriptor(_) | Self::Pkcs11Uri(_) | Self::StandardInput | Self::TpmHandle(_) => false,
        }
    }

    /// Parses what a user wrote: `-`, `env:NAME`, `fd:N`, `pkcs11:…`, `handle:0x…`, else a path.
    ///
    /// `/dev/stdin` and `/dev/fd/N`, which shells make of `<(…)`, are the standard input and descriptor N.
    ///
    /// # Errors
    ///
    /// Fails if the text is empty, or the name or number after the colon is not one.
    pub fn parse(text: &str) -> Result<Self, InputError> {
        let wrong = |why| Err(InputError { text: text.to_owned(), why });
        if let Some(name) = text.strip_prefix("env:") {
            let valid = !name.is_empty() && !name.contains(['=', '\0']);
            return if valid {
                Ok(Self::Variable(name.to_owned()))
            } else {
                wrong("a variable's name must follow env:")
            };
        }
        let descriptor =
            ["fd:", "/dev/fd/", "/proc/self/fd/"].iter().find_map(|prefix| text.strip_prefix(prefix));
        if let Some(number) = descriptor {
            return match number.parse() {
                Ok(0) => Ok(Self::StandardInput),
                Ok(number) => Ok(Self::Descriptor(number)),
                Err(_) => wrong("a descriptor's number must follow"),
            };
        }
        match text {
            "" => wrong("it is empty"),
            "-" | "/dev/stdin" => Ok(Self::StandardInput),
            _ if text.starts_with(uri::SCHEME) => match TokenObject::parse(text) {
                Ok(object) => Ok(Self::Pkcs11Uri(Box::new(object))),
                // A PIN may be in it.
                Err(why) => Err(InputError { text: uri::shown(text), why }),
            },
            _ if text.starts_with("handle:") => match TpmKeySource::parse_handle(text) {
                Some(_) => Ok(Self::TpmHandle(text.to_owned())),
                None => wrong("a key's handle in a TPM is handle:0x81 and six more digits, or handle:0x80…"),
            },
            _ => Ok(Self::file(text)),
        }
    }
}

/// Names the source as the user wrote it, in quotes: `'/etc/anyrole/host.pem'`, `'env:NAME'`, `'-' (standard input)`.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Descriptor(number) => write!(f, "'fd:{number}'"),
            Self::Path(path) => f.write_str(&quoted(&path.to_string_lossy())),
            Self::Pkcs11Uri(object) => f.write_str(&quoted(object.uri().place())),
            Self::StandardInput => f.write_str("'-' (standard input)"),
            Self::TpmHandle(handle) => f.write_str(&quoted(handle)),
            Self::Variable(name) => f.write_str(&quoted(&format!("env:{name}"))),
        }
    }
}

/// All parts of an identity: one group, which a single layer of the settings supplies as a whole.
#[derive(Clone, Debug)]
pub struct IdentitySource {
    /// The end-entity certificate; may carry intermediates and the private key.
    pub certificate: Input,
    /// The private key; absent where `certificate` carries it.
    pub private_key: Option<Input>,
    /// Further intermediates.
    pub intermediates: Option<Input>,
    /// Which of several certificates is meant.
    pub selection: Selection,
    /// The password of an encrypted key or of a PKCS#12 store.
    pub password: PasswordSource,
    /// How keys in a TPM are used; `None` leaves the TPM alone, and of a key in one its public half is all there is.
    pub tpm: Option<TpmSettings>,
    /// Accept a key file that other users can read.
    pub allow_insecure_key_file: bool,
}

impl IdentitySource {
    /// Returns a source of certificates alone; the password of a PKCS#12 store is asked for.
    pub fn of_certificates(certificate: Input) -> Self {
        Self {
            certificate,
            private_key: None,
            intermediates: None,
            selection: Selection::default(),
            password: PasswordSource::Prompt,
            tpm: None,
            allow_insecure_key_file: false,
        }
    }

    /// Returns the same source, with a password only if asking for it needs no person and uses nothing up.
    #[must_use]
    pub fn unattended(&self) -> Self {
        // A TPM counts wrong passwords, and this may be asked every minute.
        Self { password: self.password.unattended(), tpm: None, ..self.clone() }
    }

    /// Returns the same source, with no person asked for a password or PIN.
    #[must_use]
    pub fn asking_nobody(&self) -> Self {
        Self {
            certificate: self.certificate.asking_nobody(),
            private_key: self.private_key.as_ref().map(Input::asking_nobody),
            password: self.password.asking_nobody(),
            tpm: self.tpm.as_ref().map(TpmSettings::asking_nobody),
            ..self.clone()
        }
    }

    /// Tells whether the certificate or the private key is looked for in a folder.
    pub(super) fn has_folder(&self) -> bool {
        self.certificate.folder().is_some() || self.key_folder().is_some()
    }

    /// Returns the folder that the private key is looked for in.
    pub(super) fn key_folder(&self) -> Option<Input> {
        let input = self.private_key.as_ref().unwrap_or(&self.certificate);
        input.folder().is_some().then(|| input.clone())
    }
}

/// Where the password of an encrypted private key or PKCS#12 store comes from. It is asked for only if there is one.
#[derive(Clone, Debug, Default)]
pub enum PasswordSource {
    /// A file of that name in the folder of systemd credentials, `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// The password itself, as `--pkcs8-password` has it.
    Given(Arc<Secret<String>>),
    /// A file, variable or descriptor; one line feed at its end is no part of the password.
    Input(Input),
    /// There is none: an encrypted key stays closed.
    Nobody,
    /// The controlling terminal.
    #[default]
    Prompt,
}

impl PasswordSource {
    /// Returns the same source, if asking it needs no person; else none.
    #[must_use]
    pub fn asking_nobody(&self) -> Self {
        match self {
            Self::Prompt => Self::Nobody,
            Self::Credential(_) | Self::Given(_) | Self::Input(_) | Self::Nobody => self.clone(),
        }
    }

    /// Returns the same source, if asking it needs no person and uses nothing up; else none.
    #[must_use]
    pub fn unattended(&self) -> Self {
        match self {
            Self::Input(input) if !input.lasts() => Self::Nobody,
            Self::Prompt => Self::Nobody,
            Self::Credential(_) | Self::Given(_) | Self::Input(_) | Self::Nobody => self.clone(),
        }
    }
}

/// The longest that a token may take, where no setting says otherwise.
const PATIENCE: Duration = Duration::from_secs(45);

/// An object on a token. Two are the same if their URIs are written the same.
#[derive(Clone, Debug)]
pub struct TokenObject {
    uri: Pkcs11Uri,
    access: Arc<TokenAccess>,
}

/// How tokens are reached; all objects of an identity share one, and so a PIN is asked for once.
#[derive(Clone, Debug)]
pub struct TokenAccess {
    /// The module; absent, the URI or the usual ones.
    pub module: Option<PathBuf>,
    /// The helper; absent, the one that is installed.
    pub helper: Option<PathBuf>,
    /// Where the PIN is, unless the URI says.
    pub pin: PasswordSource,
    /// A key that asks for a PIN at each signature gets the token's.
    pub reuse_pin: bool,
    /// The longest that a token may take to be opened, and for each signature.
    pub patience: Duration,
    /// What became of PINs in this run.
    pub remembered: Arc<Remembered>,
}

impl Default for TokenAccess {
    fn default() -> Self {
        Self {
            module: None,
            helper: None,
            pin: PasswordSource::Prompt,
            reuse_pin: false,
            patience: PATIENCE,
            remembered: Arc::default(),
        }
    }
}

impl TokenAccess {
    /// Returns how the program that searches tokens is to reach them.
    pub(super) fn program(&self) -> Access {
        Access { module: self.module.clone(), helper: self.helper.clone(), patience: self.patience }
    }
}

impl TokenObject {
    /// Parses a URI.
    ///
    /// # Errors
    ///
    /// Fails with what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, UriError> {
        Ok(Self { uri: Pkcs11Uri::parse(text)?, access: Arc::default() })
    }

    /// Returns the same object, reached in that way.
    #[must_use]
    pub fn reached_by(self, access: Arc<TokenAccess>) -> Self {
        Self { access, ..self }
    }

    /// Returns the same object, with no person asked for its PIN.
    fn asking_nobody(&self) -> Self {
        let access = TokenAccess { pin: self.access.pin.asking_nobody(), ..(*self.access).clone() };
        Self { uri: self.uri.clone(), access: Arc::new(access) }
    }

    /// Returns the URI.
    pub const fn uri(&self) -> &Pkcs11Uri {
        &self.uri
    }

    /// Returns how it is reached.
    pub fn access(&self) -> &TokenAccess {
        &self.access
    }

    /// Returns what names the object on this machine: the path of the URI, and the module where one is named. How the token is opened is no
    /// part of it (RFC 7512 §2.3).
    pub fn place(&self) -> String {
        let module = self.access.module.as_ref().or(self.uri.module_path());
        match (module, self.uri.module_name()) {
            (Some(module), _) => format!("{}?module-path={}", self.uri.place(), module.display()),
            (None, Some(name)) => format!("{}?module-name={name}", self.uri.place()),
            (None, None) => self.uri.place().to_owned(),
        }
    }
}

impl PartialEq for TokenObject {
    fn eq(&self, other: &Self) -> bool {
        self.uri == other.uri
    }
}

impl Eq for TokenObject {}

impl Hash for TokenObject {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uri.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart_by_their_prefix() {
        assert_eq!(Input::parse("-"), Ok(Input::StandardInput));
        assert_eq!(Input::parse("/dev/fd/0"), Ok(Input::StandardInput));
        assert_eq!(Input::parse("/dev/fd/63"), Ok(Input::Descriptor(63)));
        assert_eq!(Input::parse("fd:3"), Ok(Input::Descriptor(3)));
        assert_eq!(Input::parse("env:KEY"), Ok(Input::Variable(String::from("KEY"))));
        assert_eq!(Input::parse("./env:KEY"), Ok(Input::file("./env:KEY")));
        assert!(matches!(Input::parse("pkcs11:token=a"), Ok(Input::Pkcs11Uri(_))));
        assert!(matches!(Input::parse("handle:0x81000001"), Ok(Input::TpmHandle(_))));
        for wrong in ["", "env:", "fd:", "fd:-1", "fd:x"] {
            assert!(Input::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_pin_in_a_uri_is_not_shown() {
        let uri = Input::parse("pkcs11:token=a?pin-value=1234").expect("a URI");
        assert_eq!(uri.to_string(), "'pkcs11:token=a'");
        assert!(!format!("{uri:?}").contains("1234"));
        for wrong in ["pkcs11:token=a;pin-value=1234", "pkcs11:token=%zz?pin-value=1234"] {
            let error = Input::parse(wrong).expect_err("it is written wrong");
            assert!(!format!("{error} {error:?}").contains("1234"), "{error}");
        }
    }
}
