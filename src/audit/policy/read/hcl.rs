//! Terraform's language: blocks and attributes, each expression as far as it is known without an evaluation.
//!
//! Read by hand, from the [native syntax] of HCL: what is no literal, list, object, template or call of a few functions is passed
//! over and unknown, so that an operator that HCL gets tomorrow is no error here, and depth and time are bounded. A parser of
//! the whole language is a crate that draws every procedural macro of the build after it.
//!
//! [native syntax]: https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md

use super::super::node::{DEEPEST, HOLE, Member, Node, Value};
use super::json;

/// The inside of a block, or of a file.
#[derive(Clone, Debug, Default)]
pub(in crate::audit::policy) struct Body {
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
    let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset);
    let mut reader = Reader { text, breaks: breaks.collect(), at: 0, depth: 0 };
    let body = reader.body()?;
    if reader.at < text.len() { Err(reader.wrong("a brace closes nothing")) } else { Ok(body) }
}

struct Reader<'a> {
    text: &'a str,
    /// The places of the ends of lines.
    breaks: Vec<usize>,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn wrong(&self, what: &str) -> String {
        format!("it is not Terraform's language: {what}, at line {}", self.line(self.at))
    }

    fn line(&self, offset: usize) -> usize {
        self.breaks.partition_point(|end| *end < offset) + 1
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Passes a text, if it is here.
    fn takes(&mut self, text: &str) -> bool {
        let is_here = self.rest().starts_with(text);
        if is_here {
            self.at += text.len();
        }
        is_here
    }

    fn step(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    /// Passes blanks and comments; the ends of lines too, where they end nothing.
    fn blanks(&mut self, with_lines: bool) {
        loop {
            match self.peek() {
                Some('\n') if !with_lines => return,
                Some(letter) if letter.is_whitespace() => self.step(),
                Some('#') => self.skip_line(),
                Some('/') if self.rest().starts_with("//") => self.skip_line(),
                Some('/') if self.rest().starts_with("/*") => {
                    self.at += self.rest().find("*/").map_or(self.rest().len(), |end| end + 2);
                }
                Some(_) | None => return,
            }
        }
    }

    fn skip_line(&mut self) {
        self.at += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    fn identifier(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        if !rest.starts_with(|first: char| first.is_alphabetic() || first == '_') {
            return None;
        }
        let is_end = |letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '-');
        let length = rest.find(is_end).unwrap_or(rest.len());
        self.at += length;
        Some(&rest[..length])
    }

    /// Reads what follows one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        if self.depth >= DEEPEST {
            return Err(self.wrong(&format!("more than {DEEPEST} levels")));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Reads attributes and blocks, to the brace that closes them or the end of the file.
    fn body(&mut self) -> Result<Body, String> {
        let mut body = Body::default();
        loop {
            self.blanks(true);
            let start = self.at;
            match self.peek() {
                None | Some('}') => return Ok(body),
                Some(_) => {}
            }
            let name =
                self.identifier().ok_or_else(|| self.wrong("neither a block nor an attribute"))?.to_owned();
            let line = self.line(start);
            self.blanks(false);
            if self.rest().starts_with('=') && !self.rest().starts_with("==") {
                self.at += 1;
                self.blanks(false);
                let node = self.deeper(|this| this.expression(false))?;
                body.attributes.push(Member { key: name, line, node });
                continue;
            }
            let mut labels = Vec::new();
            while !self.takes("{") {
                let label = match self.peek() {
                    Some('"') => self.value()?.scalar().unwrap_or_default(),
                    Some(_) | None => self.identifier().unwrap_or_default().to_owned(),
                };
                if label.is_empty() {
                    return Err(self.wrong("neither a block nor an attribute"));
                }
                labels.push(label);
                self.blanks(false);
            }
            let inner = self.deeper(Self::body)?;
            if !self.takes("}") {
                return Err(self.wrong("a block is not closed"));
            }
            body.blocks.push(Block { kind: name, labels, line, body: inner });
        }
    }

    /// Reads an expression; one with operators is unknown. Outside of brackets the end of the line ends it.
    fn expression(&mut self, in_brackets: bool) -> Result<Node, String> {
        let mut node = self.value()?;
        loop {
            self.blanks(in_brackets);
            let operator = ["==", "!=", "<=", ">=", "&&", "||", "?", "+", "-", "*", "/", "%", "<", ">"];
            let is_arrow = self.rest().starts_with("=>");
            if is_arrow || !operator.into_iter().any(|operator| self.takes(operator)) {
                return Ok(node);
            }
            let is_choice = self.text[..self.at].ends_with('?');
            self.blanks(in_brackets);
            self.value()?;
            node.value = Value::Unknown(None);
            self.blanks(in_brackets);
            if is_choice {
                // What stands before the colon may have operators too.
                while !self.takes(":") {
                    if !operator.into_iter().any(|operator| self.takes(operator)) {
                        return Err(self.wrong("a choice without a colon"));
                    }
                    self.blanks(in_brackets);
                    self.value()?;
                    self.blanks(in_brackets);
                }
                self.blanks(in_brackets);
                self.value()?;
            }
        }
    }

    /// Reads one value, with what follows it by a dot or in brackets.
    fn value(&mut self) -> Result<Node, String> {
        let start = self.at;
        let line = self.line(start);
        let mut node = match self.peek() {
            Some('"') => {
                self.at += 1;
                let value = self.deeper(|this| this.template(None))?;
                Node::new(line, value)
            }
            Some('<') if self.rest().starts_with("<<") => self.heredoc(line)?,
            Some('[') => {
                self.at += 1;
                self.deeper(|this| this.list(line))?
            }
            Some('{') => {
                self.at += 1;
                self.deeper(|this| this.object(line))?
            }
            Some('(') => {
                self.at += 1;
                let node = self.deeper(|this| {
                    this.blanks(true);
                    this.expression(true)
                })?;
                self.blanks(true);
                if !self.takes(")") {
                    return Err(self.wrong("a bracket is not closed"));
                }
                node
            }
            Some('!' | '-') => {
                self.at += 1;
                self.blanks(false);
                let node = self.deeper(Self::value)?;
                let is_number =
                    matches!(&node.value, Value::Number(_)) && self.text[start..].starts_with('-');
                let written = self.text[start..self.at].to_owned();
                let value = if is_number { Value::Number(written) } else { Value::Unknown(None) };
                Node::new(line, value)
            }
            Some(digit) if digit.is_ascii_digit() => {
                let is_end = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '.');
                let length = self.rest().find(is_end).unwrap_or(self.rest().len());
                self.at += length;
                Node::new(line, Value::Number(self.text[start..self.at].to_owned()))
            }
            Some(_) | None => self.named(line)?,
        };
        let before = self.at;
        self.traversal(&mut node)?;
        if self.at > before && node.reference().is_none() {
            node.value = Value::Unknown(None);
        }
        Ok(node)
    }

    /// Reads a word: a truth value, a call, or a name.
    fn named(&mut self, line: usize) -> Result<Node, String> {
        let mut name = self.identifier().ok_or_else(|| self.wrong("no value"))?.to_owned();
        while self.takes("::") {
            name = self.identifier().unwrap_or_default().to_owned();
        }
        if self.takes("(") {
            let arguments = self.deeper(|this| this.values(')'))?;
            return Ok(call(&name, &arguments, line));
        }
        Ok(Node::new(
            line,
            match name.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                _ => Value::Unknown(Some(name)),
            },
        ))
    }

    /// Reads `.name`, `[index]` and `.*`; the address that a reference begins with stays, `data.aws_iam_policy_document.build`,
    /// and of a local the whole way.
    fn traversal(&mut self, node: &mut Node) -> Result<(), String> {
        let mut parts = 1;
        loop {
            if self.rest().starts_with("...") {
                return Ok(());
            }
            if self.takes(".") {
                let name = self.identifier();
                if name.is_none() {
                    self.step();
                }
                if let Value::Unknown(Some(address)) = &mut node.value {
                    let length = match address.split('.').next() {
                        Some("data") => 3,
                        Some("local") => usize::MAX,
                        Some(_) | None => 2,
                    };
                    if parts < length {
                        address.push('.');
                        address.push_str(name.unwrap_or("*"));
                    }
                    parts += 1;
                }
            } else if self.takes("[") {
                if let Value::Unknown(Some(address)) = &mut node.value
                    && address.starts_with("local.")
                {
                    address.push_str("[]");
                }
                parts = 3;
                self.deeper(|this| this.values(']'))?;
            } else {
                return Ok(());
            }
        }
    }

    /// Reads values to a closing bracket.
    fn values(&mut self, end: char) -> Result<Vec<Node>, String> {
        let mut values = Vec::new();
        loop {
            self.blanks(true);
            match self.peek() {
                Some(letter) if letter == end => {
                    self.at += 1;
                    return Ok(values);
                }
                Some(',') => self.at += 1,
                Some('*') => self.at += 1,
                Some('.') if self.takes("...") => {}
                Some(_) => values.push(self.expression(true)?),
                None => return Err(self.wrong("a bracket is not closed")),
            }
        }
    }

    fn is_for(&mut self) -> bool {
        self.blanks(true);
        self.rest().strip_prefix("for").is_some_and(|rest| rest.starts_with(char::is_whitespace))
    }

    fn list(&mut self, line: usize) -> Result<Node, String> {
        if self.is_for() {
            self.pass(']')?;
            return Ok(Node::new(line, Value::Unknown(None)));
        }
        Ok(Node::new(line, Value::List(self.values(']')?)))
    }

    fn object(&mut self, line: usize) -> Result<Node, String> {
        if self.is_for() {
            self.pass('}')?;
            return Ok(Node::new(line, Value::Unknown(None)));
        }
        let mut members = Vec::new();
        loop {
            self.blanks(true);
            if self.takes("}") {
                return Ok(Node::new(line, Value::Map(members)));
            }
            if self.takes(",") {
                continue;
            }
            let line = self.line(self.at);
            let word = self.at;
            let key = match self.identifier() {
                Some(name) => name.to_owned(),
                None => self.value()?.scalar().unwrap_or_else(|| HOLE.to_string()),
            };
            self.blanks(true);
            if !self.takes("=") && !self.takes(":") {
                // A key that is an expression without brackets around it.
                self.at = word;
                return Err(self.wrong("a member without a value"));
            }
            self.blanks(true);
            let node = self.expression(false)?;
            members.push(Member { key, line, node });
        }
    }

    /// Passes everything to a closing bracket: texts, and brackets inside.
    fn pass(&mut self, end: char) -> Result<(), String> {
        loop {
            self.blanks(true);
            let Some(letter) = self.peek() else { return Err(self.wrong("a bracket is not closed")) };
            match letter {
                '"' => {
                    self.value()?;
                }
                '<' if self.rest().starts_with("<<") => {
                    self.value()?;
                }
                _ => self.step(),
            }
            match letter {
                letter if letter == end => return Ok(()),
                '(' => self.deeper(|this| this.pass(')'))?,
                '[' => self.deeper(|this| this.pass(']'))?,
                '{' => self.deeper(|this| this.pass('}'))?,
                _ => {}
            }
        }
    }

    /// Reads a text with what is inserted into it, to its quote or, in a heredoc, to a place.
    fn template(&mut self, end: Option<usize>) -> Result<Value, String> {
        let mut text = Written::default();
        let mut sole: Option<Value> = None;
        let mut parts = 0;
        loop {
            if end.is_some_and(|end| self.at >= end) {
                break;
            }
            let Some(letter) = self.peek() else { return Err(self.wrong("a text is not closed")) };
            let is_inserted = self.rest().starts_with("${") || self.rest().starts_with("%{");
            if !is_inserted && !letter.is_whitespace() {
                parts += 1;
            }
            match letter {
                '"' if end.is_none() => {
                    parts -= 1;
                    self.at += 1;
                    break;
                }
                '\n' if end.is_none() => return Err(self.wrong("a text is not closed")),
                '\\' if end.is_none() => self.escape(&mut text),
                '$' if self.takes("$${") => text.push_str("${"),
                '%' if self.takes("%%{") => text.push_str("%{"),
                '$' if self.takes("${") => {
                    parts += 1;
                    self.takes("~");
                    self.blanks(true);
                    let node = self.deeper(|this| this.expression(true))?;
                    self.blanks(true);
                    self.takes("~");
                    if !self.takes("}") {
                        return Err(self.wrong("what is inserted into a text is not closed"));
                    }
                    match node.as_known_text() {
                        Some(known) => text.push_str(known),
                        None if end.is_some() && !text.is_in_text => {
                            ['"', HOLE, '"'].into_iter().for_each(|letter| text.push(letter));
                        }
                        None => text.push(HOLE),
                    }
                    sole = Some(node.value);
                }
                '%' if self.takes("%{") => {
                    parts += 2;
                    self.deeper(|this| this.pass('}'))?;
                    text.push(HOLE);
                }
                letter => {
                    self.step();
                    text.push(letter);
                }
            }
        }
        // A text that is one insertion is what is inserted.
        Ok(match sole {
            Some(value) if parts == 1 => value,
            Some(_) | None => Value::Text(text.text),
        })
    }

    fn escape(&mut self, text: &mut Written) {
        self.at += 1;
        let letter = self.peek();
        self.step();
        let long = match letter {
            Some('n') => return text.push('\n'),
            Some('r') => return text.push('\r'),
            Some('t') => return text.push('\t'),
            Some('u') => 4,
            Some('U') => 8,
            Some(other) => return text.push(other),
            None => return,
        };
        let digits = self.rest().get(..long).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        if let Some(character) = digits.and_then(char::from_u32) {
            self.at += long;
            text.push(character);
        }
    }

    fn heredoc(&mut self, line: usize) -> Result<Node, String> {
        self.at += 2;
        self.takes("-");
        let delimiter = self.identifier().ok_or_else(|| self.wrong("no value"))?;
        self.skip_line();
        self.step();
        let start = self.at;
        let mut end = start;
        for text in self.text[start..].split_inclusive('\n') {
            if text.trim() == delimiter {
                let value = self.deeper(|this| this.template(Some(end)))?;
                self.at = end + text.trim_end_matches(['\n', '\r']).len();
                return Ok(self.of_heredoc(line, value));
            }
            end += text.len();
        }
        Err(self.wrong(&format!("{delimiter} ends no text")))
    }

    /// Reads JSON in a heredoc at once, since it has lines of its own: the first one follows that of the delimiter.
    fn of_heredoc(&self, line: usize, value: Value) -> Node {
        if let Value::Text(text) = &value
            && text.trim_start().starts_with('{')
            && let Ok(mut nodes) = json::read(text)
            && let Some(node) = nodes.pop()
        {
            return node.relined(&|inner| line + inner);
        }
        Node::new(line, value)
    }
}

