//! `version`: which program this is.

use super::args::{Spec, Words};
use super::output;
use super::report::Failure;

/// `anyrole version`.
pub(super) const SPEC: Spec = Spec {
    name: "version",
    about: "Prints the version.",
    words: Words::None,
    groups: &[],
    flags: &[],
    more: "",
    run: |_| print(),
};

/// Prints the bare version and a line feed, as the official helper does.
pub(super) fn print() -> Result<(), Failure> {
    output::write(concat!(env!("CARGO_PKG_VERSION"), "\n").as_bytes()).map_err(Failure::output)
}
