//! AWS's two files as they are, and the profiles in them that hold a key.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::MigrateError;
use crate::aws_file::{AwsFile, AwsFileError, Kind};
use crate::credentials::AccessKey;
use crate::env::Environment;
use crate::ini::{self, IniError, Section, view};
use crate::text::quoted;

/// The keys that make up static credentials, in the order in which SDKs document them; the last is boto's old name.
pub const KEYS: [&str; 4] =
    ["aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_security_token"];

/// One of the two files, read.
#[derive(Clone)]
pub struct Content {
    /// Where it is.
    pub file: AwsFile,
    /// Its octets; none where it is absent.
    pub octets: Zeroizing<Vec<u8>>,
    /// Whether it is there.
    pub exists: bool,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Content {
    /// Reads a file, and fails if it could not be changed.
    ///
    /// # Errors
    ///
    /// Fails as [`AwsFile::read_to_edit`] does.
    pub fn read_to_edit(file: AwsFile) -> Result<Self, MigrateError> {
        let exists = std::fs::metadata(file.path()).is_ok();
        let octets = file.read_to_edit()?;
        Ok(Self { file, octets, exists })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Fails if it exists and cannot be read.
    pub fn read(file: AwsFile) -> Result<Self, MigrateError> {
        let exists = std::fs::metadata(file.path()).is_ok();
        let octets = file.read()?;
        Ok(Self { file, octets, exists })
    }

    /// Returns the section of a profile, in this file's spelling.
    ///
    /// # Errors
    ///
    /// Fails for a name that no section can have.
    pub fn section(&self, profile: &str) -> Result<Section, IniError> {
        section(self.file.kind(), &self.octets, profile)
    }

    /// Adds the file to an error about its content.
    pub fn refused(&self, error: IniError) -> MigrateError {
        self.file.refused(error).into()
    }

    /// Returns the value of a profile's key.
    fn value(&self, profile: &str, key: &str) -> Option<&str> {
        let section = self.section(profile).ok()?;
        std::str::from_utf8(ini::value(&self.octets, &section, key)?).ok().map(str::trim)
    }

    /// Returns the names of the profiles, each once.
    fn profiles(&self) -> Vec<String> {
        let sections = view::sections(&self.octets);
        let names = sections.iter().filter_map(|section| match self.file.kind() {
            Kind::Config => section.profile(),
            Kind::Credentials => Some(section.name.as_str()),
        });
        let mut profiles: Vec<String> = Vec::new();
        for name in names {
            if !profiles.iter().any(|known| known == name) {
                profiles.push(name.to_owned());
            }
        }
        profiles
    }
}

/// Returns the section of a profile: `[default]`, `[profile x]` in the config file, `[x]` in the credentials file.
pub(super) fn section(kind: Kind, content: &[u8], profile: &str) -> Result<Section, IniError> {
    match (kind, profile) {
        (Kind::Credentials, _) => Section::plain(profile),
        (Kind::Config, "default") => {
            let prefixed = Section::prefixed("profile", profile)?;
            let has_prefixed = ini::span(content, &prefixed).is_ok_and(|found| found.is_some());
            let plain = Section::plain(profile)?;
            let has_plain = ini::span(content, &plain).is_ok_and(|found| found.is_some());
            Ok(if has_prefixed && !has_plain { prefixed } else { plain })
        }
        (Kind::Config, _) => Section::prefixed("profile", profile),
    }
}

/// Returns the SHA-256 of a file's content, in lower-case hex.
pub fn sha256(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}

/// Both files.
#[derive(Clone, Debug)]
pub struct Files {
    /// The config file.
    pub config: Content,
    /// The credentials file.
    pub credentials: Content,
}

/// A profile that holds the key, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The profile.
    pub profile: String,
    /// Which of the files.
    pub is_credentials: bool,
    /// That file.
    pub path: PathBuf,
    /// The line of the id, from 1.
    pub line: usize,
}

/// The key that was looked for.
#[derive(Debug)]
pub struct Found {
    /// The key with its secret.
    pub key: AccessKey,
    /// Every profile that holds it.
    pub holders: Vec<Holder>,
    /// Profiles that assume a role with the credentials of one of those.
    pub dependents: Vec<Dependent>,
}

/// A profile whose `source_profile` holds the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// The profile.
    pub profile: String,
    /// Its source.
    pub source: String,
    /// The role that it assumes.
    pub role_arn: String,
}

impl Found {
    /// Returns the names of the profiles, each once.
    pub fn profiles(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for holder in &self.holders {
            if !names.contains(&holder.profile) {
                names.push(holder.profile.clone());
            }
        }
        names
    }
}

impl Files {
    /// Finds and reads both as they are now.
    ///
    /// # Errors
    ///
    /// Fails if one cannot be read or, `to_edit`, could not be changed.
    pub fn read(env: &Environment, to_edit: bool) -> Result<Self, MigrateError> {
        let read = if to_edit { Content::read_to_edit } else { Content::read };
        let config = read(AwsFile::locate(Kind::Config, env)?)?;
        let credentials = read(AwsFile::locate(Kind::Credentials, env)?)?;
        Ok(Self { config, credentials })
    }

    /// Returns both, that which wins first.
    pub const fn both(&self) -> [&Content; 2] {
        [&self.credentials, &self.config]
    }

    /// Returns the id of the static key that SDKs take for a profile.
    pub fn key_id(&self, profile: &str) -> Option<&str> {
        self.both().into_iter().find_map(|content| content.value(profile, KEYS[0]))
    }

    /// Returns the `credential_process` of a profile.
    pub fn process(&self, profile: &str) -> Option<&str> {
        self.config.value(profile, "credential_process")
    }

