//! Archives and compressed files, read as streams: gzip, tar and zip, also inside of each other.
//!
//! Nothing is unpacked to a disk, and no name of a member is used as a path. What comes out is bounded for all levels together,
//! and by how much larger it is than what went in.

mod tar;
mod zip;

use std::cell::Cell;
use std::io::{self, BufReader, Read};

use flate2::read::MultiGzDecoder;

use super::record::Source;

/// How many archives inside of each other are opened.
const DEPTH: usize = 3;
/// How much comes out of one file at most, all levels together, in octets.
const MOST: u64 = 1024 * 1024 * 1024;
/// How many times larger than what went in may be what comes out, ...
const RATIO: u64 = 200;
/// ... once that many octets came out: zeros of an honest file may be pressed a thousandfold.
const UNSUSPICIOUS: u64 = 16 * 1024 * 1024;

/// What a file is by its first octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gzip,
    Tar,
    Zip,
    /// Something that is not opened, and how that is told.
    Unknown(&'static str),
}

/// Tells what a file is; `None` for everything that is read as it stands.
pub(super) fn kind(beginning: &[u8]) -> Option<Kind> {
    const OTHERS: &[&[u8]] =
        &[b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf\x27\x1c", b"\x04\x22\x4d\x18"];
    let is_bzip2 = beginning.starts_with(b"BZh") && beginning.get(4..10) == Some(b"\x31\x41\x59\x26\x53\x59");
    if beginning.starts_with(b"\x1f\x8b\x08") {
        Some(Kind::Gzip)
    } else if beginning.starts_with(b"PK\x03\x04") {
        Some(Kind::Zip)
    } else if tar::is_header(beginning) {
        Some(Kind::Tar)
    } else if is_bzip2 || OTHERS.iter().any(|magic| beginning.starts_with(magic)) {
        Some(Kind::Unknown("compressed file of a kind that is not opened (xz, zstd, bzip2, lz4, 7z)"))
    } else {
        None
    }
}

/// How deep, and how much, may still come out of one file.
pub(super) struct Budget {
    left: Cell<u64>,
    /// Whether more was in it.
    pub(super) is_spent: Cell<bool>,
}

/// One level of archives.
#[derive(Clone, Copy)]
pub(super) struct Level<'a> {
    pub(super) budget: &'a Budget,
    /// How many further ones may be opened.
    pub(super) depth: usize,
}

impl Budget {
    pub(super) const fn new() -> Self {
        Self { left: Cell::new(MOST), is_spent: Cell::new(false) }
    }

    /// Returns the outermost level.
    pub(super) const fn level(&self) -> Level<'_> {
        Level { budget: self, depth: DEPTH }
    }
}

/// Whoever looks at what comes out of an archive.
pub(super) trait Visitor {
    /// Looks at a member, or at what was compressed, which may be an archive itself.
    fn visit(&self, reader: &mut dyn Read, source: &Source, level: Level<'_>) -> io::Result<()>;

    /// Is told that a member is looked at.
    fn member(&self);

    /// Is told what is not looked at.
    fn leave_out(&self, reason: &'static str, source: &Source);
}

/// Looks through what an archive holds.
///
/// # Errors
///
/// Fails where it is damaged, encrypted, or larger than it may be; what came before was looked at.
pub(super) fn look(
    kind: Kind,
    reader: &mut dyn Read,
    source: &Source,
    visitor: &dyn Visitor,
    level: Level<'_>,
) -> io::Result<()> {
    let level = Level { depth: level.depth - 1, ..level };
    let read = Cell::new(0);
    let mut reader = BufReader::new(Counting { inner: reader, read: &read });
    match kind {
        Kind::Gzip => {
            let mut inner = Guarded::new(MultiGzDecoder::new(reader), &read, level.budget);
            visitor.visit(&mut inner, source, level)
        }
        Kind::Tar => tar::look(&mut reader, source, visitor, level),
        Kind::Zip => zip::look(&mut reader, &read, source, visitor, level),
        Kind::Unknown(_) => Ok(()),
    }
}

/// Counts what goes in.
struct Counting<'a, R> {
    inner: R,
    read: &'a Cell<u64>,
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(room)?;
        self.read.set(self.read.get() + u64::try_from(read).unwrap_or(0));
        Ok(read)
    }
}

/// Stops where too much comes out.
struct Guarded<'a, R> {
    inner: R,
    read: &'a Cell<u64>,
    /// What had gone in before.
    before: u64,
    out: u64,
    budget: &'a Budget,
}

impl<'a, R: Read> Guarded<'a, R> {
    fn new(inner: R, read: &'a Cell<u64>, budget: &'a Budget) -> Self {
        Self { inner, read, before: read.get(), out: 0, budget }
    }
}

impl<R: Read> Read for Guarded<'_, R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(room)?;
        let octets = u64::try_from(read).unwrap_or(0);
        self.out += octets;
        let left = self.budget.left.get().checked_sub(octets);
        // A buffer's worth was read ahead, which is part of what went in.
        let went_in = self.read.get() - self.before;
        let is_bomb = self.out > UNSUSPICIOUS && self.out / RATIO > went_in;
        match left {
            Some(left) if !is_bomb => self.budget.left.set(left),
            Some(_) | None => {
                self.budget.is_spent.set(true);
                return Err(io::ErrorKind::FileTooLarge.into());
            }
        }
        Ok(read)
    }
}
