//! Reads certificates and keys from PEM of any origin, or from DER.
//!
//! RFC 7468 defines PEM, but real files are looser: several blocks in any order, text and bag attributes between them,
//! CRLF, blanks at line ends, a byte order mark, files joined without a line feed between them. CI systems that keep a
//! file in a variable change it further: line breaks become `\n`, blanks or nothing, the whole or each line is quoted,
//! or everything is encoded again in base64 or UTF-16. All of that is accepted, because it is unambiguous. The
//! certificates of a PKCS#7 message are read as if they were separate blocks. Errors state the line and the type of a
//! block, never its content.

use std::fmt;

use base64::Engine as _;
use zeroize::Zeroizing;

use super::der;
use super::foreign::Foreign;
pub use super::label::Label;
use super::mangled::{self, BASE64, BEGIN, find, is_base64};

/// The most blocks read from one input; a bundle of all public roots has about 150.
const BLOCK_LIMIT: usize = 300;
/// Room for the base64 of any private key, so that the buffer is never reallocated, which would leave a copy.
const ROOM: usize = 32 * 1024;

const END: &str = "-----END ";
const DASHES: &str = "-----";

/// One block: its type and its DER.
#[derive(Clone)]
pub struct Block {
    /// Its type.
    pub label: Label,
    /// The line of `-----BEGIN`, counted from 1; 0 if the input was DER.
    pub line: usize,
    /// The content, decoded.
    pub der: Zeroizing<Vec<u8>>,
    /// `Proc-Type: 4,ENCRYPTED`: the content has OpenSSL's legacy encryption, which predates PKCS#8.
    pub legacy_encryption: bool,
}

/// Shows the type and the line, not the content.
impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("label", &self.label).field("line", &self.line).finish_non_exhaustive()
    }
}

/// Why an input contains no readable blocks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// A character inside a block that is not base64.
    #[error("line {0} is not base64")]
    BadCharacter(usize),
    /// The base64 of a block ends in the middle of a byte.
    #[error("the block that begins at line {0} is cut off or damaged")]
    BadLength(usize),
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// A vendor format.
    #[error("it is {0}")]
    Foreign(Foreign),
    /// Neither PEM nor DER.
    #[error("it is neither PEM nor DER")]
    NeitherPemNorDer,
    /// More blocks than any use needs.
    #[error("it holds more than {BLOCK_LIMIT} blocks")]
    TooManyBlocks,
    /// A block begins and does not end, or ends under another name.
    #[error("the block that begins at line {0} has no matching END line")]
    Unclosed(usize),
}

/// Reads all blocks of a PEM text in order, or the one structure of a DER input.
///
/// Text that is only base64 of PEM or DER, as CI systems keep files in variables, is decoded first.
///
/// # Errors
///
/// Fails if a block is damaged or cut off, or if there is none.
pub fn read(input: &[u8]) -> Result<Vec<Block>, PemError> {
    let blocks = match read_plain(input) {
        Err(PemError::NeitherPemNorDer) => match mangled::decoded(input) {
            Some(inner) => read_plain(&inner)?,
            None => return Err(PemError::NeitherPemNorDer),
        },
        outcome => outcome?,
    };
    Ok(if blocks.iter().any(|block| block.label == Label::Pkcs7) {
        blocks.into_iter().flat_map(certificates_of).collect()
    } else {
        blocks
    })
}

/// Replaces a PKCS#7 message by its certificates; any other block, and a message without certificates, is unchanged.
fn certificates_of(block: Block) -> Vec<Block> {
    let is_message = block.label == Label::Pkcs7;
    let found = if is_message { der::certificates_of_message(&block.der) } else { None };
    let certificates = found.unwrap_or_default();
    if certificates.is_empty() {
        return vec![block];
    }
    let certificate =
        |der| Block { label: Label::Certificate, line: block.line, der, legacy_encryption: false };
    certificates.into_iter().map(certificate).collect()
}

fn read_plain(input: &[u8]) -> Result<Vec<Block>, PemError> {
    let repaired = mangled::repaired(input);
    let input = repaired.as_deref().map_or(input, Vec::as_slice);
    let input = input.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(input);
    if input.iter().all(u8::is_ascii_whitespace) {
        return Err(PemError::Empty);
    }
    if let Some(label) = der::recognise(input) {
        let der = Zeroizing::new(input.to_vec());
        return Ok(vec![Block { label, line: 0, der, legacy_encryption: false }]);
    }
    let blocks = read_text(input)?;
    if blocks.is_empty() {
        let foreign = Foreign::recognise(input).map(PemError::Foreign);
        return Err(foreign.unwrap_or(PemError::NeitherPemNorDer));
    }
    Ok(blocks)
}

