//! Replaces `denial` on systems with access lists instead of owners and modes: nothing can be said.

use std::convert::Infallible;
use std::fmt;
use std::path::Path;

/// What denies a file to this user: never known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial(Infallible);

impl Denial {
    /// Returns `None`.
    pub const fn of(_path: &Path) -> Option<Self> {
        None
    }

    /// Never called, because there are no values.
    pub const fn cure(&self, _is_private_key: bool) -> String {
        match self.0 {}
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {}
    }
}
