//! `credential-process`: one session, as the JSON that SDKs read. Silent but for that.

use super::args::{Needs, Spec, Words};
use super::report::{self, Failure};
use super::settings::table::Group;
use super::{CalledAs, Invocation, output, provider};
use crate::credential_process;
use crate::provider::MinimumRemaining;

/// `anyrole credential-process`.
pub(super) const SPEC: Spec = Spec {
    name: "credential-process",
    about: "Prints temporary credentials as an SDK's credential_process reads them.",
    words: Words::Session,
    groups: Group::ALL,
    flags: &[],
    more: "\
In ~/.aws/config, on one line:
  [profile deploy]
  credential_process = /usr/bin/anyrole credential-process deploy

The session is kept in the keyring and used until 20 minutes before its end; then one process, of
however many, asks for a new one. While it lasts, no failure to renew it is a failure of this command:
anyrole status tells.

NAME is a [session.NAME] of the config file. Without it the flags, variables and [defaults] count.
Prints nothing but the JSON, and nothing at all on failure; then the standard error tells why.
",
    needs: Needs::Cache,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let lenient = invocation.called_as == CalledAs::OfficialHelper;
    let settings = invocation.settings()?.session(invocation.env, lenient)?;
    let entry = provider::session(settings, invocation.name(), invocation.env, MinimumRemaining::Window)?;
    let mut document = credential_process::render(&entry.credential_set);
    if output::is_seen() {
        // A person looks, not an SDK. There is room for one octet more: the buffer does not move.
        document.push(b'\n');
        report::remark(
            "these are secrets, now in this terminal's history; SDKs read them by credential_process",
        );
    }
    output::write(&document).map_err(Failure::output)
}
