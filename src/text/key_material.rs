//! Text that may be a private key and is therefore never shown: for example, a key given instead of its path.

use std::borrow::Cow;
use std::ops::Range;

/// The start of every PEM block (RFC 7468).
const PEM: &str = "-----BEGIN";

/// A longer piece of base64 is a key rather than a name; a line of PEM has 64 characters.
const LONGEST_NAME: usize = 64;

/// How many characters of base64 are enough to recognise DER.
const SHORTEST_DER: usize = 40;

/// Returns the text with a note in place of each part that may be a key.
///
/// That is everything from `-----BEGIN` to the end of its block, and each piece of base64 (or base64url) that starts
/// like DER, or is longer than 64 characters and as irregular as encoded octets. Paths and ARNs use the same characters
/// but consist of words: [`is_irregular`] distinguishes them.
pub(super) fn concealed(text: &str) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed("");
    let mut rest = text;
    while let Some(found) = next(rest) {
        let count = rest[found.clone()].chars().count();
        let kind = if rest[found.clone()].starts_with(PEM) { " of PEM" } else { "" };
        shown.to_mut().push_str(&rest[..found.start]);
        shown.to_mut().push_str(&format!("({count} characters{kind}, not shown)"));
        rest = &rest[found.end..];
    }
    if shown.is_empty() && rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    shown.to_mut().push_str(rest);
    shown
}

/// Returns whether a whole text may be a key: part of it is concealed, or it has several lines.
pub fn is_key_material(text: &str) -> bool {
    text.trim().contains(['\n', '\r']) || next(text).is_some()
}

/// Finds the first part that may be a key.
fn next(text: &str) -> Option<Range<usize>> {
    let pem = text.find(PEM).map(|start| start..end_of_block(text, start));
    let before = pem.as_ref().map_or(text.len(), |pem| pem.start);
    base64(&text[..before]).or(pem)
}

/// Returns where a PEM block ends: after the last dash of its last line, or at the end of the text.
fn end_of_block(text: &str, start: usize) -> usize {
    let end = text[start..].rfind("-----END").map(|end| start + end + "-----END".len());
    let dashes = end.and_then(|end| text[end..].find("-----").map(|dashes| end + dashes + "-----".len()));
    dashes.unwrap_or(text.len())
}

/// Finds the first piece of base64 that may be a key.
fn base64(text: &str) -> Option<Range<usize>> {
    let mut start = 0;
    // Most texts are short, and then cannot contain a key.
    if text.len() < SHORTEST_DER {
        return None;
    }
    for piece in text.split(|letter: char| !is_base64(letter)) {
        let is_key = (piece.len() >= SHORTEST_DER && begins_as_der(piece) && has_both_cases(piece))
            || (piece.len() > LONGEST_NAME && is_irregular(piece));
        if is_key {
            return Some(start..start + piece.len());
        }
        // Each piece is followed by one character that is not base64.
        start += piece.len();
        start += text[start..].chars().next().map_or(0, char::len_utf8);
    }
    None
}

const fn is_base64(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '+' | '/' | '-' | '_')
}

/// Returns whether a piece starts like a SEQUENCE in base64: `0x30`, then a short length or one of one or two octets.
fn begins_as_der(piece: &str) -> bool {
    piece.starts_with('M') && matches!(piece.as_bytes().get(1), Some(b'A'..=b'I'))
}

fn has_both_cases(piece: &str) -> bool {
    piece.contains(char::is_uppercase) && piece.contains(char::is_lowercase)
}

