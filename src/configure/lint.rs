//! What is wrong with the lines of `credential_process` in an AWS config file: ours, the official helper's, and others'.

use std::collections::BTreeMap;

use super::{find_program, is_called, is_executable, shadow};
use crate::command_line::{self, System};
use crate::env::Environment;
use crate::ini::view::{self, Property, Section};
use crate::text::quoted;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// Its line in the config file, from 1.
    pub line: usize,
    /// The profile; what stands between the brackets where it is none.
    pub profile: String,
    /// A stable name of its kind.
    pub id: &'static str,
    /// What it is.
    pub text: String,
}

impl Finding {
    /// Returns what cures it.
    pub fn cure(&self) -> String {
        let profile = &self.profile;
        String::from(match self.id {
            "section-twice" => "join the two sections of the profile",
            "section-not-read" => return format!("write [profile {profile}] in that line"),
            "static-keys" => {
                "deactivate that key, and take aws_access_key_id and aws_secret_access_key out of the profile"
            }
            "role" => {
                "take role_arn and source_profile out, or into a profile of its own with source_profile = this one"
            }
            "sso" => "take the sso_ keys and login_session out of the profile",
            "key-twice" => "leave one of the two lines",
            "program-missing" => "write the whole path of the program that is there: command -v anyrole",
            "program-not-executable" => "let this user execute it: chmod a+x FILE",
            "program-relative" => "write the whole path of the program",
            "arguments" => {
                "run the line by hand to see the whole error; anyrole configure NAME writes a right one"
            }
            _ => {
                "write it in one line, with the whole path and double quotes around what holds blanks; anyrole configure NAME does that"
            }
        })
    }
}

/// Splits a line of `credential_process` into its words; `None` where no program is started.
pub fn words(value: &str) -> Option<Vec<String>> {
    match System::here() {
        System::Unix => command_line::read(value).ok().map(|reading| reading.words),
        System::Windows => Some(split_on_windows(value)),
    }
}

/// Says what is wrong with the arguments of this program's `credential-process`, the first being what follows that word.
pub type JudgeArguments<'a> = dyn Fn(&[String]) -> Option<String> + 'a;

/// Returns what is wrong with each line of `credential_process`, in the order of the lines.
pub fn findings(
    config: &[u8],
    credentials: &[u8],
    env: &Environment,
    judge_arguments: &JudgeArguments<'_>,
) -> Vec<Finding> {
    let sections = view::sections(config);
    let others = view::sections(credentials);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut findings = Vec::new();
    for section in &sections {
        if let Some(profile) = section.profile()
            && let Some(first) = seen.insert(profile.to_owned(), section.line)
        {
            let text =
                format!("the profile stands in line {first} already: the AWS CLI and boto3 refuse the file");
            findings.push(Finding {
                line: section.line,
                profile: profile.to_owned(),
                id: "section-twice",
                text,
            });
        }
        let Some(property) = section.property("credential_process") else { continue };
        let name = section.profile().unwrap_or(&section.name).to_owned();
        let mut add = |line: usize, id: &'static str, text: String| {
            findings.push(Finding { line, profile: name.clone(), id, text });
        };
        if section.profile().is_none() {
            let text =
                format!("SDKs read no profile from [{}]: write [profile {}]", section.name, section.name);
            add(section.line, "section-not-read", text);
        }
        for (id, text) in of_line(property, env, judge_arguments) {
            add(property.line, id, text);
        }
        for twin in
            section.properties.iter().filter(|twin| twin.key == property.key && twin.line > property.line)
        {
            let text =
                String::from("credential_process stands there twice: the AWS CLI and boto3 refuse the file");
            add(twin.line, "key-twice", text);
        }
        for found in shadows(section, &others) {
            add(found.line, found.id, found.text);
        }
    }
    findings.sort();
    findings
}

/// Returns what is taken instead; of the credentials file, with the line of `credential_process`.
fn shadows(section: &Section, credentials: &[Section]) -> Vec<shadow::Shadow> {
    let mut found = shadow::in_config(section);
    if let (Some(profile), Some(property)) = (section.profile(), section.property("credential_process")) {
        found.extend(shadow::in_credentials(credentials, profile).into_iter().map(|found| shadow::Shadow {
            line: property.line,
            text: format!("line {} of the credentials file: {}", found.line, found.text),
            ..found
        }));
    }
    found
}

