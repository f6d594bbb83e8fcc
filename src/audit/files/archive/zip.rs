//! zip, and with it jar, war, wheels and documents: read from the front, member by member.
//!
//! The directory at the end is not needed, so that a zip inside of another archive is read without holding it.

use std::cell::Cell;
use std::io::{self, BufRead, Read};

use flate2::bufread::DeflateDecoder;

use super::{Guarded, Level, Visitor};
use crate::audit::files::record::Source;

const HEADER: [u8; 4] = *b"PK\x03\x04";
/// How far the next header may be behind a member, in octets: a descriptor is 24 at most.
const GAP: usize = 64;

/// What stands before a member.
struct Header {
    flags: u16,
    method: u16,
    /// How long the member is, as it stands; `None` where that is told behind it.
    compressed: Option<u64>,
    name: String,
}

/// Looks through every member of an archive.
pub(super) fn look<R: BufRead>(
    reader: &mut R,
    read: &Cell<u64>,
    source: &Source,
    visitor: &dyn Visitor,
    level: Level<'_>,
) -> io::Result<()> {
    let mut signature = [0; 4];
    reader.read_exact(&mut signature)?;
    while signature == HEADER {
        let header = header(reader)?;
        member(reader, read, &header, source, visitor, level)?;
        // Behind a member may stand a descriptor, and then the next header or the directory.
        if !is_found(reader, &mut signature)? {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(())
}

fn header(reader: &mut dyn Read) -> io::Result<Header> {
    let mut fields = [0; 26];
    reader.read_exact(&mut fields)?;
    let short = |at: usize| u16::from_le_bytes([fields[at], fields[at + 1]]);
    let long = |at: usize| u32::from_le_bytes([fields[at], fields[at + 1], fields[at + 2], fields[at + 3]]);
    let mut name = vec![0; usize::from(short(22))];
    reader.read_exact(&mut name)?;
    let mut extra = vec![0; usize::from(short(24))];
    reader.read_exact(&mut extra)?;
    let size = match (long(14), long(18)) {
        // Zip64: the sizes are in an extra field, the whole one first.
        (u32::MAX, whole) => {
            let at = if whole == u32::MAX { 8 } else { 0 };
            zip64(&extra, at).ok_or(io::ErrorKind::InvalidData)?
        }
        (size, _) => u64::from(size),
    };
    let flags = short(2);
    let is_told_later = flags & 0b1000 != 0 && size == 0;
    Ok(Header {
        flags,
        method: short(4),
        compressed: (!is_told_later).then_some(size),
        name: String::from_utf8_lossy(&name).into_owned(),
    })
}

/// Returns the number at that place of the extra field 1.
fn zip64(mut extra: &[u8], at: usize) -> Option<u64> {
    loop {
        let id = u16::from_le_bytes(extra.get(..2)?.try_into().ok()?);
        let length = usize::from(u16::from_le_bytes(extra.get(2..4)?.try_into().ok()?));
        let field = extra.get(4..4 + length)?;
        if id == 1 {
            return Some(u64::from_le_bytes(field.get(at..at + 8)?.try_into().ok()?));
        }
        extra = &extra[4 + length..];
    }
}

fn member<R: BufRead>(
    reader: &mut R,
    read: &Cell<u64>,
    header: &Header,
    source: &Source,
    visitor: &dyn Visitor,
    level: Level<'_>,
) -> io::Result<()> {
    const STORED: u16 = 0;
    const DEFLATED: u16 = 8;
    let mut content = reader.take(header.compressed.unwrap_or(u64::MAX));
    let is_encrypted = header.flags & 1 != 0;
    let source = source.member(&header.name);
    match header.method {
        DEFLATED if !is_encrypted => {
            visitor.member();
            let mut inner = Guarded::new(DeflateDecoder::new(&mut content), read, level.budget);
            visitor.visit(&mut inner, &source, level)?;
            io::copy(&mut inner, &mut io::sink())?;
        }
        STORED if !is_encrypted && header.compressed.is_some() => {
            visitor.member();
            visitor.visit(&mut content, &source, level)?;
        }
        _ => {
            let reason = if is_encrypted {
                "member of an archive that is encrypted"
            } else {
                "member of an archive that is compressed in a way that is not opened"
            };
            visitor.leave_out(reason, &source);
            if header.compressed.is_none() {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }
    if header.compressed.is_some() {
        io::copy(&mut content, &mut io::sink())?;
    }
    Ok(())
}

/// Finds the next signature: of a header, or of anything that comes behind the last member.
fn is_found(reader: &mut dyn Read, signature: &mut [u8; 4]) -> io::Result<bool> {
    let mut octet = [0];
    *signature = [0; 4];
    for _ in 0..GAP {
        match reader.read_exact(&mut octet) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            other => other?,
        }
        signature.rotate_left(1);
        signature[3] = octet[0];
        if matches!(*signature, HEADER | [b'P', b'K', 1, 2] | [b'P', b'K', 5, 6] | [b'P', b'K', 6, 6]) {
            return Ok(true);
        }
    }
    Ok(false)
}
