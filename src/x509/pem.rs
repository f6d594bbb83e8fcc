//! Reads certificates and keys out of PEM of any make, or out of DER.
//!
//! RFC 7468 says how PEM is written; what is met is looser: several blocks in any order, text and bag attributes
//! between them, CRLF, blanks at line ends, a byte order mark, files joined without a line feed between them.
//! All that is read. Errors give the line and the kind of a block, never its content.

use std::fmt;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::der;
use crate::text::quoted;

/// The most blocks read from one input; a bundle of all public roots has about 150.
const BLOCK_LIMIT: usize = 300;
/// Room for the base64 of any private key, so that it is not moved, and copied, while it is read.
const ROOM: usize = 32 * 1024;
/// The longest label, in bytes; longer ones are nobody's.
const LABEL_LIMIT: usize = 64;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Standard base64, with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What a block says it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// `CERTIFICATE`, `X509 CERTIFICATE`.
    Certificate,
    /// `CERTIFICATE REQUEST`, `NEW CERTIFICATE REQUEST`.
    CertificateRequest,
    /// `DSA PRIVATE KEY`.
    DsaPrivateKey,
    /// `EC PARAMETERS`.
    EcParameters,
    /// `EC PRIVATE KEY`: SEC1 (RFC 5915).
    EcPrivateKey,
    /// `ENCRYPTED PRIVATE KEY`: PKCS#8.
    EncryptedPrivateKey,
    /// `OPENSSH PRIVATE KEY`.
    OpensshPrivateKey,
    /// Anything else, by its own words.
    Other(String),
    /// PKCS#12 in DER.
    Pkcs12,
    /// `PKCS7`, `CMS`.
    Pkcs7,
    /// `PRIVATE KEY`: PKCS#8.
    PrivateKey,
    /// `PUBLIC KEY`, `RSA PUBLIC KEY`.
    PublicKey,
    /// `X509 CRL`.
    RevocationList,
    /// `RSA PRIVATE KEY`: PKCS#1.
    RsaPrivateKey,
    /// `TRUSTED CERTIFICATE`: OpenSSL's certificate with trust settings behind it.
    TrustedCertificate,
    /// `TSS2 PRIVATE KEY`: a key sealed by a TPM 2.0.
    Tss2PrivateKey,
}

impl Label {
    fn parse(words: &str) -> Self {
        match words {
            "CERTIFICATE" | "X509 CERTIFICATE" => Self::Certificate,
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Self::CertificateRequest,
            "CMS" | "PKCS7" | "PKCS #7 SIGNED DATA" => Self::Pkcs7,
            "DSA PRIVATE KEY" => Self::DsaPrivateKey,
            "EC PARAMETERS" => Self::EcParameters,
            "EC PRIVATE KEY" => Self::EcPrivateKey,
            "ENCRYPTED PRIVATE KEY" => Self::EncryptedPrivateKey,
            "OPENSSH PRIVATE KEY" => Self::OpensshPrivateKey,
            "PRIVATE KEY" => Self::PrivateKey,
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Self::PublicKey,
            "RSA PRIVATE KEY" => Self::RsaPrivateKey,
            "TRUSTED CERTIFICATE" => Self::TrustedCertificate,
            "TSS2 PRIVATE KEY" => Self::Tss2PrivateKey,
            "X509 CRL" => Self::RevocationList,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Returns whether this is a certificate.
    pub const fn is_certificate(&self) -> bool {
        matches!(self, Self::Certificate | Self::TrustedCertificate)
    }

    /// Returns whether this is a private key in any form, usable here or not.
    pub const fn is_private_key(&self) -> bool {
        matches!(
            self,
            Self::DsaPrivateKey
                | Self::EcPrivateKey
                | Self::EncryptedPrivateKey
                | Self::OpensshPrivateKey
                | Self::PrivateKey
                | Self::RsaPrivateKey
                | Self::Tss2PrivateKey
        )
    }
}

/// Says what it is, with its article: `a certificate request`.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "a certificate",
            Self::CertificateRequest => "a certificate request",
            Self::DsaPrivateKey => "a DSA private key",
            Self::EcParameters => "EC parameters",
            Self::EcPrivateKey => "an EC private key",
            Self::EncryptedPrivateKey => "an encrypted private key",
            Self::OpensshPrivateKey => "an OpenSSH private key",
            Self::Other(words) => return write!(f, "a block named {}", quoted(words)),
            Self::Pkcs12 => "a PKCS#12 store",
            Self::Pkcs7 => "a PKCS#7 message",
            Self::PrivateKey => "a private key",
            Self::PublicKey => "a public key",
            Self::RevocationList => "a certificate revocation list",
            Self::RsaPrivateKey => "an RSA private key",
            Self::TrustedCertificate => "a certificate with trust settings",
            Self::Tss2PrivateKey => "a TPM 2.0 key (TSS2 PRIVATE KEY)",
        })
    }
}

/// One block: what it says it holds, and its DER.
#[derive(Clone)]
pub struct Block {
    /// What it says it holds.
    pub label: Label,
    /// The line of `-----BEGIN`, counted from 1; 0 where the input was DER.
    pub line: usize,
    /// The content, decoded.
    pub der: Zeroizing<Vec<u8>>,
    /// `Proc-Type: 4,ENCRYPTED`: the content is encrypted in OpenSSL's own way of before PKCS#8.
    pub legacy_encryption: bool,
}

