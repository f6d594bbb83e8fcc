//! Terraform's language: blocks and attributes, each expression as far as it is known without an evaluation.

use hcl_edit::Span;
use hcl_edit::expr::{Expression, FuncCall, ObjectKey, Traversal, TraversalOperator};
use hcl_edit::structure::{Body as Parsed, Structure};
use hcl_edit::template::{Element, Template};

use super::super::node::{HOLE, Member, Node, Value};
use super::json;

/// The inside of a block, or of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    pub(super) attributes: Vec<Member>,
    pub(super) blocks: Vec<Block>,
}

#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) kind: String,
    pub(super) labels: Vec<String>,
    pub(super) line: usize,
    pub(super) body: Body,
}

impl Body {
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.attributes.iter().find(|member| member.key == key).map(|member| &member.node)
    }
}

/// Reads a file.
pub(super) fn read(text: &str) -> Result<Body, String> {
    let parsed = hcl_edit::parser::parse_body(text).map_err(|error| {
        let place = error.location();
        format!("it is not Terraform's language: line {}, column {}", place.line(), place.column())
    })?;
    let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset);
    Ok(Reader { breaks: breaks.collect() }.body(&parsed))
}

/// Finds lines by the places of their ends.
struct Reader {
    breaks: Vec<usize>,
}

impl Reader {
    fn line(&self, spanned: &impl Span) -> usize {
        let offset = spanned.span().map_or(0, |span| span.start);
        self.breaks.partition_point(|end| *end < offset) + 1
    }

    fn body(&self, parsed: &Parsed) -> Body {
        let mut body = Body::default();
        for structure in parsed {
            match structure {
                Structure::Attribute(attribute) => body.attributes.push(Member {
                    key: attribute.key.as_str().to_owned(),
                    line: self.line(&attribute.key),
                    node: self.value(&attribute.value),
                }),
                Structure::Block(block) => body.blocks.push(Block {
                    kind: block.ident.as_str().to_owned(),
                    labels: block.labels.iter().map(|label| label.as_str().to_owned()).collect(),
                    line: self.line(&block.ident),
                    body: self.body(&block.body),
                }),
            }
        }
        body
    }

    fn value(&self, expression: &Expression) -> Node {
        let line = self.line(expression);
        let value = match expression {
            Expression::Null(_) => Value::Null,
            Expression::Bool(value) => Value::Bool(*value.value()),
            Expression::Number(number) => Value::Number(number.value().to_string()),
            Expression::String(text) => Value::Text(text.value().clone()),
            Expression::Array(array) => Value::List(array.iter().map(|value| self.value(value)).collect()),
            Expression::Object(object) => Value::Map(
                object
                    .iter()
                    .map(|(key, value)| Member {
                        key: match key {
                            ObjectKey::Ident(name) => name.as_str().to_owned(),
                            ObjectKey::Expression(key) => self.value(key).scalar().unwrap_or_default(),
                        },
                        line: match key {
                            ObjectKey::Ident(name) => self.line(name),
                            ObjectKey::Expression(key) => self.line(key),
                        },
                        node: self.value(value.expr()),
                    })
                    .collect(),
            ),
            Expression::StringTemplate(template) => whole(self.joined(template, false)),
            Expression::HeredocTemplate(heredoc) => {
                let text = self.joined(&heredoc.template, true);
                // JSON in a heredoc has lines of its own: the first one follows that of the delimiter.
                let offset = text.trim_start();
                if offset.starts_with('{')
                    && let Ok(mut nodes) = json::read(&text)
                    && let Some(node) = nodes.pop()
                {
                    return node.relined(&|inner| line + inner);
                }
                whole(text)
            }
            Expression::Parenthesis(inner) => return self.value(inner.inner()),
            Expression::FuncCall(call) => return self.call(call, line),
            Expression::Variable(name) => Value::Unknown(Some(name.as_str().to_owned())),
            Expression::Traversal(traversal) => Value::Unknown(reference(traversal)),
            Expression::Conditional(_)
            | Expression::UnaryOp(_)
            | Expression::BinaryOp(_)
            | Expression::ForExpr(_) => Value::Unknown(None),
        };
        Node::new(line, value)
    }

