//! Commands of the AWS CLI, as a POSIX shell reads them.

use super::document::{Escapes, Node, Reference, quoted};

/// One command of the AWS CLI.
#[derive(Clone, Debug)]
pub(super) struct Command {
    /// The service and the operation: `iam create-role`.
    operation: &'static str,
    arguments: Vec<(String, Option<String>)>,
    /// The variable that takes what is asked for, and the question.
    answer: Option<(&'static str, &'static str)>,
}

impl Command {
    /// Begins a command: `iam create-role`.
    pub(super) const fn aws(operation: &'static str) -> Self {
        Self { operation, arguments: Vec::new(), answer: None }
    }

    /// Adds a flag without a value.
    pub(super) fn switch(mut self, flag: &str) -> Self {
        self.arguments.push((flag.to_owned(), None));
        self
    }

    /// Adds a flag with a text.
    pub(super) fn text(mut self, flag: &str, value: &str) -> Self {
        self.arguments.push((flag.to_owned(), Some(word(value))));
        self
    }

    /// Adds a flag with what the shell makes of an expression, which is written as it stands.
    pub(super) fn expression(mut self, flag: &str, value: &str) -> Self {
        self.arguments.push((flag.to_owned(), Some(value.to_owned())));
        self
    }

    /// Adds a flag with a document.
    pub(super) fn json(mut self, flag: &str, value: &Node) -> Self {
        self.arguments.push((flag.to_owned(), Some(format!("'{}'", json(value, 0)))));
        self
    }

    /// Puts what `query` finds in the answer into a variable.
    pub(super) fn into_variable(mut self, name: &'static str, query: &'static str) -> Self {
        self.answer = Some((name, query));
        self
    }

    /// Writes the command, an argument a line.
    pub(super) fn render(&self) -> String {
        let mut arguments = self.arguments.clone();
        if let Some((_, query)) = self.answer {
            arguments.push((String::from("--query"), Some(word(query))));
            arguments.push((String::from("--output"), Some(String::from("text"))));
        }
        let mut text = format!("aws {}", self.operation);
        for (flag, value) in &arguments {
            text.push_str(" \\\n  ");
            text.push_str(flag);
            if let Some(value) = value {
                text.push(' ');
                text.push_str(value);
            }
        }
        match self.answer {
            Some((name, _)) => format!("{name}=$({text})\n"),
            None => format!("{text} >/dev/null\n"),
        }
    }
}

/// Returns the variable of a script that holds what is referred to.
pub(super) const fn variable(reference: Reference) -> &'static str {
    match reference {
        Reference::Now => "now",
        Reference::ProfileArn => "profile_arn",
        Reference::RoleArn => "role_arn",
        Reference::TargetId => "target_id",
        Reference::TopicArn => "topic_arn",
        Reference::TrustAnchorArn => "trust_anchor_arn",
    }
}

/// Writes one word of a command line: as it is, or between single quotes.
pub(super) fn word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:=@%+,-".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Writes JSON for a place between single quotes: it holds none, and a reference is a variable outside of them.
fn json(node: &Node, depth: usize) -> String {
    let (inside, outside) = ("  ".repeat(depth + 1), "  ".repeat(depth));
    match node {
        Node::Bool(value) => value.to_string(),
        Node::Json(document) => string(&compact(document)),
        Node::List(values) if values.is_empty() => String::from("[]"),
        Node::List(values) => {
            let items: Vec<String> =
                values.iter().map(|value| format!("{inside}{}", json(value, depth + 1))).collect();
            format!("[\n{}\n{outside}]", items.join(",\n"))
        }
        Node::Map(entries) if entries.is_empty() => String::from("{}"),
        Node::Map(entries) => {
            let entry = |(key, value): &(String, Node)| {
                format!("{inside}{}: {}", string(key), json(value, depth + 1))
            };
            format!("{{\n{}\n{outside}}}", entries.iter().map(entry).collect::<Vec<_>>().join(",\n"))
        }
        Node::Number(number) => number.clone(),
        Node::Reference(reference) => format!("\"'\"${}\"'\"", variable(*reference)),
        Node::Lines(text) | Node::Text(text) => string(text),
    }
}

/// Writes JSON on one line. A reference cannot stand in it: its text is not known here.
pub(super) fn compact(node: &Node) -> String {
    match node {
        Node::List(values) => format!("[{}]", values.iter().map(compact).collect::<Vec<_>>().join(",")),
        Node::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{}:{}", string(key), compact(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        Node::Bool(_)
        | Node::Json(_)
        | Node::Lines(_)
        | Node::Number(_)
        | Node::Reference(_)
        | Node::Text(_) => json(node, 0),
    }
}

fn string(text: &str) -> String {
    quoted(text, Escapes::Json, |character| character == '\'')
}

/// Writes a comment; what could end its line is escaped.
pub(super) fn comment(text: &str) -> String {
    let lines = text.lines().map(|line| format!("# {}", crate::text::escaped(line)).trim_end().to_owned());
    lines.map(|line| line + "\n").collect()
}

/// Makes a command, or several, a comment.
pub(super) fn commented(script: &str) -> String {
    script
        .lines()
        .map(|line| format!("#   {}", crate::text::escaped(line)).trim_end().to_owned() + "\n")
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command() {
        let policy = Node::map([
            ("a'b", Node::Reference(Reference::TrustAnchorArn)),
            ("c", Node::List(vec![Node::text("$(x)"), Node::Bool(true)])),
        ]);
        let command = Command::aws("iam create-role")
            .text("--role-name", "it's")
            .json("--policy", &policy)
            .into_variable("role_arn", "Role.Arn");
        let expected = r#"role_arn=$(aws iam create-role \
  --role-name 'it'\''s' \
  --policy '{
  "a\u0027b": "'"$trust_anchor_arn"'",
  "c": [
    "$(x)",
    true
  ]
}' \
  --query Role.Arn \
  --output text)
"#;
        assert_eq!(command.render(), expected);
    }
}
