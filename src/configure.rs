//! Profiles in the AWS config file that start this program: what conflicts with a new one, and what is wrong with
//! existing lines.

pub mod lint;
pub mod shadow;

use std::io;
use std::path::{Path, PathBuf};

use crate::env::Environment;

/// Returns the absolute path for others to start this program by.
///
/// If `PATH` leads to the same file under another name, as with package managers that link it from a folder that
/// outlives updates, that name is used.
///
/// # Errors
///
/// Fails if the system does not reveal the path of this program.
pub fn own_program(env: &Environment) -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let Some(name) = own.file_name() else { return Ok(own) };
    let path = env.os_var("PATH").unwrap_or_default();
    let itself = own.canonicalize().unwrap_or_else(|_| own.clone());
    let mut candidates = std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .filter(|candidate| candidate.canonicalize().is_ok_and(|found| found == itself));
    Ok(candidates.next().unwrap_or(own))
}

/// Tells whether a word starts this program, by whatever name.
pub fn is_own(word: &str, env: &Environment) -> bool {
    if is_called(word, "anyrole") {
        return true;
    }
    let own = std::env::current_exe().and_then(|own| own.canonicalize());
    let found = find_program(word, env).and_then(|found| found.canonicalize().ok());
    found.is_some_and(|found| own.is_ok_and(|own| own == found))
}

/// Returns the program that a word starts: a path, or what `PATH` finds; `None` where there is none.
fn find_program(word: &str, env: &Environment) -> Option<PathBuf> {
    let is_path = word.contains('/') || (cfg!(windows) && word.contains(['\\', ':']));
    let named = |path: &Path| {
        let with_ending =
            || Some(PathBuf::from(format!("{}.exe", path.display()))).filter(|path| path.is_file());
        if path.is_file() {
            Some(path.to_owned())
        } else if cfg!(windows) {
            with_ending()
        } else {
            None
        }
    };
    if is_path {
        return named(Path::new(word));
    }
    let path = env.os_var("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find_map(|folder| named(&folder.join(word)).filter(|found| is_executable(found)))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_executable(_path: &Path) -> bool {
    true
}

/// Returns whether a word, by its file name, is the program with this name.
pub fn is_called(word: &str, name: &str) -> bool {
    let file = word.rsplit(['/', '\\']).next().unwrap_or_default();
    file.strip_suffix(".exe").unwrap_or(file) == name
}
