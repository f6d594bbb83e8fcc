//! `pki init`, `pki issue`, `pki list`: a small PKI for tests and pilots.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::SubjectAlternativeName;
use serde::Serialize;

use super::args::{Spec, Words};
use super::report::Failure;
use super::settings::table::{Kind, Setting};
use super::usage::UsageError;
use super::{Invocation, grammar, output, passphrase};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::pki::{Folder, InitSpec, IssueSpec, Listed, PkiError};
use crate::private_file::shell_word;

const ALGORITHMS: &str = "ec-p256|ec-p384|ec-p521|rsa-2048|rsa-3072|rsa-4096|ml-dsa-44|ml-dsa-65|ml-dsa-87";
const DEFAULT_FOLDER: &str = "anyrole-pki";
const DEFAULT_DAYS: i64 = 14;

const FOLDER: Setting =
    Setting::flag("folder", Kind::Text("PATH"), "folder of the PKI [default: anyrole-pki]");
const PASSPHRASE_FILE: Setting =
    Setting::flag("passphrase-file", Kind::Text("PATH"), "where the passphrase of the CA's key is read");
const NO_PASSPHRASE: Setting =
    Setting::flag("no-passphrase", Kind::Boolean, "leave the CA's keys unencrypted");
const NAME: Setting = Setting::flag("name", Kind::Text("NAME"), "name of the CA [default: anyrole TEST CA]");
const CA_ALGORITHM: Setting =
    Setting::flag("algorithm", Kind::Word(ALGORITHMS), "algorithm of the CA's keys [default: ec-p384]");
const INTERMEDIATE: Setting =
    Setting::flag("intermediate", Kind::Boolean, "let an intermediate CA issue, not the root");
const ALGORITHM: Setting =
    Setting::flag("algorithm", Kind::Word(ALGORITHMS), "algorithm of the key [default: ec-p256]");
const SUBJECT: Setting = Setting::flag("subject", Kind::Text("DN"), "subject name [default: CN=NAME]");
const DNS: Setting = Setting::flag("dns", Kind::List("NAME"), "a DNS name; may be given again");
const URI: Setting =
    Setting::flag("uri", Kind::List("URI"), "a URI, such as a SPIFFE ID; may be given again");
const DAYS: Setting = Setting::flag("days", Kind::Integer, "days of validity [default: 14]");
const REPLACE: Setting = Setting::flag("replace", Kind::Boolean, "replace the identity of that name");
const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON for programs");

/// `anyrole pki init`.
pub(super) const INIT: Spec = Spec {
    name: "pki init",
    about: "Makes a CA in a folder, for tests and pilots.",
    words: Words::None,
    groups: &[],
    flags: &[FOLDER, NAME, CA_ALGORITHM, INTERMEDIATE, PASSPHRASE_FILE, NO_PASSPHRASE],
    more: "\
The root is valid for ten years, an intermediate for three. The keys are encrypted: a passphrase is
asked for twice on the terminal, or read with --passphrase-file.
Who has the CA's key is every identity that AWS trusts it for. For production use your own PKI.
",
    run: init,
};

/// `anyrole pki issue`.
pub(super) const ISSUE: Spec = Spec {
    name: "pki issue",
    about: "Issues an identity: a private key and its certificate.",
    words: Words::One("NAME"),
    groups: &[],
    flags: &[FOLDER, SUBJECT, DNS, URI, DAYS, ALGORITHM, REPLACE, PASSPHRASE_FILE],
    more: "\
Writes NAME/NAME.pem (the certificate, then intermediates) and NAME/NAME.key into the folder.
",
    run: issue,
};

/// `anyrole pki list`.
pub(super) const LIST: Spec = Spec {
    name: "pki list",
    about: "Lists the certificates of a PKI and when they expire.",
    words: Words::None,
    groups: &[],
    flags: &[FOLDER, JSON],
    more: "",
    run: list,
};

