//! `pki install`: a certificate that somebody else issued, beside its key.

use super::{FOLDER, Trouble, called, folder_flag, until, word};
use crate::cli::args::{Needs, Spec, Words};
use crate::cli::report::Failure;
use crate::cli::settings::SettingsError;
use crate::cli::settings::table::{Kind, Setting};
use crate::cli::{Invocation, output};
use crate::clock::{Clock as _, SystemClock};
use crate::identity::Input;
use crate::pki::{Folder, InstallSpec};
use crate::private_file::shell_word;
use crate::text::quoted;

const CERTIFICATE: Setting =
    Setting::flag("certificate", Kind::Text("PATH"), "the certificate, PEM or DER; may carry intermediates");
const INTERMEDIATES: Setting =
    Setting::flag("intermediates", Kind::Text("PATH"), "the CA certificates below the trust anchor");

/// `anyrole pki install`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "pki install",
    about: "Puts a certificate that another CA issued beside its private key.",
    words: Words::One("NAME"),
    groups: &[],
    flags: &[FOLDER, CERTIFICATE, INTERMEDIATES],
    more: "\
The private key is NAME/NAME.key in the folder, which needs no CA. The certificate is checked as for
a session: it must belong to the key, be valid now, have a subject name, allow digital signatures, be
signed with SHA-256 or stronger, and not be a CA's. The chain is put in order, without its root, and
written to NAME/NAME.pem together with the key, in one step. To ask another CA for a certificate:
  anyrole pki request build-17
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    called(invocation, carry_out)
}

fn carry_out(invocation: &Invocation<'_>, folder: &Folder) -> Result<(), Trouble> {
    let input = |flag: &Setting| match invocation.typed.flag(flag.name) {
        Some(text) => Input::parse(text).map(Some).map_err(Failure::from),
        None => Ok(None),
    };
    let spec = InstallSpec {
        name: word(invocation).to_owned(),
        certificate: input(&CERTIFICATE)?
            .ok_or(SettingsError::Missing { setting: &CERTIFICATE, unread: Vec::new() })?,
        intermediates: input(&INTERMEDIATES)?,
    };
    let now = SystemClock.now();
    let installed = folder.install(&spec, invocation.env, now)?;
    let text = format!(
        "installed {}: {}, serial {}\n  subject      {}\n  issuer       {}\n  certificate  {}, with {} intermediate{}\n  \
         private key  {}, as before\n\nnext: tell when it is to be renewed\n  anyrole pki renew {} --check{}\n",
        spec.name,
        until(installed.not_after, now),
        installed.serial,
        quoted(&installed.subject),
        quoted(&installed.issuer),
        shell_word(&installed.certificate),
        installed.intermediates,
        if installed.intermediates == 1 { "" } else { "s" },
        shell_word(&installed.private_key),
        spec.name,
        folder_flag(folder),
    );
    Ok(output::write(text.as_bytes()).map_err(Failure::output)?)
}
