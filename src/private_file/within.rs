//! Lets root read from another user's folder: only that user's files, and nothing that the user's links point to.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{ReadError, shell_word, shown};

/// Why a file below a folder was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WithinError {
    /// A file in the folder does not belong to the folder's owner.
    #[error("{} belongs to {owner}, and the folder that it is in to {expected}", shown(file))]
    Foreign {
        /// The file.
        file: PathBuf,
        /// Its owner.
        owner: String,
        /// The expected owner.
        expected: String,
    },
    /// There is a link in the folder.
    #[error("{} is a link of {owner}'s, and root does not follow it out of that user's folder", shown(link))]
    Link {
        /// The link.
        link: PathBuf,
        /// Its target.
        target: PathBuf,
        /// The owner of the folder.
        owner: String,
    },
    /// The folder is reached through a link of somebody who does not own it.
    #[error("{} on the way to it is a link of {owner}'s, who does not own what it points to", shown(link))]
    LinkToFolder {
        /// The link.
        link: PathBuf,
        /// The folder itself.
        folder: PathBuf,
        /// The link's owner.
        owner: String,
    },
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl WithinError {
    /// Returns the way out; `call` renders the command for another folder.
    pub fn hint(&self, call: impl FnOnce(&Path) -> String) -> Option<String> {
        match self {
            Self::Foreign { file, expected, .. } => {
                let owner = expected.strip_prefix("uid ").unwrap_or(expected);
                Some(format!("if the file is right, run chown {owner} {}", shell_word(file)))
            }
            Self::Link { link, target, owner } => {
                let (link, target) = (shell_word(link), shell_word(target));
                Some(format!(
                    "as {owner}, who must be able to read it, put the file itself there: rm {link} && cp -R {target} {link}"
                ))
            }
            Self::LinkToFolder { folder, .. } => {
                Some(format!("if that is meant, name the folder itself: {}", call(folder)))
            }
            Self::Read(_) => None,
        }
    }
}

/// Reads at most `limit` bytes of a file below a folder; `below` are the names on the way to it.
///
/// For root, if the folder belongs to another user, no link in the folder is followed, and the file must be a regular
/// file of that user: root reads nothing that the user could not read. Other callers may follow links, since they have
/// only their own permissions.
///
/// # Errors
///
/// Fails if there is no such file, it cannot be read, it is larger than `limit`, or it violates these rules.
pub fn read_within(folder: &Path, below: &[&str], limit: u64) -> Result<Zeroizing<Vec<u8>>, WithinError> {
    system::read(folder, below, limit)
}

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::os::unix::fs::MetadataExt as _;

    use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, readlinkat, statat};

    use super::super::account::owner_name;
    use super::super::read::{describe, drain, open_unlinked, read_bounded};
    use super::super::{ReadRefusal, resolve};
    use super::*;

    pub(super) fn read(folder: &Path, below: &[&str], limit: u64) -> Result<Zeroizing<Vec<u8>>, WithinError> {
        let mut path = folder.to_owned();
        path.extend(below);
        if !rustix::process::geteuid().is_root() {
            return Ok(read_bounded(&path, limit)?);
        }
        let found = resolve::follow(folder)?;
        let mut opened = open_unlinked(&found.end)?;
        let owner = opened.metadata().map_err(|error| ReadError::io(folder, &error))?.uid();
        // Only root and the folder's owner may decide, by links, where root is led.
        let misleads = |step: &&resolve::Step| {
            step.metadata.is_symlink() && step.metadata.uid() != 0 && step.metadata.uid() != owner
        };
        if let Some(step) = found.steps.iter().find(misleads) {
            return Err(WithinError::LinkToFolder {
                link: step.path.clone(),
                folder: found.end.clone(),
                owner: owner_name(step.metadata.uid()),
            });
        }
        if owner == 0 {
            return Ok(read_bounded(&path, limit)?);
        }
        let mut at = folder.to_owned();
        for name in below {
            opened = enter(&opened, &at, name, owner)?;
            at.push(name);
        }
        let metadata = opened.metadata().map_err(|error| ReadError::io(&path, &error))?;
        if !metadata.is_file() {
            return Err(ReadError::new(&path, ReadRefusal::NotAFile(describe(&metadata))).into());
        }
        if metadata.uid() != owner {
            return Err(WithinError::Foreign {
                file: path,
                owner: owner_name(metadata.uid()),
                expected: owner_name(owner),
            });
        }
        Ok(drain(&opened, &path, limit, metadata.len())?)
    }

    /// Opens the entry with this name in an open folder, unless it is a link.
    fn enter(folder: &File, at: &Path, name: &str, owner: u32) -> Result<File, WithinError> {
        let path = at.join(name);
        let failed = |errno: rustix::io::Errno| ReadError::io(&path, &errno.into());
        let found = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        if FileType::from_raw_mode(found.st_mode) == FileType::Symlink {
            let target = readlinkat(folder, name, Vec::new()).map_err(failed)?;
            let target = at.join(target.to_string_lossy().as_ref());
            return Err(WithinError::Link { link: path, target, owner: owner_name(owner) });
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        Ok(openat(folder, name, flags, Mode::empty()).map(File::from).map_err(failed)?)
    }
}

