//! What is known of a request: its condition keys and their values.

use std::collections::BTreeMap;

/// The condition keys of a request. Case does not count in their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    values: BTreeMap<String, Vec<String>>,
    /// Whether a key that was not set is absent; else only AWS knows.
    closed: bool,
    /// What keys begin with that are absent unless they were set, where the others are not known.
    absent: Vec<String>,
}

/// What is known of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// The request does not have it.
    Absent,
    /// Only AWS knows.
    Unknown,
    /// Its values, at least one.
    Values(&'a [String]),
}

impl Context {
    /// Returns a context of whose keys only those are known that are set.
    pub fn open() -> Self {
        Self::default()
    }

    /// Returns a context in which a key that is not set is absent.
    pub fn closed() -> Self {
        Self { closed: true, ..Self::default() }
    }

    /// Declares that keys which begin like this are absent unless they are set: `aws:PrincipalTag/`, `sts:ExternalId`.
    pub fn know_all(&mut self, prefix: &str) {
        self.absent.push(prefix.to_ascii_lowercase());
    }

    /// Gives a key one value.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.set_all(key, [value.into()]);
    }

    /// Gives a key several values; without any it is absent.
    pub fn set_all(&mut self, key: &str, values: impl IntoIterator<Item = String>) {
        let (key, values) = (key.to_ascii_lowercase(), values.into_iter().collect::<Vec<_>>());
        if values.is_empty() {
            self.absent.push(key);
        } else {
            self.values.insert(key, values);
        }
    }

    /// Returns what is known of a key.
    pub fn find(&self, key: &str) -> Found<'_> {
        let key = key.to_ascii_lowercase();
        match self.values.get(&key) {
            Some(values) => Found::Values(values),
            None if self.closed || self.absent.iter().any(|prefix| key.starts_with(prefix)) => Found::Absent,
            None => Found::Unknown,
        }
    }
}