    /// Returns the static credentials of a profile, if it has them.
    ///
    /// # Errors
    ///
    /// Fails if they are not of the form that AWS gives them.
    pub fn access_key(&self, profile: &str) -> Result<Option<AccessKey>, AwsFileError> {
        for content in self.both() {
            let Some(id) = content.value(profile, KEYS[0]) else { continue };
            let Some(secret) = content.value(profile, KEYS[1]) else { continue };
            let token = content.value(profile, KEYS[2]).or_else(|| content.value(profile, KEYS[3]));
            if let Ok(key) = AccessKey::new(id, secret, token) {
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// Finds the key of a profile and every other profile that holds it.
    ///
    /// # Errors
    ///
    /// Fails if the profile has no static key, or a session's.
    pub fn find_by_profile(&self, profile: &str, env: &Environment) -> Result<Found, MigrateError> {
        let Some(id) = self.key_id(profile) else { return Err(self.no_key(profile, env)) };
        if id.starts_with("ASIA") {
            let (access_key_id, profile) = (id.to_owned(), profile.to_owned());
            return Err(MigrateError::Temporary { access_key_id, profile });
        }
        self.find(id)
    }

    /// Finds a key by its id.
    ///
    /// # Errors
    ///
    /// Fails if no profile holds it with its secret, or if a profile needs it in a way that a program cannot replace.
    pub fn find(&self, access_key_id: &str) -> Result<Found, MigrateError> {
        let mut holders = Vec::new();
        let mut key = None;
        for content in self.both() {
            for profile in content.profiles() {
                if content.value(&profile, KEYS[0]) != Some(access_key_id) {
                    continue;
                }
                if key.is_none()
                    && let Some(secret) = content.value(&profile, KEYS[1])
                {
                    key = AccessKey::new(access_key_id, secret, None).ok();
                }
                holders.push(self.holder(content, profile)?);
            }
        }
        let Some(key) = key else {
            let what = match holders.first() {
                Some(holder) => format!(
                    "{access_key_id} stands in profile {} without its secret, or with one that is none",
                    quoted(&holder.profile)
                ),
                None => format!("{access_key_id} stands in no profile of AWS's two files"),
            };
            let hint = String::from("find where it is with anyrole audit files");
            return Err(MigrateError::NoKey { what, hint });
        };
        let dependents = self.dependents(&holders);
        Ok(Found { key, holders, dependents })
    }

    fn holder(&self, content: &Content, profile: String) -> Result<Holder, MigrateError> {
        let path = content.file.path().to_owned();
        let section = content.section(&profile).map_err(|error| content.refused(error))?;
        // Fails where the section occurs twice, before anything is changed.
        ini::span(&content.octets, &section).map_err(|error| content.refused(error))?;
        if let Some(role) = self.both().into_iter().find_map(|content| content.value(&profile, "role_arn")) {
            return Err(MigrateError::Unsuitable {
                why: format!(
                    "it assumes {} with its own key, and no profile does that with a credential_process",
                    quoted(role)
                ),
                hint: String::from(
                    "move the key into a profile of its own, and name that with source_profile",
                ),
                profile,
                file: path,
            });
        }
        let is_it = |name: Option<&str>| name == Some(profile.as_str());
        let sections = view::sections(&content.octets);
        let own = sections.iter().find(|section| match content.file.kind() {
            Kind::Config => is_it(section.profile()),
            Kind::Credentials => is_it(Some(section.name.as_str())),
        });
        let property = own.and_then(|section| section.property(KEYS[0]));
        let line = property.map_or(0, |property| property.line);
        Ok(Holder { profile, is_credentials: content.file.kind() == Kind::Credentials, path, line })
    }

    fn dependents(&self, holders: &[Holder]) -> Vec<Dependent> {
        let mut found = Vec::new();
        for content in self.both() {
            for profile in content.profiles() {
                let (Some(source), Some(role)) =
                    (content.value(&profile, "source_profile"), content.value(&profile, "role_arn"))
                else {
                    continue;
                };
                if holders.iter().any(|holder| holder.profile == source) {
                    let (source, role_arn) = (source.to_owned(), role.to_owned());
                    found.push(Dependent { profile, source, role_arn });
                }
            }
        }
        found
    }

    /// Says what a profile has instead of a key.
    fn no_key(&self, profile: &str, env: &Environment) -> MigrateError {
        let name = quoted(profile);
        let is_there = self.both().iter().any(|content| content.profiles().iter().any(|one| one == profile));
        let in_variable = env.os_var("AWS_ACCESS_KEY_ID").is_some();
        let (what, hint) = if let Some(process) = self.process(profile) {
            let what = format!(
                "profile {name} holds no static key; it has credential_process = {}",
                quoted(&crate::command_line::without_secrets(process))
            );
            (what, String::from("see what is being migrated with anyrole migrate status"))
        } else if in_variable {
            let what = format!(
                "profile {name} holds no static key; this environment does, in AWS_ACCESS_KEY_ID, which is in no file of AWS's"
            );
            let hint = "find what sets it with anyrole audit files, take it away there, and start the program with anyrole exec NAME";
            (what, String::from(hint))
        } else if is_there {
            let hint = "name another with --aws-profile, or look for keys with anyrole audit files";
            (format!("profile {name} holds no static key"), String::from(hint))
        } else {
            let hint = "name another with --aws-profile, or look for keys with anyrole audit files";
            let (config, credentials) = (self.config.file.path(), self.credentials.file.path());
            let what = format!(
                "there is no profile {name} in {} or {}",
                quoted(&credentials.to_string_lossy()),
                quoted(&config.to_string_lossy())
            );
            (what, String::from(hint))
        };
        MigrateError::NoKey { what, hint }
    }
}
