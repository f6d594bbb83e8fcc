//! The commands of the small PKI for tests and pilots, one file each, and what they share.

mod backups;
pub(super) mod crl;
pub(super) mod deploy;
mod in_tpm;
pub(super) mod init;
pub(super) mod install;
pub(super) mod issue;
pub(super) mod list;
mod names;
pub(super) mod renew;
pub(super) mod request;
pub(super) mod revoke;

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pki_test::algorithm::KeyAlgorithm;

use super::report::Failure;
use super::settings::SettingsError;
use super::settings::table::{Kind, Setting};
use super::usage::UsageError;
use super::{Invocation, grammar, passphrase};
use crate::clock::Timestamp;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::pki::{Call, Folder, PkiError};
use crate::private_file::shell_word;
use crate::secret::Secret;

const ALGORITHMS: &str = "ec-p256|ec-p384|ec-p521|rsa-2048|rsa-3072|rsa-4096|ml-dsa-44|ml-dsa-65|ml-dsa-87";
const DEFAULT_FOLDER: &str = "anyrole-pki";
const DAY: Duration = Duration::from_secs(86_400);
/// The longest validity of a certificate or a list, in days: ten years.
const MOST_DAYS: u32 = 3650;

const FOLDER: Setting =
    Setting::flag("folder", Kind::Text("PATH"), "folder of the PKI [default: anyrole-pki]");
const CRL_URL: Setting =
    Setting::flag("crl-url", Kind::Text("URL"), "where the CA's revocation list is published");
const PASSPHRASE_FILE: Setting =
    Setting::flag("passphrase-file", Kind::Text("PATH"), "file with the passphrase of the CA's key");

/// How often a passphrase is asked for on the terminal.
const PASSPHRASE_TRIES: u32 = 3;

fn folder(invocation: &Invocation<'_>) -> Folder {
    Folder::new(PathBuf::from(invocation.typed.flag(FOLDER.name).unwrap_or(DEFAULT_FOLDER)))
}

fn folder_flag(folder: &Folder) -> String {
    if folder.path().as_os_str() == DEFAULT_FOLDER {
        String::new()
    } else {
        format!(" --folder {}", shell_word(folder.path()))
    }
}

/// Why a command of the PKI failed.
enum Trouble {
    /// A refusal of the PKI, which can suggest a way out once the call is known.
    Pki(PkiError),
    /// Something else.
    Other(Failure),
}

impl From<PkiError> for Trouble {
    fn from(error: PkiError) -> Self {
        Self::Pki(error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl From<UsageError> for Trouble {
    fn from(error: UsageError) -> Self {
        Self::Other(error.into())
    }
}

impl From<SettingsError> for Trouble {
    fn from(error: SettingsError) -> Self {
        Self::Other(error.into())
    }
}

/// A refusal of the PKI, with hints that use the names on the command line.
#[derive(Debug)]
struct Called {
    error: PkiError,
    call: Call,
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for Called {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl Diagnostic for Called {
    fn id(&self) -> &'static str {
        self.error.id()
    }

    fn fault(&self) -> Fault {
        self.error.fault()
    }

    fn facts(&self) -> Vec<Fact> {
        self.error.facts()
    }

    fn hint(&self) -> Option<String> {
        self.error.hint_for(&self.call)
    }
}

/// Runs a command; hints in a refusal name its identity and its folder.
fn called(
    invocation: &Invocation<'_>,
    work: fn(&Invocation<'_>, &Folder) -> Result<(), Trouble>,
) -> Result<(), Failure> {
    let folder = folder(invocation);
    work(invocation, &folder).map_err(|trouble| match trouble {
        Trouble::Pki(error) => {
            let name = invocation.typed.words.first().filter(|name| crate::config::is_session_name(name));
            let name = name.map_or_else(|| String::from("NAME"), |name| shell_word(Path::new(name)));
            Failure::from(Called { error, call: Call { name, folder: folder_flag(&folder) } })
        }
        Trouble::Other(failure) => failure,
    })
}

/// Returns the URL of a revocation list that a flag names, once it is checked.
fn url(invocation: &Invocation<'_>, flag: &Setting) -> Result<Option<String>, PkiError> {
    invocation.typed.flag(flag.name).map(crate::pki::crl_url).transpose()
}

fn algorithm(typed: Option<&str>, usual: KeyAlgorithm) -> KeyAlgorithm {
    typed.and_then(|name| name.parse().ok()).unwrap_or(usual)
}

/// Returns the command's word.
fn word<'a>(invocation: &'a Invocation<'_>) -> &'a str {
    invocation.typed.words.first().map_or("", String::as_str)
}

/// Returns the passphrase of the CA's key, if it has one.
fn passphrase(invocation: &Invocation<'_>, folder: &Folder) -> Result<Option<Secret<String>>, Trouble> {
    if !folder.is_encrypted()? {
        return Ok(None);
    }
    let file = invocation.typed.flag(PASSPHRASE_FILE.name);
    let mut given = passphrase::known(file, "passphrase of the CA's key", invocation.env)?;
    // A person may mistype; a file does not. The last answer is rejected where it is used.
    for left in (1..PASSPHRASE_TRIES).rev() {
        if file.is_some() || folder.is_passphrase(&given)? {
            break;
        }
        let question = match left {
            1 => "that passphrase is wrong. passphrase of the CA's key, the last try",
            _ => "that passphrase is wrong. passphrase of the CA's key",
        };
        given = passphrase::known(None, question, invocation.env)?;
    }
    Ok(Some(given))
}

/// Returns a number of days from 1 to 3650, if one was given.
fn days(invocation: &Invocation<'_>, flag: &'static Setting) -> Result<Option<Duration>, UsageError> {
    let Some(typed) = invocation.typed.flag(flag.name) else { return Ok(None) };
    let number = grammar::integer(typed).and_then(|days| u32::try_from(days).ok());
    match number.filter(|days| (1..=MOST_DAYS).contains(days)) {
        Some(days) => Ok(Some(DAY * days)),
        None => Err(UsageError::Value {
            flag: flag.name,
            value: typed.to_owned(),
            expected: "a number from 1 to 3650",
        }),
    }
}

/// Rejects two flags that exclude each other.
fn exclude(invocation: &Invocation<'_>, one: &Setting, other: &Setting) -> Result<(), SettingsError> {
    let given = |flag: &Setting| invocation.typed.flag(flag.name).is_some();
    if given(one) && given(other) {
        return Err(SettingsError::Exclusive {
            one: format!("--{}", one.name),
            other: format!("--{}", other.name),
        });
    }
    Ok(())
}

fn until(not_after: Timestamp, now: Timestamp) -> String {
    format!("valid until {not_after} ({})", not_after.distance_from(now))
}
