//! What one caller gives: the strongest of the sources of settings.

use std::ffi::OsString;

use zeroize::Zeroizing;

use super::table::{Kind, Setting};

/// What one caller asks for: the flags and words of a command line, or the settings that a program gives.
#[derive(Clone, Default)]
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(crate) struct Typed {
    /// Each flag with its texts; except for lists, the last one counts.
    pub(crate) flags: Vec<(&'static str, Vec<Zeroizing<String>>)>,
    /// The words, in order.
    pub(crate) words: Vec<String>,
    /// The other program's command and its arguments, as typed after `--`.
    pub(crate) command: Vec<OsString>,
    /// Whether a program gives these, and no command line.
    pub(crate) is_code: bool,
}

impl Typed {
    /// Adds a flag's text: in a list after the earlier ones, elsewhere replacing them.
    pub(crate) fn add(&mut self, flag: &'static Setting, text: Zeroizing<String>) {
        match self.flags.iter_mut().find(|(name, _)| *name == flag.name) {
            None => self.flags.push((flag.name, vec![text])),
            Some((_, texts)) if matches!(flag.kind, Kind::List(_)) => texts.push(text),
            Some((_, texts)) => *texts = vec![text],
        }
    }

    /// Sets a flag to this text alone.
    pub(crate) fn set(&mut self, flag: &'static Setting, text: String) {
        self.flags.retain(|(name, _)| *name != flag.name);
        self.flags.push((flag.name, vec![Zeroizing::new(text)]));
    }

    /// Adds the flags of `other`, which take precedence.
    pub(crate) fn lay_over(&mut self, other: &Self) {
        self.flags.retain(|(name, _)| other.flag(name).is_none());
        self.flags.extend(other.flags.iter().cloned());
    }

    /// Returns the text of a flag; of several, the last.
    pub(crate) fn flag(&self, name: &str) -> Option<&str> {
        self.texts(name).next_back()
    }

    /// Returns every text of a flag, in order.
    pub(crate) fn texts(&self, name: &str) -> impl DoubleEndedIterator<Item = &str> {
        let texts = self.flags.iter().find(|(flag, _)| *flag == name).map(|(_, texts)| texts.as_slice());
        texts.unwrap_or_default().iter().map(|text| text.as_str())
    }
}
