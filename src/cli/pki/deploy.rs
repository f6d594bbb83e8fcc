//! `pki deploy`: puts the pair where another user's programs read it.

use std::path::PathBuf;

use super::{FOLDER, Trouble, called, until, word};
use crate::cli::args::{Needs, Spec, Words};
use crate::cli::report::Failure;
use crate::cli::settings::SettingsError;
use crate::cli::settings::table::{Kind, Setting};
use crate::cli::usage::UsageError;
use crate::cli::{Invocation, output};
use crate::clock::{Clock as _, SystemClock};
use crate::pki::{DeploySpec, Folder};
use crate::private_file::{Owner, find_owner, shell_word};

const MODES: &str = "0600|0400|0640|0440";

const TO: Setting =
    Setting::flag("to", Kind::Text("PATH"), "the folder for this pair alone, made or replaced as a whole");
const OWNER: Setting =
    Setting::flag("owner", Kind::Text("USER[:GROUP]"), "who owns it, by name or number [default: you]");
const MODE: Setting = Setting::flag("mode", Kind::Word(MODES), "mode of both files [default: 0600]");

/// `anyrole pki deploy`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "pki deploy",
    about: "Puts an identity's certificate and key where another user's programs read them.",
    words: Words::One("NAME"),
    groups: &[],
    flags: &[FOLDER, TO, OWNER, MODE],
    more: "\
Both files change in one step: a reader has the old pair or the new one. Where the same pair is
there already nothing is done, so this can run after every 'pki renew --if-due', and a deployment
that failed is made good by the next. All folders above must be root's or yours, and closed to
changes by others. Giving files to another user takes root:
  install -d -m 755 /etc/anyrole/identity
  anyrole pki deploy build-17 --folder /var/lib/anyrole/pki \\
    --to /etc/anyrole/identity/build-17 --owner jenkins

A private key that its group may read (0640, 0440) is used only if root owns it:
  --owner root:GROUP --mode 0640
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    called(invocation, carry_out)
}

fn carry_out(invocation: &Invocation<'_>, folder: &Folder) -> Result<(), Trouble> {
    let typed = &invocation.typed;
    let to = typed.flag(TO.name).ok_or(SettingsError::Missing { setting: &TO, unread: Vec::new() })?;
    let owner = typed.flag(OWNER.name).map(owner).transpose()?;
    let mode = typed.flag(MODE.name).unwrap_or("0600");
    let spec = DeploySpec {
        name: word(invocation).to_owned(),
        to: PathBuf::from(to),
        owner,
        mode: u32::from_str_radix(mode, 8).unwrap_or(0o600),
    };
    if spec.mode & 0o040 != 0 && owner.is_none_or(|owner| owner.user != 0) {
        return Err(UsageError::Value {
            flag: MODE.name,
            value: mode.to_owned(),
            expected: "0600 or 0400, unless root owns the key (--owner root:GROUP): another one is refused when it is used",
        }
        .into());
    }
    let deployed = folder.deploy(&spec)?;
    let now = SystemClock.now();
    let (name, serial) = (&spec.name, deployed.certificate.serial_number().hex());
    let verb = if deployed.is_new { "deployed" } else { "already there, nothing done:" };
    let text = format!(
        "{verb} {name}: {}, serial {serial}\n  certificate  {}\n  private key  {}, mode {mode}\n",
        until(deployed.certificate.not_after(), now),
        shell_word(&deployed.certificate_file),
        shell_word(&deployed.private_key_file),
    );
    Ok(output::write(text.as_bytes()).map_err(Failure::output)?)
}

fn owner(text: &str) -> Result<Owner, UsageError> {
    find_owner(text).ok_or_else(|| UsageError::Value {
        flag: OWNER.name,
        value: text.to_owned(),
        expected: "USER or USER:GROUP of /etc/passwd and /etc/group, or numbers (see id USER)",
    })
}
