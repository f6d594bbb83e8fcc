//! Distinguished names as people and programs write them, compared with those in certificates.
//!
//! RFC 4514 has one form, and tools print others: openssl `C = DE, O = Example`, and `/C=DE/O=Example` before 1.1; Windows `S=` and
//! `E=`; Java and LDAP other cases of the types and `;`. What they mean is the same name, so types are compared as object
//! identifiers and values as directories do (RFC 5280 §7.1, RFC 4518 §2): neither case nor the number of spaces tells.

use x509_parser::prelude::*;

use super::name;

/// A name as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrittenName {
    /// The relative distinguished names in the order in which they were written.
    parts: Vec<Vec<Attribute>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Attribute {
    /// The type's object identifier.
    oid: String,
    value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    /// `#` and hex: the value in DER.
    Der(Vec<u8>),
    /// A text, prepared for comparison.
    Text(String),
}

/// An attribute of a certificate.
struct Found {
    oid: String,
    /// The value, tag and length included.
    der: Vec<u8>,
    /// Without them.
    content: Vec<u8>,
    /// The text prepared for comparison, where it is one.
    text: Option<String>,
}

impl WrittenName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let parts = match text.strip_prefix('/') {
            Some(rest) => one_line(rest)?,
            None => Reader { rest: text }.name()?,
        };
        Ok(Self { parts })
    }

    /// Tells whether a certificate's name, in DER, is this one; the most specific part may stand first or last.
    pub(super) fn is(&self, der: &[u8]) -> bool {
        let Ok((_, name)) = X509Name::from_der(der) else { return false };
        let found: Vec<Vec<Found>> =
            name.iter_rdn().map(|part| part.iter().map(Found::of).collect()).collect();
        let alike = |written: &Vec<Attribute>, found: &Vec<Found>| same_part(written, found);
        self.parts.len() == found.len()
            && (self.parts.iter().zip(&found).all(|(one, other)| alike(one, other))
                || self.parts.iter().zip(found.iter().rev()).all(|(one, other)| alike(one, other)))
    }
}

/// Tells whether each attribute of a part stands in the other, in any order.
fn same_part(written: &[Attribute], found: &[Found]) -> bool {
    written.len() == found.len()
        && written.iter().all(|attribute| found.iter().any(|found| attribute.is(found)))
        && found.iter().all(|found| written.iter().any(|attribute| attribute.is(found)))
}

impl Attribute {
    fn is(&self, found: &Found) -> bool {
        self.oid == found.oid
            && match &self.value {
                Value::Text(text) => found.text.as_ref() == Some(text),
                Value::Der(der) => *der == found.der || *der == found.content || same_text(der, found),
            }
    }
}

/// Tells whether a value in DER is the same text in another string type.
fn same_text(der: &[u8], found: &Found) -> bool {
    let written = asn1_rs::Any::from_der(der).ok().filter(|(rest, _)| rest.is_empty());
    let written = written.and_then(|(_, value)| name::text_of(&value));
    written.is_some_and(|text| found.text == Some(prepared(&text)))
}

impl Found {
    fn of(attribute: &AttributeTypeAndValue<'_>) -> Self {
        let value = attribute.attr_value();
        Self {
            oid: attribute.attr_type().to_id_string(),
            der: name::der_of(value),
            content: value.data.to_vec(),
            text: name::text_of(value).map(|text| prepared(&text)),
        }
    }
}

/// Prepares a text for comparison: what has no width is left out, spaces are one space, capitals are small letters (RFC 4518 §2).
fn prepared(text: &str) -> String {
    let invisible = |character: char| {
        let mapped_to_nothing = matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{1806}' | '\u{180b}'..='\u{180d}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fffc}'
        );
        mapped_to_nothing || (character.is_control() && !character.is_whitespace())
    };
    let seen: String = text.chars().filter(|character| !invisible(*character)).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Reads what openssl printed before 1.1, without its first slash: `C=DE/O=Example/CN=a/b`.
fn one_line(text: &str) -> Result<Vec<Vec<Attribute>>, String> {
    let mut parts: Vec<String> = Vec::new();
    for piece in text.split('/') {
        match parts.last_mut() {
            // A slash in a value is not escaped.
            Some(last) if !begins_attribute(piece) => {
                last.push('/');
                last.push_str(piece);
            }
            Some(_) | None => parts.push(piece.to_owned()),
        }
    }
    let attribute = |part: &String| {
        let (kind, value) = part.split_once('=').ok_or_else(|| no_equals(part))?;
        let mut octets = Octets::default();
        let mut rest = value;
        while let Some(character) = rest.chars().next() {
            rest = match (character, escape(rest)) {
                ('\\', Some((escaped, after))) => {
                    octets.extend(&escaped);
                    after
                }
                (other, _) => {
                    octets.push(other);
                    &rest[other.len_utf8()..]
                }
            };
        }
        Ok(vec![Attribute { oid: oid_of(kind)?, value: Value::Text(prepared(&octets.text()?)) }])
    };
    parts.iter().map(attribute).collect()
}

