//! What prevents a deployment, and the way out in each case.

use std::path::{Path, PathBuf};

use crate::pki::error::Call;
use crate::private_file::{ReadError, WithinError, shell_word};
use crate::text::quoted;

/// What prevents a deployment; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// The caller may not make anything in the folder above.
    #[error("{} above it cannot be written by you", shown(folder))]
    AboveClosed {
        /// The folder above.
        folder: PathBuf,
    },
    /// A folder above belongs to somebody who could exchange what is deployed.
    #[error("{} above it belongs to {owner}, who could replace it", shown(folder))]
    AboveForeign {
        /// The folder.
        folder: PathBuf,
        /// Whose it is.
        owner: String,
    },
    /// The folder above is not there.
    #[error("the folder {} above it is not there", shown(folder))]
    AboveMissing {
        /// The folder above.
        folder: PathBuf,
    },
    /// A folder above can be changed by others.
    #[error("{} above it can be changed by other users (mode {mode:04o})", shown(folder))]
    AboveOpen {
        /// The folder.
        folder: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Anybody may make something in the folder above.
    #[error("{} right above it can be changed by other users (mode {mode:04o})", shown(folder))]
    AboveShared {
        /// The folder.
        folder: PathBuf,
        /// Its mode.
        mode: u32,
        /// The last part of the place.
        name: String,
    },
    /// A link above belongs to somebody who could point it elsewhere.
    #[error("the link {} above it belongs to {owner}, who could point it elsewhere", shown(link))]
    AboveLink {
        /// The link.
        link: PathBuf,
        /// Whose it is.
        owner: String,
        /// The place without links.
        to: PathBuf,
    },
    /// There is something else in the place, which would be lost.
    #[error("it holds {}, which would be lost", quoted(found))]
    Content {
        /// The place.
        to: PathBuf,
        /// What is there.
        found: String,
    },
    /// There is a file in the place.
    #[error("it is a file, and the pair needs a folder")]
    File {
        /// The place.
        to: PathBuf,
    },
    /// There is a link in the place.
    #[error("it is a link, and would be replaced")]
    Link {
        /// The place.
        to: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
    /// A place that has nothing above it.
    #[error("it is no folder that could be replaced")]
    NoPlace,
    /// Files cannot be given away.
    #[error("only root can give files to another user")]
    NotRoot,
    /// The pair is not read.
    #[error(transparent)]
    Source(#[from] WithinError),
    /// The system does not let it happen.
    #[error("{what}: {why}")]
    System {
        /// What was tried, with its object.
        what: String,
        /// What the system said.
        why: String,
    },
    /// The folders above cannot be looked at.
    #[error(transparent)]
    Way(ReadError),
}

fn shown(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

impl Obstacle {
    /// Returns the way out, as a command where there is one.
    pub(in crate::pki) fn hint(&self, call: &Call, arguments: &str) -> Option<String> {
        let to = |to: &Path| format!("anyrole pki deploy {} --to {}", call.words(), shell_word(to));
        match self {
            Self::AboveClosed { .. } | Self::NotRoot => Some(format!(
                "run it as root: sudo anyrole pki deploy {} {arguments} (in a unit: ExecStartPost=+/usr/bin/anyrole …)",
                call.words()
            )),
            Self::AboveForeign { folder, .. } => {
                Some(format!("run chown root {}, or choose a folder of root's with --to", shell_word(folder)))
            }
            Self::AboveMissing { folder } => Some(format!("run install -d -m 755 {}", shell_word(folder))),
            Self::AboveOpen { folder, .. } => Some(format!("run chmod go-w {}", shell_word(folder))),
            Self::AboveShared { folder, name, .. } => {
                let own = folder.join(format!("{name}.d"));
                Some(format!(
                    "make a folder of your own in it: install -d -m 755 {} && {}",
                    shell_word(&own),
                    to(&own.join(name))
                ))
            }
            Self::AboveLink { to: place, .. } | Self::Link { target: place, .. } => {
                Some(format!("name the folder itself: {}", to(place)))
            }
            Self::Content { to: place, .. } => {
                Some(format!("give a folder for this pair alone: {}", to(&place.join(&call.name))))
            }
            Self::File { to: place } => {
                let place = shell_word(place);
                Some(format!("run mv {place} {place}.old"))
            }
            Self::NoPlace => Some(format!(
                "give a folder for this pair alone: {}",
                to(&Path::new("/etc/anyrole/identity").join(&call.name))
            )),
            Self::Source(error) => error.hint(|folder| {
                let found =
                    Call { name: call.name.clone(), folder: format!(" --folder {}", shell_word(folder)) };
                format!("anyrole pki deploy {} --to PATH", found.words())
            }),
            Self::System { .. } | Self::Way(_) => None,
        }
    }
}
