//! JSON with the line of each value: `serde_json` says whether it is JSON, and the walk that follows takes it apart.

use serde::de::IgnoredAny;

use super::super::node::{DEEPEST, Member, Node, Value};

/// Reads one JSON document, or several, as where commands appended to one file.
pub(in super::super) fn read(text: &str) -> Result<Vec<Node>, String> {
    let mut documents = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    loop {
        match documents.next() {
            None => break,
            Some(Ok(IgnoredAny)) => {}
            // What serde_json says names the line and quotes nothing.
            Some(Err(error)) => return Err(format!("it is not JSON: {error}")),
        }
    }
    let mut walk = Walk { text, rest: text, line: 1, counted: 0 };
    let mut nodes = Vec::new();
    loop {
        walk.blanks();
        if walk.rest.is_empty() {
            return Ok(nodes);
        }
        nodes.push(walk.value(0)?);
    }
}

/// Where the walk stands in a text that is JSON for certain.
struct Walk<'a> {
    text: &'a str,
    rest: &'a str,
    /// The line at `counted`, an offset.
    line: usize,
    counted: usize,
}

impl<'a> Walk<'a> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r', ',', ':']);
    }

    fn line(&mut self) -> usize {
        let offset = self.text.len() - self.rest.len();
        let passed = &self.text.as_bytes()[self.counted..offset];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.counted = offset;
        self.line
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn value(&mut self, depth: usize) -> Result<Node, String> {
        if depth > DEEPEST {
            return Err(format!("it has more than {DEEPEST} levels"));
        }
        self.blanks();
        let line = self.line();
        let value = match self.rest.bytes().next() {
            Some(b'{') => {
                self.take(1);
                let mut members = Vec::new();
                while !self.ends(b'}') {
                    let line = self.line();
                    let key = self.string();
                    members.push(Member { key, line, node: self.value(depth + 1)? });
                }
                Value::Map(members)
            }
            Some(b'[') => {
                self.take(1);
                let mut nodes = Vec::new();
                while !self.ends(b']') {
                    nodes.push(self.value(depth + 1)?);
                }
                Value::List(nodes)
            }
            Some(b'"') => Value::Text(self.string()),
            Some(_) | None => {
                // One document may follow another without a blank: `0{}`.
                let is_end = |letter: char| letter.is_ascii_whitespace() || ",:[]{}\"".contains(letter);
                let length = self.rest.find(is_end).unwrap_or(self.rest.len());
                match self.take(length) {
                    "" => return Err(format!("it is not JSON, at line {line}")),
                    "null" => Value::Null,
                    "true" => Value::Bool(true),
                    "false" => Value::Bool(false),
                    number => Value::Number(number.to_owned()),
                }
            }
        };
        Ok(Node::new(line, value))
    }

    /// Passes the end of a list or a map, if it is here; also the end of everything, which no JSON reaches.
    fn ends(&mut self, end: u8) -> bool {
        self.blanks();
        match self.rest.bytes().next() {
            Some(byte) if byte == end => {
                self.take(1);
                true
            }
            Some(_) => false,
            None => true,
        }
    }

    fn string(&mut self) -> String {
        let bytes = self.rest.as_bytes();
        let mut end = 1;
        while end < bytes.len() && bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let written = self.take((end + 1).min(bytes.len()));
        // Half of a surrogate pair alone is no character.
        serde_json::from_str(written).unwrap_or_else(|_| String::from('\u{fffd}'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_its_line() {
        let nodes = read("{\"a\": [1,\n true, null],\n\"b\\\"\\\\\": \"ü\\u00e9\\n\"} {}\n[-1.5e3]").unwrap();
        assert_eq!(nodes.len(), 3);
        let a = nodes[0].get("a").unwrap().one_or_more();
        assert_eq!((a[0].line, a[1].line, &a[2].value), (1, 2, &Value::Null));
        let b = nodes[0].get("b\"\\").unwrap();
        assert_eq!((b.line, b.as_text()), (3, Some("üé\n")));
        assert_eq!(nodes[2].one_or_more()[0].value, Value::Number(String::from("-1.5e3")));
        assert!(read("{\"a\":").unwrap_err().contains("line 1"));
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read(&format!("{}{}", "[".repeat(100), "]".repeat(100))).unwrap_err().contains("64 levels"));
        // The fuzzer's: a number is a document, and the next one needs no blank.
        assert_eq!(read("0{\"Statement\": []}").map(|nodes| nodes.len()), Ok(2));
        for text in ["[]0{}\"a\"[]", "[]0 {} \"a\" []"] {
            assert_eq!(read(text).map(|nodes| nodes.len()), Ok(5), "{text}");
        }
        assert_eq!(read("\"\\ud800\"").map(|nodes| nodes.len()).unwrap_or(1), 1);
    }
}
