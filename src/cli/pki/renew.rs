//! `pki renew`: a new certificate in good time, by hand or by a timer.

use super::{DAY, FOLDER, PASSPHRASE_FILE, Trouble, backups, called, days, exclude, passphrase, until, word};
use crate::cli::args::{Needs, Spec, Words};
use crate::cli::report::Failure;
use crate::cli::settings::table::{Kind, Setting};
use crate::cli::{Invocation, output};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::pki::{Due, Folder, Issued, RenewSpec, RenewedKey, When};
use crate::private_file::shell_word;

const IF_DUE: Setting = Setting::flag("if-due", Kind::Boolean, "do nothing before two thirds of its life");
const CHECK: Setting = Setting::flag("check", Kind::Boolean, "only tell whether it is due");
const REUSE_KEY: Setting = Setting::flag("reuse-key", Kind::Boolean, "keep the private key");
const DAYS: Setting = Setting::flag("days", Kind::Integer, "days of validity [default: as before]");

/// `anyrole pki renew`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "pki renew",
    about: "Renews an identity: a new certificate with the same names, and a new key.",
    words: Words::One("NAME"),
    groups: &[],
    flags: &[FOLDER, IF_DUE, CHECK, REUSE_KEY, DAYS, PASSPHRASE_FILE],
    more: "\
Certificate and key are replaced together, in one step: a reader gets the old pair or the new one.
The old certificate stays valid until it expires. A revoked identity is not renewed. A backup
of migrate that the old key opens, of this user, opens with the new one too.
packaging/systemd has a timer that runs this with --if-due every few hours, and a step that puts the
pair where another user reads it (pki deploy).

A host that renews like this holds the CA's key, and so can act as every identity that AWS trusts the
CA for. To keep the CA's key elsewhere: pki request on the host, pki issue --csr where the CA is, and
pki install on the host.

Exit status: 0 renewed, or not due with --if-due; 1 failed. With --check: 0 not due, 1 due.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    called(invocation, carry_out)
}

fn carry_out(invocation: &Invocation<'_>, folder: &Folder) -> Result<(), Trouble> {
    exclude(invocation, &CHECK, &IF_DUE)?;
    let name = word(invocation);
    let now = SystemClock.now();
    let due = folder.due(name)?;
    if invocation.has(&CHECK) {
        output::write(told(name, due, now).as_bytes()).map_err(Failure::output)?;
        return if due.is_due(now) { Err(Failure::Negative.into()) } else { Ok(()) };
    }
    let spec = RenewSpec {
        name: name.to_owned(),
        lifetime: days(invocation, &DAYS)?,
        key: if invocation.has(&REUSE_KEY) { RenewedKey::Same } else { RenewedKey::New },
        when: if invocation.has(&IF_DUE) { When::IfDue } else { When::Now },
    };
    if spec.when == When::IfDue && !due.is_due(now) {
        return Ok(output::write(told(name, due, now).as_bytes()).map_err(Failure::output)?);
    }
    // Before a passphrase is asked for.
    folder.check_renewable(name)?;
    let passphrase = passphrase(invocation, folder)?;
    let mut backups = String::new();
    let mut rekey = |old: &str, new: &str| backups = backups::handed_over(invocation, old, new);
    let text = match folder.renew(&spec, passphrase.as_ref(), now, &mut rekey)? {
        Some(issued) => renewed(folder, &spec, &issued, due, now) + &backups,
        None => told(name, folder.due(name)?, now),
    };
    Ok(output::write(text.as_bytes()).map_err(Failure::output)?)
}

fn told(name: &str, due: Due, now: Timestamp) -> String {
    let verb = if due.is_due(now) { "is due since" } else { "is not due until" };
    format!("{name} {verb} {} ({}), {}\n", due.at, due.at.distance_from(now), until(due.not_after, now))
}

fn renewed(folder: &Folder, spec: &RenewSpec, issued: &Issued, before: Due, now: Timestamp) -> String {
    let mut text = format!(
        "renewed {}: {}, serial {}\n  certificate  {}\n",
        spec.name,
        until(issued.not_after, now),
        issued.serial,
        shell_word(&issued.certificate)
    );
    match (&issued.private_key, spec.key) {
        (Some(key), RenewedKey::New | RenewedKey::Same) if folder.has_key_in_tpm(&spec.name) => {
            text.push_str(&format!("  private key  {}, as before: it is in a TPM\n", shell_word(key)));
        }
        (Some(key), RenewedKey::New) => text.push_str(&format!("  private key  {}, new\n", shell_word(key))),
        (Some(key), RenewedKey::Same) => {
            text.push_str(&format!("  private key  {}, as before\n", shell_word(key)))
        }
        (None, RenewedKey::New | RenewedKey::Same) => text.push_str("  private key  elsewhere, as before\n"),
    }
    if before.not_after > now.plus(DAY) {
        text.push_str(&format!("the certificate before is {}\n", until(before.not_after, now)));
    }
    if let Ok(due) = folder.due(&spec.name) {
        text.push_str(&format!("next: renew it from {} on\n", due.at));
    }
    text
}