/// Shows what it is and where, not what it holds.
impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block").field("label", &self.label).field("line", &self.line).finish_non_exhaustive()
    }
}

/// Why an input holds no readable blocks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// A character that is not base64, inside a block.
    #[error("line {0} is not base64")]
    BadCharacter(usize),
    /// The base64 of a block ends in the middle of a byte.
    #[error("the block that begins at line {0} is cut off or damaged")]
    BadLength(usize),
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// Neither PEM nor DER.
    #[error("it is neither PEM nor DER")]
    NeitherPemNorDer,
    /// There are more blocks than any use needs.
    #[error("it holds more than {BLOCK_LIMIT} blocks")]
    TooManyBlocks,
    /// A block begins and does not end, or ends under another name.
    #[error("the block that begins at line {0} has no matching END line")]
    Unclosed(usize),
    /// Text in UTF-16, as PowerShell's `>` writes it.
    #[error("it is UTF-16 text; it must be saved as UTF-8 or ASCII")]
    Utf16,
}

/// Reads all blocks of a PEM text in their order, or the one structure of a DER input.
///
/// Text which is base64 of PEM or DER and nothing else, as CI systems keep files in variables, is decoded first.
///
/// # Errors
///
/// Fails if a block is damaged or cut off, or if there is none.
pub fn read(input: &[u8]) -> Result<Vec<Block>, PemError> {
    match read_plain(input) {
        Err(PemError::NeitherPemNorDer) => match unwrap_base64(input) {
            Some(inner) => read_plain(&inner),
            None => Err(PemError::NeitherPemNorDer),
        },
        outcome => outcome,
    }
}

fn read_plain(input: &[u8]) -> Result<Vec<Block>, PemError> {
    if input.starts_with(&[0xFF, 0xFE]) || input.starts_with(&[0xFE, 0xFF]) {
        return Err(PemError::Utf16);
    }
    let input = input.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(input);
    if input.iter().all(u8::is_ascii_whitespace) {
        return Err(PemError::Empty);
    }
    if let Some(label) = der::recognise(input) {
        let der = Zeroizing::new(input.to_vec());
        return Ok(vec![Block { label, line: 0, der, legacy_encryption: false }]);
    }
    let blocks = read_text(input)?;
    if blocks.is_empty() { Err(PemError::NeitherPemNorDer) } else { Ok(blocks) }
}

/// A block of which the end is not read yet.
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
        // One line can hold the end of a block and the begin of the next: files joined without a line feed.
        loop {
            match open.take() {
                None => {
                    let Some((label, rest)) = boundary(text, BEGIN) else { break };
                    let base64 = Zeroizing::new(Vec::with_capacity(input.len().min(ROOM)));
                    open = Some(Open { label, line, base64, legacy_encryption: false });
                    text = rest;
                }
                Some(mut block) => {
                    let Some((label, rest)) = boundary(text, END) else {
                        add_line(&mut block, text, line)?;
                        open = Some(block);
                        break;
                    };
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

/// Cuts the input at LF, CR LF and CR, and trims blanks; lines are counted from 1.
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

/// Finds `-----BEGIN LABEL-----` in a line; returns the label and what follows.
fn boundary<'a>(line: &'a [u8], marker: &str) -> Option<(String, &'a [u8])> {
    let start = find(line, marker.as_bytes())? + marker.len();
    let length = find(&line[start..], DASHES.as_bytes())?;
    let label = std::str::from_utf8(line.get(start..start + length)?).ok()?;
    (length <= LABEL_LIMIT).then(|| (label.trim().to_owned(), &line[start + length + DASHES.len()..]))
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

fn add_line(block: &mut Open, text: &[u8], line: usize) -> Result<(), PemError> {
    if find(text, BEGIN.as_bytes()).is_some() {
        return Err(PemError::Unclosed(block.line));
    }
    // The header of RFC 1421: only before the content.
    if block.base64.is_empty() && text.contains(&b':') {
        if text.starts_with(b"Proc-Type:") && find(text, b"ENCRYPTED").is_some() {
            block.legacy_encryption = true;
        }
        return Ok(());
    }
    for byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        if !is_base64(*byte) {
            return Err(PemError::BadCharacter(line));
        }
        block.base64.push(*byte);
    }
    Ok(())
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
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

fn unwrap_base64(input: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(input.len()));
    text.extend(input.iter().filter(|byte| !byte.is_ascii_whitespace()));
    if text.is_empty() || !text.iter().all(|byte| is_base64(*byte)) {
        return None;
    }
    BASE64.decode(text.as_slice()).ok().map(Zeroizing::new)
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
        assert_eq!(error("\n\n-----BEGIN CERTIFICATE-----\nAQID\n"), PemError::Unclosed(3));
        assert_eq!(error(&BLOCK.replace("END CERTIFICATE", "END X")), PemError::Unclosed(1));
        assert_eq!(error(&format!("-----BEGIN CERTIFICATE-----\n{BLOCK}")), PemError::Unclosed(1));
        assert_eq!(error(&BLOCK.replace("AQID", "AQ!D")), PemError::BadCharacter(2));
        assert_eq!(error(&BLOCK.replace("AQID", "AQIDA")), PemError::BadLength(1));
        assert_eq!(error(&BLOCK.repeat(BLOCK_LIMIT + 1)), PemError::TooManyBlocks);
        assert_eq!(read(&[0xFF, 0xFE, 0x2D, 0]).expect_err("an error"), PemError::Utf16);
    }
}
