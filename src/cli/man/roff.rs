//! Text in the macros of man(7). Pure.

use std::fmt::Write as _;

/// A manual page under construction.
pub(super) struct Page {
    text: String,
}

impl Page {
    /// Starts a page of section 1; `day` is `YYYY-MM-DD`.
    pub(super) fn new(name: &str, day: &str) -> Self {
        let mut page = Self { text: String::new() };
        let version = env!("CARGO_PKG_VERSION");
        let title = name.to_ascii_uppercase();
        page.line(format_args!(".TH \"{}\" 1 {day} \"anyrole {version}\" \"anyrole\"", escaped(&title)));
        page
    }

    pub(super) fn section(&mut self, heading: &str) {
        self.line(format_args!(".SH {heading}"));
    }

    pub(super) fn subsection(&mut self, heading: &str) {
        self.line(format_args!(".SS {heading}"));
    }

    /// Ends a list, so that what follows is text of the section again.
    pub(super) fn paragraph(&mut self) {
        self.line(format_args!(".PP"));
    }

    /// Adds running text, one sentence per line.
    pub(super) fn text(&mut self, text: &str) {
        let text = escaped(text).replace(". ", ".\n");
        for line in text.lines() {
            self.line(format_args!("{}", protected(line.trim())));
        }
    }

    /// Adds text with its lines unchanged; blank lines divide it.
    pub(super) fn verbatim(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.line(format_args!(".PP\n.nf"));
        for line in text.trim_end().lines() {
            if line.trim().is_empty() {
                self.line(format_args!(".fi\n.PP\n.nf"));
            } else {
                self.line(format_args!("{}", protected(&escaped(line))));
            }
        }
        self.line(format_args!(".fi"));
    }

    /// Adds the usage line of a command.
    pub(super) fn synopsis(&mut self, command: &str, words: &str) {
        self.line(format_args!("\\fB{}\\fR {}", escaped(command), escaped(words)));
    }

    /// Adds a term, its value and its meaning.
    pub(super) fn item(&mut self, term: &str, value: Option<&str>, text: &str) {
        let value = value.map(|value| format!("\\fI{}\\fR", escaped(value))).unwrap_or_default();
        self.line(format_args!(".TP\n\\fB{}\\fR{value}", escaped(term)));
        self.text(text);
    }

    /// Adds a list of references to section 1.
    pub(super) fn references(&mut self, names: impl IntoIterator<Item = String>) {
        let mut names = names.into_iter().peekable();
        while let Some(name) = names.next() {
            let comma = if names.peek().is_some() { "," } else { "" };
            self.line(format_args!(".BR {} (1){comma}", escaped(&name)));
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// Capitalises the first letter of a help text, unless it is part of a name.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let plain = text.split(' ').next().is_some_and(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()));
    match letters.next() {
        Some(first) if plain => first.to_ascii_uppercase().to_string() + letters.as_str(),
        Some(_) | None => text.to_owned(),
    }
}

/// Escapes what is special to roff: backslashes, and hyphens that must survive copying.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-").replace('…', "...")
}

/// Protects a line that starts with a control character.
fn protected(line: &str) -> String {
    if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_roff_would_understand_is_text() {
        let mut page = Page::new("a-b", "2026-11-23");
        page.text(".SH no. 'x \\n --flag");
        page.verbatim("  a\n\n.b");
        assert!(
            page.finish()
                .ends_with("\\&.SH no.\n\\&'x \\en \\-\\-flag\n.PP\n.nf\n  a\n.fi\n.PP\n.nf\n\\&.b\n.fi\n")
        );
        assert_eq!(sentence("call the FIPS endpoint"), "Call the FIPS endpoint");
        assert_eq!(sentence("15m to 1h"), "15m to 1h");
    }
}
