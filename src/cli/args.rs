//! The arguments: one command's flags and words, by the grammar of the official helper; nothing is looked up.

mod plain;

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use zeroize::Zeroizing;

use super::Invocation;
use super::grammar;
use super::help;
use super::report::Failure;
pub(crate) use super::settings::Typed;
use super::settings::table::{Group, Kind, SETTINGS, Setting};
use super::usage::UsageError;

/// The words that a command takes besides its flags.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Words {
    /// The name of a command, of one word or two, or nothing.
    Command,
    /// None.
    None,
    /// The name of a session, or nothing.
    Session,
    /// The names of any number of sessions.
    Sessions,
    /// The name of a session or nothing, then `--` and a command of another program.
    SessionAndCommand,
    /// `--` and a command of another program, or nothing.
    CommandOfAnother,
    /// Any number of files and folders.
    Paths,
    /// Exactly one, by this name.
    One(&'static str),
    /// One by this name, or nothing.
    Optional(&'static str),
}

impl Words {
    /// Returns the words for a usage line; `None` if there are none.
    pub(crate) fn usage(self) -> Option<String> {
        match self {
            Self::Command => Some(String::from("[COMMAND]")),
            Self::None => None,
            Self::Session => Some(String::from("[NAME]")),
            Self::Sessions => Some(String::from("[NAME…]")),
            Self::Paths => Some(String::from("[PATH…]")),
            Self::SessionAndCommand => Some(String::from("[NAME] -- COMMAND…")),
            Self::CommandOfAnother => Some(String::from("[-- COMMAND…]")),
            Self::One(word) => Some(word.to_owned()),
            Self::Optional(word) => Some(format!("[{word}]")),
        }
    }
}

/// What is set up before a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Usually only the cache: SDKs start this command for each call, so what a hit does not need is set up only when
    /// it is needed. Failures are also reported differently, for callers who see only a few lines: briefly, and in the
    /// log.
    Cache,
    /// Everything.
    Everything,
}

/// One command: what it takes, its help, and the function that runs it.
pub(crate) struct Spec {
    /// `credential-process`, `pki init`.
    pub(crate) name: &'static str,
    /// One line for the list of commands.
    pub(crate) about: &'static str,
    pub(crate) words: Words,
    /// The groups of settings it uses.
    pub(crate) groups: &'static [Group],
    /// Its own flags, listed before those.
    pub(crate) flags: &'static [Setting],
    /// Examples and exit statuses, at the end of its help.
    pub(crate) more: &'static str,
    pub(crate) needs: Needs,
    pub(crate) run: fn(&Invocation<'_>) -> Result<(), Failure>,
}

impl Spec {
    /// Returns every flag of the command.
    pub(crate) fn all_flags(&self) -> impl Iterator<Item = &'static Setting> {
        let groups = self.groups;
        let settings = SETTINGS.iter().filter(|setting| setting.has_flag());
        self.flags.iter().chain(settings.filter(move |setting| groups.contains(&setting.group)))
    }
}

/// What a command line asks for.
pub(crate) enum Request {
    /// Run the command.
    Run(Typed),
    /// Print its help.
    Help(String),
}

/// Parses the arguments after a command's name.
///
/// Only long flags, except `-h`; `--flag value` and `--flag=value`; a value may start with dashes; the last of several
/// occurrences counts; a boolean takes a value only after `=`; `--` ends the flags.
pub(crate) fn parse(spec: &Spec, mut arguments: Vec<OsString>) -> Result<Request, UsageError> {
    let command = match spec.words {
        Words::SessionAndCommand | Words::CommandOfAnother => split_off_command(&mut arguments),
        Words::Command
        | Words::None
        | Words::Session
        | Words::Sessions
        | Words::Paths
        | Words::One(_)
        | Words::Optional(_) => Vec::new(),
    };
    let mut typed = match plain::read(spec, &arguments) {
        Some(typed) => typed,
        None => match parse_by_clap(spec, arguments)? {
            Request::Run(typed) => typed,
            help @ Request::Help(_) => return Ok(help),
        },
    };
    // First, because a flag that took the next flag for its value left that one's value over as a word.
    check_flags_as_values(spec, &typed)?;
    check_words(spec, &typed.words)?;
    check_values(spec, &typed)?;
    typed.command = command;
    if matches!(spec.words, Words::SessionAndCommand) && typed.command.is_empty() {
        return Err(UsageError::WordMissing { word: "-- COMMAND", command: spec.name });
    }
    Ok(Request::Run(typed))
}

/// Removes the other program's command, everything after the first `--`, from the arguments.
fn split_off_command(arguments: &mut Vec<OsString>) -> Vec<OsString> {
    let Some(dashes) = arguments.iter().position(|argument| argument == "--") else { return Vec::new() };
    let command = arguments.split_off(dashes + 1);
    arguments.truncate(dashes);
    command
}

fn parse_by_clap(spec: &Spec, arguments: Vec<OsString>) -> Result<Request, UsageError> {
    let mut matches = match command(spec).try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            return Ok(Request::Help(help::page::render(spec)));
        }
        Err(error) => return Err(refusal(spec, &error)),
    };
    let mut typed = Typed::default();
    for flag in spec.all_flags() {
        for text in matches.remove_many::<String>(flag.name).into_iter().flatten() {
            typed.add(flag, Zeroizing::new(text));
        }
    }
    typed.words.extend(matches.remove_many::<String>("words").into_iter().flatten());
    Ok(Request::Run(typed))
}

