//! Why a profile was not configured.

use std::path::PathBuf;

use crate::command_line::Unquotable;
use crate::config::Origin;
use crate::diagnostic::{Diagnostic, Fault};
use crate::text::quoted;

/// Why a profile was not configured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigureError {
    /// The file changed while a person was looking at the proposed changes.
    #[error("{} was changed meanwhile, and is not what was shown", quoted(&file.to_string_lossy()))]
    ChangedMeanwhile {
        /// The file.
        file: PathBuf,
    },
    /// The session is defined in another file.
    #[error(
        "{origin}: the session {} is defined there, and not in the file that would be changed",
        quoted(name)
    )]
    DefinedElsewhere {
        /// The session.
        name: String,
        /// Where it is defined.
        origin: Origin,
    },
    /// Nobody confirmed.
    #[error("nothing was written: nobody has agreed to these changes")]
    NotConfirmed,
    /// The profile's line cannot be taken apart.
    #[error("{}{}: the profile {} is not taken over: {why}", quoted(&file.to_string_lossy()),
        line.map(|line| format!(", line {line}")).unwrap_or_default(), quoted(profile))]
    NotOfficial {
        /// The config file.
        file: PathBuf,
        /// Its line.
        line: Option<usize>,
        /// The profile.
        profile: String,
        /// The reason.
        why: String,
    },
    /// Nothing says where our config file is.
    #[error(
        "there is no home folder for .config/anyrole/config.toml: HOME is not set, and this user has no account here"
    )]
    Nowhere,
    /// The system does not reveal the path of this program.
    #[error("cannot find out which file this program is")]
    Program(#[source] std::io::Error),
    /// A relative path that does not exist in the current folder.
    #[error("--{flag}: {} is relative, and there is no such file in this folder", quoted(path))]
    Relative {
        /// The flag.
        flag: &'static str,
        /// The path.
        path: String,
    },
    /// A PIN, which has no place in a file.
    #[error("the PIN in --{flag} has no place in a config file, which others may read")]
    Pin {
        /// The flag.
        flag: &'static str,
    },
    /// A setting that has no place in a file.
    #[error("--{flag} has no place in a config file, which others may read")]
    Secret {
        /// The flag.
        flag: &'static str,
    },
    /// There is a session of that name.
    #[error("{origin}: there is a session {} already", quoted(name))]
    SessionExists {
        /// The session.
        name: String,
        /// Where it is defined.
        origin: Origin,
    },
    /// The command cannot be quoted.
    #[error("{} cannot be written so that every SDK starts it", quoted(words))]
    Unquotable {
        /// The words.
        words: String,
        /// The reason.
        source: Unquotable,
    },
}

impl ConfigureError {
    /// The ids of all variants.
    pub(crate) const IDS: &[&str] = &[
        "configure-changed-meanwhile",
        "configure-defined-elsewhere",
        "configure-not-confirmed",
        "configure-not-official",
        "configure-nowhere",
        "configure-program",
        "configure-relative",
        "configure-secret",
        "configure-session-exists",
        "configure-unquotable",
    ];
}

impl Diagnostic for ConfigureError {
    fn id(&self) -> &'static str {
        match self {
            Self::ChangedMeanwhile { .. } => "configure-changed-meanwhile",
            Self::DefinedElsewhere { .. } => "configure-defined-elsewhere",
            Self::NotConfirmed => "configure-not-confirmed",
            Self::NotOfficial { .. } => "configure-not-official",
            Self::Nowhere => "configure-nowhere",
            Self::Program(_) => "configure-program",
            Self::Relative { .. } => "configure-relative",
            Self::Pin { .. } | Self::Secret { .. } => "configure-secret",
            Self::SessionExists { .. } => "configure-session-exists",
            Self::Unquotable { .. } => "configure-unquotable",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::ChangedMeanwhile { .. } | Self::Program(_) => Fault::Local,
            Self::DefinedElsewhere { .. }
            | Self::NotConfirmed
            | Self::NotOfficial { .. }
            | Self::Nowhere
            | Self::Relative { .. }
            | Self::Pin { .. }
            | Self::Secret { .. }
            | Self::SessionExists { .. }
            | Self::Unquotable { .. } => Fault::Usage,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::ChangedMeanwhile { .. } => String::from("run it again"),
            Self::DefinedElsewhere { origin, .. } => {
                let file = quoted(&origin.file.to_string_lossy());
                format!("change that file with --config {file}, or take another NAME")
            }
            Self::NotConfirmed => String::from("run it on a terminal and answer y, or with --yes"),
            Self::NotOfficial { .. } => String::from(
                "configure it by flags: anyrole configure NAME --profile PROFILE --trust-anchor-arn …",
            ),
            Self::Nowhere => String::from("set HOME, or name the file with --config"),
            Self::Program(_) => String::from("start it by its whole path"),
            Self::Relative { flag, .. } => {
                format!("run it in the folder that is meant, or give --{flag} with the whole path")
            }
            Self::Pin { .. } => String::from(
                "put the PIN into a file of mode 0600, give --pkcs11-pin-file, and leave pin-value out",
            ),
            Self::Secret { flag: flag @ ("pkcs8-password" | "tpm-key-password") } => {
                format!("put the password into a file of mode 0600 and give --{flag}-file")
            }
            Self::Secret { .. } => String::from("leave it out"),
            Self::SessionExists { .. } => {
                String::from("give another NAME: anyrole configure NAME --from-official PROFILE")
            }
            Self::Unquotable { .. } => String::from(
                "install the program, and keep its config file, where the path has letters and digits only",
            ),
        })
    }
}
