//! From what was typed, the environment and the config files to one value for each setting, with its origin.
//!
//! In order of precedence: flag; the named session on the command line; variable; the session named by
//! `ANYROLE_SESSION`; `[defaults]` (the user's, then the system's); the SDKs' own variables; the built-in default. So a
//! leaked variable never redirects `credential-process prod` to another account. A session that starts `from` another
//! one is layered over it, and defines only the hops after it; how it is narrowed is its own.

mod error;
pub(crate) mod grammar;
mod paths;
pub(crate) mod provider;
#[cfg(test)]
mod reference;
mod scope;
pub(crate) mod second_hop;
mod selection;
pub(crate) mod session;
pub(crate) mod table;
mod typed;
mod unread;

use std::cell::OnceCell;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

pub(crate) use error::SettingsError;
use table::{EXCLUSIVE, Group, Kind, SETTINGS, Setting, Sources, VARIABLES};
pub(crate) use typed::Typed;

use crate::config::{self, Config, Files, NamedSession, Section};
use crate::diagnostic::AnyDiagnostic;
use crate::env::{Environment, NotUnicode};
use crate::identity::TokenAccess;
use crate::signer::pkcs11::uri;
use crate::signing::endpoint::without_userinfo;
use crate::trace;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A program that uses this crate.
    Code,
    /// The command line.
    Flag,
    /// A variable, of ours or of the SDKs.
    Variable(String),
    /// A line of a config file.
    File(config::Origin),
}

/// A setting that was given, with the value that takes precedence.
pub(crate) struct Given {
    pub(crate) setting: &'static Setting,
    pub(crate) origin: Origin,
    text: Zeroizing<String>,
}

impl Given {
    /// Returns the text as it was given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Names the setting as the user did: `--role-arn`, `ANYROLE_ROLE_ARN`, `role_arn ('c.toml', line 7)`, `role_arn (sdk::Builder)`.
    pub(crate) fn label(&self) -> String {
        match &self.origin {
            Origin::Code => format!("{} (sdk::Builder)", self.setting.key()),
            Origin::Flag => format!("--{}", self.setting.name),
            Origin::Variable(name) => name.clone(),
            Origin::File(origin) => format!("{} ({origin})", self.setting.key()),
        }
    }

    /// Returns the refusal of this value, which says what is expected; a secret is not shown.
    pub(crate) fn refused(&self, expected: impl Into<String>) -> SettingsError {
        let value = self.shown();
        SettingsError::Value { label: self.label(), value, expected: expected.into() }
    }

    /// Returns the setting as a duration.
    fn duration(&self) -> Result<Duration, SettingsError> {
        match grammar::duration(self.text()) {
            Some(duration) if !duration.is_zero() => Ok(duration),
            Some(_) | None => Err(self.refused("a time is a number of seconds, or a text like 90s, 15m, 1h")),
        }
    }

    /// Says what was given and where, for people.
    pub(crate) fn told(&self) -> String {
        match self.shown() {
            Some(value) => format!("{} = {}", self.label(), crate::text::quoted(&value)),
            None => format!("{} is given, and not shown", self.label()),
        }
    }

    /// Returns the text as far as it may be shown: a PKCS#11 URI without its query, where a PIN may be, and any other URL without
    /// user name and password.
    fn shown(&self) -> Option<String> {
        let text = self.text();
        match self.setting.kind {
            Kind::Discreet(_) | Kind::Secret => None,
            _ if text.starts_with(uri::SCHEME) => Some(uri::shown(text)),
            _ if text.contains("://") => Some(without_userinfo(text)),
            Kind::Boolean
            | Kind::Duration
            | Kind::Integer
            | Kind::List(_)
            | Kind::Text(_)
            | Kind::Word(_) => Some(text.to_owned()),
        }
    }
}

/// Shows no value: it may be a secret.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {:?}", self.setting.name, self.origin)
    }
}

/// Every setting that was given.
#[derive(Debug)]
pub(crate) struct Settings {
    given: Vec<Given>,
    /// How each of the sessions before this one is narrowed, the first one's first.
    narrowed_before: Vec<Vec<Given>>,
    /// A remark on each variable that has our prefix but is not used.
    unread: Vec<String>,
    /// How tokens are reached, for all objects of the identity: a PIN is asked for once.
    token_access: OnceCell<Arc<TokenAccess>>,
}

/// The settings without which there is no session.
pub(crate) const DESCRIBING: [&str; 4] = ["trust-anchor-arn", "profile-arn", "role-arn", "certificate"];

