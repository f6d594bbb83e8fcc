//! `pki list`: the certificates, their expiration, and what is revoked.

use std::fmt::Write as _;

use serde::Serialize;

use super::{FOLDER, Trouble, called};
use crate::cli::args::{Needs, Spec, Words};
use crate::cli::report::Failure;
use crate::cli::settings::table::{Kind, Setting};
use crate::cli::{Invocation, output};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::pki::{Folder, Listed};
use crate::text::printable;

const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON for programs");

/// `anyrole pki list`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "pki list",
    about: "Lists the certificates of a PKI and when they expire.",
    words: Words::None,
    groups: &[],
    flags: &[FOLDER, JSON],
    more: "",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    called(invocation, carry_out)
}

fn carry_out(invocation: &Invocation<'_>, folder: &Folder) -> Result<(), Trouble> {
    let now = SystemClock.now();
    let listed = folder.list()?;
    if invocation.has(&JSON) {
        let certificates: Vec<_> = listed.iter().map(|listed| Row::new(listed, now)).collect();
        return Ok(output::write_json("pki-list", &certificates).map_err(Failure::output)?);
    }
    let rows: Vec<_> = listed.iter().map(|listed| Row::new(listed, now)).collect();
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:width$}  {:12}  {:10}  {}\n{:width$}  {}\n{:width$}  serial {}",
            row.name,
            row.role,
            row.key,
            row.state,
            "",
            printable(row.subject),
            "",
            row.serial
        );
    }
    Ok(output::write(text.as_bytes()).map_err(Failure::output)?)
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
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    #[serde(skip)]
    state: String,
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
            revoked_at: listed.revoked.map(|at| at.to_string()),
            state: state(listed, now),
            file: listed.file.display().to_string(),
        }
    }
}

/// Returns what matters most: that it is revoked, or when it expires.
fn state(listed: &Listed, now: Timestamp) -> String {
    let not_after = listed.certificate.not_after();
    match listed.revoked {
        Some(at) => format!("revoked {at}"),
        None if not_after < now => format!("expired {}", not_after.distance_from(now)),
        None => format!("expires {}", not_after.distance_from(now)),
    }
}
