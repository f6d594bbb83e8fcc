//! Just enough XML to read the flat answers of STS: no custom entities, no namespaces, no attributes.

use std::borrow::Cow;

/// The content of one element, or a whole document.
#[derive(Clone, Copy)]
pub struct Document<'a>(&'a str);

impl<'a> Document<'a> {
    /// Accepts a document if it is UTF-8; the transport limits its length.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        std::str::from_utf8(body).ok().map(Self)
    }

    /// Returns the content of the first element with this name, at any depth.
    ///
    /// An element that contains another with its own name is not read correctly; the answers have none.
    pub fn inside(self, name: &str) -> Option<Self> {
        let mut rest = self.0;
        loop {
            let (_, tag) = rest.split_once('<')?;
            let (tag, content) = tag.split_once('>')?;
            rest = content;
            if tag.split_ascii_whitespace().next() == Some(name) && !tag.ends_with('/') {
                return content.split_once(&format!("</{name}>")).map(|(content, _)| Self(content));
            }
        }
    }

    /// Returns the text of the first element with this name, with character references and the five predefined entities
    /// decoded.
    pub fn text(self, name: &str) -> Option<Cow<'a, str>> {
        let text = self.inside(name)?.0.trim();
        if text.contains('<') {
            return None;
        }
        if text.contains('&') { unescaped(text).map(Cow::Owned) } else { Some(Cow::Borrowed(text)) }
    }

    /// Returns the text of the first element with this name unchanged; `None` if it contains entities.
    pub fn plain(self, name: &str) -> Option<&'a str> {
        let text = self.inside(name)?.0.trim();
        (!text.contains(['<', '&'])).then_some(text)
    }
}

fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('&');
    let mut plain = String::from(parts.next()?);
    for part in parts {
        let (entity, rest) = part.split_once(';')?;
        plain.push(match entity {
            "amp" => '&',
            "apos" => '\'',
            "gt" => '>',
            "lt" => '<',
            "quot" => '"',
            number => {
                let number = number.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                char::from_u32(code.ok()?)?
            }
        });
        plain.push_str(rest);
    }
    Some(plain)
}

/// Shows nothing: the answer of AssumeRole contains secrets.
impl std::fmt::Debug for Document<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found() {
        let xml = Document::parse(
            b"<?xml version='1.0'?><A xmlns=\"x\"><B/><B> a&lt;b&#38;&#x63; </B><C>d</C></A>",
        )
        .unwrap();
        assert_eq!(xml.inside("A").unwrap().text("B").as_deref(), Some("a<b&c"));
        assert_eq!(xml.text("C").as_deref(), Some("d"));
        assert_eq!(xml.plain("C"), Some("d"));
        assert_eq!(xml.plain("B"), None);
        assert_eq!(xml.text("A"), None);
        assert_eq!(xml.text("D"), None);
    }

    #[test]
    fn damage_is_no_text() {
        for xml in [
            "",
            "<",
            "<A",
            "<A>",
            "<A>x",
            "</A>",
            "<A>&</A>",
            "<A>&x;</A>",
            "<A>&#xD800;</A>",
            "<A>&#99999999999;</A>",
        ] {
            assert_eq!(Document::parse(xml.as_bytes()).and_then(|xml| xml.text("A")), None, "{xml}");
        }
        assert!(Document::parse(b"\xff").is_none());
    }
}
