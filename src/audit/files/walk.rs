//! Walks through folders with all processors, and opens what is a file.
//!
//! Links are not followed, other file systems are not entered, and what is no file is not opened. A thread that reads a folder
//! looks at its files itself unless another one has nothing to do, so that what waits is folders, and few.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::record::Record;
use super::scan::{Piece, Scanner};

/// How many threads there are at most: each holds a piece of a text, and more of them only wait for the disk.
const MOST_THREADS: usize = 16;
/// How many folders wait at most; then a thread goes into the next one itself.
const WAITING: usize = 4096;
/// How deep a thread goes by itself, in folders: each holds a descriptor.
const OWN_DEPTH: usize = 32;

/// Returns one thread a processor, and not too many.
pub(super) fn usual_threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).min(MOST_THREADS)
}

/// What waits to be looked at.
enum Job {
    /// A folder, and the file system that is not left.
    Folder(PathBuf, u64),
    /// A file.
    File(PathBuf),
}

#[derive(Default)]
struct Waiting {
    jobs: Vec<Job>,
    /// How many threads are at work, which may find more.
    busy: usize,
}

/// What was asked for.
struct Asked<'a> {
    roots: HashSet<&'a Path>,
    /// Nobody named it.
    by_default: bool,
}

impl Asked<'_> {
    fn has(&self, path: &Path) -> bool {
        self.roots.contains(path)
    }
}

struct Walk<'a> {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    /// How many threads have nothing to do.
    idle: AtomicUsize,
    /// How many jobs wait.
    length: AtomicUsize,
    repositories: Mutex<Vec<PathBuf>>,
    scanner: &'a Scanner<'a>,
    record: &'a Record<'a>,
}

/// Looks through all roots; returns the git repositories that it met.
///
/// A root may be a link. `by_default` says that nobody named the roots, so that one that is missing is none.
pub(super) fn walk(
    roots: &[PathBuf],
    by_default: bool,
    threads: usize,
    scanner: &Scanner<'_>,
    record: &Record<'_>,
) -> Vec<PathBuf> {
    let walk = Walk {
        waiting: Mutex::default(),
        changed: Condvar::new(),
        idle: AtomicUsize::new(0),
        length: AtomicUsize::new(0),
        repositories: Mutex::default(),
        scanner,
        record,
    };
    for root in roots.iter().rev() {
        match fs::metadata(root) {
            Ok(_) if is_of_the_kernel(root) => {
                record.could_not_look("it is the kernel's, not a disk's", root);
            }
            Ok(metadata) if metadata.is_dir() => walk.push(Job::Folder(root.clone(), device(&metadata))),
            Ok(metadata) if metadata.is_file() => walk.push(Job::File(root.clone())),
            Ok(_) => record.could_not_look("it is neither a file nor a folder", root),
            Err(error) if by_default && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => record.could_not_look(words(&error), root),
        }
    }
    let asked = Asked { roots: roots.iter().map(PathBuf::as_path).collect(), by_default };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(MOST_THREADS) {
            scope.spawn(|| walk.work(&asked));
        }
        walk.work(&asked);
    });
    let mut repositories = walk.repositories.into_inner().unwrap_or_else(PoisonError::into_inner);
    repositories.sort();
    repositories
}

