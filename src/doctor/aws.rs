//! AWS's own files and variables: which profiles start this program, and whether a program that uses an SDK ever gets there.

mod listener;
mod variables;

use std::path::Path;

use super::{Check, Verdict};
use crate::aws_file::{AwsFile, Kind};
use crate::configure::is_own;
use crate::configure::lint::{self, Finding, JudgeArguments};
use crate::env::Environment;
use crate::ini::view::{self, Section};
use crate::text::quoted;

const CONFIG: &str = "aws-config";
const PROFILE: &str = "aws-profile";

/// Flags that put a secret where every user of the host reads it.
const SECRET_FLAGS: [&str; 2] = ["--pkcs8-password", "--tpm-key-password"];

/// What is to be known of our own command line, which is the interface's.
pub struct CommandLines<'a> {
    /// Says what is wrong with the arguments of `credential-process`.
    pub judge: &'a JudgeArguments<'a>,
    /// Returns the name of the session that they ask for; `None` where flags describe it.
    pub session: &'a dyn Fn(&[String]) -> Option<String>,
}

impl std::fmt::Debug for CommandLines<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandLines").finish_non_exhaustive()
    }
}

/// A profile that starts this program.
struct Own {
    profile: String,
    /// What stands in its section, and where.
    section: Section,
    file: String,
    line: usize,
    session: Option<String>,
    /// The arguments after `credential-process`.
    arguments: Vec<String>,
}

/// Returns the profiles that start this program, with the arguments after `credential-process`, where flags describe the session.
pub fn described(lines: &CommandLines<'_>, env: &Environment) -> Vec<(String, Vec<String>)> {
    let read = |kind| {
        AwsFile::locate(kind, env).and_then(|file| file.read()).map(|content| view::sections(&content))
    };
    let (config, credentials) =
        (read(Kind::Config).unwrap_or_default(), read(Kind::Credentials).unwrap_or_default());
    let own = own_profiles(&config, "", Section::profile, lines, env).chain(own_profiles(
        &credentials,
        "",
        |section| Some(&section.name),
        lines,
        env,
    ));
    own.filter(|own| own.session.is_none() && !own.arguments.is_empty())
        .map(|own| (own.profile, own.arguments))
        .collect()
}

/// Checks AWS's files and variables for the session `wanted`, or for every profile that starts this program.
pub fn checks(wanted: Option<&str>, lines: &CommandLines<'_>, env: &Environment) -> Vec<Check> {
    let mut checks = Vec::new();
    let mut read = |kind| match AwsFile::locate(kind, env).and_then(|file| Ok((file.read()?, file))) {
        Ok((content, file)) => {
            checks.extend(of_file(kind, &file, &content, env));
            let shown = quoted(&file.path().to_string_lossy());
            (content, shown)
        }
        Err(error) => {
            checks.push(Check::failed(CONFIG, &error));
            (zeroize::Zeroizing::new(Vec::new()), String::new())
        }
    };
    let (config, config_file) = read(Kind::Config);
    let (credentials, credentials_file) = read(Kind::Credentials);
    let sections = view::sections(&config);
    let others = view::sections(&credentials);
    let own: Vec<Own> = own_profiles(&sections, &config_file, Section::profile, lines, env)
        .chain(own_profiles(&others, &credentials_file, |section| Some(&section.name), lines, env))
        .collect();
    let findings = lint::findings(&config, &credentials, env, lines.judge);
    let is_served = own.iter().any(|own| is_wanted(own, wanted));
    for own in &own {
        if is_wanted(own, wanted) {
            checks.extend(of_profile(own, &findings, &config_file, env));
        } else if let Some(finding) = findings
            .iter()
            .find(|finding| finding.id == "arguments" && finding.line == own.line && own.file == config_file)
        {
            // It may be the one that was meant for this session.
            let check = of_finding(finding, &config_file);
            checks.push(if is_served { check.softened() } else { check });
        }
    }
    if own.is_empty() {
        let text =
            "no profile of the AWS files starts anyrole: SDKs get credentials by exec, env, update or serve";
        checks.push(Check::good(PROFILE, text));
    } else if !is_served && let Some(wanted) = wanted {
        checks.push(Check::good(
            PROFILE,
            format!("no profile of the AWS files asks for the session {}", quoted(wanted)),
        ));
    }
    let names = |sections: &[Section], name: fn(&Section) -> Option<&str>| {
        sections.iter().filter_map(name).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut known = names(&sections, Section::profile);
    known.extend(others.iter().map(|section| section.name.clone()));
    let reached: Vec<&str> =
        own.iter().filter(|own| is_wanted(own, wanted)).map(|own| own.profile.as_str()).collect();
    checks.extend(variables::checks(&reached, &known, env));
    checks.extend(listener::check(env));
    checks
}

/// Tells whether a profile asks for the session that is looked at; of a line that is broken that is not known.
fn is_wanted(own: &Own, wanted: Option<&str>) -> bool {
    wanted.is_none() || own.session.as_deref() == wanted || own.arguments.is_empty()
}

/// Tells of a file as a whole.
fn of_file(kind: Kind, file: &AwsFile, content: &[u8], env: &Environment) -> Option<Check> {
    let shown = quoted(&file.path().to_string_lossy());
    if let Some((line, why)) = view::refused(content) {
        return Some(Check::bad(
            CONFIG,
            format!("{shown}, line {line}: {why}: the AWS CLI and boto3 refuse the whole file"),
            "correct that line, or write the file as UTF-8 without a byte order mark",
        ));
    }
    if !content.is_empty() {
        return Some(Check::good(CONFIG, format!("{shown} can be read")));
    }
    let named = env.os_var(kind.variable()).is_some() && file.path() != Path::new("/dev/null");
    (named && !file.path().exists()).then(|| {
        let variable = kind.variable();
        Check::doubtful(
            CONFIG,
            format!("{variable} names {shown}, and there is no such file: SDKs find no profile in it"),
            format!("unset {variable}, or name the file that has the profiles"),
        )
    })
}

fn own_profiles<'a>(
    sections: &'a [Section],
    file: &'a str,
    name: fn(&Section) -> Option<&str>,
    lines: &'a CommandLines<'_>,
    env: &'a Environment,
) -> impl Iterator<Item = Own> + 'a {
    sections.iter().filter_map(move |section| {
        let property = section.property("credential_process")?;
        let words = lint::words(&property.value).unwrap_or_else(|| blank_separated(&property.value));
        let (program, rest) = words.split_first()?;
        let arguments = rest.strip_prefix(&[String::from("credential-process")]).unwrap_or_default();
        is_own(program, env).then(|| Own {
            profile: name(section).unwrap_or(&section.name).to_owned(),
            section: section.clone(),
            file: file.to_owned(),
            line: property.line,
            session: (lines.session)(arguments),
            arguments: arguments.to_vec(),
        })
    })
}

