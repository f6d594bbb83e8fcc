//! Checks the folders above a deployed pair: whoever can change one of them can replace the pair.

use std::path::{Path, PathBuf};

use super::obstacle::Obstacle;

/// Returns the folder's path free of links, after checking that it and everything on the way belongs to root or the
/// caller, and that nobody else can change it.
pub(super) fn judge(above: &Path, name: &str) -> Result<PathBuf, Obstacle> {
    system::judge(above, name)
}

#[cfg(unix)]
mod system {
    use std::os::unix::fs::MetadataExt as _;

    use rustix::fs::{Access, AtFlags, CWD, accessat};

    use super::*;
    use crate::private_file::{ResolvedPath, follow, owner_name};

    const STICKY: u32 = 0o1000;

    pub(super) fn judge(above: &Path, name: &str) -> Result<PathBuf, Obstacle> {
        let way = follow(above).map_err(|error| {
            // The error names the whole path, because every missing folder on it has to be created.
            match std::fs::metadata(above) {
                Err(found) if found.kind() == std::io::ErrorKind::NotFound => {
                    Obstacle::AboveMissing { folder: above.to_owned() }
                }
                Ok(_) | Err(_) => Obstacle::Way(error),
            }
        })?;
        judge_owners(&way, name)?;
        let own = rustix::process::geteuid().as_raw();
        for step in way.steps.iter().filter(|step| step.metadata.is_dir()) {
            let mode = step.metadata.mode() & 0o7777;
            if mode & 0o022 == 0 {
                continue;
            }
            let folder = step.path.clone();
            if mode & STICKY == 0 {
                return Err(Obstacle::AboveOpen { folder, mode });
            }
            // Further up nobody can rename our folders; here anybody could create names beside the place.
            if folder == way.end {
                return Err(Obstacle::AboveShared { folder, mode, name: name.to_owned() });
            }
        }
        if !std::fs::metadata(&way.end).is_ok_and(|found| found.is_dir()) {
            return Err(Obstacle::System {
                what: format!("{} above it", crate::text::quoted(&above.to_string_lossy())),
                why: String::from("it is not a folder"),
            });
        }
        if own != 0 && accessat(CWD, &way.end, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_err()
        {
            return Err(Obstacle::AboveClosed { folder: way.end });
        }
        Ok(way.end)
    }

    fn judge_owners(way: &ResolvedPath, name: &str) -> Result<(), Obstacle> {
        let own = rustix::process::geteuid().as_raw();
        let Some(step) = way.steps.iter().find(|step| ![0, own].contains(&step.metadata.uid())) else {
            return Ok(());
        };
        let owner = owner_name(step.metadata.uid());
        Err(if step.metadata.is_symlink() {
            Obstacle::AboveLink { link: step.path.clone(), owner, to: way.end.join(name) }
        } else {
            Obstacle::AboveForeign { folder: step.path.clone(), owner }
        })
    }
}

#[cfg(not(unix))]
mod system {
    use super::*;

    /// Whatever is created in a folder has the folder's access list.
    pub(super) fn judge(above: &Path, _name: &str) -> Result<PathBuf, Obstacle> {
        if above.is_dir() {
            Ok(above.to_owned())
        } else {
            Err(Obstacle::AboveMissing { folder: above.to_owned() })
        }
    }
}
