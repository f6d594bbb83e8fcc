//! Settings that name a file: what a path is relative to, and paths that only a shell would understand.

use std::path::{Path, PathBuf};

use super::{Given, Origin, SettingsError};
use crate::diagnostic::AnyDiagnostic;
use crate::env::Environment;
use crate::identity::Input;
use crate::signer::pkcs11::uri::UriPin;
use crate::text::is_key_material;

impl Given {
    /// Returns the source of bytes that the setting names.
    ///
    /// A variable may hold the bytes themselves, because CI systems supply secrets that way; the source is then that
    /// variable. Elsewhere they are rejected unseen: other users can read the list of processes, and a config file is
    /// no place for a key.
    pub(crate) fn input(&self, env: &Environment) -> Result<Input, AnyDiagnostic> {
        match &self.origin {
            _ if !is_key_material(self.text()) => {}
            Origin::Variable(name) => return Ok(Input::Variable(name.clone())),
            Origin::Code | Origin::File(_) | Origin::Flag => {
                return Err(SettingsError::Content {
                    label: self.label(),
                    on_command_line: self.origin == Origin::Flag,
                    flag: self.setting.name,
                }
                .into());
            }
        }
        Ok(match Input::parse(self.text())? {
            Input::Path(_) => Input::file_named_by(self.path(env)?, &self.label()),
            // Whoever sets a variable must not have a program run by it.
            Input::Pkcs11Uri(object)
                if matches!(object.uri().pin(), Some(UriPin::Command(_)))
                    && matches!(self.origin, Origin::Variable(_)) =>
            {
                return Err(self
                    .refused("a program as pin-source is taken from the command line or the config file only")
                    .into());
            }
            other @ (Input::Descriptor(_)
            | Input::Pkcs11Uri(_)
            | Input::StandardInput
            | Input::TpmHandle(_)
            | Input::Variable(_)) => other,
        })
    }

    /// Returns the path that the setting names.
    ///
    /// In a config file, a relative path is relative to the file's folder, and `~/` is the user's home. On the command
    /// line and in a variable it is relative to the current folder, and `~/` should have been expanded by the shell:
    /// SDKs start `credential_process` without one.
    pub(crate) fn path(&self, env: &Environment) -> Result<PathBuf, SettingsError> {
        self.path_of(self.text(), env)
    }

    /// Returns the path that a part of the setting's text names.
    pub(super) fn path_of(&self, text: &str, env: &Environment) -> Result<PathBuf, SettingsError> {
        let below_home = |rest: &str| env.home().map(|home| home.join(rest));
        let meant = match (&self.origin, text.strip_prefix("~/")) {
            (Origin::File(_), Some(rest)) => {
                return below_home(rest).ok_or_else(|| self.not_a_path(None));
            }
            (Origin::Code | Origin::Flag | Origin::Variable(_), Some(rest)) => below_home(rest),
            (_, None) => match written_for_a_shell(text) {
                None => return Ok(self.in_its_folder(text)),
                Some(Meant::BelowHome(rest)) => below_home(rest),
                Some(Meant::Path(path)) => Some(PathBuf::from(path)),
            },
        };
        // A folder may really have that name.
        let literally = self.in_its_folder(text);
        if literally.exists() { Ok(literally) } else { Err(self.not_a_path(meant)) }
    }

    fn in_its_folder(&self, text: &str) -> PathBuf {
        match &self.origin {
            Origin::File(origin) => {
                let file = std::path::absolute(&origin.file);
                let folder = file.as_deref().unwrap_or(&origin.file).parent().unwrap_or(Path::new(""));
                folder.join(text)
            }
            Origin::Code | Origin::Flag | Origin::Variable(_) => PathBuf::from(text),
        }
    }

    fn not_a_path(&self, meant: Option<PathBuf>) -> SettingsError {
        let value = self.text().to_owned();
        SettingsError::Unexpanded { label: self.label(), value, meant: meant.filter(|path| path.exists()) }
    }
}

/// What a shell would have made of a text.
#[derive(Debug, PartialEq, Eq)]
enum Meant<'a> {
    BelowHome(&'a str),
    Path(&'a str),
}

/// Finds the forms that only a shell, or a browser, understands.
fn written_for_a_shell(text: &str) -> Option<Meant<'_>> {
    const HOMES: [&str; 6] =
        ["$HOME/", "${HOME}/", "%USERPROFILE%\\", "%USERPROFILE%/", "$env:USERPROFILE\\", "~\\"];
    let quoted = |mark: char| text.strip_prefix(mark)?.strip_suffix(mark);
    HOMES
        .iter()
        .find_map(|home| text.strip_prefix(home).map(Meant::BelowHome))
        .or_else(|| text.strip_prefix("file://").map(Meant::Path))
        .or_else(|| quoted('\'').or_else(|| quoted('"')).map(Meant::Path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_have_read_is_known() {
        for home in ["$HOME/a/b", "${HOME}/a/b", "%USERPROFILE%/a/b"] {
            assert_eq!(written_for_a_shell(home), Some(Meant::BelowHome("a/b")), "{home}");
        }
        assert_eq!(written_for_a_shell("file:///a/b"), Some(Meant::Path("/a/b")));
        assert_eq!(written_for_a_shell("'/a b'"), Some(Meant::Path("/a b")));
        for path in ["/a/b", "a/b", "~a/b", "a'b", "'", "files/x", "$HOMES/x"] {
            assert_eq!(written_for_a_shell(path), None, "{path}");
        }
    }
}
