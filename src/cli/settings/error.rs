//! Why the settings cannot be used.

use super::Setting;
use super::table::Sources;
use crate::arn::ArnError;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::env::NotUnicode;
use crate::text::quoted;

/// Why the settings cannot be used; the command line, a variable or the config file is to be corrected.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// An ARN that is not one of the needed kind.
    #[error("{label} is not the ARN of {kind}")]
    Arn {
        /// The setting as the user named it.
        label: String,
        /// The text.
        value: String,
        /// `a trust anchor`, `a profile`, `a role`.
        kind: &'static str,
        /// What is wrong with it.
        source: ArnError,
    },
    /// Two settings that exclude each other.
    #[error("{other} cannot be used with {one}")]
    Exclusive {
        /// The one.
        one: String,
        /// The other.
        other: String,
    },
    /// Nobody gave a setting that is needed.
    #[error("--{} is missing", setting.name)]
    Missing {
        /// The setting.
        setting: &'static Setting,
    },
    /// A setting for something that this version does not do.
    #[error("{label}: {what} {} not in this version", if what.starts_with("keys") { "are" } else { "is" })]
    NotInThisVersion {
        /// The setting as the user named it.
        label: String,
        /// What is missing, without a verb.
        what: &'static str,
    },
    /// A variable whose value is not UTF-8.
    #[error(transparent)]
    NotUnicode(#[from] NotUnicode),
    /// A session that no config file defines.
    #[error("no config file defines the session {label}")]
    UnknownSession {
        /// The name in quotes, with the variable that gave it.
        label: String,
        /// The name that was probably meant.
        nearest: Option<String>,
        /// Whether any session is defined at all.
        any: bool,
    },
    /// A value of the wrong form.
    #[error("{label} cannot be {}", value.as_deref().map_or_else(|| String::from("that"), quoted))]
    Value {
        /// The setting as the user named it.
        label: String,
        /// The text; `None` where it is a secret.
        value: Option<String>,
        /// What it can be.
        expected: String,
    },
}

impl SettingsError {
    /// The ids of all variants.
    pub(crate) const IDS: &[&str] = &[
        "not-in-this-version",
        "setting-arn",
        "setting-missing",
        "setting-value",
        "settings-exclusive",
        "unknown-session",
        "variable-not-utf8",
    ];
}

impl Diagnostic for SettingsError {
    fn id(&self) -> &'static str {
        match self {
            Self::Arn { .. } => "setting-arn",
            Self::Exclusive { .. } => "settings-exclusive",
            Self::Missing { .. } => "setting-missing",
            Self::NotInThisVersion { .. } => "not-in-this-version",
            Self::NotUnicode(_) => "variable-not-utf8",
            Self::UnknownSession { .. } => "unknown-session",
            Self::Value { .. } => "setting-value",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Arn { value, .. } => vec![Fact::new("given", quoted(value))],
            Self::Exclusive { .. }
            | Self::Missing { .. }
            | Self::NotInThisVersion { .. }
            | Self::NotUnicode(_)
            | Self::UnknownSession { .. }
            | Self::Value { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { setting } if matches!(setting.sources, Sources::Flag) => {
                format!("give --{}", setting.name)
            }
            Self::Missing { setting } => {
                let variable = setting.variable().map(|name| format!(", set {name}")).unwrap_or_default();
                format!("give --{}{variable}, or name a session of the config file that has it", setting.name)
            }
            Self::Value { expected, .. } => expected.clone(),
            Self::UnknownSession { nearest: Some(nearest), .. } => {
                format!("the nearest defined session is '{nearest}'")
            }
            Self::UnknownSession { nearest: None, any: false, .. } => String::from(
                "no session is defined at all: write one as [session.NAME] into ~/.config/anyrole/config.toml",
            ),
            Self::Exclusive { one, other } => format!("leave out {one} or {other}"),
            Self::Arn { .. }
            | Self::NotInThisVersion { .. }
            | Self::NotUnicode(_)
            | Self::UnknownSession { nearest: None, any: true, .. } => return None,
        };
        Some(hint)
    }
}
