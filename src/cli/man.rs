//! `man`: the manual pages, generated from the table of settings.
//!
//! For each flag the page also lists the other places of its setting, for which the help has no room. The macros are
//! those of man(7), which every `man` supports.

mod roff;

use std::fmt::Write as _;

use super::args::{Needs, Spec, Words};
use super::help::{PURPOSES, unknown};
use super::report::Failure;
use super::settings::table::{Group, Kind, SETTINGS, Setting, Sources};
use super::wrap::{PAGE_COLUMNS, reflowed};
use super::{COMMANDS, Invocation, find, output};
use roff::Page;

const LIST: Setting = Setting::flag("list", Kind::Boolean, "print the name of every page, one a line");

/// `anyrole man`.
pub(super) const SPEC: Spec = Spec {
    name: "man",
    about: "Prints a manual page: the program's, or a command's.",
    words: Words::Command,
    groups: &[],
    flags: &[LIST],
    more: "\
To read one:
  anyrole man credential-process | man -l -
To install all:
  for page in $(anyrole man --list); do
    anyrole man $page > /usr/local/share/man/man1/$page.1
  done
",
    needs: Needs::Everything,
    run,
};

/// The date of this version, for the footer of each page; it is changed together with the version.
const DAY: &str = "2026-11-23";

/// The files described on the main page.
const FILES: &[(&str, &str)] = &[
    ("/etc/anyrole/config.toml", "The system's settings and named sessions."),
    ("/etc/anyrole/conf.d/*.toml", "More of them; a session that two files define is an error."),
    ("~/.config/anyrole/config.toml", "The user's own, which take precedence, session by session."),
    ("~/.local/state/anyrole", "Locks, the sealing key, failures, and sessions kept in files."),
];

/// The variables described on the main page that are not settings.
const VARIABLES: &[(&str, &str)] = &[
    ("ANYROLE_SESSION", "The named session that is used where the command line names none."),
    ("ANYROLE_CACHE_NAMESPACE", "Separates installations and tests in one cache [default: v1]."),
    ("ANYROLE_STATE_DIR", "The folder for locks and the sealing key."),
    ("HTTPS_PROXY, NO_PROXY", "The proxy, and the hosts that are reached without it."),
];

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let text = if invocation.has(&LIST) {
        let groups = groups().into_iter().map(|group| format!("anyrole-{group}"));
        let commands = COMMANDS.iter().map(|spec| name(spec));
        let names = std::iter::once(String::from("anyrole")).chain(groups).chain(commands);
        names.fold(String::new(), |list, name| list + &name + "\n")
    } else {
        let words = invocation.typed.words.join(" ");
        // The name of a page is accepted like the command's.
        let command = words.strip_prefix("anyrole-").unwrap_or(&words);
        if matches!(command, "" | "anyrole") {
            program()
        } else if let Some(group) = groups().into_iter().find(|group| *group == command) {
            group_page(group)
        } else {
            let by_page = || COMMANDS.iter().find(|spec| spec.name.replace(' ', "-") == command).copied();
            page(find(command).or_else(by_page).ok_or_else(|| unknown(&words))?)
        }
    };
    output::write(text.as_bytes()).map_err(Failure::output)
}

/// Returns the name of a command's page: `anyrole-pki-init`.
fn name(spec: &Spec) -> String {
    format!("anyrole-{}", spec.name.replace(' ', "-"))
}

/// Returns the first words of two-word commands: `cache`, `pki`.
fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&str> =
        COMMANDS.iter().filter_map(|spec| Some(spec.name.split_once(' ')?.0)).collect();
    groups.dedup();
    groups
}

/// Renders the page of a group: the purpose of each command.
fn group_page(group: &str) -> String {
    let mut page = Page::new(&format!("anyrole-{group}"), DAY);
    let of_group = |spec: &&&Spec| spec.name.split_once(' ').is_some_and(|(first, _)| first == group);
    page.section("NAME");
    page.text(&format!("anyrole-{group} - the commands that begin with {group}"));
    page.section("SYNOPSIS");
    page.synopsis(&format!("anyrole {group}"), "COMMAND [flags]");
    page.section("COMMANDS");
    for spec in COMMANDS.iter().filter(of_group) {
        page.item(spec.name, None, spec.about);
    }
    page.section("SEE ALSO");
    page.references(COMMANDS.iter().filter(of_group).map(|spec| name(spec)));
    page.finish()
}

