//! What every error of this program provides beyond its text, so that one place can render them all.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::text::printable_line;

/// Whose fault a failure is, and so who can fix it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error in anyrole.
    Bug,
    /// Files, certificate, key or device.
    Identity,
    /// This machine: keyring, disk, memory.
    Local,
    /// AWS answered, and refused.
    Refused,
    /// The network: try again.
    Unreachable,
    /// The command line or the configuration.
    Usage,
}

/// One `name: value` line under an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The name: `certificate`, `request id`.
    pub name: Cow<'static, str>,
    /// The value, which the report makes printable.
    pub value: String,
}

impl Fact {
    /// Combines a name and a value.
    pub fn new(name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// An error that is shown to the user.
///
/// `Display` says what failed, naming the object as the user did; `source()` gives the cause.
pub trait Diagnostic: Error {
    /// Returns the stable id: lower-case words joined by hyphens, with a page in `src/manual/refusals`.
    fn id(&self) -> &'static str;

    /// Returns whose fault it is.
    fn fault(&self) -> Fault;

    /// Returns the facts printed under the error, the most informative first.
    fn facts(&self) -> Vec<Fact> {
        Vec::new()
    }

    /// Returns one thing to do, with the exact flag or command.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Any error that is shown to the user, for what may fail for reasons of many kinds.
///
/// It is no [`Diagnostic`] itself, so that `?` makes one of every error that is.
pub struct AnyDiagnostic(pub Box<dyn Diagnostic + Send>);

impl<E: Diagnostic + Send + 'static> From<E> for AnyDiagnostic {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Debug for AnyDiagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.0, self.0.id())
    }
}

/// Returns the text of each source of an error, except those that only repeat the text above.
pub fn causes(error: &dyn Diagnostic) -> Vec<String> {
    let mut lines = Vec::new();
    let mut above = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !above.ends_with(&said) {
            lines.push(printable_line(&said));
        }
        above = said;
        source = cause.source();
    }
    lines
}
