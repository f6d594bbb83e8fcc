//! Keys that are made in the TPM of this host: the flags, and the work.

use std::path::Path;

use pki_test::algorithm::KeyAlgorithm;

use super::Trouble;
use crate::cli::Invocation;
use crate::cli::report::Failure;
use crate::cli::settings::SettingsError;
use crate::cli::settings::table::{Kind, Setting};
use crate::cli::usage::UsageError;
use crate::identity::{self, Input, NewTpmKey, PasswordSource, TpmSettings};
use crate::pki::PkiError;
use crate::private_file::shell_word;
use crate::signer::tpm::{NewKeyKind, Parent, TpmPlace};

pub(super) const TPM: Setting =
    Setting::flag("tpm", Kind::Boolean, "make the key in this host's TPM, where it stays");
pub(super) const DEVICE: Setting =
    Setting::flag("tpm-device", Kind::Text("TPM"), "a device, or swtpm:path=… [default: /dev/tpmrm0]");
pub(super) const PARENT: Setting =
    Setting::flag("tpm-parent", Kind::Text("HANDLE"), "key below which it is stored [default: 0x40000001]");
pub(super) const KEY_PASSWORD: Setting = Setting::flag(
    "tpm-key-password-file",
    Kind::Text("INPUT"),
    "file with the key's password [default: none]",
);
pub(super) const PARENT_PASSWORD: Setting = Setting::flag(
    "tpm-parent-password-file",
    Kind::Text("INPUT"),
    "file with the password of its parent or hierarchy",
);

/// What the program's settings call the TPM, and what the programs of TPMs do.
const VARIABLES: [&str; 2] = ["ANYROLE_TPM_DEVICE", "TPM_DEVICE"];

/// Returns how the TPM is used, as the command line says.
pub(super) fn settings(invocation: &Invocation<'_>) -> Result<TpmSettings, Trouble> {
    let mut device = invocation.typed.flag(DEVICE.name).map(|typed| (DEVICE.name, typed.to_owned()));
    for variable in VARIABLES {
        if device.is_none() {
            let value = invocation.env.var(variable).map_err(SettingsError::from)?;
            device = value.map(|value| (DEVICE.name, value));
        }
    }
    let place = match device {
        None => TpmPlace::default(),
        Some((flag, value)) => TpmPlace::parse(&value).map_err(|_| UsageError::Value {
            flag,
            value,
            expected: "a device, swtpm:path=SOCKET, or swtpm:host=HOST,port=PORT",
        })?,
    };
    let password = |flag: &Setting| match invocation.typed.flag(flag.name) {
        None => Ok(PasswordSource::Prompt),
        Some(typed) => Input::parse(typed).map(PasswordSource::Input).map_err(Failure::from),
    };
    Ok(TpmSettings {
        place,
        key_password: password(&KEY_PASSWORD)?,
        parent_password: password(&PARENT_PASSWORD)?,
    })
}

/// Makes a key in the TPM, if the command line says so.
pub(super) fn new_key(
    invocation: &Invocation<'_>,
    algorithm: KeyAlgorithm,
) -> Result<Option<NewTpmKey>, Trouble> {
    if !invocation.has(&TPM) {
        let without = [PARENT, KEY_PASSWORD, PARENT_PASSWORD, DEVICE];
        return match without.iter().find(|flag| invocation.typed.flag(flag.name).is_some()) {
            Some(_) => Err(SettingsError::Missing { setting: &TPM, unread: Vec::new() }.into()),
            None => Ok(None),
        };
    }
    let kind = match algorithm {
        KeyAlgorithm::EcP256 => NewKeyKind::EcP256,
        KeyAlgorithm::EcP384 => NewKeyKind::EcP384,
        KeyAlgorithm::EcP521 => NewKeyKind::EcP521,
        KeyAlgorithm::Rsa2048 => NewKeyKind::Rsa(2048),
        KeyAlgorithm::Rsa3072 => NewKeyKind::Rsa(3072),
        KeyAlgorithm::Rsa4096 => NewKeyKind::Rsa(4096),
        KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87 => {
            return Err(UsageError::Value {
                flag: "algorithm",
                value: algorithm.to_string(),
                expected: "with --tpm an EC or RSA algorithm, which TPMs have",
            }
            .into());
        }
    };
    let below = match invocation.typed.flag(PARENT.name) {
        None => Parent::OWNER,
        Some(typed) => parent(typed).ok_or_else(|| UsageError::Value {
            flag: PARENT.name,
            value: typed.to_owned(),
            expected: "0x81 and six digits, of a storage key that stays in the TPM, or 0x40000001",
        })?,
    };
    let settings = settings(invocation)?;
    let made = identity::create_in_tpm(&settings, below, kind, invocation.env).map_err(PkiError::from)?;
    Ok(Some(made))
}

/// Returns the flags of the command line that the next command needs as well.
pub(super) fn again(invocation: &Invocation<'_>) -> String {
    let flags = [DEVICE, KEY_PASSWORD, PARENT_PASSWORD].into_iter();
    let typed = flags.filter_map(|flag| Some((flag.name, invocation.typed.flag(flag.name)?)));
    typed.map(|(name, typed)| format!(" --{name} {}", shell_word(Path::new(typed)))).collect()
}

fn parent(typed: &str) -> Option<Parent> {
    let digits = typed.strip_prefix("0x").or(typed.strip_prefix("0X")).unwrap_or(typed);
    Parent::of_handle(u32::from_str_radix(digits, 16).ok()?, false)
}
