//! Paths through JSON, and the addresses of Terraform's resources, which stand beside what they hold.

use std::fmt::Write as _;

use super::{DEPTH, cut};

/// Members whose values name a resource in the states and plans of Terraform.
const LABELS: &[&str] = &["address", "index_key", "mode", "module", "name", "type"];

/// How far a text was read, and which objects and lists are open there.
#[derive(Default)]
pub(super) struct Walk {
    at: usize,
    open: Vec<Level>,
    /// How many more are open than are followed.
    deeper: usize,
}

/// An object or a list that is open.
struct Level {
    is_list: bool,
    index: usize,
    /// The member's name, of an object.
    key: String,
    /// Whether a name has been read, and its value is next.
    is_value: bool,
    labels: Vec<(usize, String)>,
}

impl Walk {
    /// Returns the path to the value that begins before `to`, or holds it.
    pub(super) fn name(&mut self, text: &[u8], to: usize) -> Option<String> {
        while self.at < to {
            match text[self.at] {
                b'"' => {
                    let end = string_end(text, self.at + 1);
                    if end >= to {
                        // The place is inside of this string.
                        break;
                    }
                    self.string(text, &text[self.at + 1..end.min(text.len())], end + 1);
                    self.at = end + 1;
                    continue;
                }
                open @ (b'{' | b'[') => self.begin(open == b'['),
                b'}' | b']' => self.end(),
                b',' => {
                    if let Some(level) = self.open.last_mut().filter(|_| self.deeper == 0) {
                        level.index += 1;
                        level.is_value = false;
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        let path = self.path();
        let name = match self.address() {
            Some(address) => format!("{address} {path}"),
            None => path,
        };
        Some(name).filter(|name| !name.is_empty())
    }

    fn begin(&mut self, is_list: bool) {
        if self.open.len() < DEPTH {
            let level = Level { is_list, index: 0, key: String::new(), is_value: false, labels: Vec::new() };
            self.open.push(level);
        } else {
            self.deeper += 1;
        }
    }

    fn end(&mut self) {
        if self.deeper > 0 {
            self.deeper -= 1;
        } else {
            self.open.pop();
        }
    }

    /// Takes a whole string, which is a member's name or a value.
    fn string(&mut self, text: &[u8], content: &[u8], after: usize) {
        if self.deeper > 0 {
            return;
        }
        let Some(level) = self.open.last_mut().filter(|level| !level.is_list) else { return };
        let next = text[after.min(text.len())..].iter().take(64).find(|c| !c.is_ascii_whitespace());
        if !level.is_value && next == Some(&b':') {
            level.key = cut(content).replace("\\\"", "\"");
            level.is_value = true;
        } else if let Some(label) = LABELS.iter().position(|label| *label == level.key) {
            level.labels.push((label, cut(content)));
        }
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for level in &self.open {
            if level.is_list {
                let _ = write!(path, "[{}]", level.index);
            } else if !level.key.is_empty() {
                let _ = write!(path, "{}{}", if path.is_empty() { "" } else { "." }, level.key);
            }
        }
        path
    }

    /// Returns the address of the resource around a place: `module.ci.aws_iam_access_key.bot["a"]`.
    fn address(&self) -> Option<String> {
        let label = |name: &str| {
            let wanted = LABELS.iter().position(|label| *label == name)?;
            let mut labels = self.open.iter().rev().flat_map(|level| level.labels.iter().rev());
            labels.find(|(label, _)| *label == wanted).map(|(_, value)| value.as_str())
        };
        if let Some(address) = label("address") {
            return Some(address.to_owned());
        }
        // A state says whether a resource is managed, which nothing else does.
        let (mode, kind, name) = (label("mode")?, label("type")?, label("name")?);
        let mut address = label("module").map(|module| format!("{module}.")).unwrap_or_default();
        let data = if mode == "data" { "data." } else { "" };
        let _ = write!(address, "{data}{kind}.{name}");
        if let Some(index) = label("index_key") {
            let _ = write!(address, "[\"{index}\"]");
        }
        Some(address)
    }
}

/// Returns where a string ends whose content begins at `from`: at its quote, or at the end of the text.
fn string_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < text.len() {
        match text[at] {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}
