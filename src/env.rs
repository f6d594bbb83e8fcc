//! The process environment, accessed through one type so that tests can supply their own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// A source of environment variables: the process's, or a map from a test.
#[derive(Clone, Debug)]
pub struct Environment(Source);

#[derive(Clone)]
enum Source {
    Process,
    Given(BTreeMap<OsString, OsString>),
}

/// Shows only names: a value may be a secret.
impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Process => f.write_str("Process"),
            Self::Given(map) => f.debug_set().entries(map.keys()).finish(),
        }
    }
}

/// A variable whose value is not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {name} is not UTF-8")]
pub struct NotUnicode {
    /// The variable's name.
    pub name: String,
}

impl Environment {
    /// Returns the environment of this process.
    pub const fn process() -> Self {
        Self(Source::Process)
    }

    /// Returns an environment with only the given variables.
    pub fn given<K: Into<OsString>, V: Into<OsString>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(Source::Given(variables.into_iter().map(|(k, v)| (k.into(), v.into())).collect()))
    }

    /// Returns a variable as an `OsString`; an empty value counts as absent.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    pub fn os_var(&self, name: &str) -> Option<OsString> {
        let value = match &self.0 {
            Source::Process => std::env::var_os(name),
            Source::Given(map) => map.get(std::ffi::OsStr::new(name)).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }

    /// Returns a variable as text; an empty value counts as absent.
    ///
    /// # Errors
    ///
    /// Fails if the value is not UTF-8.
    pub fn var(&self, name: &str) -> Result<Option<String>, NotUnicode> {
        match self.os_var(name) {
            None => Ok(None),
            Some(value) => match value.into_string() {
                Ok(text) => Ok(Some(text)),
                Err(_) => Err(NotUnicode { name: name.to_owned() }),
            },
        }
    }

    /// Returns the variables whose names start with `prefix`, by the rest of the name and sorted by it; empty ones count as
    /// absent.
    ///
    /// One pass over all variables is cheaper than a lookup for each possible name.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
    pub fn beginning_with(&self, prefix: &str) -> Vec<(String, OsString)> {
        let rest = |name: &OsString| {
            let name = name.to_str()?;
            // On Windows these names are case-insensitive.
            let (start, rest) = name.split_at_checked(prefix.len())?;
            if cfg!(windows) {
                start.eq_ignore_ascii_case(prefix).then(|| rest.to_ascii_uppercase())
            } else {
                (start == prefix).then(|| rest.to_owned())
            }
        };
        let found =
            |(name, value): (OsString, OsString)| Some((rest(&name).filter(|_| !value.is_empty())?, value));
        let mut found: Vec<(String, OsString)> = match &self.0 {
            Source::Process => std::env::vars_os().filter_map(found).collect(),
            Source::Given(map) => map.clone().into_iter().filter_map(found).collect(),
        };
        // What is told of them is not to depend on who started the process.
        found.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        found
    }

    /// Returns the user's home folder: `HOME`, or if that is unset, the one in the account database.
    pub fn home(&self) -> Option<PathBuf> {
        let variable = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        match (self.os_var(variable), &self.0) {
            (Some(home), _) => Some(home.into()),
            (None, Source::Process) => std::env::home_dir().filter(|home| !home.as_os_str().is_empty()),
            (None, Source::Given(_)) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_variable_is_absent() {
        let env = Environment::given([("A", ""), ("B", "b")]);
        assert_eq!(env.var("A"), Ok(None));
        assert_eq!(env.var("B"), Ok(Some(String::from("b"))));
        assert_eq!(env.var("C"), Ok(None));
    }

    #[test]
    fn variables_are_found_by_what_they_begin_with() {
        let env = Environment::given([("A_ONE", "1"), ("A_", "2"), ("A_EMPTY", ""), ("B", "3"), ("A", "4")]);
        let found = |name: &str, value: &str| (String::from(name), OsString::from(value));
        assert_eq!(env.beginning_with("A_"), [found("", "2"), found("ONE", "1")]);
    }

    #[test]
    fn debug_shows_no_value() {
        assert!(!format!("{:?}", Environment::given([("PIN", "canary")])).contains("canary"));
    }
}
