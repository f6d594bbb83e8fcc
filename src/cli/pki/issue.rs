//! `pki issue`: an identity with a new key, or a certificate for the key of a request.

use std::path::Path;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::certificate_request::{CertificateRequest, Wishes};
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::SubjectAlternativeName;

use super::{
    ALGORITHMS, DAY, FOLDER, PASSPHRASE_FILE, algorithm, days, exclude, folder, passphrase, until, word,
};
use crate::cli::args::{Spec, Words};
use crate::cli::report::Failure;
use crate::cli::settings::table::{Kind, Setting};
use crate::cli::{Invocation, output};
use crate::clock::{Clock as _, SystemClock};
use crate::pki::{self, Folder, IssueSpec, Issued, KeyOrigin, PkiError};
use crate::private_file::shell_word;
use crate::text::{printable, quoted};

const DEFAULT_DAYS: u32 = 14;

const SUBJECT: Setting = Setting::flag("subject", Kind::Text("DN"), "subject name [default: CN=NAME]");
const DNS: Setting = Setting::flag("dns", Kind::List("NAME"), "a DNS name; may be given again");
const URI: Setting =
    Setting::flag("uri", Kind::List("URI"), "a URI, such as a SPIFFE ID; may be given again");
const DAYS: Setting = Setting::flag("days", Kind::Integer, "days of validity [default: 14]");
const ALGORITHM: Setting =
    Setting::flag("algorithm", Kind::Word(ALGORITHMS), "algorithm of the key [default: ec-p256]");
const CSR: Setting =
    Setting::flag("csr", Kind::Text("PATH"), "a certificate request, whose key is certified");
const REPLACE: Setting = Setting::flag("replace", Kind::Boolean, "replace the identity of that name");

/// `anyrole pki issue`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "pki issue",
    about: "Issues an identity: a private key and its certificate, or a certificate for a request.",
    words: Words::One("NAME"),
    groups: &[],
    flags: &[FOLDER, SUBJECT, DNS, URI, DAYS, ALGORITHM, CSR, REPLACE, PASSPHRASE_FILE],
    more: "\
Writes NAME/NAME.pem (the certificate, then intermediates) and NAME/NAME.key into the folder.

With --csr the private key stays where the request was made. Only the public key of the request is
taken, once its signature is checked; the names are those of this command line, and whatever else
the request asks for is shown and left out:
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout build-17.key \\
    -subj / -out build-17.csr
  anyrole pki issue build-17 --csr build-17.csr
",
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let typed = &invocation.typed;
    let folder = folder(invocation);
    exclude(invocation, &CSR, &ALGORITHM)?;
    let name = word(invocation).to_owned();
    if !crate::config::is_session_name(&name) {
        return Err(PkiError::Name { name }.into());
    }
    let subject = match typed.flag(SUBJECT.name) {
        Some(text) => text.parse(),
        None => DistinguishedName::common_name(name.clone()),
    };
    let subject = subject.map_err(|source| PkiError::Subject {
        subject: typed.flag(SUBJECT.name).unwrap_or(&name).to_owned(),
        source,
    })?;
    let dns = typed.texts(DNS.name).map(|name| SubjectAlternativeName::Dns(name.to_owned()));
    let uri = typed.texts(URI.name).map(|uri| SubjectAlternativeName::Uri(uri.to_owned()));
    let key = match typed.flag(CSR.name) {
        Some(file) => KeyOrigin::Request(pki::read_request(Path::new(file))?),
        None => KeyOrigin::New(algorithm(typed.flag(ALGORITHM.name), KeyAlgorithm::EcP256)),
    };
    let spec = IssueSpec {
        subject,
        alternative_names: dns.chain(uri).collect(),
        lifetime: days(invocation, &DAYS)?.unwrap_or(DAY * DEFAULT_DAYS),
        key,
        replace: invocation.has(&REPLACE),
        name,
    };
    let passphrase = passphrase(invocation, &folder)?;
    let now = SystemClock.now();
    let issued = folder.issue(&spec, passphrase.as_ref(), now)?;
    let key = match &spec.key {
        KeyOrigin::New(algorithm) => algorithm.to_string(),
        KeyOrigin::Request(request) => request.key().to_string(),
    };
    let mut text =
        format!("issued {}: {}, {key}, serial {}\n", spec.name, until(issued.not_after, now), issued.serial);
    text.push_str(&match (&issued.private_key, &spec.key) {
        (Some(private_key), KeyOrigin::New(_) | KeyOrigin::Request(_)) => {
            with_key(&folder, &issued, &shell_word(private_key))
        }
        (None, KeyOrigin::Request(request)) => with_request(&issued, request),
        (None, KeyOrigin::New(_)) => String::new(),
    });
    output::write(text.as_bytes()).map_err(Failure::output)
}

fn with_key(folder: &Folder, issued: &Issued, key: &str) -> String {
    let certificate = shell_word(&issued.certificate);
    format!(
        "  certificate  {certificate}\n  private key  {key}\n\n\
         next: look at it, and try it without AWS\n  anyrole inspect --certificate {certificate} --private-key {key}\n  \
         anyrole simulate --trust-anchor {}\n",
        shell_word(&folder.root_certificate()),
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

/// Returns what a request asked for, fit to be shown.
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
