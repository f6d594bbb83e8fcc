//! Which files are read, and what they hold.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::read::{self, Body, Content, Names, Reading};
use super::report::Unread;
use crate::private_file;

/// The most files of one folder.
const MOST_FILES: usize = 10_000;
/// The most bytes of the files that are read together as one Terraform configuration; see the limit of one file.
const TOGETHER_LIMIT: usize = 4 * 1024 * 1024;
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
    /// Which of the folders it is in.
    folder: usize,
    pub(super) content: Content,
}

impl Source {
    /// Tells whether a name means the same in both files.
    pub(super) fn shares_names_with(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
            || match (self.content.names, other.content.names) {
                (Names::File, _) | (_, Names::File) => false,
                (Names::Folder, Names::Folder) => self.folder == other.folder,
                (Names::Account, _) | (_, Names::Account) => true,
            }
    }
}

/// A file that is to be read.
struct File {
    path: String,
    is_named: bool,
}

/// Reads everything that is named; `-` is the standard input.
pub(super) fn read_all(paths: &[String], unread: &mut Vec<Unread>) -> Vec<Source> {
    let mut files: Vec<File> = Vec::new();
    let mut folders = Vec::new();
    for path in paths {
        if path != "-" && Path::new(path).is_dir() {
            let before = files.len();
            files.extend(folder(path, unread));
            folders.push((path, before..files.len()));
        } else {
            files.push(File { path: path.clone(), is_named: true });
        }
    }
    // One folder after the other, as the files of a Terraform configuration are read together.
    let mut by_folder: BTreeMap<Option<PathBuf>, Vec<usize>> = BTreeMap::new();
    for (number, file) in files.iter().enumerate() {
        by_folder.entry(folder_of(&file.path)).or_default().push(number);
    }
    let mut sources: BTreeMap<usize, Source> = BTreeMap::new();
    for (folder, numbers) in by_folder.into_values().enumerate() {
        sources.extend(together(folder, &numbers, &files, unread));
    }
    for (path, numbers) in folders {
        if !sources.range(numbers).any(|(_, source)| !source.content.policies.is_empty()) {
            let reason = String::from("no file in it holds a policy");
            unread.push(Unread { path: path.clone(), reason });
        }
    }
    sources.into_values().collect()
}

/// Returns the folder of a file; none of the standard input, which is in no folder.
fn folder_of(path: &str) -> Option<PathBuf> {
    let folder = Path::new(path).parent().filter(|_| path != "-")?;
    Some(folder.components().filter(|part| *part != Component::CurDir).collect())
}

/// Reads the files of one folder.
fn together(
    folder: usize,
    numbers: &[usize],
    files: &[File],
    unread: &mut Vec<Unread>,
) -> Vec<(usize, Source)> {
    let source = |number: usize, content| {
        let File { path, is_named } = &files[number];
        (number, Source { path: path.clone(), is_named: *is_named, folder, content })
    };
    let mut sources = Vec::new();
    let mut bodies: Vec<Body> = Vec::new();
    let mut of_bodies = Vec::new();
    let mut left = TOGETHER_LIMIT;
    for number in numbers {
        let File { path, is_named } = &files[*number];
        let bytes = match bytes(path) {
            Ok(bytes) => bytes,
            Err(reason) => {
                unread.push(Unread { path: path.clone(), reason });
                continue;
            }
        };
        match read::file(&bytes, path) {
            Ok(Reading::Content(content)) => sources.push(source(*number, content)),
            Ok(Reading::Terraform(body)) if bytes.len() <= left => {
                left -= bytes.len();
                bodies.push(body);
                of_bodies.push(*number);
            }
            Ok(Reading::Terraform(body)) => {
                let alone = read::configuration(vec![body]).pop();
                sources.extend(alone.map(|mut content| {
                    let why =
                        "it is judged without the other files of its folder, which are too large together";
                    content.left_out.push((1, None, String::from(why)));
                    source(*number, content)
                }));
            }
            Err(reason) => {
                let has = |word: &str| memchr::memmem::find(&bytes, word.as_bytes()).is_some();
                if *is_named || WORDS.into_iter().any(has) {
                    unread.push(Unread { path: path.clone(), reason });
                }
            }
        }
    }
    let contents = read::configuration(bodies);
    sources.extend(of_bodies.into_iter().zip(contents).map(|(number, content)| source(number, content)));
    sources
}

fn bytes(path: &str) -> Result<Vec<u8>, String> {
    let read = match path {
        "-" => private_file::read_standard_input(read::FILE_LIMIT),
        path => private_file::read_bounded(Path::new(path), read::FILE_LIMIT),
    };
    read.map(|bytes| bytes.to_vec()).map_err(|error| error.reason.to_string())
}

/// Returns the files of a folder that may hold policies.
fn folder(path: &str, unread: &mut Vec<Unread>) -> Vec<File> {
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
    let file = |path: PathBuf| File { path: path.to_string_lossy().into_owned(), is_named: false };
    files.into_iter().map(file).collect()
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
