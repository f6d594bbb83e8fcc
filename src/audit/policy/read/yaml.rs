//! YAML with the line of each value and CloudFormation's short tags in their long form: `!Sub x` is `Fn::Sub: x`.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::super::node::{DEEPEST, Member, Node, Value};

/// How many values are read: aliases can make a thousand of one.
const MOST_NODES: usize = 1_000_000;

/// Reads every document of a text.
pub(in super::super) fn read(text: &str) -> Result<Vec<Node>, String> {
    let mut build = Build { documents: Vec::new(), open: Vec::new(), anchors: HashMap::new(), nodes: 0 };
    for event in Parser::new_from_str(text) {
        let (event, span) = event
            .map_err(|error| format!("it is not YAML: {} at line {}", error.info(), error.marker().line()))?;
        build.take(event, span.start.line())?;
    }
    Ok(build.documents)
}

/// A list or a map that has not ended yet.
struct Open {
    line: usize,
    anchor: usize,
    tag: Option<String>,
    /// Of a list its values; of a map keys and values by turns.
    nodes: Vec<Node>,
    is_map: bool,
}

struct Build {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl Build {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = match style {
                    ScalarStyle::Plain => plain(&text),
                    ScalarStyle::SingleQuoted
                    | ScalarStyle::DoubleQuoted
                    | ScalarStyle::Literal
                    | ScalarStyle::Folded => Value::Text(text.into_owned()),
                };
                self.close(Node::new(line, value), anchor, tag.as_deref().and_then(intrinsic), 1)
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return self.close(Node::new(line, Value::Unknown(None)), 0, None, 1);
                };
                self.close(node, 0, None, size)
            }
            Event::SequenceStart(anchor, tag) => self.begin(line, anchor, tag.as_deref(), false),
            Event::MappingStart(anchor, tag) => self.begin(line, anchor, tag.as_deref(), true),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let before = self.nodes;
                let value = if open.is_map { map(open.nodes) } else { Value::List(open.nodes) };
                let size = size(&value);
                self.close(Node::new(open.line, value), open.anchor, open.tag, size)?;
                // What is inside was counted when it was closed.
                self.nodes = before + 1;
                Ok(())
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, line: usize, anchor: usize, tag: Option<&Tag>, is_map: bool) -> Result<(), String> {
        if self.open.len() >= DEEPEST {
            return Err(format!("it has more than {DEEPEST} levels"));
        }
        self.open.push(Open { line, anchor, tag: tag.and_then(intrinsic), nodes: Vec::new(), is_map });
        Ok(())
    }

    /// Adds a whole value to what it stands in.
    fn close(&mut self, node: Node, anchor: usize, tag: Option<String>, size: usize) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(size);
        if self.nodes > MOST_NODES {
            return Err(format!("it has more than {MOST_NODES} values"));
        }
        let line = node.line;
        let node = match tag {
            Some(key) => Node::new(line, Value::Map(vec![Member { key, line, node }])),
            None => node,
        };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut() {
            Some(open) => open.nodes.push(node),
            None => self.documents.push(node),
        }
        Ok(())
    }
}

fn size(value: &Value) -> usize {
    let of = |node: &Node| size(&node.value);
    match value {
        Value::List(nodes) => 1 + nodes.iter().map(of).sum::<usize>(),
        Value::Map(members) => 1 + members.iter().map(|member| of(&member.node)).sum::<usize>(),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::Text(_) | Value::Unknown(_) => 1,
    }
}

/// Joins keys and values; `<<` merges, as YAML 1.1 has it and CloudFormation's readers take it.
fn map(nodes: Vec<Node>) -> Value {
    let mut members: Vec<Member> = Vec::new();
    let mut nodes = nodes.into_iter();
    while let (Some(key), Some(node)) = (nodes.next(), nodes.next()) {
        let name = key.scalar().unwrap_or_default();
        if name == "<<" && node.is_map() {
            let merged: Vec<Member> = node.members().to_vec();
            members.splice(0..0, merged);
        } else {
            members.push(Member { key: name, line: key.line, node });
        }
    }
    Value::Map(members)
}

/// Returns the long form of a short tag.
fn intrinsic(tag: &Tag) -> Option<String> {
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("!", "Ref" | "Condition") => Some(tag.suffix.clone()),
        ("!", name) if !name.is_empty() => Some(format!("Fn::{name}")),
        _ => None,
    }
}

/// Reads a scalar without quotes: `true`, a number, nothing, or a text; a date is a text, as IAM's versions are.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first))
            && text.parse::<f64>().is_ok() =>
        {
            Value::Number(text.to_owned())
        }
        _ => Value::Text(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_functions_and_aliases_are_bounded() {
        let nodes =
            read("a: !Sub '${X}-y'\nb: !GetAtt Role.Arn\nc: &c {Version: 2012-10-17, n: 012}\nd: *c\n")
                .unwrap();
        assert_eq!(nodes[0].at(&["a", "Fn::Sub"]).unwrap().as_text(), Some("${X}-y"));
        assert_eq!(nodes[0].at(&["b", "Fn::GetAtt"]).unwrap().line, 2);
        assert_eq!(nodes[0].at(&["d", "Version"]).unwrap().as_text(), Some("2012-10-17"));
        let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for level in 1..12 {
            let list = vec![format!("*a{}", level - 1); 10].join(",");
            bomb.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        assert!(read(&bomb).unwrap_err().contains("values"));
        assert!(read(&"[".repeat(200_000)).is_err());
        assert!(read("a: [").unwrap_err().contains("line"));
    }
}
