//! Why the settings cannot be used.

use std::path::PathBuf;

use super::Setting;
use super::table::Sources;
use crate::arn::ArnError;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::env::NotUnicode;
use crate::text::quoted;

/// Why the settings cannot be used; the command line, a variable or the config file must be corrected.
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
    /// The content of a file, perhaps a key, instead of the file's name. It is not stored, and so never shown.
    #[error("{label} is the content itself, where the name of a file belongs")]
    Content {
        /// The setting as the user named it.
        label: String,
        /// Whether it is on the command line.
        on_command_line: bool,
        /// The flag.
        flag: &'static str,
    },
    /// Two settings that exclude each other.
    #[error("{other} cannot be used with {one}")]
    Exclusive {
        /// The one.
        one: String,
        /// The other.
        other: String,
    },
    /// A required setting was not given.
    #[error("--{} is missing", setting.name)]
    Missing {
        /// The setting.
        setting: &'static Setting,
        /// Remarks on variables and files that were perhaps meant to give it.
        unread: Vec<String>,
    },
    /// A setting that a program has to give.
    #[error("{} is not given", setting.key())]
    #[cfg_attr(not(feature = "sdk"), expect(dead_code, reason = "only code gives settings one by one"))]
    NotGiven {
        /// The setting.
        setting: &'static Setting,
    },
    /// A variable whose value is not UTF-8.
    #[error(transparent)]
    NotUnicode(#[from] NotUnicode),
    /// A certificate of the operating system's store is meant.
    #[error("{label}: {}", SYSTEM_STORE.0)]
    SystemStore {
        /// The setting as the user named it.
        label: String,
    },
    /// A session that no config file defines.
    #[error("no config file defines the session {label}")]
    UnknownSession {
        /// The name in quotes, with the variable that gave it.
        label: String,
        /// The name that was probably meant.
        nearest: Option<String>,
        /// The sessions that are defined.
        sessions: Vec<String>,
        /// The config files that were read, in quotes.
        files: Vec<String>,
        /// What was skipped although it may define the session, and why.
        passed_over: Vec<String>,
    },
    /// A path that only a shell would understand.
    #[error("{label}: {} is not a path as it stands", quoted(value))]
    Unexpanded {
        /// The setting as the user named it.
        label: String,
        /// The text.
        value: String,
        /// The file that was meant, if it is there.
        meant: Option<PathBuf>,
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
        "content-given",
        "path-unexpanded",
        "setting-arn",
        "setting-missing",
        "setting-value",
        "settings-exclusive",
        "system-store",
        "unknown-session",
        "variable-not-utf8",
    ];
}

/// What is said of this system's store of certificates, and how its certificates are had all the same.
#[cfg(windows)]
const SYSTEM_STORE: (&str, &str) = (
    "certificates in a store of Windows cannot be used by this version",
    "export it with its key, certutil -user -exportPFX MY SERIAL host.pfx, and give that file with --certificate",
);
#[cfg(target_os = "macos")]
const SYSTEM_STORE: (&str, &str) = (
    "certificates in a keychain of macOS cannot be used by this version",
    "export it with its key, security export -t identities -f pkcs12 -o host.p12, and give that file with --certificate",
);
#[cfg(not(any(windows, target_os = "macos")))]
const SYSTEM_STORE: (&str, &str) = (
    "this system has no certificate store to select from",
    "give the file or the folder of the certificate with --certificate",
);

/// How many names of a list are told.
const LISTED: usize = 12;

fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(LISTED);
    let told = names[..names.len() - more].join(", ");
    if more == 0 { told } else { format!("{told} and {more} more") }
}

impl Diagnostic for SettingsError {
    fn id(&self) -> &'static str {
        match self {
            Self::Arn { .. } => "setting-arn",
            Self::Content { .. } => "content-given",
            Self::Exclusive { .. } => "settings-exclusive",
            Self::Missing { .. } | Self::NotGiven { .. } => "setting-missing",
            Self::NotUnicode(_) => "variable-not-utf8",
            Self::SystemStore { .. } => "system-store",
            Self::Unexpanded { .. } => "path-unexpanded",
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
            Self::Missing { unread, .. } => {
                unread.iter().map(|told| Fact::new("passed over", told)).collect()
            }
            Self::UnknownSession { sessions, files, passed_over, .. } => {
                let list = |name, list: &[String]| (!list.is_empty()).then(|| Fact::new(name, listed(list)));
                let passed_over = passed_over.iter().map(|told| Fact::new("passed over", told));
                list("sessions", sessions).into_iter().chain(list("read", files)).chain(passed_over).collect()
            }
            Self::Content { .. }
            | Self::Exclusive { .. }
            | Self::NotGiven { .. }
            | Self::NotUnicode(_)
            | Self::SystemStore { .. }
            | Self::Unexpanded { .. }
            | Self::Value { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { setting, .. } if matches!(setting.sources, Sources::Flag) => {
                format!("give --{}", setting.name)
            }
            Self::Missing { setting, .. } => {
                let variable = setting.variable().map(|name| format!(", set {name}")).unwrap_or_default();
                format!("give --{}{variable}, or name a session of the config file that has it", setting.name)
            }
            Self::NotGiven { setting } => {
                format!(
                    "call Builder::{}, or Builder::session with a session of the config file",
                    setting.key()
                )
            }
            Self::Value { expected, .. } => expected.clone(),
            Self::UnknownSession { nearest: Some(nearest), .. } => {
                format!("the nearest defined session is '{nearest}'")
            }
            Self::UnknownSession { nearest: None, sessions, .. } if sessions.is_empty() => String::from(
                "no session is defined at all: write one as [session.NAME] into ~/.config/anyrole/config.toml",
            ),
            Self::Content { on_command_line: true, flag, .. } => format!(
                "other users can read a command line: put it into a variable and write --{flag} env:NAME, or hand over a \
                 descriptor, fd:N"
            ),
            Self::Content { on_command_line: false, .. } => {
                String::from("write it into a file of its own, with mode 0600, and name that file here")
            }
            Self::Unexpanded { meant: Some(path), .. } => {
                format!(
                    "nothing expands it where no shell is, as in credential_process: write {}",
                    quoted(&path.to_string_lossy())
                )
            }
            Self::Unexpanded { meant: None, .. } => String::from(
                "nothing expands it where no shell is, as in credential_process: write the whole path, without quotes of its own",
            ),
            Self::SystemStore { .. } => String::from(SYSTEM_STORE.1),
            Self::Exclusive { one, other } => format!("leave out {one} or {other}"),
            Self::Arn { value, .. } if value.contains('…') => {
                String::from("put in place of … what AWS printed when it made that, or what it lists")
            }
            Self::Arn { .. } | Self::NotUnicode(_) | Self::UnknownSession { nearest: None, .. } => {
                return None;
            }
        };
        Some(hint)
    }
}
