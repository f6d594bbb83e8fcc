//! `credential-process`: one session, as the JSON that SDKs read, and no other output.

use std::time::Duration;

use super::args::{Needs, Spec, Words};
use super::report::{self, Failure};
use super::settings::table::{Group, Kind, Setting};
use super::{CalledAs, Invocation, grammar, output, provider};
use crate::clock::{Clock as _, SystemClock};
use crate::credential_process;
use crate::credentials::CredentialSet;
use crate::http::runtime::block_on;
use crate::provider::{DEADLINE, MinimumRemaining};
use crate::via::{self, ViaAddress};

pub(super) const VIA: Setting =
    Setting::flag("via", Kind::Text("unix:PATH"), "ask the server that has this socket; read no config");
/// The name that a server gives to a session that no config file names.
pub(super) const UNNAMED: &str = "session";

/// `anyrole credential-process`.
pub(super) const SPEC: Spec = Spec {
    name: "credential-process",
    about: "Prints temporary credentials as an SDK's credential_process reads them.",
    words: Words::Session,
    groups: Group::ALL,
    flags: &[VIA],
    more: "\
In ~/.aws/config, on one line:
  [profile deploy]
  credential_process = /usr/bin/anyrole credential-process deploy

The session is kept in the keyring and used until 20 minutes before it ends; then one process, however
many there are, asks for a new one. While the old one is still valid, this command does not fail if the
renewal does: anyrole status shows why.

--via unix:PATH asks the server that has this socket ('anyrole serve NAME --socket PATH'): it has the
key, and decides by the user who asks.

NAME is a [session.NAME] of the config file. Without it the flags, variables and [defaults] count.
Prints only the JSON, and nothing on failure; then the standard error says why.
",
    needs: Needs::Cache,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    if let Some(address) = invocation.typed.flag(VIA.name) {
        return answer(&ask(invocation, address)?);
    }
    let lenient = invocation.called_as == CalledAs::OfficialHelper;
    let settings = invocation.settings()?.session(invocation.env, lenient)?;
    let entry = provider::session(settings, invocation.name(), invocation.env, MinimumRemaining::Window)?;
    answer(&entry.credential_set)
}

/// Asks a server on this host, which has the key and the cache.
fn ask(invocation: &Invocation<'_>, address: &str) -> Result<CredentialSet, Failure> {
    let address = ViaAddress::parse(address)?;
    let name = invocation.name().unwrap_or(UNNAMED);
    Ok(block_on(via::credentials(&address, name, deadline(invocation), SystemClock.now()))??)
}

/// How long a server may take, by the command line alone: no config is read.
pub(super) fn deadline(invocation: &Invocation<'_>) -> Duration {
    invocation.typed.flag("timeout").and_then(grammar::duration).unwrap_or(DEADLINE)
}

fn answer(credential_set: &CredentialSet) -> Result<(), Failure> {
    let mut document = credential_process::render(credential_set);
    if output::is_seen() {
        // For a person, not an SDK. There is room for one more octet: the buffer is not reallocated.
        document.push(b'\n');
        report::remark(
            "these are secrets, now in this terminal's history; SDKs read them by credential_process",
        );
    }
    output::write(&document).map_err(Failure::output)
}
