//! What every error of this program provides beyond its text, so that one place can render them all.

use std::borrow::Cow;
use std::error::Error;

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
