//! The commands of the small PKI for tests and pilots, one file each, and what they share.

pub(super) mod crl;
pub(super) mod init;
pub(super) mod install;
pub(super) mod issue;
pub(super) mod list;
pub(super) mod renew;
pub(super) mod revoke;

use std::path::PathBuf;
use std::time::Duration;

use pki_test::algorithm::KeyAlgorithm;

use super::report::Failure;
use super::settings::SettingsError;
use super::settings::table::{Kind, Setting};
use super::usage::UsageError;
use super::{Invocation, grammar, passphrase};
use crate::clock::Timestamp;
use crate::pki::Folder;
use crate::private_file::shell_word;
use crate::secret::Secret;

const ALGORITHMS: &str = "ec-p256|ec-p384|ec-p521|rsa-2048|rsa-3072|rsa-4096|ml-dsa-44|ml-dsa-65|ml-dsa-87";
const DEFAULT_FOLDER: &str = "anyrole-pki";
const DAY: Duration = Duration::from_secs(86_400);

const FOLDER: Setting =
    Setting::flag("folder", Kind::Text("PATH"), "folder of the PKI [default: anyrole-pki]");
const PASSPHRASE_FILE: Setting =
    Setting::flag("passphrase-file", Kind::Text("PATH"), "where the passphrase of the CA's key is read");

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

fn algorithm(typed: Option<&str>, usual: KeyAlgorithm) -> KeyAlgorithm {
    typed.and_then(|name| name.parse().ok()).unwrap_or(usual)
}

/// Returns the word of the command.
fn word<'a>(invocation: &'a Invocation<'_>) -> &'a str {
    invocation.typed.words.first().map_or("", String::as_str)
}

/// Returns the passphrase of the CA's key, where there is one.
fn passphrase(invocation: &Invocation<'_>, folder: &Folder) -> Result<Option<Secret<String>>, Failure> {
    if !folder.is_encrypted()? {
        return Ok(None);
    }
    let file = invocation.typed.flag(PASSPHRASE_FILE.name);
    passphrase::known(file, "passphrase of the CA's key", invocation.env).map(Some)
}

/// Returns a number of days from 1 to 3650, if one was given.
fn days(invocation: &Invocation<'_>, flag: &'static Setting) -> Result<Option<Duration>, UsageError> {
    let Some(typed) = invocation.typed.flag(flag.name) else { return Ok(None) };
    let number = grammar::integer(typed).and_then(|days| u32::try_from(days).ok());
    match number.filter(|days| (1..=3650).contains(days)) {
        Some(days) => Ok(Some(DAY * days)),
        None => Err(UsageError::Value {
            flag: flag.name,
            value: typed.to_owned(),
            expected: "a number from 1 to 3650",
        }),
    }
}

/// Refuses two flags that exclude each other.
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
