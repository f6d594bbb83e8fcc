//! Distinguished names as text (RFC 4514), such as `CN=build-17,OU=CI+OU=Linux,O=Example\, Inc.`

use std::fmt::{self, Write as _};
use std::str::FromStr;

use pkcs8::ObjectIdentifier;

use super::{Attribute, AttributeType, DistinguishedName, NameError};

/// Parses RFC 4514 text, the most specific attribute first; the empty text is the empty name.
///
/// More lenient than the RFC in one way: spaces around `,`, `+` and `=` are ignored, since people write them. Types are
/// case-insensitive. A value in `#` form is rejected.
impl FromStr for DistinguishedName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut relative = Vec::new();
        let mut attributes = Vec::new();
        let mut rest = text;
        loop {
            let (attribute, separator, after) = parse_attribute(rest)?;
            attributes.push(attribute);
            if separator != Some('+') {
                relative.push(std::mem::take(&mut attributes));
            }
            if separator.is_none() {
                break;
            }
            rest = after;
        }
        relative.reverse();
        Self::new(relative)
    }
}

/// Returns the first attribute, the `,` or `+` after it, and what follows.
fn parse_attribute(text: &str) -> Result<(Attribute, Option<char>, &str), NameError> {
    let (kind, rest) = text.split_once('=').ok_or(if text.trim().is_empty() {
        NameError::EmptyRelativeName
    } else {
        NameError::NoEqualsSign
    })?;
    if kind.trim_start().starts_with([',', '+']) {
        return Err(NameError::EmptyRelativeName);
    }
    let kind = parse_type(kind.trim())?;
    let rest = rest.trim_start_matches(' ');
    if rest.starts_with('#') {
        return Err(NameError::HexadecimalValue);
    }

    let mut value = Vec::new();
    // The length of the value up to the last character that is not an unescaped space.
    let mut kept = 0;
    let mut characters = rest.char_indices();
    let mut end = (None, "");
    while let Some((position, character)) = characters.next() {
        match character {
            ',' | '+' => {
                end = (Some(character), &rest[position + 1..]);
                break;
            }
            '\\' => {
                value.push(parse_escape(&mut characters)?);
                kept = value.len();
            }
            ' ' => value.push(b' '),
            '"' | ';' | '<' | '>' | '\0' => return Err(NameError::NotEscaped(character)),
            other => {
                value.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                kept = value.len();
            }
        }
    }
    value.truncate(kept);
    let value = String::from_utf8(value).map_err(|_| NameError::Utf8)?;
    Ok((Attribute::new(kind, value)?, end.0, end.1))
}

/// Returns the octet after a backslash: a special character, or two hexadecimal digits.
fn parse_escape(characters: &mut impl Iterator<Item = (usize, char)>) -> Result<u8, NameError> {
    let mut next = || characters.next().map(|(_, character)| character).ok_or(NameError::Escape);
    let first = next()?;
    if " \"#+,;<=>\\".contains(first) {
        return u8::try_from(first).map_err(|_| NameError::Escape);
    }
    let high = first.to_digit(16).ok_or(NameError::Escape)?;
    let low = next()?.to_digit(16).ok_or(NameError::Escape)?;
    u8::try_from(high * 16 + low).map_err(|_| NameError::Escape)
}

fn parse_type(text: &str) -> Result<AttributeType, NameError> {
    let named = AttributeType::NAMED
        .into_iter()
        .find(|kind| kind.name().is_some_and(|name| name.eq_ignore_ascii_case(text)));
    if let Some(kind) = named {
        return Ok(kind);
    }
    let oid = ObjectIdentifier::new(text).map_err(|_| NameError::UnknownType)?;
    // Each type has one representation, so that equal names compare equal however they were written.
    let known = AttributeType::NAMED.into_iter().find(|kind| kind.oid() == oid);
    Ok(known.unwrap_or(AttributeType::Other(oid)))
}

/// Returns the short name, or the object identifier in dotted form.
pub(super) fn type_text(kind: AttributeType) -> String {
    kind.name().map_or_else(|| kind.oid().to_string(), str::to_owned)
}

/// Writes RFC 4514 text that parses to the same name.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, attributes) in self.relative.iter().rev().enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            for (index, attribute) in attributes.iter().enumerate() {
                if index > 0 {
                    f.write_char('+')?;
                }
                write!(f, "{attribute}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", type_text(self.kind))?;
        let last = self.value.chars().count().saturating_sub(1);
        for (index, character) in self.value.chars().enumerate() {
            match character {
                '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(f, "\\{character}")?,
                '#' if index == 0 => f.write_str("\\#")?,
                ' ' if index == 0 || index == last => f.write_str("\\ ")?,
                control if control.is_control() => {
                    for octet in control.encode_utf8(&mut [0; 4]).bytes() {
                        write!(f, "\\{octet:02x}")?;
                    }
                }
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<DistinguishedName, NameError> {
        text.parse()
    }

    #[test]
    fn text_is_read_and_written() {
        for text in [
            "",
            "CN=build-17",
            "CN=build-17,O=Example",
            "CN=a+UID=b,DC=example,DC=com",
            r#"CN=\#1\, the \"first\"\;\ ,O=\ a b"#,
            r"CN=line\0afeed\00",
            "1.3.6.1.4.1.99999.1=value,serialNumber=42",
            "CN=Büro=1",
        ] {
            assert_eq!(parse(text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn loose_text_is_read() {
        assert_eq!(parse(" cn = a , o=b c ").expect("spaces").to_string(), "CN=a,O=b c");
        assert_eq!(parse("2.5.4.3=a").expect("a known type").to_string(), "CN=a");
        assert_eq!(parse(r"CN=B\c3\bcro").expect("escaped UTF-8").to_string(), "CN=Büro");
    }

    #[test]
    fn broken_text_is_refused() {
        for (text, error) in [
            ("CN", NameError::NoEqualsSign),
            ("CN=a,", NameError::EmptyRelativeName),
            ("CN=a,,O=b", NameError::EmptyRelativeName),
            ("CN=", NameError::ValueLength { kind: AttributeType::CommonName }),
            ("XX=a", NameError::UnknownType),
            ("CN=#0401", NameError::HexadecimalValue),
            ("CN=a;O=b", NameError::NotEscaped(';')),
            (r"CN=a\", NameError::Escape),
            (r"CN=\zz", NameError::Escape),
            (r"CN=\ff", NameError::Utf8),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
        assert_eq!(parse("CN=a,".repeat(65).trim_end_matches(',')), Err(NameError::TooManyAttributes));
    }

    proptest! {
        #[test]
        fn every_value_survives_its_text(value in "\\PC{1,12}|[ #\\\\\"+,;<>=\u{0}\n]{1,6}") {
            let name = DistinguishedName::common_name(value).expect("1 to 48 octets");
            prop_assert_eq!(parse(&name.to_string()), Ok(name));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
