//! Selectors: which certificate is meant among many, as `--cert-selector` says it.
//!
//! The form is the official helper's: `Key=x509Subject,Value=CN=build-17 Key=x509Issuer,Value=CN=Example CA`, or the same in JSON, an
//! array of objects with `Key` and `Value`. Its keys are `x509Subject`, `x509Issuer` and `x509Serial`; ours add `sha256` and `sha1`.
//! A certificate matches if it matches every key. Pure: nothing is read here.

use std::fmt;

use super::written_name::WrittenName;
use super::{Certificate, name};

/// The longest selector, in octets; names have no limit of their own.
pub const LENGTH_LIMIT: usize = 16 * 1024;

/// Which certificate is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    key: Key,
    /// The value as it was written.
    text: String,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Subject,
    Issuer,
    Serial,
    Sha256,
    Sha1,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Fingerprint(Vec<u8>),
    Name(WrittenName),
    /// A serial number in lower-case hex, as [`super::SerialNumber::hex`] has it.
    Serial(String),
}

/// A text that is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct SelectorError {
    /// What is wrong with it, and what belongs there.
    pub why: String,
}

impl SelectorError {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

impl Key {
    const ALL: [Self; 5] = [Self::Subject, Self::Issuer, Self::Serial, Self::Sha256, Self::Sha1];

    const fn name(self) -> &'static str {
        match self {
            Self::Subject => "x509Subject",
            Self::Issuer => "x509Issuer",
            Self::Serial => "x509Serial",
            Self::Sha256 => "sha256",
            Self::Sha1 => "sha1",
        }
    }

    fn parse(text: &str) -> Result<Self, SelectorError> {
        Self::ALL.into_iter().find(|key| key.name().eq_ignore_ascii_case(text.trim())).ok_or_else(|| {
            let keys = Self::ALL.map(Self::name).join(", ");
            SelectorError::new(format!("a Key is one of {keys}, and not '{}'", name::shown(text)))
        })
    }
}

impl Selector {
    /// Reads a selector as it stands on a command line.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        check_length(text)?;
        let mut entries = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let entry = rest.strip_prefix("Key=").and_then(|rest| rest.split_once(",Value="));
            let Some((key, value)) = entry else {
                return Err(SelectorError::new(format!(
                    "a selector is written as Key=x509Subject,Value=CN=build-17, and this is not: '{}'",
                    name::shown(rest)
                )));
            };
            // The next one begins after white space.
            let end = next_entry(value).unwrap_or(value.len());
            entries.push((key, value[..end].trim()));
            rest = &value[end..];
        }
        Self::of_entries(entries)
    }

    /// Reads a selector in JSON: `[{"Key": "x509Subject", "Value": "CN=build-17"}]`.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn parse_json(text: &str) -> Result<Self, SelectorError> {
        check_length(text)?;
        let entries: Vec<Entry> = serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            SelectorError::new(format!(
                r#"it is an array like [{{"Key": "x509Subject", "Value": "CN=build-17"}}], and line {line} column {column} is not"#
            ))
        })?;
        Self::of_entries(entries.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())))
    }

    fn of_entries<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, SelectorError> {
        let mut terms: Vec<Term> = Vec::new();
        for (key, text) in entries {
            let key = Key::parse(key)?;
            if terms.iter().any(|term| term.key == key) {
                return Err(SelectorError::new(format!("{} is given twice", key.name())));
            }
            let value = Value::parse(key, text)
                .map_err(|why| SelectorError::new(format!("the Value of {}: {why}", key.name())))?;
            terms.push(Term { key, text: text.trim().to_owned(), value });
        }
        if terms.is_empty() {
            return Err(SelectorError::new("a selector has at least one Key=…,Value=…"));
        }
        terms.sort_by_key(|term| term.key);
        Ok(Self { terms })
    }

    /// Tells whether a certificate is meant.
    pub fn matches(&self, certificate: &Certificate) -> bool {
        self.terms.iter().all(|term| term.matches(certificate))
    }

    /// Returns the selector of this certificate and no other: `Key=sha256,Value=3f2a…`.
    pub fn of_one(certificate: &Certificate) -> Self {
        let text = certificate.sha256();
        let value = Value::Fingerprint(hex::decode(&text).unwrap_or_default());
        Self { terms: vec![Term { key: Key::Sha256, text, value }] }
    }

    /// Returns the selector of this certificate and its renewals, by the names of subject and issuer; `None` where it has an empty name.
    pub fn of_renewals(certificate: &Certificate) -> Option<Self> {
        let term = |key, text: &str| {
            let value = Value::Name(WrittenName::parse(text).ok()?);
            Some(Term { key, text: text.to_owned(), value })
        };
        let subject = term(Key::Subject, certificate.subject_name())?;
        let issuer = term(Key::Issuer, certificate.issuer_name())?;
        Some(Self { terms: vec![subject, issuer] }).filter(|selector| selector.matches(certificate))
    }

    /// Returns the certificate's serial number in hex, if the selector's is that number in decimal: the two are easily confused.
    pub fn serial_in_decimal(&self, certificate: &Certificate) -> Option<String> {
        let serial = self.terms.iter().find(|term| term.key == Key::Serial)?;
        let number = certificate.serial_number();
        (serial.text == number.decimal() && !serial.matches(certificate)).then(|| number.hex().to_owned())
    }
}

