//! Our own config file, and the session's keys in it.

use std::path::{Path, PathBuf};

use super::super::args::Typed;
use super::super::grammar;
use super::super::report::Failure;
use super::super::settings::table::{Kind, SETTINGS, Setting, Sources, config_keys};
use super::{COPY, ConfigureError, settings, written};
use crate::config::{Config, ConfigError, Value, edit};
use crate::env::Environment;
use crate::private_file::{self, EditError, Edited, MissingFolder};
use crate::signer::pkcs11::Pkcs11Uri;
use crate::signer::pkcs11::uri::UriPin;
use crate::text::quoted;

/// The file that the session is written to.
pub(in crate::cli) struct OwnFile {
    path: PathBuf,
    is_named: bool,
}

/// Why an attempt to write it ended.
enum Ended {
    Failed(Failure),
    System(EditError),
}

impl From<EditError> for Ended {
    fn from(error: EditError) -> Self {
        Self::System(error)
    }
}

impl OwnFile {
    /// Finds the file: the one that `--config` or its variable names, else the user's.
    pub(in crate::cli) fn locate(typed: &Typed, env: &Environment) -> Result<Self, Failure> {
        let variable = env.os_var("ANYROLE_CONFIG").map(PathBuf::from);
        if let Some(named) = typed.flag("config").map(PathBuf::from).or(variable) {
            let path = std::path::absolute(&named).unwrap_or(named);
            return Ok(Self { path, is_named: true });
        }
        let home = env.home().ok_or(ConfigureError::Nowhere)?;
        Ok(Self { path: home.join(".config/anyrole/config.toml"), is_named: false })
    }

    /// Returns its path, if the command line has to name it.
    pub(in crate::cli) fn named(&self) -> Option<&Path> {
        self.is_named.then_some(&self.path)
    }

    pub(in crate::cli) fn shown(&self) -> String {
        quoted(&self.path.to_string_lossy())
    }

    /// Reads the configuration as the session will; a file that is named but missing will be created.
    pub(in crate::cli) fn config(&self, typed: &Typed, env: &Environment) -> Result<Config, Failure> {
        // An empty file is being created by another run of this command.
        let is_new = std::fs::metadata(&self.path).map_or(true, |found| found.len() == 0);
        if self.is_named && is_new { Ok(Config::default()) } else { Ok(settings::config(typed, env)?) }
    }

