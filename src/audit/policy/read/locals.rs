//! Terraform's locals, put where they are used: `local.actions`, `local.bucket.arn`. What comes from another file of the
//! configuration stands in the line that names it.

use std::collections::BTreeMap;

use super::super::node::{Node, Value};
use super::hcl::{Block, Body};

/// How many locals lead to a value, one by the other.
const LONGEST_WAY: usize = 8;
/// The most values that are put in, in a whole configuration: eight locals, each a list of the one before, would be a thousand
/// million.
const MOST_VALUES: usize = 100_000;

/// Puts the locals of a configuration in.
pub(super) fn put_in(files: &mut [Body]) {
    let is_locals = |block: &&Block| block.kind == "locals" && block.labels.is_empty();
    let locals = files.iter().enumerate().flat_map(|(file, body)| {
        let blocks = body.blocks.iter().filter(is_locals);
        blocks.flat_map(|block| &block.body.attributes).map(move |local| (file, local))
    });
    let locals: BTreeMap<String, (usize, Node)> =
        locals.map(|(file, local)| (local.key.clone(), (file, local.node.clone()))).collect();
    if locals.is_empty() {
        return;
    }
    let mut locals = Locals { locals: &locals, file: 0, left: MOST_VALUES };
    for (file, body) in files.iter_mut().enumerate() {
        locals.file = file;
        locals.fill_body(body);
    }
}

struct Locals<'a> {
    /// By name: the file, and the value.
    locals: &'a BTreeMap<String, (usize, Node)>,
    /// The file in which they are put now.
    file: usize,
    /// How many values may still be put in.
    left: usize,
}

impl Locals<'_> {
    fn fill_body(&mut self, body: &mut Body) {
        for attribute in &mut body.attributes {
            self.fill(&mut attribute.node, LONGEST_WAY);
        }
        for block in &mut body.blocks {
            self.fill_body(&mut block.body);
        }
    }

    fn fill(&mut self, node: &mut Node, way: usize) {
        match &mut node.value {
            Value::Map(members) => members.iter_mut().for_each(|member| self.fill(&mut member.node, way)),
            Value::List(nodes) => {
                let mut filled = Vec::with_capacity(nodes.len());
                for mut node in std::mem::take(nodes) {
                    let was_unknown = node.is_unknown();
                    self.fill(&mut node, way);
                    // What concat() joins; Terraform takes no list in a list here.
                    if was_unknown && let Value::List(inner) = node.value {
                        filled.extend(inner);
                    } else {
                        filled.push(node);
                    }
                }
                *nodes = filled;
            }
            Value::Unknown(Some(address)) => {
                let line = node.line;
                let Some(mut found) = self.take(address, line).filter(|_| way > 0) else { return };
                self.fill(&mut found, way - 1);
                *node = found;
            }
            Value::Bool(_) | Value::Null | Value::Number(_) | Value::Text(_) | Value::Unknown(None) => {}
        }
    }

    /// Returns what an address in a line leads to, if it is known and not too much.
    fn take(&mut self, address: &str, line: usize) -> Option<Node> {
        let mut names = address.strip_prefix("local.")?.split('.');
        let (file, found) = self.locals.get(names.next()?)?;
        let mut found = found;
        let mut cost = 0;
        for name in names {
            cost += found.members().len();
            found = found.get(name)?;
        }
        cost += size(found, self.left);
        self.left = self.left.saturating_sub(cost);
        let found = (self.left > 0).then(|| found.clone())?;
        Some(if *file == self.file { found } else { found.relined(&|_| line) })
    }
}

/// Counts values, at most so many and a few.
fn size(node: &Node, most: usize) -> usize {
    let mut count = 1;
    let inner: Vec<&Node> = match &node.value {
        Value::List(nodes) => nodes.iter().collect(),
        Value::Map(members) => members.iter().map(|member| &member.node).collect(),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::Text(_) | Value::Unknown(_) => Vec::new(),
    };
    for node in inner {
        if count > most {
            break;
        }
        count += size(node, most - count.min(most));
    }
    count
}

#[cfg(test)]
mod tests {
    use super::super::hcl;
    use super::*;

    fn value(text: &str) -> Node {
        let mut files = [hcl::read(text).unwrap()];
        put_in(&mut files);
        files[0].get("a").unwrap().clone()
    }

    fn without_lines(node: Node) -> Node {
        node.relined(&|_| 0)
    }

    #[test]
    fn what_a_local_stands_for() {
        let locals = r#"
locals {
  one    = "s3:GetObject"
  many   = ["s3:PutObject", local.one]
  nested = { bucket = { arn = "arn:aws:s3:::b" } }
}
locals {
  again = local.many
  round = local.turn
  turn  = local.round
}
"#;
        for (expression, expected) in [
            ("local.one", "\"s3:GetObject\""),
            ("[local.one]", "[\"s3:GetObject\"]"),
            ("local.again", "[\"s3:PutObject\", \"s3:GetObject\"]"),
            ("concat(local.many, [\"x\"])", "[\"s3:PutObject\", \"s3:GetObject\", \"x\"]"),
            ("local.nested.bucket.arn", "\"arn:aws:s3:::b\""),
            ("{ x = local.nested.bucket }", "{ x = { arn = \"arn:aws:s3:::b\" } }"),
        ] {
            let found = value(&format!("{locals}a = {expression}"));
            assert_eq!(
                without_lines(found),
                without_lines(value(&format!("a = {expected}"))),
                "{expression}"
            );
        }
        for expression in [
            "local.other",
            "local.many[0]",
            "local.many[0].x",
            "local.many.*",
            "local.nested.other",
            "local.round",
            "locality.one",
            "local.one == 1",
        ] {
            let found = value(&format!("{locals}a = {expression}"));
            assert!(found.is_unknown(), "{expression}: {found:?}");
        }
        // The line is that of the text to change.
        assert_eq!(value(&format!("{locals}a = local.one")).line, 3);
    }

    #[test]
    fn of_another_file_the_line_is_that_of_the_use() {
        let files = ["\n\na = local.list\n", "locals {\n  list = [\n    local.one,\n    2,\n  ]\n}\n"];
        let mut files = files.map(|text| hcl::read(text).unwrap());
        files[0].blocks.push(hcl::read("locals { one = 1 }").unwrap().blocks.remove(0));
        put_in(&mut files);
        let found = files[0].get("a").unwrap();
        // The second line of the list is of the other file; what it names is of this one again.
        let lines: Vec<usize> = found.one_or_more().iter().map(|node| node.line).collect();
        assert_eq!((found.line, lines), (3, vec![1, 3]));
    }

    #[test]
    fn what_would_be_endless_stays_unknown() {
        let mut text = String::from("locals {\n  l0 = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
        for level in 1..8 {
            let uses = vec![format!("local.l{}", level - 1); 10].join(", ");
            text.push_str(&format!("  l{level} = {{ a = [{uses}], b = [{uses}] }}\n"));
        }
        text.push_str("}\na = local.l7\n");
        assert!(size(&value(&text), usize::MAX) < 2 * MOST_VALUES);
    }
}
