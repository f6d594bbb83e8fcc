//! `doctor`: every check between this host and a session.

use serde::Serialize;

use super::args::{Needs, Spec, Words};
use super::report::Failure;
use super::settings::table::{Group, Kind, Setting};
use super::{Invocation, output};
use crate::doctor::{Check, cause};
use crate::text::printable_line;

const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON");
const OFFLINE: Setting = Setting::flag("offline", Kind::Boolean, "send nothing, and ask no name server");

/// `anyrole doctor`.
pub(super) const SPEC: Spec = Spec {
    name: "doctor",
    about: "Checks everything between this host and a session, and names the cause of a failure.",
    words: Words::Session,
    groups: Group::ALL,
    flags: &[JSON, OFFLINE],
    more: "\
Exit status: 0 nothing is bad, 1 something is.
",
    needs: Needs::Everything,
    run,
};

#[derive(Serialize)]
struct Document<'a> {
    checks: &'a [Check],
    cause: Option<&'a Check>,
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let mut checks = of_this_host(invocation)?;
    checks.extend(further(invocation)?);
    let cause = cause(&checks);
    let written = if invocation.has(&JSON) {
        output::write_json("doctor", &Document { checks: &checks, cause })
    } else {
        output::write_lines(&render(&checks))
    };
    written.map_err(Failure::output)?;
    if cause.is_none() { Ok(()) } else { Err(Failure::Negative) }
}

/// The checks of this host, in the order in which a call meets them.
fn of_this_host(_invocation: &Invocation<'_>) -> Result<Vec<Check>, Failure> {
    Ok(Vec::new())
}

/// The groups that a flag asks for, after those of the host: each is one line here.
fn further(_invocation: &Invocation<'_>) -> Result<Vec<Check>, Failure> {
    Ok(Vec::new())
}

fn render(checks: &[Check]) -> String {
    checks.iter().map(|check| format!("{}: {}\n", check.id, printable_line(&check.text))).collect()
}
