//! A document before it is written in one of the languages: texts, lists and maps in their order, and references to what
//! only AWS knows once it has made it.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A boolean.
    Bool(bool),
    /// A document that the reader wants as text: JSON inside of another language.
    Json(Box<Self>),
    /// A text of several lines, each of them without anything that a language gives a meaning to: PEM.
    Lines(String),
    /// A list.
    List(Vec<Self>),
    /// A map, in the order in which it is written.
    Map(Vec<(String, Self)>),
    /// A number, as JSON writes it.
    Number(String),
    /// What AWS knows once it has made it.
    Reference(Reference),
    /// A text.
    Text(String),
}

/// What is known once AWS has made it, or somebody says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// The time at which a script runs.
    Now,
    /// The ARN of the profile.
    ProfileArn,
    /// The ARN of the role.
    RoleArn,
    /// What a policy is attached to: the organization's root, a unit or an account.
    TargetId,
    /// The ARN of the SNS topic.
    TopicArn,
    /// The ARN of the trust anchor.
    TrustAnchorArn,
}

impl Node {
    /// Joins keys and values to a map.
    pub fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// Joins texts to a list.
    pub fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.into())).collect())
    }

    /// Takes a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Takes a whole number.
    pub fn number(number: u64) -> Self {
        Self::Number(number.to_string())
    }

    /// Returns the value of a key of a map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(known, _)| known == key).map(|(_, value)| value),
            Self::Bool(_)
            | Self::Json(_)
            | Self::Lines(_)
            | Self::List(_)
            | Self::Number(_)
            | Self::Reference(_)
            | Self::Text(_) => None,
        }
    }

    /// Returns the values of a list, and one that stands alone: IAM reads both alike.
    pub fn one_or_more(&self) -> &[Self] {
        match self {
            Self::List(values) => values,
            Self::Bool(_)
            | Self::Json(_)
            | Self::Lines(_)
            | Self::Map(_)
            | Self::Number(_)
            | Self::Reference(_)
            | Self::Text(_) => std::slice::from_ref(self),
        }
    }

    /// Returns a text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bool(_)
            | Self::Json(_)
            | Self::Lines(_)
            | Self::List(_)
            | Self::Map(_)
            | Self::Number(_)
            | Self::Reference(_) => None,
        }
    }

    /// Returns a map's entries.
    pub fn as_map(&self) -> Option<&[(String, Self)]> {
        match self {
            Self::Map(entries) => Some(entries),
            Self::Bool(_)
            | Self::Json(_)
            | Self::Lines(_)
            | Self::List(_)
            | Self::Number(_)
            | Self::Reference(_)
            | Self::Text(_) => None,
        }
    }
}

impl Node {
    /// Returns the first character of a text, or of a key, that IAM takes in no policy as it is.
    pub fn beyond_policies(&self) -> Option<char> {
        let of = |text: &str| text.chars().find(|character| *character > '\u{ff}');
        match self {
            Self::Json(document) => document.beyond_policies(),
            Self::Lines(text) | Self::Text(text) => of(text),
            Self::List(values) => values.iter().find_map(Self::beyond_policies),
            Self::Map(entries) => {
                entries.iter().find_map(|(key, value)| of(key).or_else(|| value.beyond_policies()))
            }
            Self::Bool(_) | Self::Number(_) | Self::Reference(_) => None,
        }
    }
}

/// How a language writes a character that it does not take as it is in a text between double quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escapes {
    /// `\u` with four digits, and two of them beyond the first plane (RFC 8259 §7).
    Json,
    /// `\u` with four digits, and `\U` with eight beyond the first plane: HCL and YAML.
    Long,
}

/// Writes a text between double quotes. What ASCII shows stays, and but for JSON the letters and digits of all scripts; the rest
/// is escaped, so that nothing ends the text, moves the cursor or turns the direction of writing.
pub fn quoted(text: &str, escapes: Escapes, also: impl Fn(char) -> bool) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    written.push('"');
    for character in text.chars() {
        match character {
            '"' => written.push_str("\\\""),
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\r' => written.push_str("\\r"),
            '\t' => written.push_str("\\t"),
            _ if is_plain(character, escapes) && !also(character) => written.push(character),
            _ => escape(&mut written, character, escapes),
        }
    }
    written.push('"');
    written
}

fn is_plain(character: char, escapes: Escapes) -> bool {
    match escapes {
        // IAM takes nothing beyond U+00FF in a policy, but escaped it does.
        Escapes::Json => character.is_ascii_graphic() || character == ' ',
        Escapes::Long => {
            is_plain(character, Escapes::Json) || (!character.is_ascii() && character.is_alphanumeric())
        }
    }
}

fn escape(written: &mut String, character: char, escapes: Escapes) {
    match escapes {
        Escapes::Long if u32::from(character) > 0xffff => {
            written.push_str(&format!("\\U{:08x}", u32::from(character)));
        }
        Escapes::Json | Escapes::Long => {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                written.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
}

/// Reads JSON as it stands: the order of the members stays, and a member that is there twice is an error.
impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value other than null")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Node::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Node>()? {
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format!(
                    "the member {} is there twice",
                    crate::text::quoted(&key)
                )));
            }
            entries.push((key, value));
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_keeps_its_order() {
        let node: Node = serde_json::from_str(r#"{"b":[1,true,"x"],"a":{"c":-2}}"#).unwrap();
        let expected = Node::map([
            ("b", Node::List(vec![Node::number(1), Node::Bool(true), Node::text("x")])),
            ("a", Node::map([("c", Node::Number(String::from("-2")))])),
        ]);
        assert_eq!(node, expected);
        assert!(serde_json::from_str::<Node>(r#"{"a":1,"a":2}"#).is_err());
        assert!(serde_json::from_str::<Node>("null").is_err());
    }

    #[test]
    fn nothing_ends_a_text() {
        let text = "a\"b\\c\n\u{2028}é\u{1f600}\u{7f}";
        let json = quoted(text, Escapes::Json, |_| false);
        assert_eq!(json, r#""a\"b\\c\n\u2028\u00e9\ud83d\ude00\u007f""#);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        assert_eq!(quoted("\u{1f600}'", Escapes::Long, |c| c == '\''), "\"\\U0001f600\\u0027\"");
    }
}
