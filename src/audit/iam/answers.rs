//! Reads the answers that a user brings: recognised by what they hold, so that files may have any name and hold several.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Deserializer, Map, Value};

use super::error::IamError;
use super::model::{Details, LastUsed, ListedKey, Service};
use super::usage::{Use, time, told};
use crate::audit::files;
use crate::private_file;
use crate::text::{decoded, quoted};

/// How many octets of one file are read.
pub(super) const LARGEST: u64 = 256 * 1024 * 1024;

/// What an answer is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// get-service-last-accessed-details
    Accessed,
    /// get-account-authorization-details
    Details,
    /// `anyrole audit files --json`
    Files,
    /// list-access-keys
    Keys,
    /// get-access-key-last-used
    LastUsed,
}

impl Operation {
    /// Returns the command that prints it.
    pub(super) const fn command(self) -> &'static str {
        match self {
            Self::Accessed => "aws iam get-service-last-accessed-details",
            Self::Details => "aws iam get-account-authorization-details",
            Self::Files => "anyrole audit files --json",
            Self::Keys => "aws iam list-access-keys",
            Self::LastUsed => "aws iam get-access-key-last-used",
        }
    }
}

/// A file that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where it is.
    pub path: PathBuf,
    /// What it is to hold at least; `None` for any of them.
    pub holds: Option<Operation>,
}

/// When a key was last used.
#[derive(Clone, Debug)]
pub(super) struct KeyUse {
    /// The key's id; the answer itself does not have it.
    pub(super) access_key_id: Option<String>,
    pub(super) user: Option<String>,
    pub(super) used: Use,
}

/// Which services a user or role used.
#[derive(Clone, Debug)]
pub(super) struct Accessed {
    /// Whose; the answer itself has it only where something was used.
    pub(super) arn: Option<String>,
    pub(super) is_complete: bool,
    pub(super) services: Vec<Service>,
}

/// Everything that was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    /// `None` without any.
    pub(super) details: Option<Details>,
    /// Whether the last page is missing.
    pub(super) is_cut: bool,
    pub(super) keys: Vec<ListedKey>,
    pub(super) used: Vec<KeyUse>,
    pub(super) accessed: Vec<Accessed>,
    pub(super) hosts: Vec<files::Report>,
}

/// What a document before an answer says of it: `{"AccessKeyId":…}`, `{"Arn":…}`.
#[derive(Default)]
struct Said {
    access_key_id: Option<String>,
    arn: Option<String>,
}

impl Answers {
    /// Reads every file.
    pub(super) fn read(sources: &[Source]) -> Result<Self, IamError> {
        let mut answers = Self::default();
        for source in sources {
            let bytes = private_file::read_bounded(&source.path, LARGEST)?;
            answers.take_file(source, &bytes)?;
        }
        Ok(answers)
    }

    /// Takes the documents of one file.
    pub(super) fn take_file(&mut self, source: &Source, bytes: &[u8]) -> Result<(), IamError> {
        let path = &source.path;
        let wrong = |why: String| IamError::Answer { path: path.clone(), why };
        let text = decoded(bytes).ok_or_else(|| wrong(String::from("it is no text")))?;
        let mut said = Said { access_key_id: id_in_name(path), arn: None };
        let mut found: Vec<Operation> = Vec::new();
        let documents = Deserializer::from_str(&text).into_iter::<Value>();
        for (document, number) in documents.zip(1_usize..) {
            let many = match document.map_err(|error| wrong(no_json(&text, &error)))? {
                Value::Array(many) => many,
                one @ (Value::Bool(_)
                | Value::Null
                | Value::Number(_)
                | Value::Object(_)
                | Value::String(_)) => {
                    vec![one]
                }
            };
            for document in many {
                let taken = self.take(document, &mut said);
                found.extend(taken.map_err(|why| wrong(format!("document {number}: {why}")))?);
            }
        }
        let wanted = source.holds.unwrap_or(Operation::Details);
        let is_wanted = |operation: &Operation| source.holds.is_none_or(|wanted| wanted == *operation);
        // A list of no keys is an answer too.
        if found.iter().any(is_wanted) {
            return Ok(());
        }
        let found = found.first().map(|operation| operation.command());
        let wanted = match (source.holds, found) {
            (None, _) => "a command that anyrole audit iam knows",
            (Some(_), _) => wanted.command(),
        };
        Err(IamError::OtherAnswer { path: path.clone(), wanted, found })
    }