/// Evaluates the few functions that leave a policy as it is.
fn call(name: &str, arguments: &[Node], line: usize) -> Node {
    match (name, arguments) {
        ("jsonencode" | "toset" | "tolist" | "jsondecode" | "sensitive" | "nonsensitive", [argument]) => {
            argument.clone()
        }
        ("concat", lists) => {
            let nodes = lists.iter().flat_map(|list| list.one_or_more().to_vec()).collect();
            Node::new(line, Value::List(nodes))
        }
        ("file" | "templatefile", [path, ..]) => {
            let file = path.as_text().map(|path| path.rsplit('/').next().unwrap_or(path));
            let file = file.filter(|file| !file.contains(HOLE));
            Node::new(line, Value::Unknown(file.map(|name| format!("the file {name}"))))
        }
        (name, _) => Node::new(line, Value::Unknown(Some(format!("{name}()")))),
    }
}

/// A text as it grows, and whether its end is inside of one of the texts of JSON.
#[derive(Default)]
struct Written {
    text: String,
    is_in_text: bool,
    is_escaped: bool,
}

impl Written {
    fn push(&mut self, letter: char) {
        self.text.push(letter);
        match letter {
            _ if self.is_escaped => self.is_escaped = false,
            '\\' => self.is_escaped = self.is_in_text,
            '"' => self.is_in_text = !self.is_in_text,
            _ => {}
        }
    }

    fn push_str(&mut self, text: &str) {
        text.chars().for_each(|letter| self.push(letter));
    }
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
