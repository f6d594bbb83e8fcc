//! `pki issue`: an identity with a new key, or a certificate for the key of a request.

use std::path::Path;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::certificate_request::{CertificateRequest, Wishes};
use serde::Serialize;

use super::names::{self, DNS, Given, SUBJECT, URI};
use super::{
    ALGORITHMS, CRL_URL, DAY, FOLDER, PASSPHRASE_FILE, Trouble, algorithm, backups, called, days, exclude,
    in_tpm, passphrase, until, url, word,
};
use crate::cli::args::{Needs, Spec, Words};
use crate::cli::report::Failure;
use crate::cli::settings::table::{Kind, Setting};
use crate::cli::{Invocation, output};
use crate::clock::{Clock as _, SystemClock};
use crate::explain;
use crate::pki::{self, Folder, IssueSpec, Issued, IssuedBefore, KeyOrigin, PkiError};
use crate::private_file::shell_word;
use crate::text::{printable, quoted};
use crate::x509::Certificate;

const DEFAULT_DAYS: u32 = 14;

const DAYS: Setting = Setting::flag("days", Kind::Integer, "days of validity [default: 14]");
const ALGORITHM: Setting =
    Setting::flag("algorithm", Kind::Word(ALGORITHMS), "algorithm of the key [default: ec-p256]");
const CSR: Setting =
    Setting::flag("csr", Kind::Text("PATH"), "a certificate request, whose key is certified");
const REPLACE: Setting = Setting::flag("replace", Kind::Boolean, "replace the identity of that name");

const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON for programs");

/// `anyrole pki issue`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "pki issue",
    about: "Issues an identity: a private key and its certificate, or a certificate for a request.",
    words: Words::One("NAME"),
    groups: &[],
    flags: &[
        FOLDER,
        SUBJECT,
        DNS,
        URI,
        DAYS,
        ALGORITHM,
        CSR,
        REPLACE,
        CRL_URL,
        PASSPHRASE_FILE,
        in_tpm::TPM,
        in_tpm::DEVICE,
        in_tpm::PARENT,
        in_tpm::KEY_PASSWORD,
        in_tpm::PARENT_PASSWORD,
        JSON,
    ],
    more: "\
Writes NAME/NAME.pem (the certificate, then intermediates) and NAME/NAME.key into the folder. With
--replace the subject, the DNS names, the URIs and the days stay as they were, each unless it is given:
--dns replaces all DNS names and no URI. A backup of migrate that the replaced key opens, of this user,
opens with a new key in its place too, unless that is made elsewhere or in a TPM.

With --crl-url the certificate names the place of the CA's revocation list, and so do its renewals. The
first URL becomes that of the whole PKI: certificates issued later name it without being told.

With --csr the private key stays where the request was made. Only the public key of the request is
taken, once its signature is checked; the names are those of this command line, and whatever else
the request asks for is shown and left out. On its host, and then here:
  anyrole pki request build-17
  anyrole pki issue build-17 --csr build-17.csr

With --tpm the key is made in the TPM of this host and never leaves it: NAME/NAME.key is its TSS2 key
file, which no other host can use, and which programs with OpenSSL's provider for TPMs read as well.
Where the CA is on another host, pki request --tpm makes such a key and a request.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    called(invocation, carry_out)
}

fn carry_out(invocation: &Invocation<'_>, folder: &Folder) -> Result<(), Trouble> {
    let typed = &invocation.typed;
    exclude(invocation, &CSR, &ALGORITHM)?;
    exclude(invocation, &CSR, &in_tpm::TPM)?;
    let name = word(invocation).to_owned();
    if !crate::config::is_session_name(&name) {
        return Err(PkiError::Name { name }.into());
    }
    // What is replaced keeps its names and its lifetime, unless the command line says otherwise.
    let before = if invocation.has(&REPLACE) { folder.issued_before(&name)? } else { None };
    let is_kept = before.is_some();
    let mut kept = before.unwrap_or(IssuedBefore {
        subject: names::subject(invocation, &name)?,
        alternative_names: Vec::new(),
        lifetime: DAY * DEFAULT_DAYS,
        crl_url: None,
    });
    if typed.flag(SUBJECT.name).is_some() {
        kept.subject = names::subject(invocation, &name)?;
    }
    let given = names::replace_given(invocation, &mut kept.alternative_names)?;
    let new = algorithm(typed.flag(ALGORITHM.name), KeyAlgorithm::EcP256);
    let key = match typed.flag(CSR.name) {
        Some(file) => KeyOrigin::Request(pki::read_request(Path::new(file))?),
        None => KeyOrigin::New(new),
    };
    let mut spec = IssueSpec {
        subject: kept.subject,
        alternative_names: kept.alternative_names,
        lifetime: days(invocation, &DAYS)?.unwrap_or(kept.lifetime),
        key,
        crl_url: url(invocation, &CRL_URL)?.or(kept.crl_url),
        name,
    };
    let passphrase = passphrase(invocation, folder)?;
    // Before the TPM is asked, which may take long.
    if !invocation.has(&REPLACE) && invocation.has(&in_tpm::TPM) {
        folder.check_free(&spec.name)?;
    }
    if let Some(made) = in_tpm::new_key(invocation, new)? {
        spec.key = KeyOrigin::InTpm(made.file);
    }
    let now = SystemClock.now();
    let mut handed_over = String::new();
    let issued = if invocation.has(&REPLACE) {
        let mut rekey = |old: &str, new: &str| handed_over = backups::handed_over(invocation, old, new);
        folder.reissue(&spec, passphrase.as_ref(), now, &mut rekey)?
    } else {
        folder.issue(&spec, passphrase.as_ref(), now)?
    };
    if invocation.has(&JSON) {
        let document = Document::of(&spec, &issued, &folder.certificate(&spec.name)?);
        return Ok(output::write_json("pki-issue", &document).map_err(Failure::output)?);
    }
    let key = match &spec.key {
        KeyOrigin::New(algorithm) => algorithm.to_string(),
        KeyOrigin::InTpm(_) => format!("{new} in the TPM"),
        KeyOrigin::Request(request) => request.key().to_string(),
    };
    let mut text =
        format!("issued {}: {}, {key}, serial {}\n", spec.name, until(issued.not_after, now), issued.serial);
    if is_kept {
        text.push_str(&names_of(&spec, typed.flag(SUBJECT.name).is_some(), &given));
    }
    if let Some(url) = &issued.crl_url {
        text.push_str(&format!("  CRL          {url}\n"));
    }
    text.push_str(&unmappable(&folder.certificate(&spec.name)?));
    text.push_str(&match (&issued.private_key, &spec.key) {
        (Some(private_key), KeyOrigin::InTpm(_) | KeyOrigin::New(_) | KeyOrigin::Request(_)) => {
            with_key(folder, &spec.name, &issued, &shell_word(private_key), &in_tpm::again(invocation))
        }
        (None, KeyOrigin::Request(request)) => with_request(&issued, request),
        (None, KeyOrigin::InTpm(_) | KeyOrigin::New(_)) => String::new(),
    });
    text.push_str(&handed_over);
    Ok(output::write(text.as_bytes()).map_err(Failure::output)?)
}

