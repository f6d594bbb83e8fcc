//! Path resolution step by step: every folder and link on the way to a file, so that each can be checked.

use std::ffi::OsString;
use std::fs::Metadata;
use std::path::{Component, Path, PathBuf};

use super::ReadError;

/// The most links followed, as in Linux.
const MAX_LINKS: u32 = 40;

/// A folder, link or file on the way.
#[derive(Debug)]
pub(crate) struct Step {
    /// Its path, free of links.
    pub(crate) path: PathBuf,
    /// Its metadata; for a link, the link's own.
    pub(crate) metadata: Metadata,
}

/// A path resolved to its end.
#[derive(Debug)]
pub(crate) struct ResolvedPath {
    /// The resolved path, free of links.
    pub(crate) end: PathBuf,
    /// Everything on the way, from the root of the file system to the end inclusive.
    pub(crate) steps: Vec<Step>,
}

/// Follows a path as the system does, through links and links of links.
///
/// # Errors
///
/// Fails at the first part of the path that does not exist, or cannot be examined.
pub(crate) fn follow(path: &Path) -> Result<ResolvedPath, ReadError> {
    let named = std::path::absolute(path).map_err(|error| ReadError::io(path, &error))?;
    let mut ahead = parts(&named);
    let mut end = PathBuf::from("/");
    let mut steps = vec![step(&end)?];
    let mut links = 0;
    while let Some(part) = ahead.pop() {
        if part == ".." {
            end.pop();
            continue;
        }
        let found = step(&end.join(part))?;
        if found.metadata.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(ReadError::io(path, &std::io::Error::other("its links lead nowhere")));
            }
            let target =
                std::fs::read_link(&found.path).map_err(|error| ReadError::io(&found.path, &error))?;
            if target.is_absolute() {
                end = PathBuf::from("/");
            }
            ahead.extend(parts(&target));
        } else {
            end.clone_from(&found.path);
        }
        steps.push(found);
    }
    Ok(ResolvedPath { end, steps })
}

fn step(path: &Path) -> Result<Step, ReadError> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Step { path: path.to_owned(), metadata }),
        Err(error) => Err(ReadError::io(path, &error)),
    }
}

/// Returns the parts of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let named = path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    let mut parts: Vec<_> = named.map(|part| part.as_os_str().to_owned()).collect();
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_of_links_are_on_the_way() {
        let temporary = tempfile::tempdir().expect("a folder");
        let base = temporary.path().canonicalize().expect("it is there");
        let path = |name: &str| base.join(name);
        std::fs::create_dir_all(path("one/two")).expect("the folder is ours");
        symlink("two/..", path("one/up")).expect("the folder is ours");
        symlink(path("one/up"), path("link")).expect("the folder is ours");
        let way = follow(&path("link/two")).expect("it leads there");
        assert_eq!(way.end, path("one/two"));
        let links: Vec<_> = way.steps.iter().filter(|step| step.metadata.is_symlink()).collect();
        assert_eq!(links.iter().map(|step| &*step.path).collect::<Vec<_>>(), [path("link"), path("one/up")]);
        for number in 1..=MAX_LINKS + 1 {
            let to = if number == 1 { String::from("one") } else { format!("l{}", number - 1) };
            symlink(to, path(&format!("l{number}"))).expect("the folder is ours");
        }
        assert_eq!(
            follow(&path(&format!("l{MAX_LINKS}"))).expect("as far as the kernel goes").end,
            path("one")
        );
        follow(&path(&format!("l{}", MAX_LINKS + 1))).expect_err("one more than the kernel follows");
        symlink("circle", path("circle")).expect("the folder is ours");
        follow(&path("circle")).expect_err("it leads nowhere");
        assert_eq!(follow(&path("no/where")).expect_err("it is not there").path, path("no"));
    }
}
