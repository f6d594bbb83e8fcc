//! The command line: from arguments to one command, and from its outcome to an exit status.
//!
//! Only the one command that was called is built. What it prints goes through `output`, what it has to complain
//! about through `report`.

mod args;
mod cache;
mod completions;
mod credential_process;
#[cfg(feature = "pki")]
mod demo;
mod explain;
mod grammar;
mod help;
mod inspect;
mod man;
mod output;
#[cfg(feature = "pki")]
mod passphrase;
#[cfg(feature = "pki")]
mod pki;
mod provider;
mod read_certificate_data;
mod report;
mod runtime;
mod settings;
mod sign_string;
#[cfg(feature = "pki")]
mod simulate;
mod status;
mod usage;
mod version;
mod whoami;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use args::{Request, Spec, Typed};
use report::Failure;
use settings::Settings;
use settings::table::Setting;
use usage::UsageError;

use crate::diagnostic::{Diagnostic, Fault};
use crate::env::Environment;
use crate::process::BorrowedPrivileges;

/// Every command, in the order of the help; a name of two words belongs to the group of its first.
const COMMANDS: &[&Spec] = &[
    &credential_process::SPEC,
    &status::SPEC,
    &cache::LIST,
    &cache::CLEAR,
    &whoami::SPEC,
    &inspect::SPEC,
    &read_certificate_data::SPEC,
    &sign_string::SPEC,
    #[cfg(feature = "pki")]
    &demo::SPEC,
    #[cfg(feature = "pki")]
    &simulate::SPEC,
    #[cfg(feature = "pki")]
    &pki::init::SPEC,
    #[cfg(feature = "pki")]
    &pki::issue::SPEC,
    #[cfg(feature = "pki")]
    &pki::renew::SPEC,
    #[cfg(feature = "pki")]
    &pki::revoke::SPEC,
    #[cfg(feature = "pki")]
    &pki::crl::SPEC,
    #[cfg(feature = "pki")]
    &pki::install::SPEC,
    #[cfg(feature = "pki")]
    &pki::list::SPEC,
    &explain::SPEC,
    &help::SPEC,
    &man::SPEC,
    &completions::SPEC,
    &version::SPEC,
];

/// Under which name the program was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CalledAs {
    /// Any name but the one below.
    Anyrole,
    /// `aws_signing_helper`, as a link: a private key that other users can read is accepted, as that program does.
    OfficialHelper,
}

impl CalledAs {
    fn of(program: Option<&OsStr>) -> Self {
        let name = program.and_then(|path| Path::new(path).file_stem());
        if name == Some(OsStr::new("aws_signing_helper")) { Self::OfficialHelper } else { Self::Anyrole }
    }
}

/// What a command has to work with.
struct Invocation<'a> {
    spec: &'static Spec,
    called_as: CalledAs,
    env: &'a Environment,
    typed: Typed,
}

impl Invocation<'_> {
    /// Returns the settings from all sources.
    fn settings(&self) -> Result<Settings, Failure> {
        Settings::resolve(&self.typed, self.env, self.spec.groups)
    }

    /// Tells whether a flag of the command itself, a boolean, was given.
    fn has(&self, flag: &Setting) -> bool {
        self.typed.flag(flag.name).and_then(grammar::boolean).unwrap_or(false)
    }
}

impl Diagnostic for BorrowedPrivileges {
    fn id(&self) -> &'static str {
        "started-with-privileges"
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(String::from("remove its setuid and setgid bits and its file capabilities"))
    }
}

/// Runs the program and returns its exit status: 0 done, 1 tried and failed, 2 wrong command line or configuration.
///
/// `privileges` is the outcome of [`crate::process::close_to_others`]; `arguments` begin with the program's name.
pub fn run(
    privileges: Result<(), BorrowedPrivileges>,
    arguments: impl IntoIterator<Item = OsString>,
    env: Environment,
) -> u8 {
    let mut arguments = arguments.into_iter();
    let called_as = CalledAs::of(arguments.next().as_deref());
    if let Err(refused) = privileges {
        return report::exit_status(Err(refused.into()), None);
    }
    let (lines, outcome) = dispatch(called_as, arguments.collect(), &env);
    report::exit_status(outcome, lines)
}

