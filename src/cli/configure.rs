//! `configure`: a profile of the AWS config file that starts this program, and the session that it uses.

mod check;
mod error;
mod official;
mod own;

use super::args::{Needs, Spec, Typed, Words};
use super::report::Failure;
use super::settings::DESCRIBING;
use super::settings::Settings;
use super::settings::session::SessionSettings;
use super::settings::table::{Group, Kind, SETTINGS, Setting, setting};
use super::usage::UsageError;
use super::{Invocation, output, settings};
use crate::aws_file::{AwsFile, AwsFileError, Kind as FileKind};
use crate::clock::{Clock as _, SystemClock};
use crate::command_line::{self, System};
use crate::config::Config;
use crate::configure::{own_program, shadow};
use crate::diagnostic::Diagnostic as _;
use crate::env::Environment;
use crate::identity::error::IdentityError;
use crate::identity::{self, IdentitySource};
use crate::ini::{self, Change, Section, view};
use crate::private_file::Edited;
use crate::prompt;
use crate::text::{diff, quoted};
pub(super) use check::wrong;
pub(super) use error::ConfigureError;
pub(super) use own::OwnFile;

const PROFILE: Setting = Setting::flag(
    "profile",
    Kind::Text("PROFILE"),
    "the profile to write [default: NAME, or that of --from-official]",
);
const FROM_OFFICIAL: Setting = Setting::flag(
    "from-official",
    Kind::Text("PROFILE"),
    "take the settings from its line of aws_signing_helper",
);
const YES: Setting = Setting::flag("yes", Kind::Boolean, "write without asking");
const CHECK: Setting =
    Setting::flag("check", Kind::Boolean, "look at every credential_process line, and write nothing");
const JSON: Setting = Setting::flag("json", Kind::Boolean, "with --check, print JSON");

/// What separates a file's name and the date in the name of its backup copy.
pub(super) const COPY: &str = ".before-anyrole-";

