//! `pki request`: a key here, and a request for a CA elsewhere.

use pki_test::algorithm::KeyAlgorithm;

use super::names::{self, DNS, SUBJECT, URI};
use super::{ALGORITHMS, FOLDER, Trouble, algorithm, called, exclude, folder_flag, word};
use crate::cli::args::{Needs, Spec, Words};
use crate::cli::report::Failure;
use crate::cli::settings::table::{Kind, Setting};
use crate::cli::{Invocation, output};
use crate::pki::{Folder, RequestSpec};
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
    flags: &[FOLDER, SUBJECT, DNS, URI, ALGORITHM, REUSE_KEY],
    more: "\
Writes NAME/NAME.key, which never leaves this host, and NAME/NAME.csr (PKCS #10) for the CA. What
comes back is put beside the key, in one step, once it is checked:
  anyrole pki install build-17 --certificate FILE

This is the way for a host that should renew itself without holding the CA's key.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    called(invocation, carry_out)
}

fn carry_out(invocation: &Invocation<'_>, folder: &Folder) -> Result<(), Trouble> {
    exclude(invocation, &REUSE_KEY, &ALGORITHM)?;
    let name = word(invocation).to_owned();
    let spec = RequestSpec {
        subject: names::subject(invocation, &name)?,
        alternative_names: names::alternative_names(invocation)?,
        new_key: (!invocation.has(&REUSE_KEY))
            .then(|| algorithm(invocation.typed.flag(ALGORITHM.name), KeyAlgorithm::EcP256)),
        name,
    };
    let requested = folder.request(&spec)?;
    let text = format!(
        "made a request of {}: {}, subject {}\n  request      {}\n  private key  {}\n\n\
         next: have the request signed, and put the certificate beside the key\n  \
         anyrole pki install {} --certificate FILE{}\n",
        spec.name,
        requested.algorithm,
        crate::text::quoted(&spec.subject.to_string()),
        shell_word(&requested.request),
        shell_word(&requested.private_key),
        spec.name,
        folder_flag(folder),
    );
    Ok(output::write(text.as_bytes()).map_err(Failure::output)?)
}
