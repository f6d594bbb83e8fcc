//! What others can name of this crate. Whoever changes a line here changes what programs are built on: a new one is a minor version, any
//! other change is a major one (<https://doc.rust-lang.org/cargo/reference/semver.html>).

use std::fs;
use std::path::Path;

/// The signatures of `anyrole::sdk`, in the order of its files.
const PUBLIC: &str = "\
src/sdk.rs: pub use builder::Builder;
src/sdk.rs: pub use error::Error;
src/sdk.rs: #[derive(Clone)] pub struct Credentials
src/sdk.rs: impl Credentials
src/sdk.rs: pub fn session(name: impl Into<String>) -> Result<Self, Error>
src/sdk.rs: pub fn builder() -> Builder
src/sdk.rs: impl fmt::Debug for Credentials
src/sdk.rs: impl ProvideCredentials for Credentials
src/sdk/builder.rs: #[derive(Clone)] pub struct Builder
src/sdk/builder.rs: impl Default for Builder
src/sdk/builder.rs: impl fmt::Debug for Builder
src/sdk/builder.rs: impl Builder
src/sdk/builder.rs: pub fn session(mut self, name: impl Into<String>) -> Self
src/sdk/builder.rs: pub fn config_file(self, path: impl Into<String>) -> Self
src/sdk/builder.rs: pub fn certificate(self, source: impl Into<String>) -> Self
src/sdk/builder.rs: pub fn private_key(self, source: impl Into<String>) -> Self
src/sdk/builder.rs: pub fn intermediates(self, source: impl Into<String>) -> Self
src/sdk/builder.rs: pub fn password_file(self, source: impl Into<String>) -> Self
src/sdk/builder.rs: pub fn trust_anchor_arn(self, arn: impl Into<String>) -> Self
src/sdk/builder.rs: pub fn profile_arn(self, arn: impl Into<String>) -> Self
src/sdk/builder.rs: pub fn role_arn(self, arn: impl Into<String>) -> Self
src/sdk/builder.rs: pub fn region(self, region: impl Into<String>) -> Self
src/sdk/builder.rs: pub fn session_duration(self, duration: Duration) -> Self
src/sdk/builder.rs: pub fn role_session_name(self, name: impl Into<String>) -> Self
src/sdk/builder.rs: pub fn endpoint(self, url: impl Into<String>) -> Self
src/sdk/builder.rs: pub fn timeout(self, limit: Duration) -> Self
src/sdk/builder.rs: pub fn setting(mut self, key: impl AsRef<str>, value: impl Into<String>) -> Self
src/sdk/builder.rs: pub fn build(self) -> Result<Credentials, Error>
src/sdk/error.rs: #[derive(Clone)] pub struct Error
src/sdk/error.rs: impl Error
src/sdk/error.rs: pub fn id(&self) -> &'static str
src/sdk/error.rs: pub fn hint(&self) -> Option<&str>
src/sdk/error.rs: impl fmt::Display for Error
src/sdk/error.rs: impl fmt::Debug for Error
src/sdk/error.rs: impl std::error::Error for Error
src/sdk/error.rs: impl From<AnyDiagnostic> for Error
src/sdk/error.rs: impl From<SdkError> for Error
";

/// The types that others can name.
const TYPES: [&str; 3] = ["Builder", "Credentials", "Error"];

fn source(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect("a file of the source")
}

/// Returns the public items and the implementations of public types of a file, a line each.
fn items(file: &str) -> Vec<String> {
    let text = source(file);
    let (mut found, mut derived) = (Vec::new(), String::new());
    let code = text.lines().take_while(|line| *line != "#[cfg(test)]");
    for line in code.map(str::trim).filter(|line| !line.starts_with("//")) {
        if line.starts_with("#[derive(") {
            derived = format!("{line} ");
            continue;
        }
        let of_a_type = line.starts_with("impl")
            && TYPES.iter().any(|name| {
                line.ends_with(&format!(" {name} {{")) || line.ends_with(&format!(" {name} {{}}"))
            });
        if line.starts_with("pub ") || of_a_type {
            let item = line.trim_end_matches("{}").trim_end_matches('{').trim_end();
            found.push(format!("{file}: {derived}{item}"));
        }
        if !line.starts_with("#[") {
            derived.clear();
        }
    }
    found
}

#[test]
fn what_others_build_on_is_listed() {
    let files = ["src/sdk.rs", "src/sdk/builder.rs", "src/sdk/error.rs", "src/sdk/flight.rs"];
    let found: Vec<String> = files.into_iter().flat_map(items).collect();
    let listed: Vec<&str> = PUBLIC.lines().collect();
    assert_eq!(found, listed, "left: the source; right: the list in tests/sdk/public.rs");
}

#[test]
fn without_the_program_nothing_else_is_public() {
    let text = source("src/lib.rs");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("//")).collect();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("pub ")) {
        let condition = lines[index - 1];
        let expected = match *line {
            "pub mod sdk;" => "#[cfg(feature = \"sdk\")]",
            "pub mod pki;" => "#[cfg(feature = \"pki\")]",
            _ => "#[cfg(feature = \"cli\")]",
        };
        assert_eq!(condition, expected, "{line}");
    }
    let manifest = source("Cargo.toml");
    let features =
        manifest.split("[features]").nth(1).and_then(|rest| rest.split("\n[").next()).expect("the features");
    for feature in ["pkcs11", "pki"] {
        let needs_the_program = |line: &str| line.starts_with(&format!("{feature} = [\"cli\""));
        assert!(features.lines().any(needs_the_program), "{feature} is of the program");
    }
}