/// `anyrole configure`.
pub(super) const SPEC: Spec = Spec {
    name: "configure",
    about: "Writes a profile of the AWS config file that starts this program, or checks all of them.",
    words: Words::Session,
    groups: Group::ALL,
    flags: &[PROFILE, FROM_OFFICIAL, YES, CHECK, JSON],
    more: "\
Shows what it would change, and asks:
  anyrole configure deploy --role-arn arn:aws:iam::111122223333:role/x
  anyrole configure deploy --yes
  anyrole configure --check
  anyrole configure deploy --from-official default

The profile [profile NAME] of ~/.aws/config, or of the file of AWS_CONFIG_FILE, gets the line of
credential_process, quoted so that every SDK starts the same program, and a region where it has none.
The flags of a session go to [session.NAME] of ~/.config/anyrole/config.toml, or of the file of
--config, which the line then names. On a terminal it asks for what is missing.

Every other byte of both files stays. Of each file a copy with the date in its name is kept beside
it, once, before the first change. --yes writes without asking; without it and without a terminal
nothing is written, and the exit status is 2.

--from-official takes a profile's line of aws_signing_helper apart: its flags become the session, and
the line a short one. Relative paths become those of the current folder.

--check tells, with its line, what is wrong with any line of credential_process: no such program,
quotes that SDKs read differently, a comment that cuts it, a session that does not exist, keys
beside it that win. Exit status 0 where nothing is found, 1 where something is.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    if invocation.has(&CHECK) {
        return check::run(invocation, &JSON);
    }
    let env = invocation.env;
    let file = AwsFile::locate(FileKind::Config, env)?;
    let source = invocation.typed.flag(FROM_OFFICIAL.name);
    let name = invocation.name().or_else(|| source.filter(|source| crate::config::is_session_name(source)));
    let name = name.ok_or(UsageError::WordMissing { word: "NAME", command: SPEC.name })?;
    let profile = invocation.typed.flag(PROFILE.name).or(source).unwrap_or(name);
    let own = OwnFile::locate(&invocation.typed, env)?;
    let config = own.config(&invocation.typed, env)?;
    let mut notes = Vec::new();
    let mut wanted = match source {
        None => invocation.typed.clone(),
        Some(source) => {
            if let Some(session) = config.session(name) {
                return Err(ConfigureError::SessionExists {
                    name: name.to_owned(),
                    origin: session.origin.clone(),
                }
                .into());
            }
            official::settings(&file, source, &invocation.typed, &mut notes)?
        }
    };
    if source.is_some() {
        notes.extend(defaults_beside(&config, &wanted));
    }
    // Settings for another command do not apply to this session.
    let here = without_ours(env);
    let known = config.session(name).map(|_| name);
    let is_asked = source.is_none() && output::is_seen() && !invocation.has(&YES);
    let resolved = resolve(&config, &mut wanted, known, &here, is_asked)?;
    let SessionSettings { request, identity, .. } = resolved.session(&here, false)?;
    notes.extend(outlook(&identity, &here)?);
    let changes = own.changes(&wanted, source.is_some(), env, &mut notes)?;
    let line = command(&own, name, env)?;
    let region = wanted.flag("region").unwrap_or(request.trust_anchor_arn.arn().region()).to_owned();
    let section = section(profile)?;

    let before = file.read_to_edit()?;
    let after = edited(&file, &before, &section, &line, &region)?;
    // A session in an administrator's file is not copied to the user's.
    let writes_own = config.session(name).is_none() || !changes.is_empty();
    if writes_own {
        own.check_place(&config, name)?;
    }
    let (own_before, own_after) = match writes_own {
        true => own.edited(name, &changes)?,
        false => (String::new(), String::new()),
    };
    if own_before == own_after && *before == *after {
        let text = format!("nothing is to be changed: [{profile}] of {} starts {line}\n", shown(&file));
        return output::write(text.as_bytes()).map_err(Failure::output);
    }
    notes.extend(shadows(&file, &after, profile, env)?);
    let mut text = difference(&own.shown(), &own_before, &own_after);
    text.push_str(&difference(
        &shown(&file),
        &String::from_utf8_lossy(&before),
        &String::from_utf8_lossy(&after),
    ));
    for note in &notes {
        text.push_str(&format!("note: {}\n", crate::text::printable_line(note)));
    }
    output::write(text.as_bytes()).map_err(Failure::output)?;
    let is_confirmed = invocation.has(&YES);
    let is_agreed = is_confirmed || (output::is_seen() && confirmed()?);
    if !is_agreed {
        return Err(ConfigureError::NotConfirmed.into());
    }

    let suffix = format!("{COPY}{}", SystemClock.now().amz_date());
    let seen = |content: &[u8], seen: &[u8]| is_confirmed || content == seen;
    // The session is written first, so the profile never names one that does not exist.
    let mut told = match writes_own {
        true => own.write(name, &changes, &suffix, |content| seen(content, own_before.as_bytes()))?,
        false => String::new(),
    };
    // Another program may be faster and make this attempt fail after the copy was made.
    let mut copy = None;
    let (is_seen, _) = file.edit(|editing| {
        if !seen(editing.content(), &before) {
            return Ok(Edited::Unchanged(false));
        }
        let edited = edited(&file, editing.content(), &section, &line, &region)?;
        if *edited == editing.content() {
            return Ok(Edited::Unchanged(true));
        }
        let kept = editing.keep_copy(COPY, &suffix).map_err(|error| file.unwritten(error))?;
        copy = kept.or(copy.take());
        Ok(Edited::Content(edited, true))
    })?;
    if !is_seen {
        return Err(ConfigureError::ChangedMeanwhile { file: file.path().to_owned() }.into());
    }
    if *before != *after {
        told.push_str(&written(&shown(&file), copy.as_deref()));
    }
    output::write(told.as_bytes()).map_err(Failure::output)
}

/// Reports that a file was written, and the name of the copy of its former content.
fn written(file: &str, copy: Option<&std::ffi::OsStr>) -> String {
    match copy {
        Some(copy) => {
            format!("wrote {file}; as it was, it is {} beside it\n", quoted(&copy.to_string_lossy()))
        }
        None => format!("wrote {file}\n"),
    }
}

fn shown(file: &AwsFile) -> String {
    quoted(&file.path().to_string_lossy())
}

fn section(profile: &str) -> Result<Section, AwsFileError> {
    let section =
        if profile == "default" { Section::plain(profile) } else { Section::prefixed("profile", profile) };
    section.map_err(AwsFileError::Profile)
}

/// Describes what `[defaults]` adds to a line that was complete by itself. Certificate and key come from one layer,
/// which is the line.
fn defaults_beside(config: &Config, wanted: &Typed) -> Vec<String> {
    let others = SETTINGS
        .iter()
        .filter(|setting| setting.group != Group::Identity && wanted.flag(setting.name).is_none());
    let found = others.filter_map(|setting| {
        let entry = config.defaults().iter().find_map(|section| section.entry(setting.name))?;
        Some(format!("{}: {} of [defaults] holds for it too", entry.origin, setting.key()))
    });
    found.collect()
}