fn of_line(
    property: &Property,
    env: &Environment,
    judge_arguments: &JudgeArguments<'_>,
) -> Vec<(&'static str, String)> {
    let Property { value, is_continued, .. } = property;
    let mut found = Vec::new();
    if *is_continued {
        let text = "it goes on in the next line, which the AWS CLI and boto3 join and others leave out";
        found.push(("continued", String::from(text)));
    }
    if value.is_empty() {
        found.push(("empty", String::from("it is empty")));
        return found;
    }
    if command_line::cut(value).is_some() {
        let text =
            "a blank before # or ; ends the value for all but the AWS CLI and boto3, for which it goes on";
        found.push(("cut", String::from(text)));
    }
    let words = match System::here() {
        System::Unix => match command_line::read(value) {
            Err(error) => {
                found.push(("quote-open", format!("{error}: no program is started")));
                return found;
            }
            Ok(reading) => {
                // What is cut off is told of already.
                let told: Vec<String> =
                    reading.differences.iter().map(|found| quoted_mark(&found.to_string())).collect();
                if !told.is_empty() && found.iter().all(|(id, _)| *id != "cut") {
                    let text = format!(
                        "the AWS CLI and boto3 take it as it stands, and other SDKs give it to a shell, where {}",
                        told.join(", ")
                    );
                    found.push(("quoting", text));
                }
                reading.words
            }
        },
        System::Windows => split_on_windows(value),
    };
    let Some((program, rest)) = words.split_first() else { return found };
    if let Some(finding) = of_program(program, env) {
        found.push(finding);
    }
    if is_called(program, "anyrole") {
        match rest.split_first() {
            Some((command, arguments)) if command == "credential-process" => {
                found.extend(judge_arguments(arguments).map(|text| ("arguments", text)));
            }
            Some(_) | None => {
                found.push((
                    "arguments",
                    String::from(
                        "SDKs read what anyrole credential-process prints, and this is another command",
                    ),
                ));
            }
        }
    }
    found
}

fn quoted_mark(told: &str) -> String {
    match told.split_once(' ') {
        Some((mark, why)) => format!("{} {why}", quoted(mark)),
        None => told.to_owned(),
    }
}

fn of_program(program: &str, env: &Environment) -> Option<(&'static str, String)> {
    let is_relative = program.contains('/') && !program.starts_with('/') && !cfg!(windows);
    let shown = quoted(program);
    match find_program(program, env) {
        None if program.starts_with("~/") || program.contains('$') => Some((
            "program-missing",
            format!(
                "the AWS CLI and boto3 start no shell, and find no program {shown}: write the whole path"
            ),
        )),
        None => Some(("program-missing", format!("there is no program {shown}"))),
        Some(found) if !is_executable(&found) => {
            Some(("program-not-executable", format!("{shown} may not be executed by this user")))
        }
        Some(_) if is_relative => Some((
            "program-relative",
            format!("{shown} is looked for in the folder where each program is started"),
        )),
        Some(_) => None,
    }
}

/// Splits at blanks outside of double quotes, which is all that stands in a path there.
fn split_on_windows(value: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for letter in value.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ' ' | '\t' if !is_quoted => words.push(std::mem::take(&mut word)),
            letter => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn ids(config: &str, credentials: &str) -> Vec<(usize, &'static str)> {
        let env = Environment::given([("PATH", "/usr/bin:/bin")]);
        let judge = |arguments: &[String]| {
            (arguments != ["deploy"]).then(|| String::from("no config file defines the session"))
        };
        let found = findings(config.as_bytes(), credentials.as_bytes(), &env, &judge);
        found.into_iter().map(|finding| (finding.line, finding.id)).collect()
    }

    #[test]
    fn a_good_line_is_nothing_to_speak_of() {
        assert_eq!(ids("[profile a]\ncredential_process = /bin/sh -c true\nregion = x\n[default]\n", ""), []);
        assert_eq!(
            ids("[default]\ncredential_process = sh \"a b\" 'c d'\n", "[other]\naws_access_key_id = x\n"),
            []
        );
    }

    #[test]
    fn each_fault_has_its_line() {
        let one = |line: &str| ids(&format!("[profile a]\nregion = x\ncredential_process = {line}\n"), "");
        assert_eq!(one("/missing/program x"), [(3, "program-missing")]);
        assert_eq!(one("/etc/passwd x"), [(3, "program-not-executable")]);
        assert_eq!(one("/bin/sh 'x"), [(3, "quote-open")]);
        assert_eq!(one("/bin/sh x # note"), [(3, "cut")]);
        assert_eq!(one("/bin/sh $HOME/x"), [(3, "quoting")]);
        assert_eq!(one("/bin/sh a |jq"), [(3, "quoting")]);
        assert_eq!(one("~/bin/x"), [(3, "program-missing"), (3, "quoting")]);
        assert_eq!(
            one("/missing/anyrole credential-process other"),
            [(3, "arguments"), (3, "program-missing")]
        );
        assert_eq!(one("/missing/anyrole env deploy"), [(3, "arguments"), (3, "program-missing")]);
        assert_eq!(one("/missing/anyrole credential-process deploy"), [(3, "program-missing")]);
        assert_eq!(one("/bin/sh x\n  y"), [(3, "continued")]);
        assert_eq!(one(""), [(3, "empty")]);
        assert_eq!(ids("[a]\ncredential_process = /bin/sh\n", ""), [(1, "section-not-read")]);
        assert_eq!(
            ids("[profile a]\ncredential_process = /bin/sh\n[profile \"a\"]\nx = y\n", ""),
            [(3, "section-twice")]
        );
    }

    #[test]
    fn what_wins_over_it_is_found() {
        let config = "[default]\ncredential_process = /bin/sh\naws_access_key_id = AKIA\nrole_arn = r\nsso_session = s\n";
        assert_eq!(
            ids(config, "\n[default]\naws_access_key_id = AKIA\n"),
            [(2, "static-keys"), (3, "static-keys"), (4, "role"), (5, "sso")]
        );
    }
}
