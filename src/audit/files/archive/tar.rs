//! tar, in the forms of POSIX and GNU: headers of 512 octets, each followed by the content in whole blocks.

use std::io::{self, Read};

use super::{Level, Visitor};
use crate::audit::files::record::Source;

const BLOCK: usize = 512;
/// How long a name in a block of its own may be, in octets.
const LONGEST_NAME: u64 = 64 * 1024;

/// Tells whether a block is a header: it has the mark of POSIX or GNU, and its checksum.
pub(super) fn is_header(block: &[u8]) -> bool {
    let Some(block) = block.get(..BLOCK) else { return false };
    if &block[257..262] != b"ustar" {
        return false;
    }
    // The sum is made with blanks in its own place.
    let sum: u64 = block.iter().map(|c| u64::from(*c)).sum();
    let own: u64 = block[148..156].iter().map(|c| u64::from(*c)).sum();
    number(&block[148..156]) == Some(sum - own + 8 * u64::from(b' '))
}

/// Reads a number in octal or, with the first bit set, in base 256.
fn number(field: &[u8]) -> Option<u64> {
    if field.first()? & 0x80 != 0 {
        let tail = &field[field.len() - 8..];
        return Some(tail.iter().fold(0, |number, octet| (number << 8) | u64::from(*octet)));
    }
    let text = std::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}

fn text(field: &[u8]) -> String {
    let end = field.iter().position(|c| *c == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end]).into_owned()
}

/// Looks through every file of an archive.
pub(super) fn look(
    reader: &mut dyn Read,
    source: &Source,
    visitor: &dyn Visitor,
    level: Level<'_>,
) -> io::Result<()> {
    let mut long_name = None;
    loop {
        let mut block = [0; BLOCK];
        match reader.read_exact(&mut block) {
            // The two empty blocks at the end may be missing.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        if block.iter().all(|c| *c == 0) {
            return Ok(());
        }
        if !is_header(&block) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let size = number(&block[124..136]).ok_or(io::ErrorKind::InvalidData)?;
        let mut content = (&mut *reader).take(size);
        match block[156] {
            b'0' | b'\0' | b'7' => {
                let name = long_name.take().unwrap_or_else(|| name(&block));
                visitor.member();
                visitor.visit(&mut content, &source.member(&name), level)?;
            }
            b'L' => long_name = Some(text(&bounded(&mut content)?)),
            b'x' => long_name = path_of_pax(&bounded(&mut content)?).or(long_name),
            _ => long_name = None,
        }
        io::copy(&mut content, &mut io::sink())?;
        if content.limit() > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let padding = (512 - size % 512) % 512;
        io::copy(&mut (&mut *reader).take(padding), &mut io::sink())?;
    }
}

fn name(block: &[u8; BLOCK]) -> String {
    let (name, prefix) = (text(&block[..100]), text(&block[345..500]));
    // GNU keeps other things where POSIX has the first part of a name.
    let is_posix = &block[257..263] == b"ustar\0";
    if is_posix && !prefix.is_empty() { format!("{prefix}/{name}") } else { name }
}

fn bounded(content: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    content.take(LONGEST_NAME).read_to_end(&mut octets)?;
    Ok(octets)
}

/// Returns the path of an extended header: lines of `LENGTH KEY=VALUE`.
fn path_of_pax(header: &[u8]) -> Option<String> {
    let line = |line: &[u8]| {
        let blank = line.iter().position(|c| *c == b' ')?;
        Some(text(line[blank + 1..].strip_prefix(b"path=")?))
    };
    header.split(|c| *c == b'\n').find_map(line)
}