/// Returns whether characters change between upper case, lower case and digits at one in three positions or more.
///
/// Random octets in base64 change at two in three, and for 66 of them fewer than half as often only once in 50,000
/// times; words, with or without capitals, change at one in four. Parts between slashes and dashes that have no
/// capitals are words or hexadecimal hashes, and are not counted.
/// hexadecimal digits, and does not count.
fn is_irregular(piece: &str) -> bool {
    let parts =
        piece.split(['/', '-', '_']).filter(|part| part.bytes().any(|letter| letter.is_ascii_uppercase()));
    let (mut letters, mut changes) = (0, 0);
    for part in parts {
        let kinds: Vec<u8> = part.bytes().map(kind).collect();
        letters += kinds.len();
        changes += kinds.windows(2).filter(|pair| pair[0] != pair[1]).count();
    }
    letters > LONGEST_NAME / 2 && changes * 3 >= letters
}

const fn kind(letter: u8) -> u8 {
    match letter {
        b'A'..=b'Z' => 0,
        b'a'..=b'z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn keys_of_every_length_are_concealed_wherever_they_stand() {
        for length in [49, 60, 83, 121, 138, 237, 609, 1218, 2400] {
            for round in 0_u32..50 {
                let mut der: Vec<u8> = (0_u32..)
                    .flat_map(|block| Sha256::digest([block.to_be_bytes(), round.to_be_bytes()].concat()))
                    .take(length)
                    .collect();
                der[..4].copy_from_slice(&[0x30, 0x82, 0x04, 0xa4]);
                if length < 128 + 2 {
                    der[..2].copy_from_slice(&[0x30, u8::try_from(length - 2).unwrap()]);
                }
                for text in [STANDARD.encode(&der), URL_SAFE_NO_PAD.encode(&der)] {
                    for text in [text.clone(), format!("env:{text}"), format!("--private-key={text}")] {
                        let shown = concealed(&text);
                        assert!(shown.ends_with("not shown)") || shown.ends_with('='), "{round}: {shown}");
                        assert!(is_key_material(&text));
                    }
                }
                // Octets without a recognisable start.
                let text = STANDARD.encode(&der[4..]);
                assert!(text.len() <= LONGEST_NAME || concealed(&text).contains("not shown"), "{text}");
            }
        }
    }

    #[test]
    fn pem_is_concealed_to_the_end_of_its_block() {
        let pem = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----";
        assert_eq!(concealed(pem), "(58 characters of PEM, not shown)");
        assert_eq!(concealed(&format!("a '{pem}' b")), "a '(58 characters of PEM, not shown)' b");
        assert_eq!(concealed("x -----BEGIN PRIVATE KEY----- MIGH"), "x (32 characters of PEM, not shown)");
        let two = format!("{pem}\n{pem}");
        assert_eq!(concealed(&two), "(117 characters of PEM, not shown)");
        assert!(is_key_material(pem) && is_key_material("a\nb") && !is_key_material("a\n"));
    }

    #[test]
    fn paths_arns_and_hashes_are_shown() {
        for text in [
            "/home/jenkins/agent/workspace/organisation_name/build-pipeline_master/secrets/host.key",
            "/Users/JohnSmith/Library/Application Support/CompanyName/IAMRolesAnywhere/ProductionKeys2026/Host.pem",
            "/var/lib/docker/overlay2/3f1e7a9c0d5b8e2f4a6c1d3b5e7f9a0c2d4e6f8a1b3c5d7e9f0a2b4c6d8e0f1a/merged/etc/host",
            "/nix/store/8zfvq4z4x2a8w0x5dkj3h5v7q1m9r6ba-anyrole-credential-helper-package-0.1.0/bin",
            "/builds/GroupName/SubGroup/ProjectName/TestResults/IntegrationTests/FixtureFolder/BuildServer",
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_AdministratorAccess_1a2b3c4d5e6f7a8b",
            "arn:aws:sts::111122223333:assumed-role/AmazonEKSNodeRole-PROD2Cluster/6bbe85f62e2dfcdc2030199dd9c839d3",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a089f86d081884c7d659a2feaa0c55ad015",
            "MIDDLEWARE/keys/host",
        ] {
            assert_eq!(concealed(text), text);
            assert!(!is_key_material(text));
        }
    }
}