impl Walk<'_> {
    fn push(&self, job: Job) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.jobs.push(job);
        self.length.store(waiting.jobs.len(), Ordering::Relaxed);
        drop(waiting);
        self.changed.notify_one();
    }

    /// Takes the newest job; `None` when there is none, and nobody who could find another.
    fn next(&self) -> Option<Job> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = waiting.jobs.pop() {
                waiting.busy += 1;
                self.length.store(waiting.jobs.len(), Ordering::Relaxed);
                return Some(job);
            }
            if waiting.busy == 0 {
                self.changed.notify_all();
                return None;
            }
            self.idle.fetch_add(1, Ordering::Relaxed);
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            self.idle.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn done(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.busy -= 1;
        if waiting.busy == 0 && waiting.jobs.is_empty() {
            self.changed.notify_all();
        }
    }

    fn work(&self, asked: &Asked<'_>) {
        let mut piece = Piece::new();
        while let Some(job) = self.next() {
            match job {
                Job::Folder(path, device) => self.folder(&path, device, asked, 0, &mut piece),
                Job::File(path) => self.file(&path, asked, &mut piece),
            }
            self.done();
        }
    }

    /// Tells that something could not be opened: to whoever asked for it, or by the way.
    fn refused(&self, path: &Path, error: &io::Error, asked: &Asked<'_>, what: &'static str) {
        if !asked.by_default && asked.has(path) {
            self.record.could_not_look(words(error), path);
        } else if error.kind() != io::ErrorKind::NotFound {
            self.record.leave_out(what, path);
        }
    }

    fn folder(&self, path: &Path, device: u64, asked: &Asked<'_>, depth: usize, piece: &mut Piece) {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) => return self.refused(path, &error, asked, "folder that cannot be read"),
        };
        // A repository's objects are compressed; git reads them.
        let (mut objects, mut parts) = (None, 0);
        for entry in entries {
            let Ok(entry) = entry else {
                self.record.leave_out("folder that cannot be read whole", path);
                break;
            };
            let Ok(kind) = entry.file_type() else { continue };
            let name = entry.file_name();
            if kind.is_dir() {
                match name.to_str() {
                    Some("objects") => {
                        objects = Some(entry.path());
                        continue;
                    }
                    Some("refs") => parts += 1,
                    _ => {}
                }
                self.enter(entry.path(), device, asked, depth, piece);
            } else if kind.is_symlink() {
                self.record.leave_out("link: what it leads to is looked at where it is", &entry.path());
            } else if kind.is_file() {
                if name == "HEAD" {
                    parts += 1;
                }
                if self.idle.load(Ordering::Relaxed) > 0 && self.length.load(Ordering::Relaxed) < MOST_THREADS
                {
                    self.push(Job::File(entry.path()));
                } else {
                    self.file(&entry.path(), asked, piece);
                }
            }
        }
        match objects {
            Some(_) if parts == 2 => {
                self.repositories.lock().unwrap_or_else(PoisonError::into_inner).push(path.to_owned());
            }
            Some(objects) => self.enter(objects, device, asked, depth, piece),
            None => {}
        }
    }

    /// Goes into a folder of the same file system, or leaves it to another thread.
    fn enter(&self, path: PathBuf, device: u64, asked: &Asked<'_>, depth: usize, piece: &mut Piece) {
        match fs::symlink_metadata(&path) {
            Ok(metadata) if self::device(&metadata) != device => {
                self.record.leave_out("folder of another file system", &path);
            }
            Ok(_) if self.length.load(Ordering::Relaxed) >= WAITING && depth < OWN_DEPTH => {
                self.folder(&path, device, asked, depth + 1, piece);
            }
            Ok(_) => self.push(Job::Folder(path, device)),
            Err(error) => self.refused(&path, &error, asked, "folder that cannot be read"),
        }
    }

    fn file(&self, path: &Path, asked: &Asked<'_>, piece: &mut Piece) {
        let follow = asked.has(path);
        let looked = open(path, follow).and_then(|file| {
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            self.scanner.file(file, path, metadata.len(), piece)
        });
        if let Err(error) = looked {
            self.refused(path, &error, asked, "file that cannot be read");
        }
    }
}

/// Opens a file without waiting, whatever took its place since its name was read.
#[cfg(unix)]
pub(super) fn open(path: &Path, follow: bool) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags};

    let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    if !follow {
        flags |= OFlags::NOFOLLOW;
    }
    Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
}

#[cfg(not(unix))]
pub(super) fn open(path: &Path, _follow: bool) -> io::Result<File> {
    File::open(path)
}

#[cfg(unix)]
fn device(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::dev(metadata)
}

/// A junction or a mounted volume is a link here, and links are not followed.
#[cfg(not(unix))]
const fn device(_: &fs::Metadata) -> u64 {
    0
}

/// Tells whether a path is in a file system that the kernel makes up: reading there may wait, or do something.
#[cfg(target_os = "linux")]
fn is_of_the_kernel(path: &Path) -> bool {
    /// The `f_type` of statfs(2): proc, sysfs, debugfs, tracefs, securityfs, cgroup, cgroup2, bpf, configfs, devpts, pstore.
    const KINDS: &[i64] = &[
        0x9fa0,
        0x6265_6572,
        0x6462_6720,
        0x7472_6163,
        0x7363_6673,
        0x0027_e0eb,
        0x6367_7270,
        0xcafe_4a11,
        0x6265_6570,
        0x1cd1,
        0x6165_676c,
    ];
    // The number is of another type on other architectures.
    let is_kind = |kind: i128| KINDS.iter().any(|known| i128::from(*known) == kind);
    rustix::fs::statfs(path).is_ok_and(|system| is_kind(i128::from(system.f_type)))
}

#[cfg(not(target_os = "linux"))]
const fn is_of_the_kernel(_: &Path) -> bool {
    false
}

/// Says why in the words of this program, without what the operating system may add.
fn words(error: &io::Error) -> &'static str {
    let known = [
        (io::ErrorKind::NotFound, "there is no such file or folder"),
        (io::ErrorKind::PermissionDenied, "this user may not read it"),
        (io::ErrorKind::InvalidInput, "it is no file"),
    ];
    let words = known.into_iter().find(|(kind, _)| *kind == error.kind()).map(|(_, words)| words);
    words.unwrap_or("the operating system cannot read it")
}
