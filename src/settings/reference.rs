//! The reference of the settings, `src/manual/settings.md`, generated from the table.
#![expect(clippy::disallowed_methods, reason = "the test compares a file of the source, and may rewrite it")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::table::{Group, Kind, SETTINGS, Setting, Sources};

const OPENING: &str = "\
# Every setting of a session

Each has up to three names: a flag, a variable, and a key of the config file. Of several the strongest counts: the flag;
the key in the `[session.NAME]` that the command line names; the variable; the key in the session that `ANYROLE_SESSION`
names; the key in `[defaults]`; the variable of the SDKs; the default. Certificate, key and what opens them come from one
of these together.

A path in the config file is relative to that file's folder, and may begin with `~/`; elsewhere it is relative to the current
folder.

A TIME is a number of seconds, or a text like 90s, 15m, 1h. A boolean is true or false; a flag alone means true. An INPUT
is a path, `-` for the standard input, `env:NAME` for a variable, or `fd:N` for an open file.

*Official* marks the flags that AWS's own helper has as well, with the same meaning.
";

/// Returns the page.
fn page() -> String {
    let mut page = String::from(OPENING);
    for group in Group::SERVED.iter().copied() {
        let _ = write!(
            page,
            "\n## {}\n\n| flag | variable | config key | value | default | official | what it does |\n\
             |---|---|---|---|---|---|---|\n",
            group.heading()
        );
        for setting in SETTINGS.iter().filter(|setting| setting.group == group) {
            page.push_str(&row(setting));
        }
    }
    page
}

fn row(setting: &Setting) -> String {
    let flag = if setting.has_flag() { format!("`--{}`", setting.name) } else { String::from("—") };
    let own = setting.variable();
    let variables: Vec<String> = own
        .iter()
        .map(String::as_str)
        .chain(setting.aws_variable)
        .map(|variable| format!("`{variable}`"))
        .collect();
    let variables = if variables.is_empty() { String::from("—") } else { variables.join(", ") };
    let key = match setting.sources {
        Sources::Everywhere => format!("`{}`", setting.key()),
        Sources::FlagAndSession | Sources::FlagVariableAndSession | Sources::Session => {
            format!("`{}`, not in `[defaults]`", setting.key())
        }
        Sources::Flag | Sources::FlagAndVariable => String::from("—"),
    };
    let (help, default) = match setting.help.strip_suffix(']').and_then(|help| help.split_once(" [default: "))
    {
        Some((help, default)) => (help, default),
        None if setting.kind == Kind::Boolean => (setting.help, "false"),
        None => (setting.help, "—"),
    };
    let official = if setting.drop_in { "yes" } else { "—" };
    format!("| {flag} | {variables} | {key} | {} | {default} | {official} | {help} |\n", value(setting.kind))
}

fn value(kind: Kind) -> String {
    match kind {
        Kind::Boolean => String::from("boolean"),
        Kind::Integer => String::from("NUMBER"),
        Kind::Duration => String::from("TIME"),
        Kind::List(name) => format!("{name}, several times"),
        Kind::Discreet(name) | Kind::Text(name) => name.to_owned(),
        Kind::Secret => String::from("PASSWORD"),
        Kind::Word(words) => words.split('|').map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
    }
}

#[test]
fn the_reference_is_what_the_table_gives() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/settings.md");
    if std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite") {
        fs::write(&path, page()).expect("the source can be written");
    }
    let written = fs::read_to_string(&path).expect("the reference exists");
    for setting in SETTINGS {
        let name =
            if setting.has_flag() { format!("`--{}`", setting.name) } else { format!("`{}`", setting.key()) };
        assert!(page().contains(&name), "{name}");
    }
    assert!(
        written == page(),
        "src/manual/settings.md is old: SNAPSHOTS=overwrite cargo test --lib reference"
    );
}
