//! Converts an `aws_signing_helper credential-process` line to the settings of a session.

use std::ffi::OsString;

use super::super::args::{self, Request, Typed};
use super::super::credential_process;
use super::super::report::Failure;
use super::ConfigureError;
use crate::aws_file::AwsFile;
use crate::command_line::{self, System};
use crate::configure::is_called;
use crate::ini::view;

/// Returns the settings in a profile's line and on the command line, which takes precedence.
pub(super) fn settings(
    file: &AwsFile,
    profile: &str,
    typed: &Typed,
    notes: &mut Vec<String>,
) -> Result<Typed, Failure> {
    let refused = |line: Option<usize>, why: String| {
        Failure::from(ConfigureError::NotOfficial {
            file: file.path().to_owned(),
            line,
            profile: profile.to_owned(),
            why,
        })
    };
    let sections = view::sections(&file.read()?);
    let section = sections.iter().find(|section| section.profile() == Some(profile));
    let section = section.ok_or_else(|| refused(None, String::from("there is no such profile")))?;
    let property = section.property("credential_process");
    let property =
        property.ok_or_else(|| refused(Some(section.line), String::from("it has no credential_process")))?;
    let refused = |why: String| refused(Some(property.line), why);
    if property.is_continued || command_line::cut(&property.value).is_some() {
        return Err(refused(String::from("SDKs do not agree where the line ends")));
    }
    let words = match System::here() {
        System::Windows => property.value.replace('"', "").split_whitespace().map(str::to_owned).collect(),
        System::Unix => {
            let reading = command_line::read(&property.value).map_err(|error| refused(error.to_string()))?;
            if let Some(difference) = reading.differences.first() {
                return Err(refused(format!("SDKs do not agree on the line: for a shell, {difference}")));
            }
            reading.words
        }
    };
    let [program, command, arguments @ ..] = words.as_slice() else {
        return Err(refused(String::from("it does not start aws_signing_helper credential-process")));
    };
    if !is_called(program, "aws_signing_helper") || command != "credential-process" {
        return Err(refused(String::from("it does not start aws_signing_helper credential-process")));
    }
    let arguments = arguments.iter().map(OsString::from).collect();
    let mut wanted = match args::parse(&credential_process::SPEC, arguments)? {
        Request::Run(wanted) => wanted,
        Request::Help(_) => return Err(refused(String::from("it prints a help text"))),
    };
    for (flag, why) in [
        ("debug", "it can be given again when it is needed"),
        ("with-proxy", "the proxy variables are always read"),
    ] {
        if wanted.flag(flag).is_some() {
            notes.push(format!("--{flag} is left out: {why}"));
        }
    }
    wanted.words.clear();
    wanted.lay_over(typed);
    Ok(wanted)
}
