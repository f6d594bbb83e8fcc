//! Wraps lines: to 80 columns, which every terminal and every log has, or to the width of the terminal.

/// The columns of a help text.
pub(super) const COLUMNS: usize = 80;

/// The width of text that is also part of a manual page, which `man` indents by seven.
pub(super) const PAGE_COLUMNS: usize = 73;

/// Wraps a text between words into lines of at most `columns` characters; a longer word gets its own line.
pub(super) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Returns the width of the terminal behind a stream; `None` if it is not a terminal, or has no known width.
#[cfg(unix)]
pub(super) fn terminal_columns(stream: impl std::os::fd::AsFd) -> Option<usize> {
    // Nobody reads at a narrower terminal.
    rustix::termios::tcgetwinsize(stream).ok().map(|size| size.ws_col.into()).filter(|columns| *columns >= 20)
}

/// The terminal itself wraps lines.
#[cfg(not(unix))]
pub(super) fn terminal_columns<S>(_stream: S) -> Option<usize> {
    None
}

/// Wraps each line longer than `columns` between words, and indents the continuation by four. Text in single quotes, a
/// command or a path, counts as one word, so that it can be copied as a whole.
pub(super) fn fitted(text: &str, columns: usize) -> String {
    let mut fitted = String::with_capacity(text.len() + 64);
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let mut at = indent;
        fitted.push_str(&line[..indent]);
        for (index, word) in words(&line[indent..]).into_iter().enumerate() {
            let width = width(word);
            if index > 0 && at + 1 + width > columns {
                fitted.push_str("\n    ");
                at = 4 + width;
            } else {
                if index > 0 {
                    fitted.push(' ');
                    at += 1;
                }
                at += width;
            }
            fitted.push_str(word);
        }
        fitted.push('\n');
    }
    fitted
}

/// Returns the columns of a word; what colours it takes none.
fn width(word: &str) -> usize {
    let mut in_code = false;
    let is_shown = |letter: &char| {
        let was_in_code = in_code;
        in_code = *letter == '\u{1b}' || (in_code && *letter != 'm');
        !was_in_code && !in_code
    };
    word.chars().filter(is_shown).count()
}

/// Splits at blanks outside of single quotes; an apostrophe within a word opens none.
fn words(line: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quoted, mut before) = (0, false, ' ');
    for (index, character) in line.char_indices() {
        match character {
            '\'' if quoted => quoted = false,
            '\'' if !before.is_alphanumeric() => quoted = line[index + 1..].contains('\''),
            ' ' if !quoted => {
                words.push(&line[start..index]);
                start = index + 1;
            }
            _ => {}
        }
        before = character;
    }
    words.push(&line[start..]);
    words
}

/// Rewraps the paragraphs of a text that have a line longer than `columns`. Lines that start with a blank, such as
/// examples, are unchanged.
pub(super) fn reflowed(text: &str, columns: usize) -> String {
    let mut lines = Vec::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let finish = |paragraph: &mut Vec<&str>, lines: &mut Vec<String>| {
        if paragraph.iter().any(|line| line.chars().count() > columns) {
            lines.extend(wrapped(&paragraph.join(" "), columns));
        } else {
            lines.extend(paragraph.iter().map(|line| (*line).to_owned()));
        }
        paragraph.clear();
    };
    for line in text.lines() {
        if line.is_empty() || line.starts_with(' ') {
            finish(&mut paragraph, &mut lines);
            lines.push(line.to_owned());
        } else {
            paragraph.push(line);
        }
    }
    finish(&mut paragraph, &mut lines);
    lines.iter().fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_command_stays_whole() {
        let text = "anyrole: hint: once it's cured, 'anyrole cache clear build' lets the next call ask\n  request id: 1\n";
        let expected = "anyrole: hint: once it's\n    cured,\n    'anyrole cache clear build'\n    lets the next call ask\n  request id: 1\n";
        assert_eq!(fitted(text, 28), expected);
        assert_eq!(fitted(text, 200), text);
    }

    #[test]
    fn words_stay_whole() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a verylongword b", 5), ["a", "verylongword", "b"]);
        assert!(wrapped("", 5).is_empty());
    }

    #[test]
    fn examples_and_paragraphs_that_fit_stay() {
        let text = "fits\nso\n\ndoes not fit\nat all\n  an example that is longer\n";
        assert_eq!(reflowed(text, 8), "fits\nso\n\ndoes not\nfit at\nall\n  an example that is longer\n");
    }
}
