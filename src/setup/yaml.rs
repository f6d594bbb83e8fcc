//! YAML, as CloudFormation reads it: blocks, plain words, and everything else between double quotes.

use super::document::{Escapes, Node, Reference, quoted};

/// Words that YAML 1.1 takes for something other than a text.
const NOT_TEXTS: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// Writes a map as a document; `function` says how a reference is written.
pub(super) fn document(node: &Node, function: &dyn Fn(Reference) -> String) -> String {
    let mut written = block(node, 0, function);
    written.push('\n');
    written.trim_start().to_owned()
}

/// Writes what stands behind a key's colon or an item's dash: on its line, or below it.
fn block(node: &Node, depth: usize, function: &dyn Fn(Reference) -> String) -> String {
    let pad = "  ".repeat(depth);
    match node {
        Node::Bool(value) => format!(" {value}"),
        // No property of ours is JSON in a text: CloudFormation takes the document itself.
        Node::Json(document) => block(document, depth, function),
        Node::Lines(text) => {
            let lines: String = text.lines().map(|line| format!("\n{pad}{line}")).collect();
            format!(" |{lines}")
        }
        Node::List(values) if values.is_empty() => String::from(" []"),
        Node::List(values) => {
            let item = |value: &Node| {
                let has_keys = value.as_map().is_some_and(|entries| !entries.is_empty());
                let inside = block(value, depth + 1, function);
                // The first key of a map stands behind the dash.
                if has_keys {
                    format!("\n{pad}- {}", inside.trim_start())
                } else {
                    format!("\n{pad}-{inside}")
                }
            };
            values.iter().map(item).collect()
        }
        Node::Map(entries) if entries.is_empty() => String::from(" {}"),
        Node::Map(entries) => {
            let entry = |(key, value): &(String, Node)| {
                format!("\n{pad}{}:{}", scalar(key), block(value, depth + 1, function))
            };
            entries.iter().map(entry).collect()
        }
        Node::Number(number) => format!(" {number}"),
        Node::Reference(reference) => format!(" {}", function(*reference)),
        Node::Text(text) => format!(" {}", scalar(text)),
    }
}

/// Writes a comment; what could end its line is escaped.
pub(super) fn comment(text: &str) -> String {
    let lines = text.lines().map(|line| format!("# {}", crate::text::escaped(line)).trim_end().to_owned());
    lines.map(|line| line + "\n").collect()
}

fn scalar(text: &str) -> String {
    let is_word = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_./:-".contains(&byte))
        && !text.ends_with(':')
        && !NOT_TEXTS.contains(&text.to_ascii_lowercase().as_str());
    if is_word { text.to_owned() } else { quoted(text, Escapes::Long, |_| false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks() {
        let node = Node::map([
            ("Type", Node::text("AWS::IAM::Role")),
            (
                "List",
                Node::List(vec![
                    Node::map([("A", Node::text("x")), ("B", Node::number(1))]),
                    Node::text("no"),
                ]),
            ),
            ("Pem", Node::Lines(String::from("a\nb\n"))),
            ("Arn", Node::Reference(Reference::RoleArn)),
            ("Empty", Node::List(Vec::new())),
        ]);
        let expected = "\
Type: AWS::IAM::Role
List:
  - A: x
    B: 1
  - \"no\"
Pem: |
  a
  b
Arn: !GetAtt Role.Arn
Empty: []
";
        assert_eq!(document(&node, &|_| String::from("!GetAtt Role.Arn")), expected);
    }
}
