//! The command line: from arguments to one command, and from its outcome to an exit status.
//!
//! Only the one command that was called is built. Its results are printed through `output`, its problems through
//! `report`.

mod advise;
mod args;
mod audit;
mod cache;
mod completions;
mod configure;
mod credential_process;
#[cfg(feature = "pki")]
mod demo;
mod doctor;
mod env;
mod event_log;
mod exec;
mod explain;
mod help;
mod inspect;
mod keeping;
mod lists;
mod log;
mod man;
mod migrate;
mod output;
#[cfg(feature = "pki")]
mod passphrase;
#[cfg(feature = "pki")]
mod pki;
mod read_certificate_data;
mod renewable;
mod renewal;
mod report;
mod serve;
mod setup;
mod sign_string;
#[cfg(feature = "pki")]
mod simulate;
mod status;
mod stop;
mod style;
mod update;
mod usage;
mod version;
mod whoami;
mod wrap;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use args::{Needs, Request, Spec, Typed};
use report::{Failure, Form};
use usage::UsageError;

use crate::diagnostic::{Diagnostic, Fault};
use crate::env::Environment;
use crate::process::BorrowedPrivileges;
use crate::settings::table::Setting;
use crate::settings::{self, Settings, grammar, provider};

/// Every command, in the order of the help; a name of two words belongs to the group of its first.
const COMMANDS: &[&Spec] = &[
    &credential_process::SPEC,
    &exec::SPEC,
    &env::SPEC,
    &serve::SPEC,
    &update::SPEC,
    &configure::SPEC,
    &advise::SPEC,
    &setup::SPEC,
    &doctor::SPEC,
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
    &pki::deploy::SPEC,
    #[cfg(feature = "pki")]
    &pki::request::SPEC,
    #[cfg(feature = "pki")]
    &pki::revoke::SPEC,
    #[cfg(feature = "pki")]
    &pki::crl::SPEC,
    #[cfg(feature = "pki")]
    &pki::install::SPEC,
    #[cfg(feature = "pki")]
    &pki::list::SPEC,
    &audit::FILES,
    &audit::iam::SPEC,
    &audit::policy::SPEC,
    &audit::trust::SPEC,
    &migrate::plan::SPEC,
    &migrate::switch::SPEC,
    &migrate::verify::SPEC,
    &migrate::deactivate::SPEC,
    &migrate::rollback::SPEC,
    &migrate::delete::SPEC,
    &migrate::status::SPEC,
    &migrate::summary::SPEC,
    &explain::SPEC,
    &help::SPEC,
    &man::SPEC,
    &completions::SPEC,
    &version::SPEC,
];

/// The name that the program was called by.
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

/// Everything a command works with.
struct Invocation<'a> {
    spec: &'static Spec,
    called_as: CalledAs,
    env: &'a Environment,
    typed: Typed,
}

impl Invocation<'_> {
    /// Returns the settings from all sources.
    fn settings(&self) -> Result<Settings, Failure> {
        Ok(Settings::resolve(&self.typed, self.env, self.spec.groups)?)
    }

    /// Returns whether `--debug` was given: every step and every fact is shown.
    fn is_debugged(&self) -> bool {
        self.typed.flag("debug").and_then(grammar::boolean).unwrap_or(false)
    }

    /// Returns the session name on the command line.
    fn name(&self) -> Option<&str> {
        self.typed.words.first().map(String::as_str)
    }

    /// Returns whether one of the command's own boolean flags was given.
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
        return report::exit_status(Err(refused.into()), Form::Whole);
    }
    report::guard(|| {
        let (form, outcome) = dispatch(called_as, arguments.collect(), &env);
        report::exit_status(outcome, form)
    })
}

/// Finds the command and runs it; returns the form for reporting a failure, and the outcome.
fn dispatch(
    called_as: CalledAs,
    mut arguments: Vec<OsString>,
    env: &Environment,
) -> (Form, Result<(), Failure>) {
    let spec = match command(&mut arguments) {
        Ok(Called::Command(spec)) => spec,
        Ok(Called::Overview) => return (Form::Whole, help::overview()),
        Ok(Called::Version) => return (Form::Whole, version::print()),
        Ok(Called::Group(group)) => return (Form::Whole, help::group(group)),
        Err(error) => return (Form::Whole, Err(error.into())),
    };
    let outcome = match args::parse(spec, arguments) {
        Ok(Request::Help(text)) => {
            return (Form::Whole, output::write_help(&text).map_err(Failure::output));
        }
        Ok(Request::Run(typed)) => {
            let invocation = Invocation { spec, called_as, env, typed };
            let form = form(&invocation);
            if invocation.is_debugged() {
                crate::trace::begin(report::step);
            }
            if spec.needs == Needs::Everything {
                aws_lc_rs::init();
            }
            let outcome = (spec.run)(&invocation);
            if let Err(Failure::Told(error)) = &outcome
                && spec.needs == Needs::Cache
            {
                log::Log::of(&invocation).failure(error.as_ref());
            }
            return (form, outcome);
        }
        Err(error) => Err(error.into()),
    };
    (Form::Whole, outcome)
}

/// Decides in which form a failure of this call is reported.
fn form(invocation: &Invocation<'_>) -> Form {
    match invocation.spec.needs {
        _ if invocation.typed.flag("json").and_then(grammar::boolean).unwrap_or(false) => Form::Json,
        Needs::Cache if !invocation.is_debugged() => Form::FewLines,
        Needs::Cache | Needs::Everything => Form::Whole,
    }
}

/// What the first arguments mean.
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
        "-V" | "--version" => return Ok(Called::Version),
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
    // The official helper calls its completions by the other name.
    let name = if name == "completion" { completions::SPEC.name } else { name };
    COMMANDS.iter().find(|spec| spec.name == name).copied()
}

/// The stable ids of all refusals that a user can meet; each has a page in the manual.
pub fn refusal_ids() -> impl Iterator<Item = &'static str> {
    [
        crate::cache::CacheError::IDS,
        crate::cache::NamespaceError::IDS,
        crate::config::ConfigError::IDS,
        crate::aws_file::IDS,
        crate::audit::files::IDS,
        crate::audit::iam::IDS,
        crate::audit::policy::IDS,
        crate::audit::policy::RULES,
        crate::exec::IDS,
        crate::server::IDS,
        crate::http::error::IDS,
        crate::http::no_answer::IDS,
        crate::http::proxy::IDS,
        crate::http::runtime::IDS,
        crate::identity::error::IDS,
        crate::iam::IDS,
        crate::ini::IDS,
        crate::migrate::IDS,
        crate::private_file::IDS,
        crate::provider::IDS,
        crate::session::error::IDS,
        crate::session::refusal::IDS,
        crate::session::request::IDS,
        crate::setup::SetupError::IDS,
        crate::signer::IDS,
        crate::signer::pkcs11::IDS,
        crate::signer::tpm::IDS,
        crate::signing::IDS,
        crate::signing::endpoint::IDS,
        crate::sts::error::IDS,
        crate::sts::refusal::IDS,
        crate::sts::request::IDS,
        crate::sts::scope::IDS,
        crate::via::IDS,
        advise::AdviseError::IDS,
        cache::NotNamed::IDS,
        configure::ConfigureError::IDS,
        explain::ExplainError::IDS,
        output::OutputError::IDS,
        renewable::ReadOnce::IDS,
        settings::SettingsError::IDS,
        settings::second_hop::SecondHopError::IDS,
        UsageError::IDS,
        &["panic", "started-with-privileges"],
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