/// A block whose end has not been read yet.
struct Open {
    label: String,
    line: usize,
    base64: Zeroizing<Vec<u8>>,
    legacy_encryption: bool,
}

fn read_text(input: &[u8]) -> Result<Vec<Block>, PemError> {
    let mut blocks = Vec::new();
    let mut open: Option<Open> = None;
    for (line, mut text) in lines(input) {
        // A line can hold the end of one block and the start of the next: files joined without a line feed.
        loop {
            match open.take() {
                None => {
                    let Some((_, label, rest)) = boundary(text, BEGIN) else { break };
                    let base64 = Zeroizing::new(Vec::with_capacity(input.len().min(ROOM)));
                    open = Some(Open { label, line, base64, legacy_encryption: false });
                    text = rest;
                }
                Some(mut block) => {
                    let Some((before, label, rest)) = boundary(text, END) else {
                        add_line(&mut block, text, line)?;
                        open = Some(block);
                        break;
                    };
                    // If line breaks were lost, the content is here.
                    add_line(&mut block, before, line)?;
                    if label != block.label {
                        return Err(PemError::Unclosed(block.line));
                    }
                    if blocks.len() == BLOCK_LIMIT {
                        return Err(PemError::TooManyBlocks);
                    }
                    blocks.push(close(block)?);
                    text = rest;
                }
            }
        }
    }
    match open {
        Some(block) => Err(PemError::Unclosed(block.line)),
        None => Ok(blocks),
    }
}

/// Splits the input at LF, CR LF and CR, and trims blanks; lines are counted from 1.
fn lines(input: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = Some(input);
    let mut number = 0;
    std::iter::from_fn(move || {
        let text = rest?;
        number += 1;
        let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let line = match end {
            None => {
                rest = None;
                text
            }
            Some(end) => {
                let length = if text[end..].starts_with(b"\r\n") { 2 } else { 1 };
                rest = Some(&text[end + length..]);
                &text[..end]
            }
        };
        Some((number, line.trim_ascii()))
    })
}

/// Finds `-----BEGIN LABEL-----` in a line; returns what precedes it, the label and what follows.
fn boundary<'a>(line: &'a [u8], marker: &str) -> Option<(&'a [u8], String, &'a [u8])> {
    let before = find(line, marker.as_bytes())?;
    let start = before + marker.len();
    let length = find(&line[start..], DASHES.as_bytes())?;
    let label = std::str::from_utf8(line.get(start..start + length)?).ok()?;
    let rest = &line[start + length + DASHES.len()..];
    Some((&line[..before], label.trim().to_owned(), rest))
}

fn add_line(block: &mut Open, text: &[u8], line: usize) -> Result<(), PemError> {
    if find(text, BEGIN.as_bytes()).is_some() {
        return Err(PemError::Unclosed(block.line));
    }
    // A header of RFC 1421, which can only precede the content.
    if block.base64.is_empty() && text.contains(&b':') {
        if text.starts_with(b"Proc-Type:") && find(text, b"ENCRYPTED").is_some() {
            block.legacy_encryption = true;
        }
        return Ok(());
    }
    for byte in mangled::without_quotes(text).iter().filter(|byte| !byte.is_ascii_whitespace()) {
        if !is_base64(*byte) {
            return Err(PemError::BadCharacter(line));
        }
        block.base64.push(*byte);
    }
    Ok(())
}

