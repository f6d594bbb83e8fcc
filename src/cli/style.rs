//! Colour for people at a terminal: when, and which.
//!
//! The rules are those of the crate anstream, by which clap's programs go: `NO_COLOR` switches it off, `CLICOLOR_FORCE` on, `CLICOLOR=0` off; else
//! a terminal has it, unless `TERM` is unset or `dumb`.

use crate::env::Environment;

/// Whether texts are coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    is_on: bool,
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Bad,
    Doubtful,
    Faint,
    Good,
    /// A heading, bold and underlined as clap has it.
    Heading,
    Hint,
    /// What is typed as it stands: a flag, a command.
    Literal,
}

impl Style {
    /// Decides it for a stream.
    pub(super) fn of(env: &Environment, is_terminal: bool) -> Self {
        let is = |name, value: &str| env.os_var(name).is_some_and(|set| set == value);
        let is_set = |name| env.os_var(name).is_some();
        let knows_colour =
            if cfg!(windows) { !is("TERM", "dumb") } else { is_set("TERM") && !is("TERM", "dumb") };
        let is_on = if is_set("NO_COLOR") {
            false
        } else if is_set("CLICOLOR_FORCE") && !is("CLICOLOR_FORCE", "0") {
            true
        } else if is("CLICOLOR", "0") {
            false
        } else {
            is_terminal && (knows_colour || is_set("CLICOLOR"))
        };
        Self { is_on: is_on && understood() }
    }

    pub(super) const fn is_on(self) -> bool {
        self.is_on
    }

    /// Returns the text in its colour.
    pub(super) fn paint(self, paint: Paint, text: &str) -> String {
        if !self.is_on {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Bad => "1;31",
            Paint::Doubtful => "33",
            Paint::Faint => "2",
            Paint::Good => "32",
            Paint::Heading => "1;4",
            Paint::Hint => "36",
            Paint::Literal => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Returns an error in the form of `report`, with its first word and its hint in colour.
    pub(super) fn error(self, text: &str) -> String {
        if !self.is_on {
            return text.to_owned();
        }
        let line = |line: &str| match line.split_once(": ") {
            Some(("anyrole", rest)) => match rest.split_once(": ") {
                Some(("error", rest)) => format!("anyrole: {} {rest}", self.paint(Paint::Bad, "error:")),
                Some(("hint", rest)) => format!("anyrole: {} {rest}", self.paint(Paint::Hint, "hint:")),
                Some(_) | None => line.to_owned(),
            },
            Some(_) | None => line.to_owned(),
        };
        text.lines().map(|text| line(text) + "\n").collect()
    }

    /// Returns a help text with headings and what is typed as clap styles them.
    pub(super) fn help(self, text: &str) -> String {
        if !self.is_on {
            return text.to_owned();
        }
        text.lines().map(|line| self.help_line(line) + "\n").collect()
    }

    fn help_line(self, line: &str) -> String {
        if let Some(rest) = line.strip_prefix("Usage: ") {
            let (literal, words) = rest.split_at(rest.find(" [").unwrap_or(rest.len()));
            return format!(
                "{} {}{words}",
                self.paint(Paint::Heading, "Usage:"),
                self.paint(Paint::Literal, literal)
            );
        }
        if !line.starts_with(' ') && line.ends_with(':') {
            return self.paint(Paint::Heading, line);
        }
        let inner = line.trim_start();
        let indent = &line[..line.len() - inner.len()];
        // A flag of a table begins its line; a command stands in the first column of one.
        let is_typed = inner.starts_with('-') || (indent.len() == 2 && inner.contains("  "));
        if !is_typed || indent.is_empty() {
            return line.to_owned();
        }
        let end = if inner.starts_with('-') { inner.find([' ', '[']) } else { inner.find("  ") };
        let (literal, rest) = inner.split_at(end.unwrap_or(inner.len()));
        match rest.strip_prefix(' ').filter(|_| literal == "-h,") {
            Some(rest) => {
                let (long, rest) = rest.split_at(rest.find(' ').unwrap_or(rest.len()));
                format!(
                    "{indent}{} {}{rest}",
                    self.paint(Paint::Literal, literal),
                    self.paint(Paint::Literal, long)
                )
            }
            None => format!("{indent}{}{rest}", self.paint(Paint::Literal, literal)),
        }
    }
}

/// A console of Windows has to be told that colours come.
#[cfg(windows)]
fn understood() -> bool {
    anstyle_query::windows::enable_ansi_colors() != Some(false)
}

#[cfg(not(windows))]
const fn understood() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn is_on(variables: &[(&str, &str)], is_terminal: bool) -> bool {
        Style::of(&Environment::given(variables.iter().copied()), is_terminal).is_on()
    }

    #[cfg(unix)]
    #[test]
    fn a_terminal_has_colour_and_nothing_else_has() {
        let term = ("TERM", "xterm");
        assert!(is_on(&[term], true));
        assert!(!is_on(&[term], false));
        assert!(!is_on(&[], true));
        assert!(!is_on(&[("TERM", "dumb")], true));
        assert!(!is_on(&[term, ("NO_COLOR", "1")], true));
        assert!(!is_on(&[term, ("CLICOLOR", "0")], true));
        assert!(is_on(&[("CLICOLOR_FORCE", "1")], false));
        assert!(!is_on(&[("CLICOLOR_FORCE", "0")], false));
        assert!(!is_on(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false));
        assert!(is_on(&[("TERM", "dumb"), ("CLICOLOR", "1")], true));
    }

    #[test]
    fn an_error_and_a_help_keep_their_words() {
        let style = Style { is_on: true };
        let text = "anyrole: error: cannot open 'x' [x]\n  caused by: y\nanyrole: hint: do: that\n";
        let error = style.error(text);
        assert!(error.contains("anyrole: \u{1b}[1;31merror:\u{1b}[0m cannot open 'x' [x]\n  caused by: y\n"));
        assert!(error.contains("anyrole: \u{1b}[36mhint:\u{1b}[0m do: that\n"));
        let help = "Does it.\n\nUsage: anyrole x [flags]\n\nThis command:\n      --json[=true|false]  print JSON\n  -h, --help  show\n";
        let styled = style.help(help);
        let bare = styled.replace("\u{1b}[1;4m", "").replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
        assert_eq!(bare, help);
        assert!(styled.contains("\u{1b}[1;4mThis command:\u{1b}[0m"));
        assert!(styled.contains("      \u{1b}[1m--json\u{1b}[0m[=true|false]"));
        let off = Style { is_on: false };
        assert_eq!((off.error(text), off.help(help)), (text.to_owned(), help.to_owned()));
    }
}