/// Builds the one clap command that was called.
pub(crate) fn command(spec: &Spec) -> Command {
    let words = Arg::new("words").num_args(0..).hide(true);
    Command::new(spec.name)
        .bin_name(spec.name)
        .no_binary_name(true)
        .disable_version_flag(true)
        .disable_help_flag(true)
        .args_override_self(true)
        .about(spec.about)
        .args(spec.all_flags().map(argument))
        .arg(words)
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help).help("show this text"))
}

pub(crate) fn argument(setting: &'static Setting) -> Arg {
    let argument = Arg::new(setting.name).long(setting.name).help(setting.help).action(ArgAction::Set);
    match setting.kind {
        Kind::Boolean => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_name("true|false"),
        Kind::Integer => argument.value_name("NUMBER").allow_hyphen_values(true),
        Kind::Duration => argument.value_name("TIME").allow_hyphen_values(true),
        Kind::List(name) => argument.action(ArgAction::Append).value_name(name).allow_hyphen_values(true),
        Kind::Discreet(name) | Kind::Text(name) => argument.value_name(name).allow_hyphen_values(true),
        Kind::Secret => argument.value_name("PASSWORD").allow_hyphen_values(true),
        Kind::Word(words) => argument.value_name(words).allow_hyphen_values(true),
    }
}

/// Converts clap's error to one of this program's own.
fn refusal(spec: &Spec, error: &clap::Error) -> UsageError {
    let told = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let flag = told(ContextKind::InvalidArg);
    // clap names a flag with its value: `--role-arn <ARN>`.
    let flag = flag.split([' ', '=', '[']).next().unwrap_or_default().to_owned();
    // Other kinds cannot occur: no argument is required here, and none excludes another.
    if error.kind() == ErrorKind::UnknownArgument {
        UsageError::UnknownFlag { nearest: nearest_flag(spec, &flag), flag, command: spec.name }
    } else if error.kind() == ErrorKind::InvalidUtf8 {
        UsageError::NotUnicode
    } else {
        UsageError::ValueMissing { flag }
    }
}

fn nearest_flag(spec: &Spec, flag: &str) -> Option<&'static str> {
    let name = flag.trim_start_matches('-');
    crate::text::nearest(name, spec.all_flags().map(|setting| setting.name))
}

fn check_words(spec: &Spec, words: &[String]) -> Result<(), UsageError> {
    let allowed = match spec.words {
        Words::Command => 2,
        Words::None | Words::CommandOfAnother => 0,
        Words::Sessions | Words::Paths => words.len(),
        Words::Session | Words::SessionAndCommand | Words::One(_) | Words::Optional(_) => 1,
    };
    let name = words.first().filter(|_| allowed > 0);
    let names = match spec.words {
        Words::Session | Words::Sessions | Words::SessionAndCommand => words.iter().take(allowed),
        Words::Command
        | Words::CommandOfAnother
        | Words::None
        | Words::Paths
        | Words::One(_)
        | Words::Optional(_) => words.iter().take(0),
    };
    if let Some(word) = names.into_iter().find(|word| !crate::config::is_session_name(word)) {
        return Err(UsageError::Stray { word: word.clone(), command: spec.name });
    }
    if let Some(word) = words.get(allowed) {
        return Err(UsageError::Stray { word: word.clone(), command: spec.name });
    }
    match (spec.words, name) {
        (Words::One(word), None) => Err(UsageError::WordMissing { word, command: spec.name }),
        (
            Words::Command
            | Words::CommandOfAnother
            | Words::None
            | Words::Session
            | Words::Sessions
            | Words::SessionAndCommand
            | Words::Paths
            | Words::One(_)
            | Words::Optional(_),
            _,
        ) => Ok(()),
    }
}

/// Checks that no flag was taken for the value of another.
fn check_flags_as_values(spec: &Spec, typed: &Typed) -> Result<(), UsageError> {
    for setting in spec.all_flags() {
        let flag_as_value = |text: &str| {
            let name = text.strip_prefix("--").and_then(|text| text.split('=').next());
            name.is_some_and(|name| name == "help" || spec.all_flags().any(|flag| flag.name == name))
        };
        if setting.kind != Kind::Secret && typed.texts(setting.name).any(flag_as_value) {
            return Err(UsageError::ValueMissing { flag: format!("--{}", setting.name) });
        }
    }
    Ok(())
}

/// Checks the command's own flags; settings are checked once all of them are known.
fn check_values(spec: &Spec, typed: &Typed) -> Result<(), UsageError> {
    for setting in spec.flags {
        let Some(text) = typed.flag(setting.name) else { continue };
        let expected = match setting.kind {
            Kind::Boolean if grammar::boolean(text).is_none() => "true or false (or 1, 0, t, f)",
            Kind::Integer if grammar::integer(text).is_none() => "a whole number",
            Kind::Duration if grammar::duration(text).is_none() => {
                "a number of seconds, or a text like 90s, 15m, 1h"
            }
            Kind::Word(words) if !words.split('|').any(|word| word == text) => words,
            Kind::Boolean
            | Kind::Integer
            | Kind::Duration
            | Kind::Discreet(_)
            | Kind::List(_)
            | Kind::Text(_)
            | Kind::Secret
            | Kind::Word(_) => {
                continue;
            }
        };
        return Err(UsageError::Value { flag: setting.name, value: text.to_owned(), expected });
    }
    Ok(())
}
