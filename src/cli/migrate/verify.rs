//! `migrate verify`: the new way works: STS says whose the session is, and a command of the user's choice runs with it.

use std::path::Path;

use zeroize::Zeroizing;

use super::super::args::{Needs, Spec, Words};
use super::super::report::{self, Failure};
use super::super::settings::table::{Group, Kind, Setting};
use super::super::{Invocation, output};
use super::session::{Asked, check_account, settings};
use super::{AWS_PROFILE, KEY_ID, NO_VERIFY, OTHER_ACCOUNT, state};
use crate::clock::{Clock as _, SystemClock};
use crate::exec;
use crate::http::runtime::block_on;
use crate::migrate::MigrateError;
use crate::migrate::rollback::{self, Way};
use crate::migrate::state::{Phase, State, Verification, Workload};
use crate::migrate::store::Store;
use crate::text::{printable, quoted};

const RUN_PROFILE: Setting = Setting::flag(
    "run-profile",
    Kind::Text("PROFILE"),
    "which of the switched profiles COMMAND uses [default: the first]",
);

/// `anyrole migrate verify`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "migrate verify",
    about: "Proves that what replaced a key works, also with a command of your choice.",
    words: Words::CommandOfAnother,
    groups: &[Group::Network, Group::Program],
    flags: &[AWS_PROFILE, KEY_ID, RUN_PROFILE, NO_VERIFY, OTHER_ACCOUNT],
    more: "  anyrole migrate verify
  anyrole migrate verify -- terraform plan

Asks for a session as the profile will, and STS whose it is: the account must be that of the key. Then
COMMAND runs with AWS_PROFILE, and without the variables that would give it other credentials. A command
that succeeds is recorded by the name of its program, for anyrole migrate summary.
Exit status: that of COMMAND; without one 0, or 1 where the new way does not work.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let store = Store::locate(invocation.env)?;
    let lock = store.lock()?;
    let mut state = state(invocation, &store)?;
    check(&state)?;
    let settings = settings(invocation, &state)?;
    let session = settings.session(invocation.env, false)?;
    let asked = Asked::of(&settings, &session, invocation)?;
    let identity = asked.session(session, &state.session, invocation)?;
    let account = identity.as_ref().map(|identity| identity.account.as_str());
    check_account(invocation, &state.access_key_id, state.account.as_deref(), account)?;
    let now = SystemClock.now();
    let mut text = String::new();
    if let Some(identity) = &identity {
        state.verified = Some(Verification { at: now.to_string(), arn: identity.arn.to_string() });
        state.note(now, "verified");
        store.save(&state)?;
        text.push_str(&format!("{} is {}\n", state.session, printable(identity.arn.as_str())));
    }
    let profile = profile(invocation, &state)?;
    if invocation.typed.command.is_empty() {
        text.push_str(&format!("next: anyrole migrate deactivate --key-id {}\n", state.access_key_id));
        return output::write(text.as_bytes()).map_err(Failure::output);
    }
    // It may take hours; and its output is its own.
    drop(lock);
    let status = run_command(invocation, &profile)?;
    record(&store, &state, invocation, &profile, status)?;
    if status == 0 { Ok(()) } else { Err(Failure::Status(status)) }
}

/// Fails if the profiles do not work in the new way.
fn check(state: &State) -> Result<(), MigrateError> {
    let step = |is: String, hint: String| MigrateError::Step {
        access_key_id: state.access_key_id.clone(),
        is,
        step: "to verify it",
        hint,
    };
    if state.phase != Phase::Switched {
        return Err(step(state.is(), format!("run anyrole migrate switch {}", state.session)));
    }
    let ways = rollback::ways(state)?;
    let Some((profile, way)) = ways.iter().find(|(_, way)| *way != Way::New) else { return Ok(()) };
    let is = match way {
        Way::Old => format!("is in profile {} again", quoted(profile)),
        Way::New | Way::Other => format!("was replaced in profile {} by something else", quoted(profile)),
    };
    Err(step(is, format!("see the profile, then run anyrole migrate switch {} or rollback", state.session)))
}

fn profile(invocation: &Invocation<'_>, state: &State) -> Result<String, MigrateError> {
    let first = state.profiles.first().map(String::as_str).unwrap_or("default");
    let named = invocation.typed.flag(RUN_PROFILE.name).or(invocation.typed.flag(AWS_PROFILE.name));
    let wanted = named.unwrap_or(first);
    if state.profiles.iter().any(|profile| profile == wanted) {
        return Ok(wanted.to_owned());
    }
    Err(MigrateError::NotBegun { what: format!("profile {}", quoted(wanted)) })
}

fn run_command(invocation: &Invocation<'_>, profile: &str) -> Result<u8, Failure> {
    let removed: Vec<String> = exec::SHADOWING.iter().copied().map(String::from).collect();
    let set = [
        ("AWS_PROFILE", Zeroizing::new(profile.to_owned())),
        // The SDK for Go before 2 reads the config file only then.
        ("AWS_SDK_LOAD_CONFIG", Zeroizing::new(String::from("1"))),
    ];
    Ok(block_on(exec::run(&invocation.typed.command, &removed, &set))?.unwrap_or_else(|error| {
        report::tell(&error);
        error.exit_status()
    }))
}

/// Records a command that ended; the state may have changed while it ran.
fn record(
    store: &Store,
    before: &State,
    invocation: &Invocation<'_>,
    profile: &str,
    status: u8,
) -> Result<(), Failure> {
    let _lock = store.lock()?;
    let Some(mut state) = store.load(&before.access_key_id)? else { return Ok(()) };
    if state.backup != before.backup || state.phase != Phase::Switched {
        return Ok(());
    }
    let program = invocation.typed.command.first().map(Path::new).and_then(Path::file_name);
    let program = program.unwrap_or_default().to_string_lossy().into_owned();
    let now = SystemClock.now();
    state.note(now, format!("{program} ended with status {status}"));
    let at = now.to_string();
    state.workloads.push(Workload { at, program, profile: profile.to_owned(), status });
    Ok(store.save(&state)?)
}
