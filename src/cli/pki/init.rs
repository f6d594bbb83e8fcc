//! `pki init`: creates the CAs.

use std::fmt::Write as _;

use pki_test::algorithm::KeyAlgorithm;

use super::{
    ALGORITHMS, CRL_URL, FOLDER, PASSPHRASE_FILE, Trouble, algorithm, called, folder_flag, until, url,
};
use crate::cli::args::{Needs, Spec, Words};
use crate::cli::report::Failure;
use crate::cli::settings::table::{Kind, Setting};
use crate::cli::usage::UsageError;
use crate::cli::{Invocation, output, passphrase};
use crate::clock::{Clock as _, SystemClock};
use crate::pki::{Folder, InitSpec, PkiError};
use crate::private_file::shell_word;

const NO_PASSPHRASE: Setting =
    Setting::flag("no-passphrase", Kind::Boolean, "leave the CA's keys unencrypted");
const NAME: Setting = Setting::flag("name", Kind::Text("NAME"), "name of the CA [default: anyrole TEST CA]");
const ALGORITHM: Setting =
    Setting::flag("algorithm", Kind::Word(ALGORITHMS), "algorithm of the CA's keys [default: ec-p256]");
const INTERMEDIATE: Setting =
    Setting::flag("intermediate", Kind::Boolean, "let an intermediate CA issue, not the root");

const ROOT_CRL_URL: Setting = Setting::flag(
    "root-crl-url",
    Kind::Text("URL"),
    "where the root's own list is published, with --intermediate",
);

/// `anyrole pki init`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "pki init",
    about: "Makes a CA in a folder, for tests and pilots.",
    words: Words::None,
    groups: &[],
    flags: &[FOLDER, NAME, ALGORITHM, INTERMEDIATE, CRL_URL, ROOT_CRL_URL, PASSPHRASE_FILE, NO_PASSPHRASE],
    more: "\
The root is valid for ten years, an intermediate for three. The keys are encrypted: a passphrase is
asked for twice on the terminal, or read with --passphrase-file.

Every client of Roles Anywhere accepts certificates that an EC P-256 or RSA CA signed, with SHA-256.
Some, such as AWS's own iam-rolesanywhere-session for Python, refuse the SHA-384 of a P-384 CA.

With --crl-url every certificate names the place of the CA's revocation list (a CRL distribution
point), and so does every renewal: a trust anchor that asks distribution points needs no import.
anyrole pki crl makes the list; AWS must reach the URL. --root-crl-url is the place of the root's own
list, for the intermediate's certificate.

Whoever has the CA's key can act as every identity that AWS trusts the CA for. In production, use
your own PKI.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    called(invocation, carry_out)
}

fn carry_out(invocation: &Invocation<'_>, folder: &Folder) -> Result<(), Trouble> {
    let typed = &invocation.typed;
    if folder.is_initialised()? {
        // Before a passphrase is asked for.
        return Err(PkiError::Exists { folder: folder.path().to_path_buf() }.into());
    }
    let (crl_url, root_crl_url) = (url(invocation, &CRL_URL)?, url(invocation, &ROOT_CRL_URL)?);
    if let (Some(value), false) = (&root_crl_url, invocation.has(&INTERMEDIATE)) {
        let expected = "given with --intermediate; without one, --crl-url is the root's list";
        return Err(UsageError::Value { flag: ROOT_CRL_URL.name, value: value.clone(), expected }.into());
    }
    let passphrase = if invocation.has(&NO_PASSPHRASE) {
        None
    } else {
        Some(passphrase::chosen(typed.flag(PASSPHRASE_FILE.name), invocation.env)?)
    };
    let encrypted = passphrase.is_some();
    let spec = InitSpec {
        name: typed.flag(NAME.name).unwrap_or("anyrole TEST CA").to_owned(),
        algorithm: algorithm(typed.flag(ALGORITHM.name), KeyAlgorithm::EcP256),
        intermediate: invocation.has(&INTERMEDIATE),
        passphrase,
        crl_url,
        root_crl_url,
    };
    let now = SystemClock.now();
    let (root_end, issuer_end) = folder.init(&spec, now)?;
    let mut text = format!("made a PKI in {}\n", folder.path().display());
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  root          {}, {}", until(root_end, now), spec.algorithm);
    if spec.intermediate {
        let _ = writeln!(text, "  intermediate  {}, {}", until(issuer_end, now), spec.algorithm);
    }
    let keys = if encrypted {
        "encrypted with the passphrase"
    } else {
        "NOT encrypted: keep the folder to yourself"
    };
    let _ = writeln!(text, "  private keys  {keys}");
    if let Some(url) = &spec.crl_url {
        let _ = writeln!(text, "  CRL           {url}, in every certificate from now on");
    }
    if let Some(url) = &spec.root_crl_url {
        let _ = writeln!(text, "  root's CRL    {url}, in the intermediate's certificate");
    }
    let _ = writeln!(text, "\nnext: issue an identity\n  anyrole pki issue build-17{}", folder_flag(folder));
    let _ = writeln!(
        text,
        "for AWS, this certificate becomes the trust anchor:\n  {}",
        shell_word(&folder.root_certificate())
    );
    if spec.intermediate {
        let intermediate = folder.path().join("ca").join("intermediate.pem");
        let _ = writeln!(
            text,
            "if identities are to be revoked, the intermediate instead: AWS does not say that it takes revocation\n\
             lists of CAs below the trust anchor, and that CA is the one which writes them:\n  {}",
            shell_word(&intermediate)
        );
    }
    Ok(output::write(text.as_bytes()).map_err(Failure::output)?)
}