/// Returns only the variables that decide where files are, and none that gives a setting.
fn without_ours(env: &Environment) -> Environment {
    let kept = ["HOME", "USERPROFILE", "CREDENTIALS_DIRECTORY"];
    Environment::given(kept.iter().filter_map(|name| Some((*name, env.os_var(name)?))))
}

/// Resolves the session as later calls will; prompts for what is missing if a person is present.
pub(super) fn resolve(
    config: &Config,
    wanted: &mut Typed,
    known: Option<&str>,
    env: &Environment,
    is_asked: bool,
) -> Result<Settings, Failure> {
    let mut settings = Settings::of_config(config, wanted, known, env, SPEC.groups)?;
    for name in DESCRIBING {
        if settings.given(name).is_none() && is_asked {
            let setting = setting(name);
            let answer = prompt::ask(&format!("{} ({})", setting.help, setting.key()))
                .map_err(|_| settings.missing(setting.name))?;
            if answer.is_empty() {
                return Err(settings.missing(setting.name).into());
            }
            wanted.set(setting, answer);
            settings = Settings::of_config(config, wanted, known, env, SPEC.groups)?;
        }
    }
    Ok(settings)
}

/// Explains why a session could not be created at present; fails for a key that this version does not support.
pub(super) fn outlook(identity: &IdentitySource, env: &Environment) -> Result<Option<String>, Failure> {
    match identity::examine(identity, env) {
        Ok(_) => Ok(None),
        Err(
            error @ (IdentityError::PrivateKeyUnsupported { .. } | IdentityError::SourceUnsupported { .. }),
        ) => Err(error.into()),
        Err(error) => Ok(Some(format!("as it is, there would be no session: {error} [{}]", error.id()))),
    }
}

/// Returns the line that starts this program for the session.
pub(super) fn command(own: &OwnFile, name: &str, env: &Environment) -> Result<String, Failure> {
    let program = own_program(env).map_err(ConfigureError::Program)?;
    let program = text_of(&program)?;
    let mut words = vec![program.as_str(), "credential-process", name];
    let path = own.named().map(text_of).transpose()?;
    if let Some(path) = &path {
        words.extend(["--config", path]);
    }
    Ok(command_line::written(&words, System::here())
        .map_err(|source| ConfigureError::Unquotable { words: words.join(" "), source })?)
}

fn text_of(path: &std::path::Path) -> Result<String, UsageError> {
    path.to_str().map(str::to_owned).ok_or(UsageError::NotUnicode)
}

fn edited(
    file: &AwsFile,
    content: &[u8],
    section: &Section,
    line: &str,
    region: &str,
) -> Result<zeroize::Zeroizing<Vec<u8>>, AwsFileError> {
    let mut changes = vec![("credential_process", Change::Set(line))];
    if ini::value(content, section, "region").is_none() {
        changes.push(("region", Change::Set(region)));
    }
    ini::edited(content, section, &changes).map_err(|error| file.refused(error))
}

/// Returns what programs will prefer to what was written.
fn shadows(file: &AwsFile, after: &[u8], profile: &str, env: &Environment) -> Result<Vec<String>, Failure> {
    let sections = view::sections(after);
    let own = sections.iter().filter(|section| section.profile() == Some(profile));
    let line = |found: shadow::Shadow, file: &AwsFile| {
        format!("{}, line {}: {}", shown(file), found.line, found.text)
    };
    let mut notes: Vec<String> = own.flat_map(shadow::in_config).map(|found| line(found, file)).collect();
    let credentials = AwsFile::locate(FileKind::Credentials, env)?;
    // If it cannot be read, it does not matter here.
    if let Ok(content) = credentials.read() {
        let found = shadow::in_credentials(&view::sections(&content), profile);
        notes.extend(found.into_iter().map(|found| line(found, &credentials)));
    }
    notes.extend(shadow::in_variables(env, profile));
    Ok(notes)
}

/// Returns the lines that change in a file, without secrets; empty if none do.
pub(super) fn difference(file: &str, before: &str, after: &str) -> String {
    if before == after {
        return String::new();
    }
    let new = if before.is_empty() { " (new)" } else { "" };
    format!("{file}{new}\n{}", diff(before, after, command_line::without_secrets))
}

fn confirmed() -> Result<bool, Failure> {
    let answer = prompt::ask("Write this? [y/N]").map_err(|_| ConfigureError::NotConfirmed)?;
    Ok(matches!(answer.as_str(), "y" | "Y" | "yes"))
}
