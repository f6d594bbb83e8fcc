//! Certificate, private key and chain: whether they can be read, belong together, and are what AWS takes.

use super::{Check, place};
use crate::clock::Timestamp;
use crate::diagnostic::Diagnostic as _;
use crate::env::Environment;
use crate::explain;
use crate::identity::check::{self, Warning};
use crate::identity::error::Part;
use crate::identity::{self, Identity, IdentityError, IdentitySource, Input, PasswordSource, candidates};
use crate::prompt;
use crate::text::quoted;
use crate::x509::{Certificate, Chain};

const CERTIFICATE: &str = "certificate";
const PRIVATE_KEY: &str = "private-key";
const DATES: &str = "certificate-dates";

/// What was found in the files.
#[derive(Debug)]
pub struct Found {
    /// Of certificate and private key, as files.
    pub checks: Vec<Check>,
    /// What would be presented.
    pub chain: Option<Chain>,
    /// What a request can be signed with.
    pub identity: Option<Identity>,
}

/// Reads certificate and private key as a call would; nobody is asked for a password.
pub fn files(source: &IdentitySource, env: &Environment) -> Found {
    let unattended = source.asking_nobody();
    let mut checks = Vec::new();
    let (chain, identity) = match identity::load(&unattended, env) {
        Ok(identity) => {
            checks.push(readable(source, identity.end_entity()));
            checks.extend(key_is_good(source, &identity));
            (Some(chain_of(&identity)), Some(identity))
        }
        Err(error) if is_about_certificate(&error) => {
            checks.push(Check::failed(CERTIFICATE, &error));
            checks.push(Check::not_checked(PRIVATE_KEY, "the certificate cannot be used"));
            (None, None)
        }
        Err(error) => {
            let chain = match identity::load_chain(&unattended, env) {
                Ok(chain) => {
                    checks.push(readable(source, &chain.end_entity));
                    Some(chain)
                }
                Err(_) => {
                    checks.push(Check::not_checked(CERTIFICATE, "it is in one file with the private key"));
                    None
                }
            };
            checks.push(key_is_bad(source, &error));
            (chain, None)
        }
    };
    checks.extend(key_path(source).filter(|path| path.exists()).map(place::check));
    Found { checks, chain, identity }
}

fn readable(source: &IdentitySource, end_entity: &Certificate) -> Check {
    Check::good(
        CERTIFICATE,
        format!(
            "{}: subject {}, serial {}, issued by {}",
            source.certificate,
            quoted(end_entity.subject_name()),
            end_entity.serial_number().decimal(),
            quoted(end_entity.issuer_name())
        ),
    )
}

fn key_is_good(source: &IdentitySource, identity: &Identity) -> Vec<Check> {
    let input = source.private_key.as_ref().unwrap_or(&source.certificate);
    let kind = identity.end_entity().public_key().kind();
    let mut checks = vec![Check::good(PRIVATE_KEY, format!("{input} belongs to the certificate ({kind})"))];
    if let Some(warning) = &identity.provenance().insecure_key_file {
        let text = format!("{input} is accepted although {}", warning.exposure);
        checks.push(Check::doubtful("key-file", text, warning.exposure.cure(&warning.path)));
    }
    checks
}

/// A person may have the password, where there is one; a program that an SDK starts asks nobody.
fn key_is_bad(source: &IdentitySource, error: &IdentityError) -> Check {
    let check = Check::failed(PRIVATE_KEY, error);
    let wants_password = matches!(
        error,
        IdentityError::PrivateKeyEncrypted { .. } | IdentityError::Pkcs12PasswordMissing { .. }
    );
    if !wants_password {
        return check;
    }
    let input = source.private_key.as_ref().unwrap_or(&source.certificate);
    let text = format!("{input} is encrypted, and no setting has its password [{}]", error.id());
    let check = Check { text, ..check };
    match source.password {
        PasswordSource::Prompt if prompt::terminal_exists() => {
            let text = format!("{}: a call asks on the terminal, and fails where there is none", check.text);
            Check { text, ..check.softened() }
        }
        PasswordSource::Credential(_)
        | PasswordSource::Given(_)
        | PasswordSource::Input(_)
        | PasswordSource::Nobody
        | PasswordSource::Prompt => check,
    }
}