/// Tells whether a text goes on as an attribute does: with a type and `=`.
fn begins_attribute(text: &str) -> bool {
    let kind = text.split('=').next().unwrap_or_default();
    kind.len() < text.len() && oid_of(kind).is_ok()
}

fn no_equals(part: &str) -> String {
    format!("a name is written as CN=build-17,O=Example, and '{}' has no '='", name::shown(part))
}

/// Reads a name in the form of RFC 4514, and what resembles it.
struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn name(mut self) -> Result<Vec<Vec<Attribute>>, String> {
        let mut parts = vec![vec![self.attribute()?]];
        loop {
            let separator = self.rest.chars().next();
            self.rest = self.rest.get(1..).unwrap_or_default();
            match (separator, parts.last_mut()) {
                (None, _) => return Ok(parts),
                (Some('+'), Some(part)) => part.push(self.attribute()?),
                (Some(_), _) => parts.push(vec![self.attribute()?]),
            }
        }
    }

    fn attribute(&mut self) -> Result<Attribute, String> {
        let (kind, value) = self.rest.split_once('=').ok_or_else(|| no_equals(self.rest))?;
        let oid = oid_of(kind)?;
        self.rest = value.trim_start();
        let value = if let Some(rest) = self.rest.strip_prefix('"') {
            self.rest = rest;
            Value::Text(prepared(&self.quoted()?))
        } else if let Some(der) = self.hex() {
            Value::Der(der)
        } else {
            Value::Text(prepared(&self.plain()?))
        };
        Ok(Attribute { oid, value })
    }

    /// Tells whether the value ends here: at the end, or at a separator that another attribute follows. A comma that none
    /// follows was forgotten to be escaped: `O=Example, Inc.`.
    fn is_at_end(&self) -> bool {
        let mut characters = self.rest.chars();
        match characters.next() {
            None => true,
            Some(',' | ';' | '+') => begins_attribute(characters.as_str()),
            Some(_) => false,
        }
    }

    /// Reads `#` and hex; nothing is taken where that is no whole value.
    fn hex(&mut self) -> Option<Vec<u8>> {
        let digits = self.rest.strip_prefix('#')?;
        let end = digits.find(|character: char| !character.is_ascii_hexdigit()).unwrap_or(digits.len());
        let der = hex::decode(&digits[..end]).ok().filter(|der| !der.is_empty())?;
        let after = Self { rest: digits[end..].trim_start() };
        after.is_at_end().then(|| {
            self.rest = after.rest;
            der
        })
    }

    /// Reads a value in quotes, after the first; Windows doubles a quote inside.
    fn quoted(&mut self) -> Result<String, String> {
        let mut octets = Octets::default();
        loop {
            let Some(character) = self.rest.chars().next() else {
                return Err(String::from("a quote is opened and not closed"));
            };
            if let Some((escaped, after)) = escape(self.rest) {
                octets.extend(&escaped);
                self.rest = after;
                continue;
            }
            self.rest = &self.rest[character.len_utf8()..];
            match (character, self.rest.strip_prefix('"')) {
                ('"', Some(after)) => {
                    octets.push('"');
                    self.rest = after;
                }
                ('"', None) => break,
                (other, _) => octets.push(other),
            }
        }
        self.rest = self.rest.trim_start();
        if self.is_at_end() {
            octets.text()
        } else {
            Err(format!("a ',' belongs after a closed quote, not '{}'", name::shown(self.rest)))
        }
    }

    fn plain(&mut self) -> Result<String, String> {
        let mut octets = Octets::default();
        while !self.is_at_end() {
            if let Some((escaped, after)) = escape(self.rest) {
                octets.extend(&escaped);
                self.rest = after;
            } else if let Some(character) = self.rest.chars().next() {
                octets.push(character);
                self.rest = &self.rest[character.len_utf8()..];
            }
        }
        octets.text()
    }
}

/// Reads an escape at the start of a text: `\,`, `\C3`, openssl's `\xC3`, and `\u{e9}`, which this program shows.
fn escape(text: &str) -> Option<(Vec<u8>, &str)> {
    let rest = text.strip_prefix('\\')?;
    let pair = |text: &str| hex::decode(text.get(..2)?).ok();
    if let Some(octets) = pair(rest) {
        return Some((octets, &rest[2..]));
    }
    if let Some(octets) = rest.strip_prefix('x').and_then(pair) {
        return Some((octets, &rest[3..]));
    }
    let shown = rest.strip_prefix("u{").and_then(|rest| rest.split_once('}'));
    let shown = shown.and_then(|(digits, after)| {
        let character = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
        Some((character.to_string().into_bytes(), after))
    });
    shown.or_else(|| {
        // At the end it is what escaped a space that was cut off.
        let character = rest.chars().next().unwrap_or(' ');
        Some((character.to_string().into_bytes(), rest.get(character.len_utf8()..).unwrap_or_default()))
    })
}

