//! `status --via`: what a server on this host tells of its sessions.

use std::fmt::Write as _;

use super::{CRL, JSON, OUTPUT, PROMETHEUS, VIA};
use crate::cli::report::Failure;
use crate::cli::usage::UsageError;
use crate::cli::{Invocation, credential_process, output};
use crate::http::runtime::block_on;
use crate::text::printable_line;
use crate::via::{self, Served, ViaAddress, ViaError};

/// Shows every session that the server has for this user, or the named one.
pub(super) fn run(invocation: &Invocation<'_>, address: &str) -> Result<(), Failure> {
    for of_this_host in [PROMETHEUS, OUTPUT, CRL] {
        if invocation.typed.flag(of_this_host.name).is_some() {
            let expected = "given with what needs the configuration: --prometheus, --output, --crl";
            return Err(UsageError::Value { flag: VIA.name, value: address.to_owned(), expected }.into());
        }
    }
    let address = ViaAddress::parse(address)?;
    let mut sessions = block_on(via::health(&address, credential_process::deadline(invocation)))??;
    if let Some(name) = invocation.name() {
        sessions.retain(|session| session.name == name);
        if sessions.is_empty() {
            return Err(ViaError::NoSuchSession { address, name: name.to_owned() }.into());
        }
    }
    if invocation.has(&JSON) {
        output::write_json("served", &sessions)
    } else {
        output::write_lines(&render(&sessions))
    }
    .map_err(Failure::output)?;
    let are_good = sessions.iter().all(|session| session.expiration.is_some());
    if are_good { Ok(()) } else { Err(Failure::Negative) }
}

fn render(sessions: &[Served]) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for Served { name, role_arn, expiration, failure } in sessions {
        let _ = writeln!(text, "{}: {}", printable_line(name), printable_line(role_arn));
        let _ = match expiration {
            Some(end) => writeln!(text, "  session: expires at {}", printable_line(end)),
            None => writeln!(text, "  session: there is none"),
        };
        if let Some(failure) = failure {
            let _ = writeln!(text, "  last failure: {}", printable_line(failure));
        }
    }
    text
}