    /// Takes one document by its members; returns what it is an answer of, if that is known.
    fn take(&mut self, document: Value, said: &mut Said) -> Result<Option<Operation>, String> {
        let Value::Object(mut members) = document else { return Ok(None) };
        let text = |members: &Map<String, Value>, name: &str| {
            members.get(name).and_then(Value::as_str).map(str::to_owned)
        };
        let own_id = text(&members, "AccessKeyId");
        let own_arn = text(&members, "Arn");
        let has = |name: &str| members.contains_key(name);
        if ["UserDetailList", "RoleDetailList", "GroupDetailList"].iter().any(|name| has(name)) {
            self.is_cut = members.get("IsTruncated").and_then(Value::as_bool).unwrap_or(false);
            let page: Details = shaped(Value::Object(members))?;
            let details = self.details.get_or_insert_default();
            details.user_detail_list.extend(page.user_detail_list);
            details.group_detail_list.extend(page.group_detail_list);
            details.role_detail_list.extend(page.role_detail_list);
            details.policies.extend(page.policies);
            return Ok(Some(Operation::Details));
        }
        if let Some(keys) = members.remove("AccessKeyMetadata") {
            let keys: Vec<ListedKey> = shaped(keys)?;
            self.keys.extend(keys);
            return Ok(Some(Operation::Keys));
        }
        if let Some(last) = members.remove("AccessKeyLastUsed") {
            let last: LastUsed = shaped::<Option<LastUsed>>(last)?.unwrap_or_default();
            let used = match (&last.last_used_date, time(&last.last_used_date)) {
                (_, Some(at)) => Use::At {
                    at,
                    region: told(last.region.as_deref()),
                    service: told(last.service_name.as_deref()),
                },
                (Value::Null, None) => Use::Never,
                (Value::String(text), None) if told(Some(text)).is_none() => Use::Never,
                (_, None) => return Err(String::from("LastUsedDate is no time")),
            };
            let access_key_id = own_id.or_else(|| said.access_key_id.take());
            self.used.push(KeyUse { access_key_id, user: text(&members, "UserName"), used });
            return Ok(Some(Operation::LastUsed));
        }
        if let Some(services) = members.remove("ServicesLastAccessed") {
            let is_done = text(&members, "JobStatus").is_none_or(|status| status == "COMPLETED");
            let is_cut = members.get("IsTruncated").and_then(Value::as_bool).unwrap_or(false);
            let services: Vec<Service> = shaped::<Option<_>>(services)?.unwrap_or_default();
            let entity = services.iter().find_map(|service| service.last_authenticated_entity.clone());
            let arn = own_arn.or_else(|| said.arn.take()).or(entity);
            self.accessed.push(Accessed { arn, is_complete: is_done && !is_cut, services });
            return Ok(Some(Operation::Accessed));
        }
        if text(&members, "kind").as_deref() == Some("audit-files") {
            let data = members.remove("data").unwrap_or_default();
            self.hosts.push(shaped(data)?);
            return Ok(Some(Operation::Files));
        }
        if own_id.is_some() || own_arn.is_some() {
            *said = Said { access_key_id: own_id, arn: own_arn };
        }
        Ok(None)
    }
}

/// Gives a document its type. What is wrong is told without what stands there.
fn shaped<T: DeserializeOwned>(document: Value) -> Result<T, String> {
    serde_json::from_value(document).map_err(|error| {
        let error = error.to_string();
        match error.rsplit_once(", expected ") {
            Some((_, expected)) => format!("it is not what the command prints: {expected} is missing"),
            None if error.starts_with("missing field") => {
                format!("it is not what the command prints: {error}")
            }
            None => String::from("it is not what the command prints"),
        }
    })
}

/// Returns the key's id in a file's name, such as `AKIAIOSFODNN7EXAMPLE.json`.
fn id_in_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.find(|word| is_key_id(word)).map(str::to_owned)
}

/// Tells whether a text has the form of a user's access key id.
pub(super) fn is_key_id(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && text.starts_with("AKIA")
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Says why a text is no JSON, and what it is instead.
fn no_json(text: &str, error: &serde_json::Error) -> String {
    let begin = text.trim_start();
    let first = begin.lines().next().unwrap_or_default();
    if first.contains("An error occurred") || first.contains("aws: error") {
        return format!("it is an error of the AWS CLI: {}", quoted(first));
    }
    if !begin.starts_with(['{', '[']) {
        return String::from(
            "it is no JSON, but text, a table or YAML, as the AWS CLI prints by its setting output",
        );
    }
    format!("line {}, column {}: it is no JSON, or is cut off", error.line(), error.column())
}