fn close(block: Open) -> Result<Block, PemError> {
    let der = BASE64.decode(block.base64.as_slice()).map_err(|_| PemError::BadLength(block.line))?;
    Ok(Block {
        label: Label::parse(&block.label),
        line: block.line,
        der: Zeroizing::new(der),
        legacy_encryption: block.legacy_encryption,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";

    fn labels(text: &[u8]) -> Vec<(Label, usize, Vec<u8>)> {
        read(text)
            .expect("readable blocks")
            .into_iter()
            .map(|block| (block.label, block.line, block.der.to_vec()))
            .collect()
    }

    #[test]
    fn every_arrangement_is_read() {
        let plain = vec![(Label::Certificate, 1, vec![1, 2, 3])];
        assert_eq!(labels(BLOCK.as_bytes()), plain);
        assert_eq!(labels(BLOCK.replace('\n', "\r\n").as_bytes()), plain);
        assert_eq!(labels(BLOCK.replace('\n', "\r").as_bytes()), plain);
        assert_eq!(labels(BLOCK.replace('\n', "  \t\n").as_bytes()), plain);
        assert_eq!(labels(BLOCK.trim_end().as_bytes()), plain);
        assert_eq!(labels(format!("\u{feff}{BLOCK}").as_bytes()), plain);
        let attributes = format!("Bag Attributes\n    friendlyName: x\nsubject=CN = ü\n{BLOCK}");
        assert_eq!(labels(attributes.as_bytes())[0].1, 4);
        let joined = format!("{}{}", BLOCK.trim_end(), BLOCK.replace("CERTIFICATE", "RSA PRIVATE KEY"));
        let joined: Vec<_> =
            labels(joined.as_bytes()).into_iter().map(|(label, line, _)| (label, line)).collect();
        assert_eq!(joined, [(Label::Certificate, 1), (Label::RsaPrivateKey, 3)]);
    }

    /// What GitLab, GitHub, Jenkins, Kubernetes, Docker and PowerShell do to a file.
    #[test]
    fn what_became_of_a_file_in_a_variable_is_read() {
        let two = format!("{BLOCK}{BLOCK}");
        let utf16 =
            |text: &str, order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        let forms: Vec<Vec<u8>> = vec![
            two.replace('\n', "\\n").into(),
            two.replace('\n', "\\r\\n").into(),
            two.replace('\n', " ").into(),
            two.replace('\n', "").into(),
            format!("\"{two}\"").into(),
            format!("'{}'", two.replace('\n', "\\n")).into(),
            two.lines().map(|line| format!("\"{line}\",\n")).collect::<String>().into(),
            two.lines().map(|line| format!("  '{line}\\n' +\n")).collect::<String>().into(),
            two.lines().map(|line| format!("{line}\\\n")).collect::<String>().into(),
            utf16(&format!("\u{feff}{two}"), u16::to_le_bytes),
            utf16(&format!("\u{feff}{two}"), u16::to_be_bytes),
            utf16(&two, u16::to_le_bytes),
            base64::engine::general_purpose::STANDARD.encode(two.replace('\n', "\\n")).into(),
        ];
        for form in forms {
            let shown = String::from_utf8_lossy(&form).into_owned();
            let read: Vec<_> =
                read(&form).unwrap_or_else(|error| panic!("{error}: {shown}")).into_iter().collect();
            assert_eq!(read.len(), 2, "{shown}");
            assert!(
                read.iter().all(|block| block.label == Label::Certificate && **block.der == [1, 2, 3]),
                "{shown}"
            );
        }
    }

    #[test]
    fn base64_of_pem_is_read() {
        let wrapped = base64::engine::general_purpose::STANDARD.encode(BLOCK);
        assert_eq!(labels(wrapped.as_bytes())[0].0, Label::Certificate);
    }

    #[test]
    fn legacy_encryption_is_noticed() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAQID\n-----END RSA PRIVATE KEY-----";
        assert!(read(text.as_bytes()).expect("readable")[0].legacy_encryption);
    }

    #[test]
    fn errors_give_the_line() {
        let error = |text: &str| read(text.as_bytes()).expect_err("an error");
        assert_eq!(error(""), PemError::Empty);
        assert_eq!(error(" \r\n"), PemError::Empty);
        assert_eq!(error("hello, world"), PemError::NeitherPemNorDer);
        assert_eq!(
            read(&[0xFE, 0xED, 0xFE, 0xED, 0, 0]).expect_err("an error"),
            PemError::Foreign(Foreign::JavaKeystore)
        );
        assert_eq!(error("\n\n-----BEGIN CERTIFICATE-----\nAQID\n"), PemError::Unclosed(3));
        assert_eq!(error(&BLOCK.replace("END CERTIFICATE", "END X")), PemError::Unclosed(1));
        assert_eq!(error(&format!("-----BEGIN CERTIFICATE-----\n{BLOCK}")), PemError::Unclosed(1));
        assert_eq!(error(&BLOCK.replace("AQID", "AQ!D")), PemError::BadCharacter(2));
        assert_eq!(error(&BLOCK.replace("AQID", "AQIDA")), PemError::BadLength(1));
        assert_eq!(error(&BLOCK.repeat(BLOCK_LIMIT + 1)), PemError::TooManyBlocks);
    }
}