    fn call(&self, call: &FuncCall, line: usize) -> Node {
        let arguments: Vec<Node> = call.args.iter().map(|argument| self.value(argument)).collect();
        match (call.name.name.as_str(), arguments.as_slice()) {
            ("jsonencode" | "toset" | "tolist" | "jsondecode" | "sensitive" | "nonsensitive", [argument]) => {
                argument.clone()
            }
            ("concat", lists) => {
                let nodes = lists.iter().flat_map(|list| list.one_or_more().to_vec()).collect();
                Node::new(line, Value::List(nodes))
            }
            ("file" | "templatefile", [path, ..]) => {
                let named = path.as_known_text().map(|path| path.rsplit('/').next().unwrap_or(path));
                Node::new(line, Value::Unknown(named.map(|name| format!("the file {name}"))))
            }
            (name, _) => Node::new(line, Value::Unknown(Some(format!("{name}()")))),
        }
    }

    /// Joins the parts of a template. Of JSON what is inserted between its texts becomes a text of its own, so that it stays JSON.
    fn joined(&self, template: &Template, is_heredoc: bool) -> String {
        let mut text = String::new();
        for element in template {
            match element {
                Element::Literal(literal) if is_heredoc => {
                    text.push_str(&literal.value().replace("$${", "${").replace("%%{", "%{"));
                }
                Element::Literal(literal) => text.push_str(literal.value()),
                Element::Interpolation(inserted) => {
                    let known = self.value(&inserted.expr);
                    match known.as_known_text() {
                        Some(known) if is_heredoc => text.push_str(known),
                        Some(_) | None if is_heredoc && !is_in_text(&text) => {
                            text.push('"');
                            text.push(HOLE);
                            text.push('"');
                        }
                        Some(_) | None => text.push(HOLE),
                    }
                }
                Element::Directive(_) => text.push(HOLE),
            }
        }
        text
    }
}

/// Returns a text; one that is unknown altogether as such.
fn whole(text: String) -> Value {
    if text.chars().eq([HOLE]) { Value::Unknown(None) } else { Value::Text(text) }
}

/// Tells whether the end of unfinished JSON is inside of a text.
fn is_in_text(json: &str) -> bool {
    let mut is_in = false;
    let mut letters = json.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => is_in = !is_in,
            '\\' if is_in => {
                letters.next();
            }
            _ => {}
        }
    }
    is_in
}

/// Returns the address that a reference begins with: `aws_iam_role.build`, `data.aws_iam_policy_document.build`, `var.name`.
fn reference(traversal: &Traversal) -> Option<String> {
    let Expression::Variable(first) = &traversal.expr else { return None };
    let mut address = first.as_str().to_owned();
    let length = if first.as_str() == "data" { 2 } else { 1 };
    for operator in traversal.operators.iter().take(length) {
        match operator.value() {
            TraversalOperator::GetAttr(name) => {
                address.push('.');
                address.push_str(name.as_str());
            }
            TraversalOperator::AttrSplat(_)
            | TraversalOperator::FullSplat(_)
            | TraversalOperator::Index(_)
            | TraversalOperator::LegacyIndex(_) => break,
        }
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_has_its_line() {
        let text = r#"
resource "aws_iam_policy" "a" {
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat([{ Effect = "Allow" }], var.more)
    "Id"      = "x-${var.name}"
  })
  other = <<-EOF
    {
      "Statement": ${jsonencode(var.x)},
      "Resource": "${aws_s3_bucket.b.arn}/$${aws:username}"
    }
  EOF
}
"#;
        let body = read(text).unwrap();
        let block = &body.blocks[0];
        assert_eq!((block.line, block.labels.len()), (2, 2));
        let policy = block.body.get("policy").unwrap();
        assert_eq!(policy.get("Id").unwrap().as_text(), Some("x-\u{fffc}"));
        let statements = policy.get("Statement").unwrap().one_or_more();
        assert_eq!((statements[0].line, statements[1].reference()), (5, Some("var.more")));
        let other = block.body.get("other").unwrap();
        let resource = other.get("Resource").unwrap();
        assert_eq!((resource.line, resource.as_text()), (11, Some("\u{fffc}/${aws:username}")));
        assert_eq!(other.get("Statement").unwrap().as_text(), Some("\u{fffc}"));
        assert!(read("resource {").unwrap_err().contains("line 1"));
        for nested in ["[", "(", "!", "-", "f(", "{a=", "\"${"] {
            assert!(read(&format!("a = {}", nested.repeat(20_000))).is_err());
        }
    }
}
