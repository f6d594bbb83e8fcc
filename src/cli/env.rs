//! `env`: one session as shell variables.

use super::args::{Needs, Spec, Words};
use super::report::{self, Failure};
use super::settings::table::{Group, Kind, Setting};
use super::{CalledAs, Invocation, grammar, output, provider};
use crate::cache::CacheEntry;
use crate::clock::{Clock as _, SystemClock};
use crate::process;
use crate::provider::MinimumRemaining;
use crate::shell_env::{self, Format};

const FORMAT: Setting = Setting::flag(
    "format",
    Kind::Word(Format::NAMES),
    "who reads them [default: the shell that started this]",
);
pub(super) const EXPECT_DURATION: Setting =
    Setting::flag("expect-duration", Kind::Duration, "the least time that the session must still last");

/// `anyrole env`.
pub(super) const SPEC: Spec = Spec {
    name: "env",
    about: "Prints temporary credentials as variables of a shell.",
    words: Words::Session,
    groups: Group::ALL,
    flags: &[FORMAT, EXPECT_DURATION],
    more: "  eval \"$(anyrole env deploy)\"                          sh, bash, zsh
  anyrole env deploy | source                           fish
  anyrole env deploy | Out-String | Invoke-Expression   PowerShell
  anyrole env deploy --format dotenv > job.env          docker --env-file

Variables do not renew themselves: for anything that runs longer than a session, use anyrole exec. At
least half of the session's lifetime is left; --expect-duration asks for more.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let lenient = invocation.called_as == CalledAs::OfficialHelper;
    let format = match invocation.typed.flag(FORMAT.name).and_then(Format::named) {
        Some(format) => format,
        None => Format::of_shell(&process::parent_name().unwrap_or_default()),
    };
    let settings = invocation.settings()?.session(invocation.env, lenient)?;
    let region = settings.request.region.clone();
    let entry = provider::session(settings, invocation.name(), invocation.env, minimum(invocation))?;
    if let Some(warning) = too_short(invocation, &entry) {
        report::remark(&warning);
    }
    if output::is_seen() {
        report::remark("these are secrets, now in this terminal's history; see anyrole env --help");
    }
    output::write(&shell_env::render(&entry.credential_set, region.as_str(), format)).map_err(Failure::output)
}

/// Returns how much of its lifetime a session must have left if nobody renews it.
pub(super) fn minimum(invocation: &Invocation<'_>) -> MinimumRemaining {
    match invocation.typed.flag(EXPECT_DURATION.name).and_then(grammar::duration) {
        Some(duration) => MinimumRemaining::AtLeast(duration),
        None => MinimumRemaining::Half,
    }
}

/// Reports that a session ends sooner than it is needed.
pub(super) fn too_short(invocation: &Invocation<'_>, entry: &CacheEntry) -> Option<String> {
    let wanted = invocation.typed.flag(EXPECT_DURATION.name).and_then(grammar::duration)?;
    let remaining = entry.remaining(SystemClock.now());
    (remaining < wanted).then(|| {
        let remaining = crate::clock::describe_seconds(remaining.as_secs());
        let wanted = crate::clock::describe_seconds(wanted.as_secs());
        let longer = match entry.scope {
            None => "--session-duration asks for a longer one, and the Roles Anywhere profile must allow it",
            Some(_) => "neither --scope-duration nor the session that it is made from may be shorter",
        };
        format!(
            "warning: the session lasts {remaining}, less than the {wanted} of --expect-duration; {longer}"
        )
    })
}
