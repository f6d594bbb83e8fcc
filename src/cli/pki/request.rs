//! `pki request`: a key here, and a request for a CA elsewhere.

use pki_test::algorithm::KeyAlgorithm;

use super::names::{self, DNS, SUBJECT, URI};
use super::{ALGORITHMS, FOLDER, Trouble, algorithm, called, exclude, folder_flag, in_tpm, word};
use crate::cli::args::{Needs, Spec, Words};
use crate::cli::report::Failure;
use crate::cli::settings::table::{Kind, Setting};
use crate::cli::{Invocation, output};
use crate::pki::{Folder, RequestSpec, RequestedKey};
use crate::private_file::shell_word;

const ALGORITHM: Setting =
    Setting::flag("algorithm", Kind::Word(ALGORITHMS), "algorithm of the key [default: ec-p256]");
const REUSE_KEY: Setting =
    Setting::flag("reuse-key", Kind::Boolean, "ask for another certificate of the key that is there");

/// `anyrole pki request`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "pki request",
    about: "Makes a private key and a certificate request for another CA.",
    words: Words::One("NAME"),
    groups: &[],
    flags: &[
        FOLDER,
        SUBJECT,
        DNS,
        URI,
        ALGORITHM,
        REUSE_KEY,
        in_tpm::TPM,
        in_tpm::DEVICE,
        in_tpm::PARENT,
        in_tpm::KEY_PASSWORD,
        in_tpm::PARENT_PASSWORD,
    ],
    more: "\
Writes NAME/NAME.key, which never leaves this host, and NAME/NAME.csr (PKCS #10) for the CA. What
comes back is put beside the key, in one step, once it is checked:
  anyrole pki install build-17 --certificate FILE

This is the way for a host that should renew itself without holding the CA's key.

With --tpm the key is made in the TPM of this host and never leaves it: NAME/NAME.key is its TSS2 key
file, which no other host can use. The TPM signs the request.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    called(invocation, carry_out)
}

fn carry_out(invocation: &Invocation<'_>, folder: &Folder) -> Result<(), Trouble> {
    exclude(invocation, &REUSE_KEY, &ALGORITHM)?;
    exclude(invocation, &REUSE_KEY, &in_tpm::TPM)?;
    let name = word(invocation).to_owned();
    let subject = names::subject(invocation, &name)?;
    let alternative_names = names::alternative_names(invocation)?;
    let new = algorithm(invocation.typed.flag(ALGORITHM.name), KeyAlgorithm::EcP256);
    let key = if invocation.has(&REUSE_KEY) {
        RequestedKey::Present(in_tpm::settings(invocation)?)
    } else {
        // Before the TPM is asked, which may take long.
        if invocation.has(&in_tpm::TPM) {
            folder.check_without_key(&name)?;
        }
        match in_tpm::new_key(invocation, new)? {
            Some(made) => RequestedKey::InTpm(made.file, made.key),
            None => RequestedKey::New(new),
        }
    };
    let place = if folder.has_key_in_tpm(&name) || matches!(key, RequestedKey::InTpm(..)) {
        " in the TPM"
    } else {
        ""
    };
    let rendered = subject.to_string();
    let requested = folder
        .request(RequestSpec { name: name.clone(), subject, alternative_names, key }, invocation.env)?;
    let text = format!(
        "made a request of {name}: {}{place}, subject {}\n  request      {}\n  private key  {}\n\n\
         next: have the request signed, and put the certificate beside the key\n  \
         anyrole pki install {name} --certificate FILE{}\n",
        requested.kind,
        crate::text::quoted(&rendered),
        shell_word(&requested.request),
        shell_word(&requested.private_key),
        folder_flag(folder),
    );
    Ok(output::write(text.as_bytes()).map_err(Failure::output)?)
}
