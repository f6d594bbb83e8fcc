//! Why this user may not read a file, and what an administrator can run to change that.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::account::owner_name;
use super::shell_word;
use crate::text::quoted;

/// The most links followed, as in the kernel.
const LINKS: u32 = 40;

/// What denies a file to this user: the file itself, or the first folder on its path that this user may not enter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    object: PathBuf,
    is_folder: bool,
    owner: String,
    owned_by_root: bool,
    mode: u32,
    /// The user: a name, or a number without an account.
    caller: String,
}

impl Denial {
    /// Finds out what denies `path`; `None` if nothing does any more, or it cannot be determined.
    pub fn of(path: &Path) -> Option<Self> {
        let path = std::path::absolute(path).ok()?;
        let closed = closed_folder(&path, LINKS);
        let is_folder = closed.is_some();
        let object = closed.unwrap_or(path);
        let metadata = object.metadata().ok()?;
        let caller = rustix::process::geteuid().as_raw();
        Some(Self {
            object,
            is_folder,
            owner: owner_name(metadata.uid()),
            owned_by_root: metadata.uid() == 0,
            mode: metadata.mode() & 0o7777,
            caller: owner_name(caller).trim_start_matches("uid ").to_owned(),
        })
    }

    /// Returns the command for an administrator. Unless root owns a private key, the command makes a copy that the
    /// caller owns: a key that another user owns and that is accessible to more than its owner would be rejected.
    pub fn cure(&self, is_private_key: bool) -> String {
        let Self { object, caller, .. } = self;
        let object = shell_word(object);
        let command = if self.is_folder {
            format!("setfacl -m u:{caller}:x {object}")
        } else if is_private_key && !self.owned_by_root {
            format!("install -o {caller} -m 0600 {object} COPY")
        } else {
            format!("setfacl -m u:{caller}:r {object}")
        };
        // Quotes around a path that contains some would end within the command.
        let command = if command.contains('\'') { command } else { quoted(&command) };
        format!("an administrator can let {caller} read it with {command}")
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, is_folder, owner, mode, caller, .. } = self;
        write!(f, "permission denied to {caller}: ")?;
        if *is_folder {
            write!(f, "the folder {} belongs to {owner}, mode {mode:04o}", quoted(&object.to_string_lossy()))
        } else {
            write!(f, "it belongs to {owner}, mode {mode:04o}")
        }
    }
}

/// Returns the first folder on the way to `path` that this user may not enter. Links are followed one by one, because
/// their targets are in other folders, as with `live` and `archive` of certbot.
fn closed_folder(path: &Path, links: u32) -> Option<PathBuf> {
    let mut way: Vec<&Path> = path.ancestors().collect();
    way.reverse();
    for at in way {
        if let Ok(target) = std::fs::read_link(at) {
            let followed = at.parent()?.join(target).join(path.strip_prefix(at).ok()?);
            // Normalised, because joining with nothing leaves a trailing slash, after which a link is not recognised as
            // one.
            let followed: PathBuf = followed.components().collect();
            return closed_folder(&followed, links.checked_sub(1)?);
        }
        if at != path && access(at, Access::EXEC_OK).is_err() {
            // It contains no more links, but perhaps `..`.
            return Some(at.canonicalize().unwrap_or_else(|_| at.to_owned()));
        }
    }
    None
}