impl Settings {
    /// Resolves all settings. Nothing but the config files is read.
    ///
    /// # Errors
    ///
    /// Fails if a config file cannot be used, the named session does not exist, a variable is not UTF-8, two settings
    /// exclude each other, a boolean or a number is invalid, or a setting that `groups` uses needs what this version
    /// does not have.
    pub(crate) fn resolve(typed: &Typed, env: &Environment, groups: &[Group]) -> Result<Self, AnyDiagnostic> {
        Self::of_config(&config(typed, env)?, typed, typed.words.first().map(String::as_str), env, groups)
    }

    /// Resolves all settings as [`Self::resolve`] does, for the named session `name` and a configuration that was read
    /// already.
    pub(crate) fn of_config(
        config: &Config,
        typed: &Typed,
        name: Option<&str>,
        env: &Environment,
        groups: &[Group],
    ) -> Result<Self, AnyDiagnostic> {
        let settings = Self::strongest(typed, name, env, config)?;
        settings.tell(config);
        settings.check(groups)?;
        Ok(settings)
    }

    /// Resolves all settings as [`Self::resolve`] does, without checks and traces: for a setting needed after a
    /// failure, which they may have caused.
    pub(crate) fn unchecked(typed: &Typed, env: &Environment) -> Result<Self, AnyDiagnostic> {
        Self::strongest(typed, typed.words.first().map(String::as_str), env, &config(typed, env)?)
    }

    /// Resolves the settings of a program that names no session: what it gives is all there is, but for the SDKs' own variables.
    ///
    /// # Errors
    ///
    /// Fails as [`Self::resolve`] does.
    #[cfg(feature = "sdk")]
    pub(crate) fn of_code(typed: &Typed, env: &Environment, groups: &[Group]) -> Result<Self, AnyDiagnostic> {
        let nothing = Vec::new;
        let layers =
            Layers { typed, env, variables: Vec::new(), chosen: nothing(), preset: nothing(), defaults: &[] };
        let given = layers.strongest()?;
        let settings =
            Self { given, narrowed_before: Vec::new(), unread: Vec::new(), token_access: OnceCell::new() };
        settings.check(groups)?;
        Ok(settings)
    }

    fn strongest(
        typed: &Typed,
        name: Option<&str>,
        env: &Environment,
        config: &Config,
    ) -> Result<Self, AnyDiagnostic> {
        let layers = Layers::new(typed, name, env, config)?;
        let mut unread = config.passed_over().to_vec();
        unread.extend(unread::unread(layers.variables.iter().map(|(rest, _)| rest.as_str())));
        let (given, narrowed_before) = (layers.strongest()?, layers.narrowed_before()?);
        Ok(Self { given, narrowed_before, unread, token_access: OnceCell::new() })
    }

    /// Shows with `--debug` what was read and where each value comes from.
    fn tell(&self, config: &Config) {
        for file in config.files() {
            trace::step(|| format!("read the config file {}", crate::text::quoted(&file.to_string_lossy())));
        }
        for given in self.all_given() {
            trace::step(|| format!("setting {}", given.told()));
        }
        for told in &self.unread {
            trace::step(|| told.clone());
        }
    }

    /// Returns a setting, if anyone gave it.
    pub(crate) fn given(&self, name: &str) -> Option<&Given> {
        self.given.iter().find(|given| given.setting.name == name)
    }

    /// Returns every setting that was given, those of the sessions before this one first.
    pub(crate) fn all_given(&self) -> impl Iterator<Item = &Given> {
        self.narrowed_before.iter().flatten().chain(&self.given)
    }

    /// Tells whether any setting is given without which there is no session.
    pub(crate) fn describe_a_session(&self) -> bool {
        DESCRIBING.iter().any(|name| self.given(name).is_some())
    }

    /// Returns a setting that must be given.
    pub(crate) fn required(&self, name: &'static str) -> Result<&Given, SettingsError> {
        self.given(name).ok_or_else(|| self.missing(name))
    }

    /// Returns the error for a setting that was not given.
    pub(crate) fn missing(&self, name: &'static str) -> SettingsError {
        SettingsError::Missing { setting: table::setting(name), unread: self.unread.clone() }
    }

    /// Returns a remark on each variable that has our prefix but is not used.
    pub(crate) fn unread(&self) -> &[String] {
        &self.unread
    }

    /// Returns a boolean; false if it was not given.
    pub(crate) fn boolean(&self, name: &str) -> bool {
        self.given(name).and_then(|given| grammar::boolean(given.text())).unwrap_or(false)
    }