/// A line whose quotes do not end still shows what was meant.
fn blank_separated(value: &str) -> Vec<String> {
    value.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect()
}

fn of_profile(own: &Own, findings: &[Finding], config_file: &str, env: &Environment) -> Vec<Check> {
    let Own { profile, section, file, line, arguments, .. } = own;
    let mine = |finding: &&Finding| finding.profile == *profile && file == config_file;
    let mut checks: Vec<Check> =
        findings.iter().filter(mine).map(|finding| of_finding(finding, file)).collect();
    // What is wrong with the line itself explains the rest.
    checks.sort_by_key(|check| check.verdict != Verdict::Bad);
    if file != config_file
        && let Some(key) = section.property("aws_access_key_id")
    {
        checks.push(Check::bad(
            PROFILE,
            format!("{file}, line {}: [{profile}] holds aws_access_key_id beside credential_process: most SDKs take that key", key.line),
            "deactivate that key, and take aws_access_key_id and aws_secret_access_key out of the profile",
        ));
    }
    if checks.is_empty() {
        let how = if profile == "default" {
            String::from("programs take it unless they are told another profile")
        } else {
            format!("programs take it with AWS_PROFILE={profile} or --profile {profile}")
        };
        checks.push(Check::good(
            PROFILE,
            format!("[{profile}] of {file}, line {line}, starts this program: {how}"),
        ));
    }
    let is_secret = |argument: &String| {
        SECRET_FLAGS.iter().any(|flag| {
            argument.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        }) || (argument.starts_with("pkcs11:") && argument.contains("pin-value="))
    };
    if arguments.iter().any(is_secret) {
        checks.push(Check::doubtful(
            "password-in-argv",
            format!("{file}, line {line}: [{profile}] gives a password on the command line, where every user sees it in ps"),
            "write it into a file with mode 0600, and name that with --pkcs8-password-file",
        ));
    }
    let given = |flag: &str| {
        arguments.iter().any(|argument| {
            argument.strip_prefix(flag).is_some_and(|rest| matches!(rest, "" | "=true" | "=t" | "=1"))
        })
    };
    if given("--no-verify-ssl") {
        checks.push(Check::bad(
            "server-verification",
            format!("{file}, line {line}: [{profile}] switches the check of servers off: whoever answers gets a signed request and hands out credentials"),
            "take --no-verify-ssl out of the line; if a proxy of yours opens TLS connections, add its CA with --extra-ca FILE",
        ));
    }
    if given("--debug") {
        checks.push(Check::doubtful(
            PROFILE,
            format!("{file}, line {line}: [{profile}] has --debug, and the C++ SDK reads what it tells as a part of the answer"),
            "take --debug out of the line, and run the line by hand with it",
        ));
    }
    let has_region = section.property("region").is_some()
        || ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().any(|name| env.os_var(name).is_some());
    if !has_region && file == config_file {
        checks.push(Check::doubtful(
            "aws-region",
            format!("[{profile}] of {file} has no region, and AWS_REGION is not set: programs must be told one each time"),
            format!("write region = REGION into [{profile}]"),
        ));
    }
    checks
}

fn of_finding(finding: &Finding, file: &str) -> Check {
    let text =
        format!("{file}, line {}: [{}] {} [{}]", finding.line, finding.profile, finding.text, finding.id);
    let check = Check::bad(PROFILE, text, finding.cure());
    // Where all that differs is what a shell makes of it, it works for those who start none, and may for the others.
    if finding.id == "quoting" { check.softened() } else { check }
}
