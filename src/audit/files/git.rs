//! The history of a git repository: every object, packed or loose, whether or not a branch leads to it.
//!
//! git itself reads the objects. The repository may be somebody else's, and its configuration names programs to run: no
//! configuration but the repository's own is read, no transport is allowed, nothing is fetched, written or compared by other programs.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::archive::Budget;
use super::record::{Record, Source};
use super::scan::Scanner;

/// How long a line of what git says may be, in octets: a path, and names of objects.
const LONGEST_LINE: u64 = 64 * 1024;

/// Looks through the objects of a repository, and names the commits of those in which something was found.
pub(super) fn look(repository: &Path, scanner: &Scanner<'_>, record: &Record<'_>) {
    let looked = objects(repository, scanner).and_then(|()| {
        let found = record.objects_of(repository);
        if found.is_empty() { Ok(()) } else { commits(repository, record, found) }
    });
    if let Err(error) = looked {
        let reason = if error.kind() == io::ErrorKind::NotFound {
            "git is not installed, and reads the histories for --git"
        } else {
            "git cannot read its history whole"
        };
        record.could_not_look(reason, repository);
    }
}

fn git(repository: &Path, arguments: &[&str]) -> io::Result<Child> {
    let mut command = Command::new("git");
    for (name, value) in [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_NO_LAZY_FETCH", "1"),
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        ("GIT_PAGER", "cat"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("LC_ALL", "C"),
    ] {
        command.env(name, value);
    }
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_TRACE",
        "GIT_EXTERNAL_DIFF",
    ] {
        command.env_remove(name);
    }
    command.arg("--git-dir").arg(repository);
    command.args([
        "--no-pager",
        "-c",
        "protocol.allow=never",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "safe.directory=*",
        "-c",
        "log.showSignature=false",
    ]);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()
}

/// Ends git where nobody reads any more, and tells whether it was content.
fn ended(mut child: Child) -> io::Result<()> {
    if child.wait()?.success() { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn line<R: BufRead>(reader: &mut R, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    reader.by_ref().take(LONGEST_LINE).read_until(b'\n', line)?;
    Ok(!line.is_empty())
}

fn objects(repository: &Path, scanner: &Scanner<'_>) -> io::Result<()> {
    let mut child =
        git(repository, &["cat-file", "--batch-all-objects", "--unordered", "--buffer", "--batch"])?;
    let Some(output) = child.stdout.take() else { return Err(io::ErrorKind::InvalidData.into()) };
    let mut reader = BufReader::new(output);
    let mut header = Vec::new();
    while line(&mut reader, &mut header)? {
        // `NAME TYPE SIZE`, then the content and a line feed.
        let text = String::from_utf8_lossy(&header).into_owned();
        let mut words = text.split_whitespace();
        let (Some(name), Some(kind), Some(size)) =
            (words.next(), words.next(), words.next().and_then(|size| size.parse::<u64>().ok()))
        else {
            continue;
        };
        let mut content = (&mut reader).take(size);
        // A tree has names and numbers of files, and nothing else.
        if kind != "tree" {
            scanner.progress.object();
            let source =
                Source { path: repository.to_owned(), object: Some(name.to_owned()), ..Source::default() };
            let budget = Budget::new();
            match scanner.stream(&mut content, &source, budget.level()) {
                // The next object follows all the same.
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                    scanner
                        .record
                        .leave_out("archive that holds far more than it should: its rest", repository);
                }
                other => other?,
            }
        }
        io::copy(&mut content, &mut io::sink())?;
        io::copy(&mut (&mut reader).take(1), &mut io::sink())?;
    }
    drop(reader);
    ended(child)
}

/// Walks the history once, newest first, and names for each object the oldest commit that has it.
fn commits(repository: &Path, record: &Record<'_>, found: Vec<String>) -> io::Result<()> {
    let arguments = [
        "log",
        "--all",
        "--reflog",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--root",
        "-m",
        "--format=commit %H",
    ];
    let mut child = git(repository, &arguments)?;
    let Some(output) = child.stdout.take() else { return Err(io::ErrorKind::InvalidData.into()) };
    let mut reader = BufReader::new(output);
    let mut named: HashMap<String, (String, Option<String>)> = HashMap::new();
    let (mut text, mut commit) = (Vec::new(), String::new());
    while line(&mut reader, &mut text)? {
        let text = String::from_utf8_lossy(&text);
        let text = text.trim_end_matches('\n');
        if let Some(name) = text.strip_prefix("commit ") {
            commit = name.to_owned();
            // A message is part of its commit.
            if found.contains(&commit) {
                named.insert(commit.clone(), (commit.clone(), None));
            }
        } else if let Some((fields, file)) = text.strip_prefix(':').and_then(|text| text.split_once('\t')) {
            // `OLD-MODE NEW-MODE OLD NEW STATUS`
            if let Some(object) =
                fields.split(' ').nth(3).filter(|object| found.iter().any(|found| found == object))
            {
                named.insert(object.to_owned(), (commit.clone(), Some(file.to_owned())));
            }
        }
    }
    for (object, (commit, file)) in named {
        record.name_object(repository, &object, &commit, file.as_deref());
    }
    drop(reader);
    ended(child)
}
