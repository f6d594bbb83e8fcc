//! A value of a file with the line where it stands: JSON's, YAML's and Terraform's in one form, with what only a later
//! evaluation knows as unknown values.

use serde_json::Value as Json;

/// Stands inside of a text for a part that only a later evaluation knows: U+FFFC, which IAM takes in no policy.
pub(super) const HOLE: char = '\u{fffc}';

/// How many levels of lists and maps are read.
pub(super) const DEEPEST: usize = 64;

/// A value and the line where it begins, from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    List(Vec<Node>),
    Map(Vec<Member>),
    Null,
    /// As it is written.
    Number(String),
    /// With [`HOLE`] where a part is unknown.
    Text(String),
    /// What only a later evaluation knows; of what, where it is a reference: `aws_iam_role.build`, a logical id.
    Unknown(Option<String>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) node: Node,
}

impl Node {
    pub(super) const fn new(line: usize, value: Value) -> Self {
        Self { line, value }
    }

    pub(super) fn text(line: usize, text: impl Into<String>) -> Self {
        Self::new(line, Value::Text(text.into()))
    }

    /// Returns a map's members; none of anything else.
    pub(super) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Map(members) => members,
            Value::Bool(_)
            | Value::List(_)
            | Value::Null
            | Value::Number(_)
            | Value::Text(_)
            | Value::Unknown(_) => &[],
        }
    }

    /// Returns a member of a map; of several of one name the last, as parsers of JSON do.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().rev().find(|member| member.key == key).map(|member| &member.node)
    }

    /// Returns what a path of members leads to.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Returns the values of a list, and one that stands alone: IAM reads both alike.
    pub(super) fn one_or_more(&self) -> &[Self] {
        match &self.value {
            Value::List(nodes) => nodes,
            Value::Bool(_)
            | Value::Map(_)
            | Value::Null
            | Value::Number(_)
            | Value::Text(_)
            | Value::Unknown(_) => std::slice::from_ref(self),
        }
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Bool(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Null
            | Value::Number(_)
            | Value::Unknown(_) => None,
        }
    }

    /// Returns a text that is known whole.
    pub(super) fn as_known_text(&self) -> Option<&str> {
        self.as_text().filter(|text| !text.contains(HOLE))
    }

    pub(super) const fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    pub(super) const fn is_unknown(&self) -> bool {
        matches!(self.value, Value::Unknown(_))
    }

    /// Returns what an unknown value refers to.
    pub(super) fn reference(&self) -> Option<&str> {
        match &self.value {
            Value::Unknown(reference) => reference.as_deref(),
            Value::Bool(_)
            | Value::List(_)
            | Value::Map(_)
            | Value::Null
            | Value::Number(_)
            | Value::Text(_) => None,
        }
    }

    /// Returns a scalar as a text: numbers and truth values as they are written, an unknown one as a [`HOLE`].
    pub(super) fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(text) | Value::Text(text) => Some(text.clone()),
            Value::Unknown(_) => Some(HOLE.to_string()),
            Value::List(_) | Value::Map(_) | Value::Null => None,
        }
    }

    /// Takes a value whose lines are not known: all stand in one line.
    #[cfg(test)]
    pub(super) fn of_json(json: &Json, line: usize) -> Self {
        let value = match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => Value::Number(number.to_string()),
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(list) => Value::List(list.iter().map(|json| Self::of_json(json, line)).collect()),
            Json::Object(members) => Value::Map(
                members
                    .iter()
                    .map(|(key, json)| Member { key: key.clone(), line, node: Self::of_json(json, line) })
                    .collect(),
            ),
        };
        Self { line, value }
    }

    /// Returns the value for the evaluator of trust policies; what is unknown becomes a policy variable that has no value here.
    pub(super) fn to_json(&self) -> Json {
        const UNKNOWN: &str = "${anyrole:unknown}";
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(text) => Json::String(text.clone()),
            Value::Text(text) => Json::String(text.replace(HOLE, UNKNOWN)),
            Value::Unknown(_) => Json::String(UNKNOWN.to_owned()),
            Value::List(nodes) => Json::Array(nodes.iter().map(Self::to_json).collect()),
            Value::Map(members) => Json::Object(
                members.iter().map(|member| (member.key.clone(), member.node.to_json())).collect(),
            ),
        }
    }

    /// Moves everything to other lines.
    pub(super) fn relined(mut self, line: &dyn Fn(usize) -> usize) -> Self {
        self.line = line(self.line);
        self.value = match self.value {
            Value::List(nodes) => Value::List(nodes.into_iter().map(|node| node.relined(line)).collect()),
            Value::Map(members) => Value::Map(
                members
                    .into_iter()
                    .map(|member| Member {
                        line: line(member.line),
                        node: member.node.relined(line),
                        key: member.key,
                    })
                    .collect(),
            ),
            other
            @ (Value::Bool(_) | Value::Null | Value::Number(_) | Value::Text(_) | Value::Unknown(_)) => other,
        };
        self
    }
}

/// Shows a text to people: an unknown part as `${…}`.
pub(super) fn shown(text: &str) -> String {
    text.replace(HOLE, "${…}")
}
