//! Reads a text piece by piece and searches it; only where something is found is it looked at closely.
//!
//! A thread holds one piece. A text with a find is read further, so that the path to it can be told, by one thread at a time.

use std::fs::File;
use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::archive::{self, Budget, Level, Visitor};
use super::literals::Literals;
use super::look::{self, Text};
use super::progress::Progress;
use super::record::{Record, Source};

/// How much is read at a time, in octets.
const PIECE: usize = 256 * 1024;
/// How much room a member of an archive has at first, in octets.
const SMALL: usize = 16 * 1024;
/// How much of a text with a find is held, in octets.
const WHOLE: usize = 16 * 1024 * 1024;
/// How much is kept around the border between two pieces, in octets: what belongs to a find on the other side.
const CONTEXT: usize = 20 * 1024;
/// How much of one file or member is read, in octets.
const LARGEST: u64 = 1024 * 1024 * 1024;

/// A piece of a text; each thread has one, and uses it again.
#[derive(Debug)]
pub(super) struct Piece {
    room: Vec<u8>,
    length: usize,
}

impl Piece {
    pub(super) fn new() -> Self {
        Self { room: vec![0; PIECE], length: 0 }
    }

    /// Returns a piece for a text that is probably short, and grows if it is not.
    fn small() -> Self {
        Self { room: vec![0; SMALL], length: 0 }
    }

    fn text(&self) -> &[u8] {
        &self.room[..self.length]
    }

    /// Reads until there are `wanted` octets; returns whether the text ended before.
    fn fill(&mut self, reader: &mut dyn Read, wanted: usize) -> io::Result<bool> {
        while self.length < wanted {
            if self.room.len() < wanted && self.length == self.room.len() {
                self.room.resize((self.room.len() * 2).min(wanted), 0);
            }
            let room = &mut self.room[self.length..];
            match reader.read(room) {
                Ok(0) => return Ok(true),
                Ok(read) => self.length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Forgets all but the last octets; returns how many lines ended in what is forgotten.
    fn keep(&mut self, last: usize) -> u64 {
        let from = self.length.saturating_sub(last);
        let lines = memchr::memchr_iter(b'\n', &self.room[..from]).count();
        self.room.copy_within(from..self.length, 0);
        self.length -= from;
        if self.room.len() > PIECE {
            self.room.truncate(PIECE);
            self.room.shrink_to_fit();
        }
        u64::try_from(lines).unwrap_or(u64::MAX)
    }
}

/// What every thread needs to search a text.
pub(super) struct Scanner<'a> {
    literals: Option<Literals>,
    pub(super) record: &'a Record<'a>,
    pub(super) progress: &'a Progress,
    /// Held by the thread that has more than a piece in memory.
    growing: Mutex<()>,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(record: &'a Record<'a>, progress: &'a Progress) -> Self {
        Self { literals: Literals::new(), record, progress, growing: Mutex::new(()) }
    }

    /// Looks through a file that is open, into an archive too.
    pub(super) fn file(&self, file: File, path: &Path, length: u64, piece: &mut Piece) -> io::Result<()> {
        self.progress.file(length.min(LARGEST));
        piece.length = 0;
        let mut reader = Limited::new(Dense::new(file, length));
        // A file that fits is read in one call: that it ends there was told when it was opened. One without a length, of a
        // file system that makes its files up, is read until it ends.
        let expected = usize::try_from(length).unwrap_or(PIECE).min(PIECE);
        let ended = if expected == 0 {
            piece.fill(&mut reader, PIECE)?
        } else {
            piece.fill(&mut reader, expected)? || expected < PIECE
        };
        let budget = Budget::new();
        let looked = self.begun(&mut reader, &Source::file(path), piece, ended, budget.level());
        if reader.is_spent() {
            self.record.leave_out("file larger than 1 GiB: its rest", path);
        }
        if budget.is_spent.get() {
            self.record.leave_out("archive that holds far more than it should: its rest", path);
            return Ok(());
        }
        looked
    }

    /// Looks through a member of an archive, or another text from elsewhere, from its beginning.
    pub(super) fn stream(&self, reader: &mut dyn Read, source: &Source, level: Level<'_>) -> io::Result<()> {
        let mut piece = Piece::small();
        let ended = piece.fill(reader, PIECE)?;
        self.begun(reader, source, &mut piece, ended, level)
    }

    /// Looks through a text whose first piece was read.
    fn begun(
        &self,
        reader: &mut dyn Read,
        source: &Source,
        piece: &mut Piece,
        ended: bool,
        level: Level<'_>,
    ) -> io::Result<()> {
        match archive::kind(piece.text()) {
            Some(archive::Kind::Unknown(reason)) => {
                self.record.leave_out(reason, &source.path);
                Ok(())
            }
            Some(_) if level.depth == 0 => {
                self.record.leave_out("archive within archives, too deep", &source.path);
                Ok(())
            }
            Some(kind) => {
                let beginning = piece.text().to_vec();
                match archive::look(kind, &mut beginning.as_slice().chain(reader), source, self, level) {
                    // What is inside is damaged, and what is around it need not be.
                    Err(error) if matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof) => {
                        self.record.leave_out("archive that is damaged or encrypted: its rest", &source.path);
                        Ok(())
                    }
                    other => other,
                }
            }
            None => self.text(reader, source, piece, ended),
        }
    }

    fn text(
        &self,
        reader: &mut dyn Read,
        source: &Source,
        piece: &mut Piece,
        mut ended: bool,
    ) -> io::Result<()> {
        let Some(literals) = &self.literals else { return Ok(()) };
        // The number of the piece's first line; from where on a find was not told yet; whether the text begins here.
        let (mut line, mut fresh, mut begins) = (1, 0, true);
        loop {
            if !ended {
                ended = piece.fill(reader, PIECE)?;
            }
            if literals.find(piece.text(), fresh).is_none() {
                if ended {
                    return Ok(());
                }
                line += piece.keep(CONTEXT);
                fresh = piece.length.saturating_sub(literals.longest());
                begins = false;
                continue;
            }
            let growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
            if !ended {
                ended = piece.fill(reader, WHOLE)?;
            }
            let name = source.name();
            let looked = look::look(literals, Text { bytes: piece.text(), name: &name, whole: begins });
            if looked.cut_off {
                self.record.leave_out("file with too much of one kind: its rest", &source.path);
            }
            let told = if ended { piece.length } else { piece.length.saturating_sub(CONTEXT) };
            let (mut counted, mut here) = (0, line);
            for sighting in looked.sightings {
                if (fresh..told).contains(&sighting.at) {
                    let lines = memchr::memchr_iter(b'\n', &piece.text()[counted..sighting.at]).count();
                    here += u64::try_from(lines).unwrap_or(u64::MAX);
                    counted = sighting.at;
                    if self.record.saw(source, here, sighting) {
                        self.progress.found();
                    }
                }
            }
            if ended {
                piece.keep(0);
                return Ok(());
            }
            line += piece.keep(2 * CONTEXT);
            drop(growing);
            (fresh, begins) = (CONTEXT, false);
        }
    }
}

impl Visitor for Scanner<'_> {
    fn visit(&self, reader: &mut dyn Read, source: &Source, level: Level<'_>) -> io::Result<()> {
        self.stream(reader, source, level)
    }

