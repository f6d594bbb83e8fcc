//! Folders whose files belong together: put in place, or replaced, in one step.

use std::io;
use std::path::Path;

use super::WriteError;
use super::write::sync_folder;

/// Moves a folder into its place, which must be free, and flushes the parent.
///
/// # Errors
///
/// Fails if that place holds anything with files in it, or if the parent is not writable.
pub fn place_folder(staged: &Path, place: &Path) -> Result<(), WriteError> {
    std::fs::rename(staged, place)
        .and_then(|()| sync_folder(place))
        .map_err(|error| WriteError::io(place, &error))
}

/// Replaces a folder by `staged`, which is beside it, and leaves the old one intact at `staged` or at `aside`.
///
/// On Linux and macOS the two are exchanged in one step: at any moment, also after a crash, there is a complete folder
/// at `place`. If the file system cannot do that, the old folder is first moved to `aside`, and a crash at that point
/// leaves `place` free and the old folder intact at `aside`.
///
/// # Errors
///
/// Fails if the parent is not writable; the old folder is then still in its place.
pub fn replace_folder(staged: &Path, place: &Path, aside: &Path) -> Result<(), WriteError> {
    match exchange(staged, place) {
        Err(error) if is_unsupported(&error) => move_aside(staged, place, aside),
        outcome => outcome,
    }
    .and_then(|()| sync_folder(place))
    .map_err(|error| WriteError::io(place, &error))
}

fn move_aside(staged: &Path, place: &Path, aside: &Path) -> io::Result<()> {
    std::fs::rename(place, aside)?;
    std::fs::rename(staged, place).inspect_err(|_| {
        // The first failure is the one reported; what is left at `aside` can be moved back later.
        let _ = std::fs::rename(aside, place);
    })
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).map_err(io::Error::from)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn exchange(_one: &Path, _other: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `EINVAL` comes from file systems that support renames but no exchange, such as NFS.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::private_file::{create_private_folder, write_new};

    fn folder(path: &Path, content: &str) {
        create_private_folder(path).expect("the folder above is ours");
        write_new(&path.join("file"), content.as_bytes(), 0o600).expect("the folder is new");
    }

    fn content(path: &Path) -> Option<String> {
        std::fs::read_to_string(path.join("file")).ok()
    }

    #[test]
    fn a_folder_is_placed_only_where_nothing_is() {
        let temporary = tempfile::tempdir().expect("a folder");
        let (staged, place) = (temporary.path().join("staged"), temporary.path().join("place"));
        folder(&staged, "first");
        place_folder(&staged, &place).expect("the place is free");
        folder(&staged, "second");
        place_folder(&staged, &place).expect_err("the place is taken");
        assert_eq!(
            (content(&place).as_deref(), content(&staged).as_deref()),
            (Some("first"), Some("second"))
        );
    }

    #[test]
    fn a_replaced_folder_is_kept_whole() {
        for replace in [replace_folder, |staged: &Path, place: &Path, aside: &Path| {
            move_aside(staged, place, aside).map_err(|error| WriteError::io(place, &error))
        }] {
            let temporary = tempfile::tempdir().expect("a folder");
            let path = |name: &str| temporary.path().join(name);
            folder(&path("place"), "old");
            folder(&path("staged"), "new");
            replace(&path("staged"), &path("place"), &path("aside")).expect("both are there");
            assert_eq!(content(&path("place")).as_deref(), Some("new"));
            let old = content(&path("staged")).or_else(|| content(&path("aside")));
            assert_eq!(old.as_deref(), Some("old"));
        }
    }

    #[test]
    fn what_cannot_be_replaced_stays() {
        let temporary = tempfile::tempdir().expect("a folder");
        let path = |name: &str| temporary.path().join(name);
        folder(&path("place"), "old");
        replace_folder(&path("missing"), &path("place"), &path("aside"))
            .expect_err("there is nothing to place");
        move_aside(&path("missing"), &path("place"), &path("aside")).expect_err("the same");
        assert_eq!(content(&path("place")).as_deref(), Some("old"));
    }
}
