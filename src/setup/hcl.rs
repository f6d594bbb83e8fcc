//! Terraform's language: blocks and attributes, laid out as `terraform fmt` lays them out.

use super::document::{Escapes, Node, Reference, quoted};

/// The most columns of a list that stands on one line.
const LINE: usize = 90;

/// One part of a block's body.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// `name = value`
    Attribute(&'static str, Node),
    /// `name "label" {…}`: all before the brace, and the body.
    Block(String, Vec<Self>),
    /// A comment, of any number of lines.
    Comment(String),
    /// `name = expression`, which is written as it stands.
    Expression(&'static str, String),
}

/// Writes the parts of a file, an empty line between any two; `expression` says how a reference is written.
pub(super) fn file(items: &[Item], expression: &dyn Fn(Reference) -> String) -> String {
    let writer = Writer { expression };
    let parts: Vec<String> = items.iter().map(|item| writer.body(std::slice::from_ref(item), 0)).collect();
    parts.join("\n")
}

struct Writer<'a> {
    expression: &'a dyn Fn(Reference) -> String,
}

impl Writer<'_> {
    fn body(&self, items: &[Item], depth: usize) -> String {
        let pad = indent(depth);
        let mut lines: Vec<Line> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item {
                Item::Attribute(name, value) => {
                    lines.push(Line::Entry((*name).to_owned(), self.value(value, depth)));
                }
                Item::Block(header, body) => {
                    if index > 0 {
                        lines.push(Line::Other(String::new()));
                    }
                    lines.push(Line::Other(format!(
                        "{pad}{header} {{\n{}{pad}}}",
                        self.body(body, depth + 1)
                    )));
                }
                Item::Comment(text) => lines.push(Line::Other(comment(text, depth))),
                Item::Expression(name, text) => lines.push(Line::Entry((*name).to_owned(), text.clone())),
            }
        }
        aligned(lines, &pad)
    }

    /// Writes a value that begins behind an equals sign at this depth.
    fn value(&self, node: &Node, depth: usize) -> String {
        match node {
            Node::Bool(value) => value.to_string(),
            Node::Json(document) => format!("jsonencode({})", self.value(document, depth)),
            Node::Lines(text) => {
                let inside = indent(depth + 1);
                let lines: String = text.lines().map(|line| format!("{inside}{line}\n")).collect();
                format!("<<-EOT\n{lines}{}EOT", indent(depth))
            }
            Node::List(values) => self.list(values, depth),
            Node::Map(entries) if entries.is_empty() => String::from("{}"),
            Node::Map(entries) => {
                let lines =
                    entries.iter().map(|(name, value)| Line::Entry(key(name), self.value(value, depth + 1)));
                let lines = aligned(lines.collect(), &indent(depth + 1));
                format!("{{\n{lines}{}}}", indent(depth))
            }
            Node::Number(number) => number.clone(),
            Node::Reference(reference) => (self.expression)(*reference),
            Node::Text(text) => string(text),
        }
    }

    fn list(&self, values: &[Node], depth: usize) -> String {
        let short: Vec<String> = values.iter().map(|value| self.value(value, depth)).collect();
        let line = format!("[{}]", short.join(", "));
        if line.chars().count() <= LINE && !line.contains('\n') {
            return line;
        }
        let inside = indent(depth + 1);
        let lines: String =
            values.iter().map(|value| format!("{inside}{},\n", self.value(value, depth + 1))).collect();
        format!("[\n{lines}{}]", indent(depth))
    }
}

/// A line, or several that stand together.
enum Line {
    /// A name and what stands behind its equals sign.
    Entry(String, String),
    Other(String),
}

/// Puts the equals signs of neighbouring lines below one another. A value that goes on behind an opening bracket has no
/// neighbours.
fn aligned(lines: Vec<Line>, pad: &str) -> String {
    let is_short = |line: &Line| matches!(line, Line::Entry(_, value) if !value.contains('\n'));
    let mut written = String::new();
    let mut rest = lines.as_slice();
    while let Some((first, others)) = rest.split_first() {
        if !is_short(first) {
            match first {
                Line::Entry(name, value) => written.push_str(&format!("{pad}{name} = {value}\n")),
                Line::Other(text) => written.push_str(&format!("{text}\n")),
            }
            rest = others;
            continue;
        }
        let (group, others) = rest.split_at(rest.iter().take_while(|line| is_short(line)).count());
        let entries = group.iter().filter_map(|line| match line {
            Line::Entry(name, value) => Some((name, value)),
            Line::Other(_) => None,
        });
        let width = entries.clone().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        for (name, value) in entries {
            written.push_str(&format!("{pad}{name:<width$} = {value}\n"));
        }
        rest = others;
    }
    written
}

/// Writes a comment; what could end its line is escaped.
pub(super) fn comment(text: &str, depth: usize) -> String {
    let pad = indent(depth);
    let lines =
        text.lines().map(|line| format!("{pad}# {}", crate::text::escaped(line)).trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// Writes a text; `${` and `%{` begin a template in it, unless they are written otherwise.
pub(super) fn string(text: &str) -> String {
    let written = quoted(text, Escapes::Long, |_| false);
    let mut safe = String::with_capacity(written.len());
    let mut characters = written.chars().peekable();
    while let Some(character) = characters.next() {
        let opens = characters.peek() == Some(&'{');
        match character {
            // `$$${` would be read in another way by some versions: behind its own kind the character has no double.
            '$' | '%' if opens && safe.ends_with(character) => {
                safe.push_str(if character == '$' { "\\u0024" } else { "\\u0025" });
            }
            '$' | '%' if opens => safe.extend([character, character]),
            _ => safe.push(character),
        }
    }
    safe
}

fn key(name: &str) -> String {
    let is_word = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !["true", "false", "null", "for", "if", "in"].contains(&name);
    if is_word { name.to_owned() } else { string(name) }
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_stand_below_one_another() {
        let items = [Item::Block(
            String::from("resource \"a\" \"b\""),
            vec![
                Item::Attribute("name", Node::text("x")),
                Item::Attribute("enabled", Node::Bool(true)),
                Item::Attribute("policy", Node::Json(Box::new(Node::map([("a:b", Node::texts(["y"]))])))),
                Item::Attribute("role", Node::Reference(Reference::RoleArn)),
            ],
        )];
        let expected = "\
resource \"a\" \"b\" {
  name    = \"x\"
  enabled = true
  policy = jsonencode({
    \"a:b\" = [\"y\"]
  })
  role = r.arn
}
";
        assert_eq!(file(&items, &|_| String::from("r.arn")), expected);
    }

    #[test]
    fn no_text_is_a_template() {
        assert_eq!(string("${a} %{b} $c {"), "\"$${a} %%{b} $c {\"");
        assert_eq!(string("$${a}"), "\"$\\u0024{a}\"");
        assert_eq!(string("\"\n"), "\"\\\"\\n\"");
    }
}
