//! The support file: what a maintainer wants to see of this host, in one JSON, searched for secrets before it is written.

use serde_json::{Value, json};

use super::super::Invocation;
use super::super::output;
use super::super::report::Failure;
use crate::clock::{Clock as _, SystemClock};
use crate::doctor::secrets::Rules;
use crate::doctor::{Check, cause};
use crate::private_file;

/// Writes the file, which must not be there yet, with mode 0600.
pub(super) fn write(path: &str, checks: &[Check], invocation: &Invocation<'_>) -> Result<(), Failure> {
    let mut document = document(checks, invocation);
    let removed = Rules::of(invocation.env).clean(&mut document);
    if let Value::Object(members) = &mut document {
        members.insert(String::from("removed_by"), json!(removed));
    }
    let bytes = output::envelope("doctor-report", &document)
        .map_err(|error| Failure::output(output::OutputError::Failed(error.into())))?;
    Ok(private_file::replace(std::path::Path::new(path), &bytes, 0o600)?)
}

fn document(checks: &[Check], invocation: &Invocation<'_>) -> Value {
    let env = invocation.env;
    // By their names alone: what they hold is told by the checks where it matters.
    let names = |prefix: &str| {
        let mut names: Vec<String> =
            env.beginning_with(prefix).into_iter().map(|(rest, _)| format!("{prefix}{rest}")).collect();
        names.sort();
        names
    };
    let proxies = [
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ];
    let proxies: Vec<&str> = proxies.into_iter().filter(|name| env.os_var(name).is_some()).collect();
    json!({
        "made_at": SystemClock.now().to_string(),
        "version": env!("CARGO_PKG_VERSION"),
        "system": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "kernel": kernel(),
        "session": invocation.name(),
        "variables": { "ANYROLE_": names("ANYROLE_"), "AWS_": names("AWS_"), "network": proxies },
        "checks": checks,
        "cause": cause(checks),
    })
}

#[cfg(unix)]
fn kernel() -> Option<String> {
    let found = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    Some(format!("{} {}", text(found.sysname()), text(found.release())))
}

#[cfg(not(unix))]
const fn kernel() -> Option<String> {
    None
}
