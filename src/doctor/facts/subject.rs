//! The service's own record of a subject: when it saw the certificate last, and whether that went well.

use super::Presented;
use super::commands::Commands;
use super::model::{Credential, Subject};
use super::read::Facts;
use crate::doctor::Check;
use crate::text::{printable, quoted};
use crate::x509::{Certificate, pem};

const SUBJECT: &str = "subject";

/// Checks what the service recorded of the certificate.
pub(super) fn check(facts: &Facts, presented: &Presented<'_>, commands: &Commands<'_>) -> Check {
    let Some(chain) = presented.chain else {
        return Check::not_checked(SUBJECT, "the certificate cannot be read");
    };
    let certificate = &chain.end_entity;
    let seen = facts.subjects.iter().find_map(|subject| {
        let credential = subject.credentials.iter().find(|credential| is_of(credential, certificate));
        credential.map(|credential| (subject, credential))
    });
    let Some((subject, credential)) = seen else {
        return match facts.subjects.first() {
            None => super::missing(
                SUBJECT,
                String::from("no answer of get-subject is in the folder, or AWS has never seen the subject"),
                commands.subject(),
            ),
            Some(subject) => Check::good(
                SUBJECT,
                format!(
                    "AWS has seen {}{}, and not this certificate yet",
                    quoted(
                        subject.x509_subject.as_deref().or(subject.subject_id.as_deref()).unwrap_or_default()
                    ),
                    subject
                        .last_seen_at
                        .as_deref()
                        .map(|at| format!(" at {}", printable(at)))
                        .unwrap_or_default(),
                ),
            ),
        };
    };
    told(subject, credential)
}

fn told(subject: &Subject, credential: &Credential) -> Check {
    let at = credential.seen_at.as_deref().or(subject.last_seen_at.as_deref()).unwrap_or("an unknown time");
    let at = printable(at);
    let off = [(subject.enabled, "the subject"), (credential.enabled, "the certificate")];
    if let Some((_, what)) = off.into_iter().find(|(enabled, _)| *enabled == Some(false)) {
        return Check::doubtful(
            SUBJECT,
            format!("in AWS's record {what} is not enabled; it was seen last at {at}"),
            "ask AWS Support: no operation of Roles Anywhere changes that",
        );
    }
    if credential.failed == Some(true) {
        return Check::doubtful(
            SUBJECT,
            format!("AWS saw this certificate last at {at}, and refused it then"),
            "CloudTrail's CreateSession event of that time says why, if the checks above do not",
        );
    }
    Check::good(SUBJECT, format!("AWS saw this certificate last at {at}, and granted a session"))
}

/// Tells whether a record is of a certificate: by the certificate itself, else by its serial number in decimal or hex.
fn is_of(credential: &Credential, certificate: &Certificate) -> bool {
    if let Some(data) = &credential.x509_certificate_data {
        let blocks = pem::read(data.as_bytes()).unwrap_or_default();
        return blocks
            .iter()
            .filter_map(Certificate::of_block)
            .any(|one| one.is_ok_and(|one| one == *certificate));
    }
    let serial = certificate.serial_number();
    credential.serial_number.as_deref().is_some_and(|number| {
        let plain: String =
            number.chars().filter(|letter| *letter != ':').collect::<String>().to_ascii_lowercase();
        plain == serial.decimal() || plain.trim_start_matches('0') == serial.hex().trim_start_matches('0')
    })
}