/// A text whose octets come from characters and from escapes.
#[derive(Default)]
struct Octets(Vec<u8>);

impl Octets {
    fn push(&mut self, character: char) {
        self.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn extend(&mut self, octets: &[u8]) {
        self.0.extend_from_slice(octets);
    }

    fn text(self) -> Result<String, String> {
        String::from_utf8(self.0).map_err(|_| String::from("the escaped octets of a value are not UTF-8"))
    }
}

/// Returns the object identifier of an attribute type, written as that or by one of its names.
fn oid_of(kind: &str) -> Result<String, String> {
    let kind = kind.trim();
    let number = match kind.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case("oid.") => &kind[4..],
        Some(_) | None => kind,
    };
    let is_number = |arc: &str| !arc.is_empty() && arc.bytes().all(|octet| octet.is_ascii_digit());
    if number.contains('.') && number.split('.').all(is_number) {
        return Ok(number.to_owned());
    }
    name::oid(kind).map(str::to_owned).ok_or_else(|| {
        format!(
            "there is no attribute type '{}': CN, O, OU, C and their kin, or an object identifier",
            name::shown(kind)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The certificate's order: C, O, OU + CN of one part.
    fn der() -> Vec<u8> {
        name::tests::name(&[
            &[(&[0x55, 4, 6], 0x13, b"DE")],
            &[(&[0x55, 4, 10], 0x0C, "Müller, Söhne".as_bytes())],
            &[(&[0x55, 4, 11], 0x0C, b"Build"), (&[0x55, 4, 3], 0x13, b"build  17")],
        ])
    }

    fn is(text: &str) -> bool {
        WrittenName::parse(text).unwrap_or_else(|why| panic!("{text}: {why}")).is(&der())
    }

    #[test]
    fn one_name_in_the_forms_of_many_tools_is_the_same() {
        for text in [
            r"OU=Build+CN=build  17,O=Müller\, Söhne,C=DE",
            r"cn=BUILD 17+ou=build,o=M\C3\BCller\2C S\C3\B6hne,c=de",
            r"C = DE, O = M\C3\BCller\, S\C3\B6hne, OU = Build + CN = build  17",
            r#"CN="build 17"+OU=Build, O="Müller, Söhne", C=DE"#,
            "OID.2.5.4.3=build 17+2.5.4.11=Build;organizationName=Müller, Söhne;countryName=DE",
            r"OU=Build+CN=build 17,O=M\u{fc}ller\, S\u{f6}hne,C=#13024445",
            "OU=#0c054275696c64+CN=build 17,O=Müller\\,  Söhne ,C=#0C024445",
        ] {
            assert!(is(text), "{text}");
        }
        for text in [
            "CN=build 17",
            "OU=Build,CN=build 17,O=Müller\\, Söhne,C=DE",
            "OU=Build+CN=build17,O=Müller\\, Söhne,C=DE",
            "O=Müller\\, Söhne,OU=Build+CN=build 17,C=DE",
            "OU=Build+OU=Build,O=Müller\\, Söhne,C=DE",
            "OU=Build+CN=build 17,O=Müller\\, Söhne,L=DE",
        ] {
            assert!(!is(text), "{text}");
        }
    }

    #[test]
    fn the_line_of_old_openssl_is_read() {
        let der = name::tests::name(&[
            &[(&[0x55, 4, 6], 0x13, b"DE")],
            &[(&[0x55, 4, 3], 0x0C, "a/b é".as_bytes())],
            &[(&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 1], 0x16, b"a@b.example")],
        ]);
        let is = |text: &str| WrittenName::parse(text).unwrap().is(&der);
        assert!(is(r"/C=DE/CN=a/b \xC3\xA9/emailAddress=a@b.example"));
        assert!(is("E=a@b.example, CN=a/b é, C=DE"));
        assert!(is("1.2.840.113549.1.9.1=#160b6140622e6578616d706c65,CN=a/b é,C=DE"));
        assert!(!is("/C=DE/CN=a/emailAddress=a@b.example"));
    }

    #[test]
    fn what_is_no_name_is_told() {
        for (text, why) in [
            ("", "has no '='"),
            ("build-17", "has no '='"),
            ("XY=build-17", "no attribute type 'XY'"),
            ("CN=\"build", "not closed"),
            ("CN=\"build\" 17", "after a closed quote"),
            (r"CN=\FF", "not UTF-8"),
            ("1..2=a", "no attribute type"),
        ] {
            let error = WrittenName::parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