fn key_path(source: &IdentitySource) -> Option<&std::path::Path> {
    match source.private_key.as_ref().unwrap_or(&source.certificate) {
        Input::Path(path) => Some(path),
        Input::Descriptor(_)
        | Input::Pkcs11Uri(_)
        | Input::StandardInput
        | Input::TpmHandle(_)
        | Input::Variable(_) => None,
    }
}

fn is_about_certificate(error: &IdentityError) -> bool {
    matches!(
        error,
        IdentityError::CertificateMalformed { .. }
            | IdentityError::CertificateMissing { .. }
            | IdentityError::CertificateNotPem { .. }
            | IdentityError::CertificateUnreadable { .. }
    )
}

fn chain_of(identity: &Identity) -> Chain {
    let provenance = identity.provenance();
    Chain {
        end_entity: identity.end_entity().clone(),
        intermediates: identity.intermediates().to_vec(),
        roots: provenance.roots.clone(),
        unrelated: provenance.unrelated.clone(),
    }
}

/// Checks what would be presented at the time `now` against AWS's rules; `accepted` is whether AWS took it, where it was asked.
pub fn rules(chain: &Chain, source: &str, now: Timestamp, accepted: Option<bool>) -> Vec<Check> {
    let Chain { end_entity, intermediates, .. } = chain;
    let source = source.to_owned();
    let problems = check::problems(end_entity, intermediates, Some(&source), now);
    let first = |wanted| problems.iter().find(|problem| subject(problem) == wanted);
    let dates = match first(Subject::Dates) {
        Some(problem) => Check::failed(DATES, problem),
        None => end(chain, now, accepted),
    };
    let rules = match first(Subject::EndEntity) {
        Some(problem) => Check::failed("certificate-rules", problem),
        None => usual(chain, now, accepted),
    };
    let links = match first(Subject::Chain) {
        Some(problem) => Check::failed("chain", problem),
        None => links(chain, now, accepted),
    };
    vec![dates, rules, links, tags(end_entity, accepted)]
}

/// What a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Chain,
    Dates,
    EndEntity,
}

fn subject(problem: &IdentityError) -> Subject {
    if let IdentityError::WeakSignatureHash { certificate, .. } = problem
        && certificate.part == Part::Intermediate
    {
        return Subject::Chain;
    }
    match problem.id() {
        "certificate-expired" | "certificate-not-yet-valid" => Subject::Dates,
        "chain-too-deep" | "intermediate-not-ca" | "path-length-exceeded" => Subject::Chain,
        _ => Subject::EndEntity,
    }
}

/// Says which certificate ends first, and whether that is soon.
fn end(chain: &Chain, now: Timestamp, accepted: Option<bool>) -> Check {
    let Chain { end_entity, intermediates, roots, .. } = chain;
    let warnings = check::warnings(end_entity, &[], &[], now);
    let soon = warnings.iter().find(|warning| matches!(warning, Warning::ExpiresSoon { .. }));
    if let Some(warning) = soon {
        return Check::doubtful(DATES, warning.to_string(), "renew the certificate");
    }
    let root = roots.iter().find(|root| chain_end(chain).is_some_and(|last| root.issued(last)));
    if let Some(root) = root.filter(|root| now > root.not_after())
        && accepted != Some(true)
    {
        let (subject, end) = (quoted(root.subject_name()), root.not_after());
        let text = format!("the root {subject} of this chain expired at {end}, {}", end.distance_from(now));
        let hint = "put the CA's renewed certificate into the trust anchor, or have the certificate issued by another CA";
        let check = Check::bad(DATES, text, hint);
        return if accepted == Some(false) { check } else { check.softened() };
    }
    let authorities = intermediates.iter().chain(root);
    let ends_soon = authorities.clone().find(|authority| {
        let whole = authority.not_after().since(authority.not_before());
        let left = authority.not_after().since(now);
        left < check::SOON.min(whole / 5) && authority.not_after() < end_entity.not_after()
    });
    if let Some(authority) = ends_soon {
        let (subject, end) = (quoted(authority.subject_name()), authority.not_after());
        let text =
            format!("the CA {subject} expires at {end}, {}, before the certificate", end.distance_from(now));
        return Check::doubtful(
            DATES,
            text,
            "have the CA renewed, and give its new certificate with --intermediates",
        );
    }
    let first =
        authorities.chain([end_entity]).map(Certificate::not_after).min().unwrap_or(end_entity.not_after());
    let (ends, distance) = (end_entity.not_after(), end_entity.not_after().distance_from(now));
    let authority = if first < ends { format!("; a CA above it ends {first}") } else { String::new() };
    Check::good(DATES, format!("valid until {ends}, {distance}{authority}"))
}

