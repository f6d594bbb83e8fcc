//! Reads and writes PEM (RFC 7468).
//!
//! Parsing is lenient, because files vary: text before, between and after blocks, CRLF and a byte order mark are
//! accepted. Decoded data is wiped, since any block may be a private key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The largest text accepted: ten times the longest chain of ML-DSA-87 certificates with its key.
const MAX_TEXT_OCTETS: usize = 1024 * 1024;

/// The line length of RFC 7468 §2.
const LINE: usize = 64;

/// One block: everything from `-----BEGIN label-----` to `-----END label-----`.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Block<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("label", &self.label).finish_non_exhaustive()
    }
}

/// What is wrong with a PEM text. Lines are counted from 1; their content is never shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum PemError {
    /// The content is not base64, or the block has headers (`Proc-Type: 4,ENCRYPTED`).
    #[error("the block that begins on line {line} is not base64")]
    Base64 {
        /// The line of its `BEGIN`.
        line: usize,
    },
    /// The text is larger than any chain with its key.
    #[error("the text has more than {MAX_TEXT_OCTETS} bytes")]
    TooLong,
    /// The text ends before the matching `END` line.
    #[error("the block that begins on line {line} does not end")]
    Unfinished {
        /// The line of its `BEGIN`.
        line: usize,
    },
}

/// Returns all blocks in the order of the text; it is not an error if there are none.
pub(crate) fn parse(text: &str) -> Result<Vec<Block<'_>>, PemError> {
    if text.len() > MAX_TEXT_OCTETS {
        return Err(PemError::TooLong);
    }
    let mut blocks = Vec::new();
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim_end).zip(1..);
    while let Some((first, line)) = lines.next() {
        let Some(label) = first.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"))
        else {
            continue;
        };
        let mut base64 = Zeroizing::new(String::with_capacity(text.len()));
        loop {
            let (next, _) = lines.next().ok_or(PemError::Unfinished { line })?;
            match next.strip_prefix("-----END ").and_then(|rest| rest.strip_suffix("-----")) {
                Some(end) if end == label => break,
                Some(_) => return Err(PemError::Unfinished { line }),
                None => base64.push_str(next.trim_start()),
            }
        }
        let der = Zeroizing::new(STANDARD.decode(base64.as_bytes()).map_err(|_| PemError::Base64 { line })?);
        blocks.push(Block { label, der });
    }
    Ok(blocks)
}

/// Returns one block, in lines of 64 characters, with a line feed at the end.
pub(crate) fn render(label: &str, der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(STANDARD.encode(der));
    let mut text =
        Zeroizing::new(String::with_capacity(base64.len() + base64.len() / LINE + 2 * label.len() + 40));
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

/// Returns certificates as PEM blocks one after another, in the given order.
pub(crate) fn render_certificates<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> String {
    certificates.into_iter().map(|der| String::clone(&render("CERTIFICATE", der))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_rendered_is_parsed_again() {
        for length in [0, 1, 47, 48, 49, 300] {
            let der = vec![0xa5; length];
            let text = render("TEST", &der);
            assert!(text.lines().all(|line| line.len() <= LINE));
            let blocks = parse(&text).expect("our own text is PEM");
            assert_eq!((blocks[0].label, blocks[0].der.as_slice()), ("TEST", der.as_slice()));
        }
    }

    #[test]
    fn text_around_blocks_is_passed_over() {
        let text = "\u{feff}Bag Attributes\r\n-----BEGIN A-----\r\nAQID\r\n-----END A-----\r\nmore\n-----BEGIN B-----\nBA==\n-----END B-----";
        let blocks = parse(text).expect("two blocks");
        let found: Vec<_> = blocks.iter().map(|block| (block.label, block.der.as_slice())).collect();
        assert_eq!(found, [("A", &[1, 2, 3][..]), ("B", &[4][..])]);
    }

    #[test]
    fn broken_blocks_are_refused_by_line() {
        let refused = |text: &str| parse(text).expect_err("the block is broken");
        assert_eq!(refused("\n-----BEGIN A-----\nAQID\n"), PemError::Unfinished { line: 2 });
        assert_eq!(refused("-----BEGIN A-----\n-----END B-----\n"), PemError::Unfinished { line: 1 });
        assert_eq!(refused("-----BEGIN A-----\nno!\n-----END A-----\n"), PemError::Base64 { line: 1 });
        assert_eq!(refused(&" ".repeat(MAX_TEXT_OCTETS + 1)), PemError::TooLong);
    }
}
