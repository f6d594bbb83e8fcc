//! `sign-string`: a signature over a fixed test string, as the official helper creates it.

use super::args::{Needs, Spec, Words};
use super::report::Failure;
use super::settings::table::{Group, Kind, Setting};
use super::{CalledAs, Invocation, output};
use crate::identity;
use crate::inspect::{self, SignatureFormat};
use crate::signer::DigestAlgorithm;

const FORMAT: Setting =
    Setting::flag("format", Kind::Word("json|text|bin"), "form of the signature [default: json]");
const DIGEST: Setting =
    Setting::flag("digest", Kind::Word("SHA256|SHA384|SHA512"), "hash that is signed [default: SHA256]");

/// `anyrole sign-string`.
pub(super) const SPEC: Spec = Spec {
    name: "sign-string",
    about: "Signs a fixed test string with the private key, to try the key.",
    words: Words::None,
    groups: &[Group::Identity, Group::Program],
    flags: &[FORMAT, DIGEST],
    more: "The private key alone is enough. Nothing is read from the standard input, and nothing is sent.\n",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings()?;
    let key = match settings.input("private-key", invocation.env)? {
        Some(key) => key,
        None => {
            settings.input("certificate", invocation.env)?.ok_or_else(|| settings.missing("private-key"))?
        }
    };
    let password = settings.password(invocation.env)?;
    let tpm = settings.tpm(invocation.env)?;
    let lenient =
        invocation.called_as == CalledAs::OfficialHelper || settings.boolean("allow-insecure-key-file");
    let digest = match invocation.typed.flag(DIGEST.name) {
        Some("SHA384") => DigestAlgorithm::Sha384,
        Some("SHA512") => DigestAlgorithm::Sha512,
        Some(_) | None => DigestAlgorithm::Sha256,
    };
    let format = match invocation.typed.flag(FORMAT.name) {
        Some("bin") => SignatureFormat::Bin,
        Some("text") => SignatureFormat::Text,
        Some(_) | None => SignatureFormat::Json,
    };
    let key = if key.holds_many() {
        identity::key_input(&settings.identity(invocation.env, lenient)?, invocation.env)?
    } else {
        key
    };
    let (mut key, _) = identity::load_private_key(&key, &password, Some(&tpm), lenient, invocation.env)?;
    let signature = inspect::sign_string(key.as_mut(), digest, format)?;
    output::write(&signature).map_err(Failure::output)
}