fn init(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let typed = &invocation.typed;
    let folder = folder(invocation);
    if folder.is_initialised() {
        // Before a passphrase is asked for.
        return Err(PkiError::Exists { folder: folder.path().to_path_buf() }.into());
    }
    let passphrase = if invocation.has(&NO_PASSPHRASE) {
        None
    } else {
        Some(passphrase::chosen(typed.flag(PASSPHRASE_FILE.name))?)
    };
    let encrypted = passphrase.is_some();
    let spec = InitSpec {
        name: typed.flag(NAME.name).unwrap_or("anyrole TEST CA").to_owned(),
        algorithm: algorithm(typed.flag(CA_ALGORITHM.name), KeyAlgorithm::EcP384),
        intermediate: invocation.has(&INTERMEDIATE),
        passphrase,
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
    let _ = writeln!(text, "\nnext: issue an identity\n  anyrole pki issue build-17{}", folder_flag(&folder));
    let _ = writeln!(
        text,
        "for AWS, this certificate becomes the trust anchor:\n  {}",
        shell_word(&folder.root_certificate())
    );
    output::write(text.as_bytes()).map_err(Failure::output)
}

fn issue(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let typed = &invocation.typed;
    let folder = folder(invocation);
    let name = typed.words.first().cloned().unwrap_or_default();
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
    let spec = IssueSpec {
        subject,
        alternative_names: dns.chain(uri).collect(),
        lifetime: days(typed.flag(DAYS.name))?,
        algorithm: algorithm(typed.flag(ALGORITHM.name), KeyAlgorithm::EcP256),
        replace: invocation.has(&REPLACE),
        name,
    };
    let passphrase = if folder.is_encrypted()? {
        Some(passphrase::known(typed.flag(PASSPHRASE_FILE.name), "passphrase of the CA's key")?)
    } else {
        None
    };
    let now = SystemClock.now();
    let issued = folder.issue(&spec, passphrase.as_ref(), now)?;
    let (certificate, key) = (shell_word(&issued.certificate), shell_word(&issued.private_key));
    let text = format!(
        "issued {}: {}, {}, serial {}\n  certificate  {certificate}\n  private key  {key}\n\n\
         next: look at it, and try it without AWS\n  anyrole inspect --certificate {certificate} --private-key {key}\n  \
         anyrole simulate --trust-anchor {}\n",
        spec.name,
        until(issued.not_after, now),
        spec.algorithm,
        issued.serial,
        shell_word(&folder.root_certificate()),
    );
    output::write(text.as_bytes()).map_err(Failure::output)
}

fn list(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let now = SystemClock.now();
    let listed = folder(invocation).list()?;
    if invocation.has(&JSON) {
        let certificates: Vec<_> = listed.iter().map(|listed| Row::new(listed, now)).collect();
        return output::write_json("pki-list", &certificates).map_err(Failure::output);
    }
    let width = listed.iter().map(|listed| listed.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for listed in &listed {
        let row = Row::new(listed, now);
        let _ = writeln!(
            text,
            "{:width$}  {:12}  {:10}  {} {:15}  {}  {}",
            row.name, row.role, row.key, row.verb, row.expires, row.serial, row.subject
        );
    }
    output::write(text.as_bytes()).map_err(Failure::output)
}

/// One certificate in the list and in its JSON.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    role: &'static str,
    subject: &'a str,
    serial: &'a str,
    key: String,
    not_after: String,
    expires: String,
    #[serde(skip)]
    verb: &'static str,
    file: String,
}

impl<'a> Row<'a> {
    fn new(listed: &'a Listed, now: Timestamp) -> Self {
        let certificate = &listed.certificate;
        Self {
            name: &listed.name,
            role: listed.role.name(),
            subject: certificate.subject_name(),
            serial: certificate.serial_number().hex(),
            key: certificate.public_key().kind().to_string(),
            not_after: certificate.not_after().to_string(),
            expires: certificate.not_after().distance_from(now),
            verb: if certificate.not_after() < now { "expired" } else { "expires" },
            file: listed.file.display().to_string(),
        }
    }
}

fn folder(invocation: &Invocation<'_>) -> Folder {
    Folder::new(PathBuf::from(invocation.typed.flag(FOLDER.name).unwrap_or(DEFAULT_FOLDER)))
}

fn folder_flag(folder: &Folder) -> String {
    if folder.path().as_os_str() == DEFAULT_FOLDER {
        String::new()
    } else {
        format!(" --folder {}", shell_word(folder.path()))
    }
}

fn algorithm(typed: Option<&str>, usual: KeyAlgorithm) -> KeyAlgorithm {
    typed.and_then(|name| name.parse().ok()).unwrap_or(usual)
}

/// Returns the lifetime for a number of days, at most ten years.
fn days(typed: Option<&str>) -> Result<Duration, UsageError> {
    let number = typed.map_or(Some(DEFAULT_DAYS), grammar::integer);
    match number.and_then(|days| u64::try_from(days).ok()).filter(|days| (1..=3650).contains(days)) {
        Some(days) => Ok(Duration::from_secs(days * 86_400)),
        None => Err(UsageError::Value {
            flag: DAYS.name,
            value: typed.unwrap_or_default().to_owned(),
            expected: "a number from 1 to 3650",
        }),
    }
}

fn until(not_after: Timestamp, now: Timestamp) -> String {
    format!("valid until {not_after} ({})", not_after.distance_from(now))
}