/// Writes the selector in the form of [`Selector::parse`], the keys in one order.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Term { key, text, .. }) in self.terms.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            let mut text = text.clone();
            // What would begin another entry is escaped: white space in a name may be.
            while let Some(at) = next_entry(&text) {
                let escaped = format!("\\{}", hex::encode(&text[at - 1..at]));
                let slashes = text[..at - 1].len() - text[..at - 1].trim_end_matches('\\').len();
                text.replace_range(at - 1 - slashes % 2..at, &escaped);
            }
            write!(f, "{space}Key={},Value={text}", key.name())?;
        }
        Ok(())
    }
}

/// Returns where the next entry begins in a value and what follows it: after white space.
fn next_entry(text: &str) -> Option<usize> {
    let begins = |at: &usize| text[..*at].ends_with(|before: char| before.is_ascii_whitespace());
    text.match_indices("Key=").map(|(at, _)| at).find(begins)
}

impl Term {
    fn matches(&self, certificate: &Certificate) -> bool {
        match (self.key, &self.value) {
            (Key::Subject, Value::Name(name)) => name.is(certificate.subject_der()),
            (Key::Issuer, Value::Name(name)) => name.is(certificate.issuer_der()),
            (Key::Serial, Value::Serial(serial)) => *serial == certificate.serial_number().hex(),
            (Key::Sha256, Value::Fingerprint(sha256)) => certificate.sha256() == hex::encode(sha256),
            (Key::Sha1, Value::Fingerprint(sha1)) => certificate.sha1() == hex::encode(sha1),
            (
                Key::Subject | Key::Issuer | Key::Serial | Key::Sha256 | Key::Sha1,
                Value::Fingerprint(_) | Value::Name(_) | Value::Serial(_),
            ) => false,
        }
    }
}

impl Value {
    fn parse(key: Key, text: &str) -> Result<Self, String> {
        match key {
            Key::Subject | Key::Issuer => WrittenName::parse(text).map(Self::Name),
            Key::Serial => serial(text).map(Self::Serial),
            Key::Sha256 => fingerprint(text, 32).map(Self::Fingerprint),
            Key::Sha1 => fingerprint(text, 20).map(Self::Fingerprint),
        }
    }
}

/// Returns the digits of a number as tools print them: with colons or spaces, and with the invisible mark that a Windows dialog puts
/// before them.
fn digits(text: &str) -> String {
    text.chars().filter(|character| !matches!(character, ':' | ' ' | '\u{200e}')).collect()
}

fn serial(text: &str) -> Result<String, String> {
    let digits = digits(text).to_ascii_lowercase();
    let (minus, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits.as_str()),
    };
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let is_hex = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_hexdigit());
    if !is_hex {
        return Err("a serial number is written in hex, colons and case do not matter".to_owned());
    }
    let digits = digits.trim_start_matches('0');
    let width = digits.len().max(1).next_multiple_of(2);
    Ok(format!("{minus}{digits:0>width$}"))
}

fn fingerprint(text: &str, octets: usize) -> Result<Vec<u8>, String> {
    let fingerprint = hex::decode(digits(text)).ok().filter(|fingerprint| fingerprint.len() == octets);
    fingerprint
        .ok_or_else(|| format!("a fingerprint has {} hex digits, colons and case do not matter", octets * 2))
}

fn check_length(text: &str) -> Result<(), SelectorError> {
    if text.len() > LENGTH_LIMIT {
        return Err(SelectorError::new(format!("it is longer than {LENGTH_LIMIT} octets")));
    }
    Ok(())
}

#[derive(serde::Deserialize)]
struct Entry {
    #[serde(rename = "Key", alias = "key")]
    key: String,
    #[serde(rename = "Value", alias = "value")]
    value: String,
}

#[cfg(test)]
mod tests;
