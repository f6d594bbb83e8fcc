//! What stands in our own command lines, and what failures of this floor say as checks.

use std::ffi::OsString;

use super::super::args::{self, Request, Typed};
use super::super::credential_process;
use crate::diagnostic::AnyDiagnostic;
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
pub(super) fn failed(id: &'static str, failure: &AnyDiagnostic) -> Check {
    Check::failed(id, failure.0.as_ref())
}
