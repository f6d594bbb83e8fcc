//! The help of one command, within 80 columns: its usage, its flags by heading, and further notes.

use std::fmt::Write as _;

use crate::cli::args::Spec;
use crate::cli::settings::table::{Group, Kind, Setting, Sources};
use crate::cli::wrap::{COLUMNS, PAGE_COLUMNS, reflowed, wrapped};

/// The widest flag with value that has its text beside it; the text of a wider one is below it.
const WIDEST: usize = 32;

/// The longest list of words that is shown as the value itself; a longer one follows the text.
const LONGEST_CHOICE: usize = 24;

/// Renders the help of a command.
pub(in crate::cli) fn render(spec: &Spec) -> String {
    let words = spec.words.usage().map(|words| words + " ").unwrap_or_default();
    let mut text = lines(&wrapped(spec.about, COLUMNS));
    // Writing to a String cannot fail.
    let _ = write!(text, "\nUsage: anyrole {} {words}[flags]\n", spec.name);
    let flags: Vec<&Setting> = spec.all_flags().collect();
    let mut headings: Vec<&str> = Vec::new();
    for heading in flags.iter().map(|flag| heading(flag)).chain([Group::Program.heading()]) {
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    // `Program` comes last, so that --help is the very last flag.
    headings.sort_by_key(|heading| *heading == Group::Program.heading());
    for name in headings {
        let mut rows: Vec<(String, String)> =
            flags.iter().filter(|flag| heading(flag) == name).map(|flag| row(flag)).collect();
        if name == Group::Program.heading() {
            rows.push((String::from("  -h, --help"), String::from("show this text")));
        }
        let _ = write!(text, "\n{name}:\n{}", table(&rows));
    }
    if !spec.more.is_empty() {
        let _ = write!(text, "\n{}", reflowed(spec.more, PAGE_COLUMNS));
    }
    text
}

/// Returns the heading of a flag.
fn heading(setting: &Setting) -> &'static str {
    match setting.sources {
        Sources::Flag if setting.group == Group::Program && !setting.drop_in => "This command",
        Sources::Everywhere
        | Sources::FlagAndSession
        | Sources::FlagAndVariable
        | Sources::FlagVariableAndSession
        | Sources::Flag
        | Sources::Session => setting.group.heading(),
    }
}

/// Returns a flag with its value, and its text.
fn row(setting: &Setting) -> (String, String) {
    let name = setting.name;
    let (value, more) = match setting.kind {
        Kind::Boolean => return (format!("      --{name}[=true|false]"), setting.help.to_owned()),
        Kind::Duration => ("TIME", String::new()),
        Kind::Integer => ("NUMBER", String::new()),
        Kind::Secret => ("PASSWORD", String::new()),
        Kind::Word(words) if words.len() > LONGEST_CHOICE => {
            ("NAME", format!(": {}", words.replace('|', ", ")))
        }
        Kind::Discreet(value) | Kind::List(value) | Kind::Text(value) | Kind::Word(value) => {
            (value, String::new())
        }
    };
    (format!("      --{name} <{value}>"), format!("{}{more}", setting.help))
}

/// Lays out flags and texts in two columns.
fn table(rows: &[(String, String)]) -> String {
    let beside = rows.iter().map(|(flag, _)| flag.len()).filter(|width| *width <= WIDEST);
    let column = beside.max().unwrap_or(WIDEST) + 2;
    let mut text = String::new();
    for (flag, help) in rows {
        let mut help = wrapped(help, COLUMNS - column).into_iter();
        let first = if flag.len() <= WIDEST { help.next() } else { None };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", format!("{flag:column$}{}", first.unwrap_or_default()).trim_end());
        for line in help {
            let _ = writeln!(text, "{:column$}{line}", "");
        }
    }
    text
}

fn lines(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::COMMANDS;

    #[test]
    fn every_help_fits_eighty_columns() {
        for spec in COMMANDS {
            for line in render(spec).lines() {
                assert!(line.chars().count() <= COLUMNS, "{}: {line}", spec.name);
            }
            for line in reflowed(spec.more, PAGE_COLUMNS).lines() {
                assert!(
                    line.chars().count() <= PAGE_COLUMNS,
                    "{}, which its manual page breaks: {line}",
                    spec.name
                );
            }
        }
    }
}
