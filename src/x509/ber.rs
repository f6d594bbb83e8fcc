//! Converts BER to DER, to the extent that key stores need it.
//!
//! Firefox, macOS and Bouncy Castle write PKCS#12 with indefinite lengths and constructed octet strings (X.690
//! §8.1.3.6, §8.7.3), which DER parsers rightly reject.

use zeroize::Zeroizing;

/// The deepest nesting; a store has about ten levels.
const DEPTH_LIMIT: usize = 32;
/// The tag of an OCTET STRING, and the bit of constructed ones.
const OCTET_STRING: u8 = 0x04;
const CONSTRUCTED: u8 = 0x20;

/// Converts one element to DER; `None` if it is cut off, is followed by other data, or is not BER.
pub(super) fn to_der(input: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // An indefinite length of two octets may become a definite one of five.
    let mut output = Zeroizing::new(Vec::with_capacity(input.len() * 2));
    let mut rest = input;
    write_element(&mut rest, &mut output, 0)?;
    rest.is_empty().then_some(output)
}

/// Reads one element, and appends it in DER.
fn write_element(rest: &mut &[u8], output: &mut Vec<u8>, depth: usize) -> Option<()> {
    let (tag, length) = header(rest)?;
    if tag & CONSTRUCTED == 0 {
        let content = take(rest, length?)?;
        write_header(output, tag, content.len());
        output.extend_from_slice(content);
        return Some(());
    }
    if depth == DEPTH_LIMIT {
        return None;
    }
    let mut content = Zeroizing::new(Vec::with_capacity(length.unwrap_or(rest.len()).min(rest.len()) * 2));
    let in_pieces = tag == OCTET_STRING | CONSTRUCTED;
    let mut add = |rest: &mut &[u8]| {
        if in_pieces {
            write_pieces(rest, &mut content, depth + 1)
        } else {
            write_element(rest, &mut content, depth + 1)
        }
    };
    match length {
        Some(length) => {
            let mut inner = take(rest, length)?;
            while !inner.is_empty() {
                add(&mut inner)?;
            }
        }
        None => {
            while !rest.starts_with(&[0, 0]) {
                add(rest)?;
            }
            take(rest, 2)?;
        }
    }
    write_header(output, if in_pieces { OCTET_STRING } else { tag }, content.len());
    output.extend_from_slice(&content);
    Some(())
}

/// Reads one piece of an octet string, possibly constructed itself, and appends its content.
fn write_pieces(rest: &mut &[u8], output: &mut Vec<u8>, depth: usize) -> Option<()> {
    let mut piece = Zeroizing::new(Vec::with_capacity(rest.len()));
    write_element(rest, &mut piece, depth)?;
    let mut der = piece.as_slice();
    let (tag, length) = header(&mut der)?;
    if tag != OCTET_STRING || length? != der.len() {
        return None;
    }
    output.extend_from_slice(der);
    Some(())
}

/// Reads a tag and a length; the length is `None` if it is indefinite. Tags of several octets do not occur here.
fn header(rest: &mut &[u8]) -> Option<(u8, Option<usize>)> {
    let [tag, first] = *take(rest, 2)? else { return None };
    if tag & 0x1F == 0x1F {
        return None;
    }
    let length = match first {
        0x80 if tag & CONSTRUCTED == 0 => return None,
        0x80 => None,
        0..0x80 => Some(usize::from(first)),
        0x81.. => {
            let octets = take(rest, usize::from(first & 0x7F))?;
            let significant =
                octets.iter().position(|octet| *octet != 0).map_or(&[][..], |first| &octets[first..]);
            // No store is longer than a length of four octets can express.
            if significant.len() > 4 {
                return None;
            }
            Some(significant.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)))
        }
    };
    Some((tag, length))
}

fn write_header(output: &mut Vec<u8>, tag: u8, length: usize) {
    output.push(tag);
    let octets = length.to_be_bytes();
    let significant = octets.iter().position(|octet| *octet != 0).map_or(&[][..], |first| &octets[first..]);
    match significant {
        [] => output.push(0),
        [short] if *short < 0x80 => output.push(*short),
        long => {
            output.push(0x80 | u8::try_from(long.len()).unwrap_or(8));
            output.extend_from_slice(long);
        }
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(input: &[u8]) -> Option<Vec<u8>> {
        to_der(input).map(|der| der.to_vec())
    }

    #[test]
    fn what_is_der_stays() {
        for input in [&[4, 1, 7][..], &[0x30, 6, 2, 1, 3, 4, 1, 7], &[0x30, 0], &[0xA0, 2, 5, 0]] {
            assert_eq!(der(input).as_deref(), Some(input));
        }
        let long = [&[4, 0x82, 1, 0][..], &[7; 256]].concat();
        assert_eq!(der(&long), Some(long));
    }

    #[test]
    fn lengths_become_definite_and_pieces_one() {
        assert_eq!(der(&[0x30, 0x80, 2, 1, 3, 0, 0]), Some(vec![0x30, 3, 2, 1, 3]));
        assert_eq!(der(&[4, 0x82, 0, 1, 7]), Some(vec![4, 1, 7]));
        assert_eq!(der(&[0x24, 0x80, 4, 1, 1, 0x24, 3, 4, 1, 2, 4, 0, 0, 0]), Some(vec![4, 2, 1, 2]));
        let nested = [0x30, 0x80, 0xA0, 0x80, 4, 1, 7, 0, 0, 0, 0];
        assert_eq!(der(&nested), Some(vec![0x30, 5, 0xA0, 3, 4, 1, 7]));
    }

    #[test]
    fn damage_is_noticed() {
        let deep = [[0x30, 0x80].repeat(100), [0, 0].repeat(100)].concat();
        for input in [
            &[][..],
            &[0x30],
            &[0x30, 1],
            &[0x30, 0x80, 2, 1, 3],
            &[4, 0x80, 0, 0],
            &[0x30, 0, 0],
            &[0x24, 3, 2, 1, 3],
            &[0x1F, 1, 1],
            &[4, 0x85, 1, 0, 0, 0, 0],
            &[4, 0xFF],
            &deep,
        ] {
            assert_eq!(der(input), None, "{input:?}");
        }
    }
}