    /// Returns a duration.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<Duration>, SettingsError> {
        self.given(name).map(Given::duration).transpose()
    }

    fn check(&self, groups: &[Group]) -> Result<(), SettingsError> {
        for given in &self.given {
            if given.setting.kind == Kind::Boolean && grammar::boolean(given.text()).is_none() {
                return Err(given.refused("a boolean is true or false (or 1, 0, t, f)"));
            }
        }
        for (one, other) in EXCLUSIVE {
            if let (Some(one), Some(other)) = (self.given(one), self.given(other)) {
                return Err(SettingsError::Exclusive { one: one.label(), other: other.label() });
            }
        }
        if groups.contains(&Group::Identity) {
            self.refuse_system_store()?;
        }
        Ok(())
    }
}

pub(crate) fn config(typed: &Typed, env: &Environment) -> Result<Config, AnyDiagnostic> {
    let path = match typed.flag("config") {
        Some(path) => Some(path.to_owned()),
        None => env.var("ANYROLE_CONFIG").map_err(SettingsError::from)?,
    };
    let files = path.map_or_else(|| Files::usual(env), |path| Files::Alone(PathBuf::from(path)));
    Ok(Config::load(&files, &table::config_keys())?)
}

/// The sources of values, in order of precedence.
struct Layers<'a> {
    typed: &'a Typed,
    env: &'a Environment,
    /// The variables with the prefix of our settings, by the rest of their names.
    variables: Vec<(String, OsString)>,
    /// The session named on the command line, and those that it starts from.
    chosen: Vec<&'a NamedSession>,
    /// The session named by the variable, and those that it starts from.
    preset: Vec<&'a NamedSession>,
    defaults: &'a [Section],
}

/// One layer, as [`Layers::all`] lists them.
#[derive(Clone, Copy)]
enum Layer<'a> {
    Flags,
    Variables,
    Session(&'a NamedSession),
    /// A session that another one starts from.
    Before(&'a NamedSession),
    Defaults(&'a Section),
    AwsVariables,
}

impl<'a> Layers<'a> {
    fn new(
        typed: &'a Typed,
        name: Option<&str>,
        env: &'a Environment,
        config: &'a Config,
    ) -> Result<Self, AnyDiagnostic> {
        let find = |name: &str, label: String| {
            config.session(name).ok_or_else(|| SettingsError::UnknownSession {
                label,
                nearest: crate::text::nearest(name, config.session_names()).map(str::to_owned),
                sessions: config.session_names().map(str::to_owned).collect(),
                files: config
                    .files()
                    .iter()
                    .map(|file| crate::text::quoted(&file.to_string_lossy()))
                    .collect(),
                passed_over: config.passed_over().to_vec(),
            })
        };
        let hops = |name: &str, label: String| -> Result<Vec<&'a NamedSession>, AnyDiagnostic> {
            Ok(second_hop::chain(config, name, find(name, label)?)?)
        };
        let chosen = match name {
            Some(name) => hops(name, crate::text::quoted(name))?,
            None => Vec::new(),
        };
        let preset = match env.var("ANYROLE_SESSION").map_err(SettingsError::from)? {
            Some(name) if chosen.is_empty() => {
                hops(&name, format!("{} (ANYROLE_SESSION)", crate::text::quoted(&name)))?
            }
            Some(_) | None => Vec::new(),
        };
        let variables = env.beginning_with(VARIABLES);
        Ok(Self { typed, env, variables, chosen, preset, defaults: config.defaults() })
    }

    fn all(&self) -> impl Iterator<Item = Layer<'a>> + '_ {
        std::iter::once(Layer::Flags)
            .chain(layers(&self.chosen))
            .chain(std::iter::once(Layer::Variables))
            .chain(layers(&self.preset))
            .chain(self.defaults.iter().map(Layer::Defaults))
            .chain(std::iter::once(Layer::AwsVariables))
    }

    /// Returns for each setting the value that takes precedence; certificate and key come from one layer as a whole.
    fn strongest(&self) -> Result<Vec<Given>, SettingsError> {
        let mut given: Vec<Given> = Vec::new();
        let mut identity_is_complete = false;
        for layer in self.all() {
            let mut found = Vec::new();
            for setting in SETTINGS {
                let known = given.iter().any(|given| given.setting.name == setting.name);
                if !known && let Some(value) = self.value(layer, setting)? {
                    found.push(value);
                }
            }
            if identity_is_complete {
                found.retain(|value| !value.setting.is_of_one_piece() || is_lent_secret(value));
            }
            identity_is_complete |=
                found.iter().any(|value| value.setting.is_of_one_piece() && !is_lent_secret(value));
            given.extend(found);
        }
        drop_lent_secrets_beside_others(&mut given);
        Ok(given)
    }

    /// Returns how each session that the named one starts from is narrowed, the first one's first.
    fn narrowed_before(&self) -> Result<Vec<Vec<Given>>, SettingsError> {
        let named = if self.chosen.is_empty() { &self.preset } else { &self.chosen };
        let mut narrowed = Vec::new();
        for session in named.iter().skip(1).rev() {
            let scope = SETTINGS.iter().filter(|setting| setting.group == Group::Scope);
            let given = scope.map(|setting| self.value(Layer::Session(session), setting));
            narrowed.push(given.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?);
        }
        narrowed.retain(|given| !given.is_empty());
        Ok(narrowed)
    }

    fn value(&self, layer: Layer<'_>, setting: &'static Setting) -> Result<Option<Given>, SettingsError> {
        let found = match layer {
            Layer::Flags => {
                let origin = || if self.typed.is_code { Origin::Code } else { Origin::Flag };
                self.typed_text(setting).map(|text| (text, origin()))
            }
            Layer::Variables
                if setting.sources == Sources::FlagVariableAndSession && !self.chosen.is_empty() =>
            {
                None
            }
            Layer::Variables => self.variable(setting)?,
            Layer::AwsVariables => match setting.aws_variable {
                Some(name) => self.env.var(name)?.map(|text| (text, Origin::Variable(name.to_owned()))),
                None => None,
            },
            // Permission for the first session does not extend to one that starts from it; and how that one is narrowed
            // is its own.
            Layer::Before(_) if matches!(setting.group, Group::Scope | Group::Server) => None,
            Layer::Before(session) | Layer::Session(session) => from_section(&session.section, setting),
            Layer::Defaults(section) => from_section(section, setting),
        };
        Ok(found.map(|(text, origin)| Given { setting, origin, text: Zeroizing::new(text) }))
    }

    fn variable(&self, setting: &Setting) -> Result<Option<(String, Origin)>, SettingsError> {
        let Some((rest, value)) = self.variables.iter().find(|(rest, _)| setting.is_variable(rest)) else {
            return Ok(None);
        };
        let name = format!("{VARIABLES}{rest}");
        match value.to_str() {
            Some(text) => Ok(Some((text.to_owned(), Origin::Variable(name)))),
            None => Err(NotUnicode { name }.into()),
        }
    }

    fn typed_text(&self, setting: &Setting) -> Option<String> {
        if let Kind::List(_) = setting.kind {
            let texts: Vec<&str> = self.typed.texts(setting.name).collect();
            return (!texts.is_empty()).then(|| texts.join(","));
        }
        self.typed.flag(setting.name).map(str::to_owned)
    }
}

/// The layers of a named session and of those that it starts from.
fn layers<'a>(sessions: &[&'a NamedSession]) -> impl Iterator<Item = Layer<'a>> {
    let before = sessions.iter().skip(1).copied().map(Layer::Before);
    sessions.first().copied().map(Layer::Session).into_iter().chain(before)
}

