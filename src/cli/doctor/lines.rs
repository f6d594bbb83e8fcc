//! What stands in our own command lines, and what failures of this floor say as checks.

use std::ffi::OsString;

use super::super::args::{self, Request, Typed};
use super::super::credential_process;
use super::super::report::Failure;
use crate::doctor::Check;

/// Returns the session that the arguments of `credential-process` name.
pub(super) fn session(arguments: &[String]) -> Option<String> {
    typed(arguments)?.words.into_iter().next()
}

/// Returns the arguments of `credential-process` as they would be taken; `None` where they would not.
pub(super) fn typed(arguments: &[String]) -> Option<Typed> {
    let arguments = arguments.iter().map(OsString::from).collect();
    match args::parse(&credential_process::SPEC, arguments) {
        Ok(Request::Run(typed)) => Some(typed),
        Ok(Request::Help(_)) | Err(_) => None,
    }
}

/// Tells a failure as a check.
pub(super) fn failed(id: &'static str, failure: &Failure) -> Check {
    match failure {
        Failure::Told(error) => Check::failed(id, error.as_ref()),
        Failure::Negative | Failure::NobodyReads | Failure::Status(_) => {
            Check::not_checked(id, "it ended without a word")
        }
    }
}