#[cfg(not(unix))]
mod system {
    use super::*;

    pub(super) fn read(folder: &Path, below: &[&str], limit: u64) -> Result<Zeroizing<Vec<u8>>, WithinError> {
        let mut path = folder.to_owned();
        path.extend(below);
        Ok(super::super::read_bounded(&path, limit)?)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{chown, symlink};
    use std::process::Command;

    use super::*;
    use crate::private_file::write_new;

    const OWNER: u32 = 4242;

    /// Root reads what a user has in a folder: below it what is that user's, and no link anywhere that others decide on.
    #[test]
    fn root_is_led_nowhere() {
        let temporary = tempfile::tempdir().expect("a folder");
        let base = temporary.path().canonicalize().expect("it is there");
        let folder = base.join("folder");
        let path = |name: &str| folder.join(name);
        std::fs::create_dir_all(path("sub")).expect("ours");
        write_new(&path("sub/own"), b"own", 0o644).expect("ours");
        write_new(&path("foreign"), b"foreign", 0o644).expect("ours");
        write_new(&base.join("secret"), b"secret", 0o644).expect("ours");
        symlink(base.join("secret"), path("link")).expect("ours");
        symlink("sub", path("to-sub")).expect("ours");
        symlink(&folder, base.join("way")).expect("ours");
        assert!(Command::new("mkfifo").arg(path("pipe")).status().expect("POSIX has it").success());
        let read = |folder: &Path, below: &[&str]| read_within(folder, below, 10).map(|found| found.to_vec());
        // The caller's own folder: links lead where the caller may go.
        assert_eq!(read(&folder, &["sub", "own"]), Ok(b"own".to_vec()));
        assert_eq!(read(&folder, &["link"]), Ok(b"secret".to_vec()));
        assert_eq!(read(&base.join("way"), &["to-sub", "own"]), Ok(b"own".to_vec()));
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: root alone gives files away");
            return;
        }
        for name in ["", "sub", "sub/own", "pipe"] {
            chown(path(name), Some(OWNER), Some(OWNER)).expect("root may");
        }
        assert_eq!(read(&folder, &["sub", "own"]), Ok(b"own".to_vec()));
        assert_eq!(read(&base.join("way"), &["sub", "own"]), Ok(b"own".to_vec()), "root's own link");
        for (below, expected) in [
            (&["foreign"][..], "belongs to root, and the folder that it is in to uid 4242"),
            (&["link"], "is a link of uid 4242's"),
            (&["to-sub", "own"], "is a link of uid 4242's"),
            (&["pipe"], "it is a pipe"),
            (&["sub"], "it is a folder"),
            (&["no"], "no such file"),
        ] {
            let error = read(&folder, below).expect_err("it is not that user's").to_string();
            assert!(error.contains(expected), "{below:?}: {error}");
        }
        let other = base.join("other");
        symlink(&folder, &other).expect("ours");
        std::os::unix::fs::lchown(&other, Some(OWNER + 1), None).expect("root may");
        let error = read(&other, &["sub", "own"]).expect_err("somebody else leads there");
        assert!(matches!(&error, WithinError::LinkToFolder { owner, .. } if owner == "uid 4243"), "{error}");
        std::os::unix::fs::lchown(&other, Some(OWNER), None).expect("root may");
        assert_eq!(read(&other, &["sub", "own"]), Ok(b"own".to_vec()), "a link of the folder's owner");
    }

    #[test]
    fn the_way_out_is_a_command() {
        let call = |folder: &Path| format!("anyrole pki deploy --from {}", folder.display());
        let (file, owner) = (PathBuf::from("/f"), String::from("uid 4242"));
        let foreign =
            WithinError::Foreign { file: file.clone(), owner: String::from("root"), expected: owner.clone() };
        assert_eq!(foreign.hint(call).as_deref(), Some("if the file is right, run chown 4242 /f"));
        let link =
            WithinError::Link { link: file.clone(), target: PathBuf::from("/t"), owner: owner.clone() };
        assert!(link.hint(call).is_some_and(|hint| hint.ends_with("rm /f && cp -R /t /f")));
        let led = WithinError::LinkToFolder { link: file, folder: PathBuf::from("/t"), owner };
        assert!(led.hint(call).is_some_and(|hint| hint.ends_with("anyrole pki deploy --from /t")));
    }
}
