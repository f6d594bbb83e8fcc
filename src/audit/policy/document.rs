//! A policy as it is looked at: every part with its line, and what is unknown as such.
//!
//! This is no judge of requests, which [`crate::policy`] is. It keeps what that one drops: lines, what is malformed, and what
//! is not known yet.

use std::collections::HashSet;

use super::node::{HOLE, Node, Value};

/// A policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Document {
    pub(super) line: usize,
    /// As it is written; `None` where there is none.
    pub(super) version: Option<Item>,
    pub(super) statements: Vec<Statement>,
    /// What IAM refuses, each with its line.
    pub(super) faults: Vec<(usize, String)>,
    /// What could not be looked at.
    pub(super) unknown: Vec<(usize, String)>,
}

/// One statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Statement {
    /// From 1.
    pub(super) number: usize,
    pub(super) line: usize,
    pub(super) sid: Option<String>,
    /// `None` where it is not known.
    pub(super) allows: Option<bool>,
    pub(super) principals: Option<Principals>,
    pub(super) actions: Option<Names>,
    pub(super) resources: Option<Names>,
    pub(super) conditions: Vec<Condition>,
    /// Whether there is a condition that is not known.
    pub(super) has_unknown_condition: bool,
}

/// `Action` or `NotAction`, `Resource` or `NotResource`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Names {
    pub(super) line: usize,
    pub(super) all_but: bool,
    pub(super) items: Vec<Item>,
}

/// A text; with [`HOLE`] where a part is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) line: usize,
    pub(super) text: String,
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Principals {
    pub(super) line: usize,
    pub(super) all_but: bool,
    /// Kind and name: `AWS` and `*` for everyone.
    pub(super) listed: Vec<(String, Item)>,
}

/// One key of one operator.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub(super) line: usize,
    pub(super) operator: String,
    pub(super) key: String,
    pub(super) values: Vec<Item>,
}

impl Item {
    pub(super) fn is_unknown(&self) -> bool {
        self.text.contains(HOLE)
    }
}

impl Condition {
    /// Tells whether it asks for this key; case does not count in their names.
    pub(super) fn is_on(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
    }

    /// Tells whether the key begins like this.
    pub(super) fn is_below(&self, prefix: &str) -> bool {
        self.key.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    }

    /// Tells whether the operator negates: `StringNotEquals`, `NotIpAddress`.
    pub(super) fn is_negated(&self) -> bool {
        self.operator.contains("Not")
    }
}

impl Statement {
    /// Tells whether it allows for certain.
    pub(super) fn is_allow(&self) -> bool {
        self.allows == Some(true)
    }

    /// Tells whether it denies for certain.
    pub(super) fn is_deny(&self) -> bool {
        self.allows == Some(false)
    }

    /// Names it: its Sid, or its number.
    pub(super) fn name(&self) -> String {
        match &self.sid {
            Some(sid) => format!("statement {} ({})", self.number, crate::text::quoted(sid)),
            None => format!("statement {}", self.number),
        }
    }
}

impl Document {
    /// Reads a policy from JSON: the object, or the text that IAM keeps, perhaps percent-encoded; `None` where it is none.
    #[cfg(test)]
    pub(super) fn of_json(json: &serde_json::Value) -> Option<Self> {
        Self::of(&super::read::embedded(&Node::of_json(json, 1)).ok()?)
    }

    /// Reads a policy; `None` where the value has no `Statement`, and so is none.
    pub(super) fn of(node: &Node) -> Option<Self> {
        let statements = node.get("Statement")?;
        let mut document = Self {
            line: node.line,
            version: node
                .get("Version")
                .and_then(|version| version.scalar().map(|text| Item { line: version.line, text })),
            ..Self::default()
        };
        for member in node.members() {
            if !["Version", "Id", "Statement"].contains(&member.key.as_str()) {
                let told = format!("a policy has no {}", crate::text::quoted(&member.key));
                document.faults.push((member.line, told));
            }
        }
        if statements.is_unknown() {
            document.unknown.push((statements.line, String::from("its statements are not known yet")));
            return Some(document);
        }
        for (node, number) in statements.one_or_more().iter().zip(1..) {
            document.statement(node, number);
        }
        if document.statements.is_empty() && document.unknown.is_empty() && document.faults.is_empty() {
            document.faults.push((statements.line, String::from("it has no statement")));
        }
        document.repeated_sids();
        Some(document)
    }

    fn repeated_sids(&mut self) {
        let mut seen = HashSet::new();
        let mut told = Vec::new();
        for statement in &self.statements {
            let Some(sid) = statement.sid.as_deref().filter(|sid| !sid.contains(HOLE)) else { continue };
            if !seen.insert(sid) {
                told.push((statement.line, format!("the Sid {} is there twice", crate::text::quoted(sid))));
            }
        }
        self.faults.extend(told);
    }