fn chain_end(chain: &Chain) -> Option<&Certificate> {
    chain.intermediates.last().or(Some(&chain.end_entity))
}

/// Tells of what is unusual and nothing more.
fn usual(chain: &Chain, now: Timestamp, accepted: Option<bool>) -> Check {
    const ID: &str = "certificate-rules";
    let warnings = check::warnings(&chain.end_entity, &[], &[], now);
    let unusual = warnings.iter().find(|warning| !matches!(warning, Warning::ExpiresSoon { .. }));
    match unusual.filter(|_| accepted != Some(true)) {
        Some(warning) => Check::doubtful(
            ID,
            warning.to_string(),
            "if AWS refuses it, have the certificate issued without that",
        ),
        None => Check::good(
            ID,
            "an end entity of X.509 version 3 that may sign, with a name and a hash that AWS takes",
        ),
    }
}

/// Says where the chain ends.
fn links(chain: &Chain, now: Timestamp, accepted: Option<bool>) -> Check {
    const ID: &str = "chain";
    let Some(last) = chain_end(chain) else { return Check::not_checked(ID, "there is no certificate") };
    let issuer = quoted(last.issuer_name());
    let count = match chain.intermediates.len() {
        0 => String::from("no intermediate"),
        1 => String::from("one intermediate"),
        count => format!("{count} intermediates"),
    };
    let ends = format!("{count}, ending at issuer {issuer}");
    let reaches_root = chain.roots.iter().any(|root| root.issued(last));
    let same_name =
        chain.unrelated.iter().chain(&chain.roots).find(|other| other.subject_name() == last.issuer_name());
    match same_name {
        Some(other) if !reaches_root && accepted != Some(true) => {
            let parts = std::iter::once(&chain.end_entity).chain(&chain.intermediates);
            let check = Check::bad(
                ID,
                format!(
                    "{ends}: the certificate at hand for {issuer} is another one: {}",
                    candidates::reason(other, parts, now)
                ),
                format!(
                    "give the certificate of {issuer} that signed {} with --intermediates",
                    quoted(last.subject_name())
                ),
            );
            if accepted == Some(false) { check } else { check.softened() }
        }
        Some(_) | None => Check::good(ID, format!("{ends}, which the trust anchor must hold")),
    }
}

/// Tells which names in the certificate STS cannot carry.
fn tags(end_entity: &Certificate, accepted: Option<bool>) -> Check {
    const ID: &str = "session-tags";
    let hint = "have the certificate issued with names of letters, digits, blanks and _.:/=+-@ alone";
    if accepted != Some(true)
        && let Some(what) = explain::unfit_source_identity(end_entity)
    {
        return Check::doubtful(
            ID,
            format!("the common name {what}, which STS does not take as the source identity"),
            hint,
        );
    }
    match explain::unmappable_tags(end_entity).first() {
        Some((tag, what)) if accepted != Some(true) => {
            Check::doubtful(ID, format!("{tag} {what}, which no session tag can carry"), hint)
        }
        Some((tag, what)) => Check::good(ID, format!("{tag} {what}, and is left out of the session tags")),
        None => Check::good(ID, "every name in the certificate can be a session tag"),
    }
}
