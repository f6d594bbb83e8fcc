//! `configure --check`: problems in `credential_process` lines.

use std::ffi::OsString;
use std::fmt::Write as _;

use super::super::args::{self, Request, Typed};
use super::super::credential_process;
use super::super::report::Failure;
use super::super::settings::table::{Group, Setting};
use super::super::settings::{self, Settings};
use super::super::{Invocation, output};
use super::{shown, without_ours};
use crate::aws_file::{AwsFile, Kind};
use crate::configure::lint::findings;
use crate::env::Environment;
use crate::text::printable_line;

pub(super) fn run(invocation: &Invocation<'_>, json: &Setting) -> Result<(), Failure> {
    let env = invocation.env;
    let file = AwsFile::locate(Kind::Config, env)?;
    let content = file.read()?;
    // If it cannot be read, SDKs cannot read it either.
    let credentials = AwsFile::locate(Kind::Credentials, env)?.read().unwrap_or_default();
    let judge = |arguments: &[String]| wrong(arguments, &invocation.typed, env);
    let found = findings(&content, &credentials, env, &judge);
    let written = if invocation.has(json) {
        output::write_json("configure-check", &found)
    } else {
        let mut text = String::new();
        for finding in &found {
            let line =
                format!("{}, line {}: [{}] {}", shown(&file), finding.line, finding.profile, finding.text);
            // Writing to a text cannot fail.
            let _ = writeln!(text, "{} [{}]", printable_line(&line), finding.id);
        }
        output::write(text.as_bytes())
    };
    written.map_err(Failure::output)?;
    if found.is_empty() { Ok(()) } else { Err(Failure::Negative) }
}

/// Says what is wrong with the arguments of our `credential-process`, as it would; no file but the configuration is opened.
pub(in crate::cli) fn wrong(arguments: &[String], typed: &Typed, env: &Environment) -> Option<String> {
    let told = |failure: Failure| Some(failure.first_line());
    let arguments = arguments.iter().map(OsString::from).collect();
    let mut line = match args::parse(&credential_process::SPEC, arguments) {
        Ok(Request::Run(line)) => line,
        Ok(Request::Help(_)) => return Some(String::from("it prints a help text")),
        Err(error) => return told(error.into()),
    };
    if line.flag("via").is_some() {
        return None;
    }
    let is_named = line.flag("config").is_some() || typed.flag("config").is_none();
    if !is_named && let Some(path) = typed.flag("config") {
        line.set(settings::table::setting("config"), path.to_owned());
    }
    let here = without_ours(env);
    let settings = Settings::resolve(&line, &here, Group::ALL);
    match settings.and_then(|settings| settings.session(&here, true)) {
        Ok(_) => None,
        Err(failure) => told(failure.into()),
    }
}