/// The result, for programs.
#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    serial: &'a str,
    subject: String,
    alternative_names: Vec<String>,
    not_after: String,
    certificate: String,
    /// `null` if the key is elsewhere.
    private_key: Option<String>,
    /// Where the certificate says that the CA's revocation list is; `null` where it does not.
    crl_url: Option<&'a str>,
    /// What cannot be a session tag.
    warnings: Vec<String>,
}

impl<'a> Document<'a> {
    fn of(spec: &'a IssueSpec, issued: &'a Issued, certificate: &Certificate) -> Self {
        let warnings = explain::unmappable_tags(certificate).into_iter();
        Self {
            name: &spec.name,
            serial: &issued.serial,
            subject: spec.subject.to_string(),
            alternative_names: spec.alternative_names.iter().map(pki::render_name).collect(),
            not_after: issued.not_after.to_string(),
            certificate: issued.certificate.display().to_string(),
            private_key: issued.private_key.as_ref().map(|path| path.display().to_string()),
            crl_url: issued.crl_url.as_deref(),
            warnings: warnings.map(|(tag, what)| format!("{tag} is no session tag: {what}")).collect(),
        }
    }
}

/// Shows the names of a certificate that replaced another, and which of them were kept.
fn names_of(spec: &IssueSpec, has_new_subject: bool, given: &[Given]) -> String {
    let origin = |is_new: bool| if is_new { "given" } else { "kept" };
    let mut text =
        format!("  subject      {}, {}\n", quoted(&spec.subject.to_string()), origin(has_new_subject));
    for name in &spec.alternative_names {
        let is_new = given.iter().any(|kind| kind.includes(name));
        text.push_str(&format!(
            "  also         {}, {}\n",
            printable(&pki::render_name(name)),
            origin(is_new)
        ));
    }
    text
}

/// Warns of values that AWS leaves out of the session: a condition of a trust policy on them would never hold.
fn unmappable(certificate: &Certificate) -> String {
    let found = explain::unmappable_tags(certificate);
    let line = |(tag, what): (String, String)| {
        format!(
            "  warning      {tag} is no session tag, and no trust policy can compare it: {}\n",
            printable(&what)
        )
    };
    found.into_iter().map(line).collect()
}

fn with_key(folder: &Folder, name: &str, issued: &Issued, key: &str, flags: &str) -> String {
    let root = shell_word(&folder.root_certificate());
    let certificate = shell_word(&issued.certificate);
    format!(
        "  certificate  {certificate}\n  private key  {key}\n\n\
         next: look at it, and try it without AWS\n  anyrole inspect --certificate {certificate} --private-key {key}{flags}\n  \
         anyrole simulate --trust-anchor {root}\n\
         for AWS: print the trust anchor, the role and the profile\n  \
         anyrole setup {} --ca {root} --certificate {certificate} --account ACCOUNT --region REGION\n",
        shell_word(Path::new(name)),
    )
}

fn with_request(issued: &Issued, request: &CertificateRequest) -> String {
    let mut text = format!(
        "  certificate  {}\n  private key  where the request was made\n",
        shell_word(&issued.certificate)
    );
    let wishes = wishes(request.wishes());
    if !wishes.is_empty() {
        text.push_str(&format!(
            "  the request also named, and the certificate does not: {}\n",
            wishes.join(", ")
        ));
    }
    text.push_str("\nnext: put the certificate beside its private key\n");
    text
}

/// Returns what a request asked for, in printable form.
fn wishes(wishes: &Wishes) -> Vec<String> {
    let mut shown = Vec::new();
    if !wishes.subject.is_empty() {
        shown.push(format!("subject {}", quoted(&wishes.subject)));
    }
    shown.extend(wishes.subject_alternative_names.iter().map(|name| printable(name)));
    if wishes.authority {
        shown.push(String::from("to be a CA"));
    }
    shown
}
