//! Which files are read, and what they hold.

use std::path::{Path, PathBuf};

use super::read::{self, Content};
use super::report::Unread;
use crate::private_file;

/// The most files of one folder.
const MOST_FILES: usize = 10_000;
/// How many folders deep.
const DEEPEST_FOLDER: usize = 32;
/// Endings of files in a folder that may hold policies.
const ENDINGS: [&str; 5] = ["json", "yaml", "yml", "template", "tf"];
/// Words without which no file in a folder holds a policy: what cannot be read and has none of them is passed over.
const WORDS: [&str; 4] = ["Statement", "PolicyDocument", "aws_iam", "AWS::IAM"];

/// A file and what it holds.
#[derive(Debug)]
pub(super) struct Source {
    /// As people named it, or the folder and the name in it.
    pub(super) path: String,
    /// Whether it was named itself.
    pub(super) is_named: bool,
    pub(super) content: Content,
}

/// Reads everything that is named; `-` is the standard input.
pub(super) fn read_all(paths: &[String], unread: &mut Vec<Unread>) -> Vec<Source> {
    let mut sources = Vec::new();
    for path in paths {
        let is_folder = path != "-" && Path::new(path).is_dir();
        if is_folder {
            folder(path, unread, &mut sources);
        } else {
            match file(path) {
                Ok(content) => sources.push(Source { path: path.clone(), is_named: true, content }),
                Err(reason) => unread.push(Unread { path: path.clone(), reason }),
            }
        }
    }
    sources
}

fn file(path: &str) -> Result<Content, String> {
    read::content(&bytes(path)?, path)
}

fn bytes(path: &str) -> Result<Vec<u8>, String> {
    let read = match path {
        "-" => private_file::read_standard_input(read::FILE_LIMIT),
        path => private_file::read_bounded(Path::new(path), read::FILE_LIMIT),
    };
    read.map(|bytes| bytes.to_vec()).map_err(|error| error.reason.to_string())
}

fn folder(path: &str, unread: &mut Vec<Unread>, sources: &mut Vec<Source>) {
    let mut files = Vec::new();
    walk(Path::new(path), 0, &mut files, unread);
    files.sort();
    if files.len() > MOST_FILES {
        unread.push(Unread {
            path: path.to_owned(),
            reason: format!("of its files the first {MOST_FILES} are read: name its folders one by one"),
        });
        files.truncate(MOST_FILES);
    }
    let before = sources.len();
    for file in files {
        let name = file.to_string_lossy().into_owned();
        let bytes = match bytes(&name) {
            Ok(bytes) => bytes,
            Err(reason) => {
                unread.push(Unread { path: name, reason });
                continue;
            }
        };
        match read::content(&bytes, &name) {
            Ok(content) => sources.push(Source { path: name, is_named: false, content }),
            Err(reason) => {
                let has = |word: &str| memchr::memmem::find(&bytes, word.as_bytes()).is_some();
                if WORDS.into_iter().any(has) {
                    unread.push(Unread { path: name, reason });
                }
            }
        }
    }
    let holds_any = sources[before..].iter().any(|source| !source.content.policies.is_empty());
    if !holds_any {
        let reason = String::from("no file in it holds a policy");
        unread.push(Unread { path: path.to_owned(), reason });
    }
}

/// Collects the files of a folder; hidden ones, links and what others brought are passed over.
fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>, unread: &mut Vec<Unread>) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let path = folder.to_string_lossy().into_owned();
            unread.push(Unread { path, reason: error.to_string() });
            return;
        }
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let Ok(kind) = entry.file_type() else { continue };
        if name.starts_with('.') || files.len() > MOST_FILES {
            continue;
        }
        if kind.is_dir() && name != "node_modules" && depth < DEEPEST_FOLDER {
            walk(&entry.path(), depth + 1, files, unread);
        } else if kind.is_file() && ENDINGS.iter().any(|ending| name.ends_with(&format!(".{ending}"))) {
            files.push(entry.path());
        }
    }
}
