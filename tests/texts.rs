//! What the texts name exists: each command and flag in the manual's pages, and each command in the source (with every feature).
#![cfg(feature = "pki")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Programs of others that the pages call; their flags are theirs.
const FOREIGN: &[&str] = &[
    "ansible-playbook",
    "aws",
    "chmod",
    "curl",
    "docker",
    "env",
    "grep",
    "jq",
    "keyctl",
    "ls",
    "openssl",
    "p11-kit",
    "pkcs11-tool",
    "ss",
    "swtpm",
    "systemctl",
    "timedatectl",
    "tpm2_dictionarylockout",
    "type",
];

/// What follows the name of the program where a sentence is about it.
const PROSE: &[&str] = &["exchanges", "signs", "was"];

/// The commands of this build, each with the flags that its help lists.
struct Program {
    commands: BTreeMap<String, Vec<String>>,
    /// The flags of the settings reference, which a test beside the table holds to the table.
    settings: Vec<String>,
}

impl Program {
    fn ask() -> Self {
        let overview = answer(&["help"]);
        let commands = overview.split("\nTopics ").next().unwrap();
        let names = commands.lines().filter_map(|line| line.strip_prefix("  ")?.split("  ").next());
        let names = names.filter(|name| !name.is_empty());
        let commands = names
            .map(|name| {
                let mut arguments: Vec<_> = name.split(' ').collect();
                arguments.push("--help");
                (name.to_owned(), flags(&answer(&arguments)).collect())
            })
            .collect();
        let reference = fs::read_to_string(root().join("src/manual/settings.md")).unwrap();
        Self { commands, settings: flags(&reference).collect() }
    }

    /// Returns the command that these words call; a group alone counts by its name.
    fn command<'a>(&'a self, words: &str) -> Option<&'a str> {
        let mut words = words.split(|c: char| !(c.is_ascii_lowercase() || c == '-'));
        let first = words.next().unwrap_or_default();
        if let Some((name, _)) = self.commands.get_key_value(first) {
            return Some(name);
        }
        let second = words.next().unwrap_or_default();
        let group = format!("{first} ");
        let mut members = self.commands.keys().filter(|name| name.starts_with(&group));
        members.find(|name| second.is_empty() || **name == format!("{group}{second}")).map(String::as_str)
    }

    fn has_flag(&self, command: Option<&str>, flag: &str) -> bool {
        let listed = |flags: &[String]| flags.iter().any(|known| known == flag);
        match command {
            Some(command) => listed(&self.commands[command]) || listed(&self.settings),
            None => listed(&self.settings) || self.commands.values().any(|flags| listed(flags)),
        }
    }

    /// Returns what a sentence names and this program has not: a call begins at `anyrole` or at another's program, and ends with a
    /// part of the sentence.
    fn unknown_in_prose(&self, sentence: &str) -> Vec<String> {
        let mut unknown = Vec::new();
        for part in sentence.split([',', ';', ':', '(', ')', '\'']).flat_map(|part| part.split(" or ")) {
            let words: Vec<&str> = part.split_whitespace().collect();
            let start = words.iter().position(|word| *word == "anyrole" || FOREIGN.contains(word));
            let (prose, call) = words.split_at(start.unwrap_or(words.len()));
            unknown.extend(flags(&prose.join(" ")).filter(|flag| !self.has_flag(None, flag)));
            let call = call.join(" ");
            if !call
                .strip_prefix("anyrole ")
                .is_some_and(|rest| PROSE.iter().any(|word| rest.starts_with(word)))
            {
                unknown.extend(self.unknown(&call));
            }
        }
        unknown
    }

    /// Returns what a line of code names and this program has not.
    fn unknown(&self, line: &str) -> Vec<String> {
        let mut unknown = Vec::new();
        for call in line.split(['|', ';']).flat_map(|part| part.split("&&")) {
            let mut words = call.split_whitespace().skip_while(|word| is_assignment(word)).peekable();
            let leading = words.peek().copied().unwrap_or_default();
            if FOREIGN.contains(&leading) {
                continue;
            }
            let mut command = None;
            if leading == "anyrole" {
                let rest = words.skip(1).collect::<Vec<_>>().join(" ");
                command = self.command(&rest);
                if command.is_none() && !rest.is_empty() {
                    unknown.push(format!("anyrole {rest}"));
                }
            }
            unknown.extend(flags(call).filter(|flag| !self.has_flag(command, flag)));
        }
        unknown
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn answer(arguments: &[&str]) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_anyrole"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(done.status.success(), "{arguments:?}");
    String::from_utf8(done.stdout).unwrap()
}

/// Tells whether a word before a program's name is `NAME=value`, for the environment.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    })
}

