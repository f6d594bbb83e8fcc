//! `help`: the list of commands by purpose, the help of one, and the pages about topics.

pub(super) mod page;

use std::fmt::Write as _;

use super::args::{Needs, Spec, Words};
use super::report::Failure;
use super::usage::UsageError;
use super::wrap::{COLUMNS, wrapped};
use super::{COMMANDS, Invocation, find, output};
use crate::manual;

/// `anyrole help`.
pub(super) const SPEC: Spec = Spec {
    name: "help",
    about: "Lists the commands and topics, or explains one.",
    words: Words::Command,
    groups: &[],
    flags: &[],
    more: "",
    needs: Needs::Everything,
    run,
};

/// The purposes of the commands, in the order in which a reader needs them.
pub(super) const PURPOSES: &[(&str, &[&str])] = &[
    ("Credentials", &["credential-process", "exec", "env", "serve", "update", "whoami"]),
    ("Set up", &["advise", "setup", "configure", "doctor"]),
    ("What is kept", &["status", "cache list", "cache clear"]),
    (
        "Static keys and policies",
        &[
            "audit files",
            "audit iam",
            "audit policy",
            "audit trust",
            "migrate plan",
            "migrate switch",
            "migrate verify",
            "migrate deactivate",
            "migrate rollback",
            "migrate delete",
            "migrate status",
            "migrate summary",
        ],
    ),
    ("Look before you sign", &["inspect", "read-certificate-data", "sign-string"]),
    ("Try it without AWS", &["demo", "simulate"]),
    (
        "A small PKI",
        &[
            "pki init",
            "pki issue",
            "pki renew",
            "pki deploy",
            "pki revoke",
            "pki crl",
            "pki request",
            "pki install",
            "pki list",
        ],
    ),
    ("About", &["explain", "help", "man", "completions", "version"]),
];

const OPENING: &str = "\
anyrole exchanges an X.509 certificate for temporary AWS credentials, through
IAM Roles Anywhere.

Usage: anyrole COMMAND [flags]
";

const CLOSING: &str = "
anyrole help COMMAND explains one command. Every flag of a session is also a
variable (--role-arn is ANYROLE_ROLE_ARN) and a key of the configuration file,
~/.config/anyrole/config.toml (role_arn).
Exit status: 0 done, 1 tried and failed, 2 wrong command line or configuration.
";

/// Prints the list of commands.
pub(super) fn overview() -> Result<(), Failure> {
    let mut text = String::from(OPENING);
    for (purpose, names) in PURPOSES {
        let specs: Vec<&Spec> = names.iter().filter_map(|name| find(name)).collect();
        if !specs.is_empty() {
            let _ = write!(text, "\n{purpose}:\n{}", list(&specs));
        }
    }
    text.push_str("\nTopics (anyrole help TOPIC):\n");
    for (name, about, _) in manual::TOPICS {
        list_entry(&mut text, name, about);
    }
    text.push_str(CLOSING);
    output::write_help(&text).map_err(Failure::output)
}

/// Prints the commands of a group: `pki`.
pub(super) fn group(group: &str) -> Result<(), Failure> {
    let specs: Vec<&Spec> = COMMANDS
        .iter()
        .filter(|spec| spec.name.split_once(' ').is_some_and(|(first, _)| first == group))
        .copied()
        .collect();
    let text = format!("Usage: anyrole {group} COMMAND [flags]\n\nCommands:\n{}", list(&specs));
    output::write_help(&text).map_err(Failure::output)
}

fn list(specs: &[&Spec]) -> String {
    let mut text = String::new();
    for spec in specs {
        list_entry(&mut text, spec.name, spec.about);
    }
    text
}

/// Adds a name and what it is about, in two columns.
fn list_entry(text: &mut String, mut name: &str, about: &str) {
    const COLUMN: usize = 25;
    for line in wrapped(about, COLUMNS - COLUMN) {
        let _ = writeln!(text, "  {name:<23}{line}");
        name = "";
    }
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    if invocation.typed.words.is_empty() {
        return overview();
    }
    let name = &invocation.typed.words.join(" ");
    if let Some(spec) = find(name) {
        return output::write_help(&page::render(spec)).map_err(Failure::output);
    }
    if COMMANDS.iter().any(|spec| spec.name.split_once(' ').is_some_and(|(first, _)| first == name)) {
        return group(name);
    }
    if let Some(page) = manual::topic(name) {
        return output::write(page.as_bytes()).map_err(Failure::output);
    }
    Err(unknown(name).into())
}

/// Returns the error for a command that does not exist.
pub(super) fn unknown(name: &str) -> UsageError {
    let names = COMMANDS.iter().map(|spec| spec.name);
    UsageError::UnknownCommand { nearest: crate::text::nearest(name, names), word: name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_purpose_and_the_other_way_round() {
        let listed: Vec<&str> = PURPOSES.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        for spec in COMMANDS {
            assert!(listed.contains(&spec.name), "{} is not in the overview", spec.name);
        }
    }

    /// Lines are joined into paragraphs unless they are indented: a table would become a sentence.
    #[test]
    fn what_stands_in_columns_is_indented() {
        for spec in COMMANDS {
            for line in spec.more.lines().filter(|line| !line.starts_with("  ")) {
                assert!(!line.contains("  "), "{}: {line}", spec.name);
            }
        }
    }
}