fn from_section(section: &Section, setting: &Setting) -> Option<(String, Origin)> {
    let entry = section.entry(setting.name)?;
    let text = match &entry.value {
        config::Value::Boolean(value) => value.to_string(),
        config::Value::Text(text) => text.clone(),
    };
    Some((text, Origin::File(entry.origin.clone())))
}

/// A password in a separate variable is for the key of whichever layer gives the key; it does not decide which layer
/// that is.
fn is_lent_secret(given: &Given) -> bool {
    given.setting.is_password() && matches!(given.origin, Origin::Variable(_))
}

/// A password in the layer that gives the key takes precedence over one in a variable.
fn drop_lent_secrets_beside_others(given: &mut Vec<Given>) {
    let own: Vec<bool> = given
        .iter()
        .filter(|given| given.setting.is_password() && !is_lent_secret(given))
        .map(|given| given.setting.is_of_parent())
        .collect();
    given.retain(|given| !is_lent_secret(given) || !own.contains(&given.setting.is_of_parent()));
}

impl Setting {
    /// Returns whether the setting is one of those that a single layer supplies together.
    fn is_of_one_piece(&self) -> bool {
        self.group == Group::Identity && !matches!(self.name, "allow-insecure-key-file" | "tpm-device")
    }

    /// Tells whether it is a password or PIN, or says where one is.
    fn is_password(&self) -> bool {
        self.kind == Kind::Secret || self.name.ends_with("-password-file") || self.name == "pkcs11-pin-file"
    }

    /// Tells whether it is about what a key in a TPM is stored below, and not about the key.
    fn is_of_parent(&self) -> bool {
        self.name.starts_with("tpm-parent")
    }
}

#[cfg(test)]
mod tests;