    fn statement(&mut self, node: &Node, number: usize) {
        let place = format!("statement {number}");
        if node.is_unknown() {
            self.unknown.push((node.line, format!("{place} is not known yet")));
            return;
        }
        if !node.is_map() {
            self.faults.push((node.line, format!("{place} is no object")));
            return;
        }
        let mut statement = Statement { number, line: node.line, ..Statement::default() };
        for member in node.members() {
            self.member(&mut statement, &member.key, member.line, &member.node);
        }
        let mut missing = Vec::new();
        if node.get("Effect").is_none() {
            missing.push("Effect");
        }
        if statement.actions.is_none() {
            missing.push("Action");
        }
        for name in missing {
            self.faults.push((node.line, format!("{place} has no {name}")));
        }
        for (name, opposite) in
            [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")]
        {
            if node.get(name).is_some() && node.get(opposite).is_some() {
                self.faults.push((node.line, format!("{place} has {name} and {opposite}")));
            }
        }
        self.statements.push(statement);
    }

    fn member(&mut self, statement: &mut Statement, key: &str, line: usize, node: &Node) {
        let place = format!("statement {}", statement.number);
        match key {
            "Sid" => statement.sid = node.scalar().filter(|sid| !sid.is_empty()),
            "Effect" => match node.as_text() {
                Some("Allow") => statement.allows = Some(true),
                Some("Deny") => statement.allows = Some(false),
                Some(text) if !text.contains(HOLE) => {
                    let told = format!(
                        "{place}: its Effect is {}, and not Allow or Deny",
                        crate::text::quoted(text)
                    );
                    self.faults.push((node.line, told));
                }
                Some(_) => self.unknown.push((node.line, format!("{place}: its Effect is not known yet"))),
                None if node.is_unknown() => {
                    self.unknown.push((node.line, format!("{place}: its Effect is not known yet")));
                }
                None => self.faults.push((node.line, format!("{place}: its Effect is no text"))),
            },
            "Action" | "NotAction" | "Resource" | "NotResource" => {
                let items = self.items(node, &format!("{place}: {key}"));
                let names = Names { line, all_but: key.starts_with("Not"), items };
                if key.ends_with("Action") {
                    statement.actions = Some(names);
                } else {
                    statement.resources = Some(names);
                }
            }
            "Principal" | "NotPrincipal" => {
                statement.principals = Some(self.principals(node, key, line, &place));
            }
            "Condition" => self.conditions(statement, node, &place),
            _ => {
                let known = [
                    "Sid",
                    "Effect",
                    "Action",
                    "NotAction",
                    "Resource",
                    "NotResource",
                    "Principal",
                    "Condition",
                ];
                let hint = crate::text::nearest(key, known);
                let hint = hint.map(|name| format!("; the nearest name is {name}")).unwrap_or_default();
                let told = format!("{place} has {}, which no statement has{hint}", crate::text::quoted(key));
                self.faults.push((line, told));
            }
        }
    }

    fn items(&mut self, node: &Node, place: &str) -> Vec<Item> {
        let mut items = Vec::new();
        if node.is_unknown() {
            self.unknown.push((node.line, format!("{place} is not known yet")));
        }
        for node in node.one_or_more() {
            match node.scalar() {
                Some(text) => items.push(Item { line: node.line, text }),
                None => self.faults.push((node.line, format!("{place} is no text and no list of texts"))),
            }
        }
        items
    }

    fn principals(&mut self, node: &Node, key: &str, line: usize, place: &str) -> Principals {
        let mut principals = Principals { line, all_but: key.starts_with("Not"), listed: Vec::new() };
        match &node.value {
            Value::Text(text) if text == "*" => {
                principals.listed.push((String::from("AWS"), Item { line, text: text.clone() }));
            }
            Value::Map(kinds) => {
                for kind in kinds {
                    for item in self.items(&kind.node, &format!("{place}: {key}")) {
                        principals.listed.push((kind.key.clone(), item));
                    }
                }
            }
            Value::Unknown(_) => {
                self.unknown.push((node.line, format!("{place}: its {key} is not known yet")))
            }
            Value::Bool(_) | Value::List(_) | Value::Null | Value::Number(_) | Value::Text(_) => {
                self.faults.push((
                    node.line,
                    format!("{place}: its {key} is not \"*\" and no object of AWS, Service or Federated"),
                ));
            }
        }
        principals
    }

    fn conditions(&mut self, statement: &mut Statement, node: &Node, place: &str) {
        let mut wrong = |this: &mut Self, node: &Node, what: &str| {
            if node.is_unknown() {
                statement.has_unknown_condition = true;
                this.unknown.push((node.line, format!("{place}: {what} is not known yet")));
            } else if !node.is_map() {
                this.faults.push((node.line, format!("{place}: {what} is no object")));
            }
        };
        wrong(self, node, "its Condition");
        let mut found = Vec::new();
        for operator in node.members() {
            wrong(self, &operator.node, &format!("the condition {}", operator.key));
            for key in operator.node.members() {
                let values = self.items(&key.node, &format!("{place}: {}", key.key));
                found.push(Condition {
                    line: key.line,
                    operator: operator.key.clone(),
                    key: key.key.clone(),
                    values,
                });
            }
        }
        statement.conditions = found;
    }
}
