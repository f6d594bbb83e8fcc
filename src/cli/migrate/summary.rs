//! `migrate summary`: which keys are gone and what works without them, signed by the identity.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::super::args::{Needs, Spec, Words};
use super::super::report::Failure;
use super::super::settings::table::{Group, Kind, Setting};
use super::super::usage::UsageError;
use super::super::{Invocation, output};
use super::session::settings;
use crate::audit::files::host;
use crate::clock::{Clock as _, SystemClock};
use crate::identity::{self, Identity};
use crate::migrate::MigrateError;
use crate::migrate::state::State;
use crate::migrate::store::Store;
use crate::migrate::summary::{Entry, Signer, Summary};
use crate::private_file::{self, shell_word};
use crate::signer::SignatureAlgorithm;

const OUTPUT: Setting =
    Setting::flag("output", Kind::Text("FILE"), "where it goes; beside it FILE.sig and FILE.pem");

/// `anyrole migrate summary`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "migrate summary",
    about: "Writes a signed summary: which keys are gone, and what works without them.",
    words: Words::Session,
    groups: &[Group::Network, Group::Program],
    flags: &[OUTPUT],
    more: "\
Every key that this user has migrated on this host, with each step and its time, and each program that
ran with the session and succeeded. The identity of the session NAME signs it, or that of the only
session there is: FILE.sig is the signature of FILE, FILE.pem the certificate.
  anyrole migrate summary --output keys.json
  openssl x509 -in keys.json.pem -pubkey -noout >keys.json.pub
  openssl dgst -sha256 -verify keys.json.pub -signature keys.json.sig keys.json
What it says is what this host knew: of a key that somebody else deleted, what that one told.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let file = invocation.typed.flag(OUTPUT.name);
    let file = Path::new(file.ok_or(UsageError::WordMissing { word: "--output", command: SPEC.name })?);
    let store = Store::locate(invocation.env)?;
    let states = store.all()?;
    let signing = signing(invocation, &states)?;
    let session = settings(invocation, signing)?.session(invocation.env, false)?;
    let mut identity = identity::load(&session.identity, invocation.env)?;
    let summary = Summary {
        made_at: SystemClock.now().to_string(),
        host: host(),
        signer: signer(&identity),
        keys: states.iter().map(Entry::of).collect(),
    };
    let text = output::envelope("migrate-summary", &summary)
        .map_err(|error| MigrateError::State { file: file.to_owned(), why: error.to_string() })?;
    let signature = identity.sign(&text)?;
    let (beside, certificate) = (with_suffix(file, ".sig"), with_suffix(file, ".pem"));
    // The signature last: where it is, all of it is.
    private_file::replace(file, &text, 0o644)?;
    private_file::replace(&certificate, pem(identity.end_entity().der()).as_bytes(), 0o644)?;
    private_file::replace(&beside, signature.octets(), 0o644)?;
    let told = told(file, &beside, &certificate, identity.signature_algorithm(), states.len());
    output::write(told.as_bytes()).map_err(Failure::output)
}

/// Returns the state whose session signs.
fn signing<'a>(invocation: &Invocation<'_>, states: &'a [State]) -> Result<&'a State, MigrateError> {
    let first = states.first().ok_or_else(|| MigrateError::NotBegun { what: String::from("any key") })?;
    match invocation.name() {
        Some(name) => states
            .iter()
            .find(|state| state.session == name)
            .ok_or_else(|| MigrateError::NotBegun { what: format!("a key to session {name}") }),
        None if states.iter().all(|state| state.session == first.session) => Ok(first),
        None => Err(MigrateError::Step {
            access_key_id: first.access_key_id.clone(),
            is: String::from("was replaced by another session than the other keys"),
            step: "to know who signs",
            hint: format!("name the session that signs: anyrole migrate summary {}", first.session),
        }),
    }
}

fn signer(identity: &Identity) -> Signer {
    let certificate = identity.end_entity();
    Signer {
        subject: certificate.subject_name().to_owned(),
        issuer: certificate.issuer_name().to_owned(),
        serial: certificate.serial_number().decimal().to_owned(),
        certificate_sha256: certificate.sha256(),
    }
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Renders a certificate as PEM (RFC 7468).
fn pem(der: &[u8]) -> String {
    let base64 = BASE64.encode(der);
    let lines = base64.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let body: String = lines.map(|line| format!("{line}\n")).collect();
    format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n")
}

fn told(
    file: &Path,
    signature: &Path,
    certificate: &Path,
    algorithm: SignatureAlgorithm,
    keys: usize,
) -> String {
    let noun = if keys == 1 { "key" } else { "keys" };
    let (file, signature, certificate) = (shell_word(file), shell_word(signature), shell_word(certificate));
    let check = match algorithm {
        SignatureAlgorithm::RsaSha256 | SignatureAlgorithm::EcdsaSha256 => {
            format!("openssl dgst -sha256 -verify key.pub -signature {signature} {file}")
        }
        SignatureAlgorithm::MlDsa => {
            format!("openssl pkeyutl -verify -pubin -inkey key.pub -rawin -sigfile {signature} -in {file}")
        }
    };
    format!(
        "wrote {file} about {keys} {noun}, signed in {signature}\nto check it:\n  openssl x509 -in {certificate} -pubkey -noout >key.pub\n  {check}\n"
    )
}