/// Every `--flag` of a text, without its value.
fn flags(text: &str) -> impl Iterator<Item = String> + '_ {
    text.match_indices("--").filter_map(|(index, _)| {
        let is_start = !text[..index].ends_with(|c: char| c == '-' || c.is_ascii_alphanumeric());
        let name =
            text[index + 2..].split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        let name = name.into_iter().next().unwrap_or_default();
        (is_start && name.starts_with(|c: char| c.is_ascii_lowercase())).then(|| format!("--{name}"))
    })
}

/// The code of a page: fenced and indented lines, and what stands between backticks.
fn code_of_page(page: &str) -> Vec<String> {
    let mut code = Vec::new();
    for (index, part) in page.split("```").enumerate() {
        let is_fenced = index % 2 == 1;
        let mut prose = String::new();
        for line in part.replace("\\\n", " ").lines() {
            if is_fenced || line.starts_with("    ") {
                code.push(line.trim().to_owned());
            } else {
                prose.push_str(line.trim());
                prose.push(' ');
            }
        }
        code.extend(prose.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    code
}

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

fn texts(folder: &str, extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    files(&root().join(folder), extension, &mut found);
    found.sort();
    assert!(!found.is_empty(), "{folder} has files");
    found.into_iter().map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn pages_name_commands_and_flags_that_exist() {
    let program = Program::ask();
    let mut wrong = Vec::new();
    for (file, page) in texts("src/manual", "md").into_iter().chain(texts("packaging/recipes", "md")) {
        for line in code_of_page(&page) {
            wrong.extend(program.unknown(&line).into_iter().map(|unknown| format!("{file}: {unknown}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_source_names_commands_and_flags_that_exist() {
    let program = Program::ask();
    let mut wrong = Vec::new();
    for (file, text) in texts("src", "rs") {
        let code = text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        for line in code.filter(|line| !line.trim_start().starts_with("//")) {
            for (index, found) in line.match_indices("anyrole ") {
                let rest = &line[index + found.len()..];
                let word = rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
                let is_call = word.starts_with(|c: char| c.is_ascii_lowercase()) && !PROSE.contains(&word);
                if is_call && program.command(rest).is_none() {
                    wrong.push(format!("{file}: anyrole {rest}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn hints_name_commands_and_flags_that_exist() {
    let program = Program::ask();
    let mut wrong = Vec::new();
    let mut count = 0;
    for (file, case) in texts("tests/cmd", "toml") {
        for hint in case.lines().filter_map(|line| line.strip_prefix("anyrole: hint: ")) {
            count += 1;
            let unknown = program.unknown_in_prose(hint).into_iter();
            wrong.extend(unknown.map(|unknown| format!("{file}: {unknown}")));
        }
    }
    assert!(count > 200, "{count} hints");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_does_not_exist_is_found() {
    let program = Program::ask();
    for (line, unknown) in [
        ("anyrole audits", "anyrole audits"),
        ("anyrole pki aws", "anyrole pki aws"),
        ("HTTPS_PROXY= anyrole inspect --colour | grep --colour x", "--colour"),
        ("anyrole pki init --csr FILE", "--csr"),
        ("--no-such-flag", "--no-such-flag"),
    ] {
        assert_eq!(program.unknown(line), [unknown], "{line}");
    }
    let hint = "give --colour, or run anyrole pki issue a --replace or anyrole pki aws: aws iam --any";
    assert_eq!(program.unknown_in_prose(hint), ["--colour", "anyrole pki aws"]);
    for line in
        ["anyrole", "anyrole pki", "anyrole pki issue NAME --csr FILE", "aws iam --any", "--tpm-key-password"]
    {
        assert!(program.unknown(line).is_empty(), "{line}");
    }
    let page = "a `anyrole\nx` b\n\n    c d\n```\ne --f \\\n --g\n```\n";
    let code: Vec<String> = code_of_page(page).into_iter().filter(|line| !line.is_empty()).collect();
    assert_eq!(code, ["c d", "anyrole x", "e --f   --g"]);
}

/// What the threat model says is shown by a test is shown by one.
#[test]
fn the_threat_model_names_tests_that_exist() {
    let page = fs::read_to_string(root().join("src/manual/threat_model.md")).unwrap();
    let (mut file, mut count) = (String::new(), 0);
    for claim in page.split("Shown by ").skip(1) {
        for name in claim.split("\n- ").next().unwrap().split('`').skip(1).step_by(2) {
            if name.starts_with("tests/") {
                assert!(root().join(name).exists(), "{name}");
                file = if name.ends_with(".rs") {
                    fs::read_to_string(root().join(name)).unwrap()
                } else {
                    String::new()
                };
            } else {
                assert!(file.contains(&format!("fn {name}(")), "no test is called {name} there");
                count += 1;
            }
        }
    }
    assert!(count > 30, "{count} tests");
}
