//! What can be read of a host: its files, below a root, and its variables.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Evidence;
use crate::env::Environment;
use crate::private_file;

/// The most bytes of a file that is looked at.
const LIMIT: u64 = 64 * 1024;

/// Where the fields of the firmware are.
const DMI: &str = "sys/class/dmi/id";

/// A host: this one, or a folder that holds the files of one.
#[derive(Debug)]
pub struct Host {
    root: PathBuf,
    is_this: bool,
    env: Environment,
}

impl Host {
    /// Looks at this host.
    pub fn this(env: Environment) -> Self {
        Self { root: PathBuf::from("/"), is_this: true, env }
    }

    /// Looks at a folder. The variables are those of `proc/self/environ` in it, and none of this process.
    pub fn below(root: &Path) -> Self {
        let read = private_file::read_bounded(&root.join("proc/self/environ"), LIMIT);
        let text = read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let variables = text.split(['\0', '\n']).filter_map(|line| line.split_once('='));
        let variables: Vec<(OsString, OsString)> =
            variables.map(|(name, value)| (name.into(), value.into())).collect();
        Self { root: root.to_owned(), is_this: false, env: Environment::given(variables) }
    }

    /// Tells whether it is this host, which can be asked more.
    pub const fn is_this(&self) -> bool {
        self.is_this
    }

    /// Returns the variables.
    pub const fn env(&self) -> &Environment {
        &self.env
    }

    /// Returns a variable's value, for comparisons.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.env.os_var(name).map(|value| value.to_string_lossy().into_owned())
    }

    /// Tells that a variable is set, without its value.
    pub(super) fn is_set(&self, name: &str) -> Option<Evidence> {
        self.variable(name).map(|_| Evidence::new(format!("${name}"), "is set"))
    }

    /// Tells that a variable has this value, or one that begins with it.
    pub(super) fn says(&self, name: &str, start: &str) -> Option<Evidence> {
        let value = self.variable(name)?;
        value.starts_with(start).then(|| Evidence::new(format!("${name}"), value))
    }

    /// Returns the first line of a file below the root.
    pub(super) fn line(&self, path: &str) -> Option<String> {
        let text = self.text(path)?;
        let line = text.lines().next().unwrap_or_default().trim();
        (!line.is_empty()).then(|| line.to_owned())
    }

    /// Returns a file below the root, as text.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let path = self.inside(path)?;
        let bytes = private_file::read_bounded(&path, LIMIT).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Tells that there is a file or a folder.
    pub(super) fn exists(&self, path: &str) -> Option<Evidence> {
        self.inside(path).map(|_| Evidence::new(format!("/{path}"), "is there"))
    }

    /// Returns a field of the firmware.
    pub(super) fn dmi(&self, field: &str) -> Option<Evidence> {
        let path = format!("{DMI}/{field}");
        self.line(&path).map(|line| Evidence::new(format!("/{path}"), line))
    }

    /// Returns a field of the firmware that begins so.
    pub(super) fn dmi_says(&self, field: &str, start: &str) -> Option<Evidence> {
        self.dmi(field).filter(|evidence| evidence.says.starts_with(start))
    }

    /// Returns the path of a file that is there; a link that leads out of the root is of another host.
    fn inside(&self, path: &str) -> Option<PathBuf> {
        let found = self.root.join(path).canonicalize().ok()?;
        let is_inside = self.is_this || found.starts_with(self.root.canonicalize().ok()?);
        is_inside.then_some(found)
    }
}
