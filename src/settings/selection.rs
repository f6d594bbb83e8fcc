//! Settings that say which of several certificates is meant, and the stores of operating systems, which are not opened.

use super::{Given, Origin, Settings, SettingsError};
use crate::diagnostic::AnyDiagnostic;
use crate::env::Environment;
use crate::identity::Selection;
use crate::private_file;
use crate::x509::Selector;
use crate::x509::selector::LENGTH_LIMIT;

/// What `--cert-selector` begins with where it names a file with JSON.
const FILE: &str = "file://";

impl Settings {
    /// Returns which certificate is meant; a selector in a file is read.
    pub(super) fn selection(&self, env: &Environment) -> Result<Selection, AnyDiagnostic> {
        let selector = self.given("cert-selector").map(|given| given.selector(env)).transpose()?;
        Ok(Selection { selector, latest: self.boolean("use-latest-expiring-certificate") })
    }

    /// Refuses what only the operating system's certificate store could give: its name, and a selector that selects from nothing else.
    pub(super) fn refuse_system_store(&self) -> Result<(), SettingsError> {
        let of_a_store = ["cert-selector", "use-latest-expiring-certificate"]
            .into_iter()
            .filter(|_| self.given("certificate").is_none() && self.given("private-key").is_none());
        let given = std::iter::once("system-store-name").chain(of_a_store).find_map(|name| self.given(name));
        match given {
            Some(given)
                if given.setting.name != "use-latest-expiring-certificate"
                    || self.boolean(given.setting.name) =>
            {
                Err(SettingsError::SystemStore { label: given.label() })
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Given {
    fn selector(&self, env: &Environment) -> Result<Selector, AnyDiagnostic> {
        let read = match self.text().strip_prefix(FILE) {
            None => Selector::parse(self.text()),
            Some(path) => {
                let path = match &self.origin {
                    // A file of the config's own folder, or one of the user's home.
                    Origin::File(_) => self.path_of(path, env)?,
                    Origin::Code | Origin::Flag | Origin::Variable(_) => path.into(),
                };
                let content = private_file::read_bounded(&path, LENGTH_LIMIT as u64)?;
                match std::str::from_utf8(&content) {
                    Ok(text) => Selector::parse_json(text),
                    Err(_) => return Err(self.refused("the file that it names is not UTF-8").into()),
                }
            }
        };
        read.map_err(|error| self.refused(error.to_string()).into())
    }
}
