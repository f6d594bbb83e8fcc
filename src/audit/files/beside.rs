//! Whether a secret access key stands beside its id. Nothing of it is kept, nor returned.

use std::ops::Range;

use base64::Engine as _;
use memchr::{memchr_iter, memrchr_iter};
use zeroize::Zeroizing;

use super::escapes::undone;
use super::key_id::{BASE64, LENGTH, is_base64};

/// How many characters a secret access key has.
const SECRET_LENGTH: usize = 40;
/// How far a secret may stand before or behind its id, in octets; on one line of JSON much stands between.
const REACH: usize = 2048;
/// How many lines behind its id.
const LINES_BEHIND: usize = 10;
/// How many lines before its id: files list the id first.
const LINES_BEFORE: usize = 6;
/// The most that [`repetition`] of a secret is: a Shannon entropy of 4.1 bits a character. Forty random characters have 4.6 or more,
/// words and paths less than 4.
const MOST_REPETITION: u128 = 1 << 49;

/// Tells whether a secret stands beside the id at that place of a text.
pub(super) fn has_secret(text: &[u8], id: Range<usize>) -> bool {
    let behind = behind(text, id.end);
    if holds_secret(&text[id.end..behind]) {
        return true;
    }
    let before = before(text, id.start);
    let region = &text[before..id.start];
    if !holds_secret(region) {
        return false;
    }
    // What follows another id is that one's secret, unless another record begins between.
    match other_id(region, true) {
        None => true,
        Some(end) => {
            let rest = &region[end..];
            record_end(rest).is_some_and(|start| holds_secret(&rest[start..]))
        }
    }
}

/// Returns where the region ends in which a secret would belong to the id before it.
fn behind(text: &[u8], from: usize) -> usize {
    let most = text.len().min(from + REACH);
    let region = &text[from..most];
    let lines = memchr_iter(b'\n', region).nth(LINES_BEHIND).unwrap_or(region.len());
    let region = &region[..lines];
    from + other_id(region, false).unwrap_or(region.len())
}

fn before(text: &[u8], to: usize) -> usize {
    let least = to.saturating_sub(REACH);
    let region = &text[least..to];
    least + memrchr_iter(b'\n', region).nth(LINES_BEFORE).unwrap_or(0)
}

/// Finds another id: where the first begins, or where the last one ends.
fn other_id(region: &[u8], last: bool) -> Option<usize> {
    let is_id = |at: &usize| {
        region.get(*at..*at + LENGTH).is_some_and(|text| {
            matches!(&text[..4], b"AKIA" | b"ASIA" | b"ABIA" | b"ACCA")
                && text.iter().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        })
    };
    let mut starts = memchr_iter(b'A', region);
    if last { starts.rev().find(is_id).map(|at| at + LENGTH) } else { starts.find(is_id) }
}

/// Finds where the last record ends: at an empty line, a heading, or a closing brace.
fn record_end(region: &[u8]) -> Option<usize> {
    let ends = |at: &usize| {
        let rest = &region[*at..];
        rest.starts_with(b"\n\n")
            || rest.starts_with(b"\n\r\n")
            || rest.starts_with(b"\n[")
            || rest.starts_with(b"\n---")
            || rest.starts_with(b"}")
            || rest.starts_with(b"</")
    };
    (0..region.len()).rev().find(ends)
}

/// Tells whether one of the words of a region is a secret, as it is or in base64.
fn holds_secret(region: &[u8]) -> bool {
    let plain = Zeroizing::new(undone(region));
    words(&plain).any(|(word, padded)| {
        if word.len() == SECRET_LENGTH && !padded {
            return is_secret(word);
        }
        // Forty octets, or with the line feed of `echo`, are 54 to 56 characters of base64.
        if !(54..=56).contains(&word.len()) {
            return false;
        }
        let decoded = Zeroizing::new(BASE64.decode(word).unwrap_or_default());
        is_secret(decoded.trim_ascii_end())
    })
}

/// Returns the runs of characters of base64, each with whether padding follows.
fn words(text: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|c| is_base64(*c))?;
        let word = &rest[start..];
        let end = word.iter().position(|c| !is_base64(*c)).unwrap_or(word.len());
        rest = &word[end..];
        Some((&word[..end], rest.first() == Some(&b'=')))
    })
}

/// Tells whether a text has the form of a secret access key: forty random characters of base64.
pub(super) fn is_secret(text: &[u8]) -> bool {
    text.len() == SECRET_LENGTH
        && text.iter().all(|c| is_base64(*c))
        && text.iter().any(u8::is_ascii_uppercase)
        && text.iter().any(u8::is_ascii_lowercase)
        && !text.iter().all(u8::is_ascii_hexdigit)
        && repetition(text) <= MOST_REPETITION
}

/// The product of `c^c` over the number of times that each character is there. Of forty characters the entropy is
/// `log2(40) - log2(product) / 40`; whole numbers do without a library of mathematics, which each start of the program would load.
fn repetition(text: &[u8]) -> u128 {
    let mut counts = [0_u32; 256];
    for character in text {
        counts[usize::from(*character)] += 1;
    }
    counts.iter().map(|count| u128::from(*count).saturating_pow(*count)).fold(1, u128::saturating_mul)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const ID: &str = "AKIAQNZGKIQY56JQ7WML";
    const OTHER: &str = "AKIAQNZGKIQYZZ7QAWML";
    const SECRET: &str = "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";

    fn found(text: &str) -> bool {
        let start = text.find(ID).expect("it is there");
        has_secret(text.as_bytes(), start..start + LENGTH)
    }

    #[test]
    fn a_secret_is_found_in_every_writing() {
        let percent = SECRET.replace('/', "%2F").replace('+', "%2B");
        let json = SECRET.replace('/', "\\/");
        for text in [
            format!("{ID}:{SECRET}"),
            format!("id = {ID}\nsecret = {SECRET}\n"),
            format!("secret = {SECRET}\nid = {ID}\n"),
            format!("s3://{ID}:{percent}@bucket"),
            format!("{{\"a\":\"{ID}\",\"b\":\"{json}\"}}"),
            format!("id: {ID}\nsecret: {}\n", STANDARD.encode(SECRET)),
            format!("id={ID}=\r\nsecret=3D{}=\r\n{}", &SECRET[..20], &SECRET[20..]),
        ] {
            assert!(found(&text), "{text}");
        }
    }

    #[test]
    fn what_is_no_secret_is_none() {
        for text in [
            format!("{ID} 0123456789abcdef0123456789abcdef01234567"),
            format!("{ID} /usr/share/doc/packages/and/so/on/andfar"),
            format!("{ID} {SECRET}X"),
            format!("{ID}{}{SECRET}", "\n".repeat(20)),
        ] {
            assert!(!found(&text), "{text}");
        }
    }

    #[test]
    fn a_secret_belongs_to_the_id_before_it() {
        assert!(!found(&format!("id = {ID}\n\n[other]\nid = {OTHER}\nsecret = {SECRET}\n")));
        assert!(!found(&format!("[other]\nid = {OTHER}\nsecret = {SECRET}\n[this]\nid = {ID}\n")));
        assert!(found(&format!("[other]\nid = {OTHER}\n\n[this]\nsecret = {SECRET}\nid = {ID}\n")));
    }
}