/// Finds the command and runs it; returns how many lines its failure may take, and its outcome.
fn dispatch(
    called_as: CalledAs,
    mut arguments: Vec<OsString>,
    env: &Environment,
) -> (Option<usize>, Result<(), Failure>) {
    let spec = match command(&mut arguments) {
        Ok(Called::Command(spec)) => spec,
        Ok(Called::Overview) => return (None, help::overview()),
        Ok(Called::Version) => return (None, version::print()),
        Ok(Called::Group(group)) => return (None, help::group(group)),
        Err(error) => return (None, Err(error.into())),
    };
    let outcome = match args::parse(spec, arguments) {
        Ok(Request::Help(text)) => return (None, output::write(text.as_bytes()).map_err(Failure::output)),
        Ok(Request::Run(typed)) => {
            let invocation = Invocation { spec, called_as, env, typed };
            let lines = lines(&invocation);
            if !is_cached(spec) {
                aws_lc_rs::init();
            }
            return (lines, (spec.run)(&invocation));
        }
        Err(error) => Err(error.into()),
    };
    (None, outcome)
}

/// Bounds what `credential-process` tells, unless it is asked for everything.
fn lines(invocation: &Invocation<'_>) -> Option<usize> {
    let all = invocation.typed.flag("debug").and_then(grammar::boolean).unwrap_or(false);
    (is_cached(invocation.spec) && !all).then_some(report::FEW_LINES)
}

/// Tells whether the command is the one that SDKs start for each call, and which seldom needs more than the cache.
fn is_cached(spec: &Spec) -> bool {
    spec.name == credential_process::SPEC.name
}

/// What the first arguments call.
enum Called {
    Command(&'static Spec),
    /// A group of commands, by its name, without one of them.
    Group(&'static str),
    /// Nothing, or help about everything.
    Overview,
    Version,
}

/// Takes the command's name from the front of the arguments.
fn command(arguments: &mut Vec<OsString>) -> Result<Called, UsageError> {
    let Some(first) = arguments.first() else { return Ok(Called::Overview) };
    let first = first.to_str().ok_or(UsageError::NotUnicode)?.to_owned();
    match first.as_str() {
        "-h" | "--help" => return Ok(Called::Overview),
        "--version" => return Ok(Called::Version),
        _ => {}
    }
    if let Some(spec) = find(&first) {
        arguments.remove(0);
        return Ok(Called::Command(spec));
    }
    let group =
        COMMANDS.iter().find_map(|spec| spec.name.split_once(' ').filter(|(group, _)| *group == first));
    let Some((group, _)) = group else {
        let names = COMMANDS.iter().map(|spec| spec.name.split(' ').next().unwrap_or_default());
        return Err(UsageError::UnknownCommand { nearest: crate::text::nearest(&first, names), word: first });
    };
    let second = match arguments.get(1) {
        None => return Ok(Called::Group(group)),
        Some(second) => second.to_str().ok_or(UsageError::NotUnicode)?,
    };
    if matches!(second, "-h" | "--help" | "help") {
        return Ok(Called::Group(group));
    }
    let full = format!("{group} {second}");
    let Some(spec) = find(&full) else {
        let names = COMMANDS.iter().map(|spec| spec.name).filter(|name| name.starts_with(group));
        return Err(UsageError::UnknownCommand { nearest: crate::text::nearest(&full, names), word: full });
    };
    arguments.drain(..2);
    Ok(Called::Command(spec))
}

fn find(name: &str) -> Option<&'static Spec> {
    // The official helper has its completions under the other name.
    let name = if name == "completion" { completions::SPEC.name } else { name };
    COMMANDS.iter().find(|spec| spec.name == name).copied()
}

/// The stable ids of all refusals that a user can meet; each has a page in the manual.
pub fn refusal_ids() -> impl Iterator<Item = &'static str> {
    [
        crate::cache::CacheError::IDS,
        crate::cache::NamespaceError::IDS,
        crate::config::ConfigError::IDS,
        crate::http::error::IDS,
        crate::http::proxy::IDS,
        crate::identity::error::IDS,
        crate::private_file::IDS,
        crate::provider::IDS,
        crate::session::error::IDS,
        crate::session::refusal::IDS,
        crate::session::request::IDS,
        crate::signer::IDS,
        crate::signing::IDS,
        crate::signing::endpoint::IDS,
        crate::sts::error::IDS,
        crate::sts::refusal::IDS,
        crate::sts::request::IDS,
        explain::ExplainError::IDS,
        output::OutputError::IDS,
        runtime::RuntimeError::IDS,
        settings::SettingsError::IDS,
        settings::second_hop::SecondHopError::IDS,
        UsageError::IDS,
        &["started-with-privileges"],
    ]
    .into_iter()
    .chain(pki_ids())
    .flatten()
    .copied()
}

#[cfg(feature = "pki")]
const fn pki_ids() -> [&'static [&'static str]; 4] {
    [
        crate::pki::PkiError::IDS,
        demo::DemoError::IDS,
        passphrase::PassphraseError::IDS,
        simulate::error::SimulateError::IDS,
    ]
}

#[cfg(not(feature = "pki"))]
const fn pki_ids() -> [&'static [&'static str]; 0] {
    []
}