    fn member(&self) {
        self.progress.member();
    }

    fn leave_out(&self, reason: &'static str, source: &Source) {
        self.record.leave_out(reason, &source.path);
    }
}

/// Reads no more than a file may have.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Limited<R> {
    const fn new(inner: R) -> Self {
        Self { inner, left: LARGEST }
    }

    const fn is_spent(&self) -> bool {
        self.left == 0
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let most = room.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.inner.read(&mut room[..most])?;
        self.left -= u64::try_from(read).unwrap_or(0);
        Ok(read)
    }
}

/// Reads a file without its holes: a file of a terabyte may have a page of data.
struct Dense {
    file: File,
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only Linux is asked for the holes of a file")
    )]
    may_have_holes: bool,
}

/// From which size on a file is asked for its holes, in octets: a question costs as much as reading a little.
const HOLES: u64 = 16 * 1024 * 1024;

impl Dense {
    const fn new(file: File, length: u64) -> Self {
        Self { file, may_have_holes: length >= HOLES }
    }
}

impl Read for Dense {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        #[cfg(target_os = "linux")]
        if self.may_have_holes {
            use rustix::fs::{SeekFrom, seek, tell};
            // A file system that knows of no holes says that everything is data.
            match tell(&self.file).and_then(|at| seek(&self.file, SeekFrom::Data(at))) {
                Ok(_) => {}
                Err(rustix::io::Errno::NXIO) => return Ok(0),
                Err(_) => self.may_have_holes = false,
            }
        }
        self.file.read(room)
    }
}