    /// Checks that no other file defines the session, which this one would hide or duplicate.
    pub(in crate::cli) fn check_place(&self, config: &Config, name: &str) -> Result<(), ConfigureError> {
        match config.session(name) {
            Some(session)
                if std::path::absolute(&session.origin.file).ok().as_deref() != Some(&self.path) =>
            {
                Err(ConfigureError::DefinedElsewhere {
                    name: name.to_owned(),
                    origin: session.origin.clone(),
                })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Returns the given keys of the session, as values for the file.
    pub(in crate::cli) fn changes(
        &self,
        typed: &Typed,
        is_official: bool,
        env: &Environment,
        notes: &mut Vec<String>,
    ) -> Result<Vec<(&'static str, Value)>, Failure> {
        let mut changes: Vec<(&'static str, Value)> = Vec::new();
        for setting in SETTINGS.iter().filter(|setting| typed.flag(setting.name).is_some()) {
            let texts: Vec<&str> = typed.texts(setting.name).collect();
            let text = texts.join(",");
            let is_on = grammar::boolean(&text).unwrap_or(false);
            match (setting.sources, setting.name) {
                (Sources::FlagAndVariable, "config") | (Sources::Flag, "with-proxy" | "debug") => {}
                (Sources::Flag, "no-cache") if is_on => {
                    changes.push(("cache", Value::Text(String::from("none"))))
                }
                (Sources::Flag, _) => {}
                (Sources::FlagAndVariable, name) => {
                    // A switch that is off is left out.
                    if setting.kind == Kind::Secret || is_on {
                        return Err(ConfigureError::Secret { flag: name }.into());
                    }
                }
                (
                    Sources::Everywhere
                    | Sources::FlagAndSession
                    | Sources::FlagVariableAndSession
                    | Sources::Session,
                    name,
                ) => {
                    if holds_pin(&text) {
                        return Err(ConfigureError::Pin { flag: name }.into());
                    }
                    let value = match setting.kind {
                        Kind::Boolean => Value::Boolean(is_on),
                        Kind::Discreet(_)
                        | Kind::Duration
                        | Kind::Integer
                        | Kind::List(_)
                        | Kind::Secret
                        | Kind::Text(_)
                        | Kind::Word(_) => Value::Text(located(setting, text, is_official, env, notes)?),
                    };
                    changes.push((name, value));
                }
            }
        }
        Ok(changes)
    }

    fn read(&self) -> Result<String, Failure> {
        let content = private_file::content_to_edit(&self.path, edit::LIMIT)?;
        self.text(&content)
    }

    fn text(&self, content: &[u8]) -> Result<String, Failure> {
        let text = std::str::from_utf8(content).map_err(|_| ConfigError::Syntax {
            origin: crate::config::Origin { file: self.path.as_path().into(), line: 1 },
            why: String::from("not UTF-8"),
        })?;
        Ok(text.to_owned())
    }

    /// Returns the file's text, before and after changing the session.
    pub(in crate::cli) fn edited(
        &self,
        name: &str,
        changes: &[(&'static str, Value)],
    ) -> Result<(String, String), Failure> {
        let before = self.read()?;
        let after = edit::edited(&self.path, &before, name, changes, &config_keys())?;
        Ok((before, after))
    }

    /// Writes the session, if the file is allowed to be changed; returns what to report.
    pub(in crate::cli) fn write(
        &self,
        name: &str,
        changes: &[(&'static str, Value)],
        suffix: &str,
        is_as_seen: impl Fn(&[u8]) -> bool,
    ) -> Result<String, Failure> {
        let missing = if self.is_named { MissingFolder::Refuse } else { MissingFolder::MakeTwo };
        // Another program may be faster and make this attempt fail after the copy was made.
        let mut copy = None;
        let outcome = private_file::edit(&self.path, missing, edit::LIMIT, |editing| {
            let content = editing.content();
            if !is_as_seen(content) {
                return Err(Ended::Failed(
                    ConfigureError::ChangedMeanwhile { file: self.path.clone() }.into(),
                ));
            }
            let before = self.text(content).map_err(Ended::Failed)?;
            let after = edit::edited(&self.path, &before, name, changes, &config_keys())
                .map_err(|error| Ended::Failed(error.into()))?;
            if before == after {
                return Ok(Edited::Unchanged(false));
            }
            copy = editing.keep_copy(COPY, suffix)?.or(copy.take());
            Ok(Edited::Content(after.into_bytes().into(), true))
        });
        match outcome {
            Ok((true, _)) => Ok(written(&self.shown(), copy.as_deref())),
            Ok((false, _)) => Ok(String::new()),
            Err(Ended::Failed(failure)) => Err(failure),
            Err(Ended::System(error)) => Err(error.into()),
        }
    }
}

/// Tells whether a text is a PKCS#11 URI with the PIN in it.
fn holds_pin(text: &str) -> bool {
    Pkcs11Uri::parse(text).is_ok_and(|uri| matches!(uri.pin(), Some(UriPin::Value(_))))
}

/// Returns what a path of the command line is for the file: there it would be relative to the file's folder.
fn located(
    setting: &Setting,
    text: String,
    is_official: bool,
    env: &Environment,
    notes: &mut Vec<String>,
) -> Result<String, Failure> {
    let is_path = matches!(setting.kind, Kind::Text("INPUT" | "PATH" | "FILE"));
    let is_other = text == "-"
        || text == "journal"
        || ["env:", "fd:", "pkcs11:", "handle:"].iter().any(|kind| text.starts_with(kind));
    if text == "-" || text.starts_with("fd:") {
        notes.push(format!(
            "{} is {}, and no SDK hands that to a credential_process",
            setting.key(),
            quoted(&text)
        ));
    }
    if !is_path || is_other || Path::new(&text).is_absolute() {
        return Ok(text);
    }
    if let Some(below) = text.strip_prefix("~/")
        && !Path::new(&text).exists()
        && let Some(home) = env.home()
    {
        return Ok(home.join(below).to_string_lossy().into_owned());
    }
    let whole = std::path::absolute(&text).unwrap_or_else(|_| PathBuf::from(&text));
    if is_official {
        if !whole.exists() {
            return Err(ConfigureError::Relative { flag: setting.name, path: text }.into());
        }
        notes.push(format!(
            "{} was {}, relative to the folder of whoever asks; it is {} from here",
            setting.key(),
            quoted(&text),
            quoted(&whole.to_string_lossy())
        ));
    }
    Ok(whole.to_string_lossy().into_owned())
}
