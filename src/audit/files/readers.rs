//! Who can read a file: its owner, its group, everyone.

use std::path::Path;

use super::report::Audience;

/// What the file system says of a file.
#[derive(Clone, Debug)]
pub(super) struct Readers {
    pub(super) owner: Option<String>,
    pub(super) group: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) audience: Audience,
    /// Seconds since 1970.
    pub(super) modified: Option<i64>,
}

/// Looks at a file and the folders above it: who may not enter one of them cannot read what is in it.
///
/// Access control lists are not looked at; where there is one, the group's bits are its mask and are shown as they are.
#[cfg(unix)]
pub(super) fn of(path: &Path) -> Readers {
    use std::os::unix::fs::MetadataExt as _;

    let Ok(metadata) = std::fs::metadata(path) else { return UNKNOWN };
    let mode = metadata.mode();
    let absolute = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let enters = |bit: u32, group: Option<u32>| {
        absolute.ancestors().skip(1).all(|folder| {
            std::fs::metadata(folder).is_ok_and(|folder| {
                folder.mode() & 0o001 != 0
                    || (folder.mode() & bit != 0 && group.is_some_and(|group| group == folder.gid()))
            })
        })
    };
    let audience = if mode & 0o004 != 0 && enters(0o001, None) {
        Audience::Everyone
    } else if mode & 0o040 != 0 && enters(0o010, Some(metadata.gid())) {
        Audience::Group
    } else {
        Audience::Owner
    };
    Readers {
        owner: Some(crate::private_file::owner_name(metadata.uid())),
        group: Some(crate::private_file::group_name(metadata.gid())),
        mode: Some(format!("{:04o}", mode & 0o7777)),
        audience,
        modified: Some(metadata.mtime()),
    }
}

/// Here only the time is known.
#[cfg(not(unix))]
pub(super) fn of(path: &Path) -> Readers {
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    Readers { modified: since.and_then(|since| i64::try_from(since.as_secs()).ok()), ..UNKNOWN }
}

const UNKNOWN: Readers =
    Readers { owner: None, group: None, mode: None, audience: Audience::Unknown, modified: None };
