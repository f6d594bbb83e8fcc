//! `version`: which program this is.

use serde::Serialize;

use super::args::{Needs, Spec, Words};
use super::report::Failure;
use super::settings::table::{Kind, Setting};
use super::{Invocation, output};

const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON, with what this build has");

/// `anyrole version`.
pub(super) const SPEC: Spec = Spec {
    name: "version",
    about: "Prints the version.",
    words: Words::None,
    groups: &[],
    flags: &[JSON],
    more: "",
    needs: Needs::Everything,
    run,
};

/// The properties of this build.
#[derive(Serialize)]
struct Document {
    version: &'static str,
    /// The optional parts that are built in.
    features: Vec<&'static str>,
    /// The platform: `x86_64-linux`.
    target: String,
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    if !invocation.has(&JSON) {
        return print();
    }
    let features = [("pki", cfg!(feature = "pki")), ("secret-service", cfg!(feature = "secret-service"))];
    let document = Document {
        version: env!("CARGO_PKG_VERSION"),
        features: features.into_iter().filter_map(|(name, is_built)| is_built.then_some(name)).collect(),
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
    };
    output::write_json("version", &document).map_err(Failure::output)
}

/// Prints the bare version and a line feed, as the official helper does.
pub(super) fn print() -> Result<(), Failure> {
    output::write(concat!(env!("CARGO_PKG_VERSION"), "\n").as_bytes()).map_err(Failure::output)
}