/// Renders the page of the program.
fn program() -> String {
    let mut page = Page::new("anyrole", DAY);
    page.section("NAME");
    page.text("anyrole - temporary AWS credentials from an X.509 certificate");
    page.section("SYNOPSIS");
    page.synopsis("anyrole", "COMMAND [flags]");
    page.section("DESCRIPTION");
    page.text("anyrole signs a request with the private key of an X.509 certificate, and IAM Roles Anywhere answers with \
               temporary credentials of a role. They are kept until shortly before their end, and handed to whatever asks.");
    page.section("COMMANDS");
    for (purpose, names) in PURPOSES {
        let specs: Vec<&Spec> = names.iter().filter_map(|name| find(name)).collect();
        if !specs.is_empty() {
            page.subsection(purpose);
            for spec in specs {
                page.item(spec.name, None, spec.about);
            }
        }
    }
    page.section("SETTINGS");
    page.text("Each setting of a session is a flag, a variable and a key of the configuration file, and the page of each \
               command lists those that it uses. The strongest first: the flag; the named session of the command line; the \
               variable; the session named by ANYROLE_SESSION; the defaults of the file; variables of the SDKs.");
    page.section("ENVIRONMENT");
    page.text("The variable of a setting is its flag in capitals after ANYROLE_: --role-arn is ANYROLE_ROLE_ARN. Also:");
    for (variable, text) in VARIABLES {
        page.item(variable, None, text);
    }
    for setting in SETTINGS {
        if let Some(variable) = setting.aws_variable {
            page.item(
                variable,
                None,
                &format!("As --{}, and weaker than everything else that gives it.", setting.name),
            );
        }
    }
    page.section("FILES");
    for (file, text) in FILES {
        page.item(file, None, text);
    }
    exit_status(&mut page);
    page.section("SEE ALSO");
    page.references(COMMANDS.iter().map(|spec| name(spec)));
    page.finish()
}

/// Renders the page of a command.
fn page(spec: &'static Spec) -> String {
    let mut page = Page::new(&name(spec), DAY);
    page.section("NAME");
    let about = spec.about.trim_end_matches('.');
    page.text(&format!("{} - {}{}", name(spec), about[..1].to_ascii_lowercase(), &about[1..]));
    page.section("SYNOPSIS");
    let words = spec.words.usage().map(|words| words + " ").unwrap_or_default();
    page.synopsis(&format!("anyrole {}", spec.name), &format!("{words}[flags]"));
    page.section("DESCRIPTION");
    page.text(spec.about);
    page.verbatim(&reflowed(spec.more, PAGE_COLUMNS));
    page.section("OPTIONS");
    let flags: Vec<&Setting> = spec.all_flags().collect();
    let own = |setting: &&&Setting| spec.flags.iter().any(|flag| flag.name == setting.name);
    for setting in flags.iter().filter(own) {
        option(&mut page, setting);
    }
    page.item("-h, --help", None, "Shows the flags in short.");
    for group in Group::SERVED {
        let settings = flags.iter().filter(|flag| !own(flag) && flag.group == *group);
        for (index, setting) in settings.enumerate() {
            if index == 0 {
                page.subsection(group.heading());
            }
            option(&mut page, setting);
        }
    }
    if !spec.more.contains("Exit status:") {
        exit_status(&mut page);
    }
    page.section("SEE ALSO");
    page.references([String::from("anyrole")]);
    page.finish()
}

/// Adds a flag, and the other places of its setting.
fn option(page: &mut Page, setting: &Setting) {
    let value = match setting.kind {
        Kind::Boolean => String::from("[=true|false]"),
        Kind::Duration => String::from(" TIME"),
        Kind::Integer => String::from(" NUMBER"),
        Kind::Secret => String::from(" PASSWORD"),
        Kind::Discreet(value) | Kind::List(value) | Kind::Text(value) | Kind::Word(value) => {
            format!(" {value}")
        }
    };
    let mut text = format!("{}.", roff::sentence(setting.help));
    let variables: Vec<String> =
        setting.variable().into_iter().chain(setting.aws_variable.map(str::to_owned)).collect();
    if !variables.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(text, " Variable {}.", variables.join(", below all others "));
    }
    let key = match setting.sources {
        Sources::Everywhere => Some("Key"),
        Sources::FlagAndSession | Sources::FlagVariableAndSession | Sources::Session => {
            Some("In a named session, key")
        }
        Sources::Flag | Sources::FlagAndVariable => None,
    };
    if let Some(key) = key {
        let _ = write!(text, " {key} {}.", setting.key());
    }
    page.item(&format!("--{}", setting.name), Some(&value), &text);
}

fn exit_status(page: &mut Page) {
    page.section("EXIT STATUS");
    for (status, text) in [
        ("0", "Done."),
        (
            "1",
            "Tried and failed; the standard error tells why, and ends its first line with an id in brackets.",
        ),
        ("2", "The command line or the configuration is wrong."),
    ] {
        page.item(status, None, text);
    }
    page.paragraph();
    page.text("anyrole explain ID tells more about a failure.");
}
