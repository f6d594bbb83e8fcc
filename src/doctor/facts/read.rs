//! Reads the files of a folder: what the commands printed, by content and not by name.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::{Deserializer, Map, Value};

use super::model::{Crl, Profile, Role, Subject, TrustAnchor};
use crate::doctor::Check;
use crate::private_file;
use crate::text::{decoded, quoted};
use crate::x509::{Certificate, RevocationList, pem};

/// The largest file that is read, in bytes: some lists of the longest that AWS imports, in base64.
const FILE_LIMIT: u64 = 16 << 20;

/// The most files that are looked at.
const MOST_FILES: usize = 100;

const ID: &str = "facts-file";

/// What the files hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) trust_anchors: Vec<TrustAnchor>,
    pub(super) profiles: Vec<Profile>,
    pub(super) roles: Vec<Role>,
    /// `None` where no list-crls was found, which is not the same as that there are none.
    pub(super) crls: Option<Vec<Crl>>,
    pub(super) subjects: Vec<Subject>,
    /// CA certificates that stand in the folder by themselves, for a trust anchor of AWS Private CA.
    pub(super) certificates: Vec<Certificate>,
    /// Revocation lists that stand in the folder by themselves: as they were fetched from their URL.
    pub(super) lists: Vec<(PathBuf, Published)>,
}

/// A list as a web server has it.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) list: RevocationList,
    /// Whether it is in PEM, where DER is asked for.
    pub(super) is_pem: bool,
}

/// Reads every file of the folder; what cannot be used is told.
pub(super) fn folder(folder: &Path) -> (Facts, Vec<Check>) {
    let mut facts = Facts::default();
    let mut checks = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (facts, checks),
        Err(error) => {
            checks.push(Check::bad(
                ID,
                format!("the folder {} cannot be read: {error}", quoted(&folder.display().to_string())),
                "name the folder into which the commands were redirected",
            ));
            return (facts, checks);
        }
    };
    let mut files: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.retain(|file| file.is_file() && !is_hidden(file));
    files.sort();
    if files.len() > MOST_FILES {
        checks.push(Check::doubtful(
            ID,
            format!("of {} files the first {MOST_FILES} are read", files.len()),
            "give the five files a folder of their own",
        ));
    }
    for file in files.iter().take(MOST_FILES) {
        checks.extend(facts.read(file));
    }
    (facts, checks)
}

fn is_hidden(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

impl Facts {
    /// Takes one file; what cannot be used is told.
    fn read(&mut self, file: &Path) -> Option<Check> {
        let shown = quoted(&file.file_name().unwrap_or_default().to_string_lossy());
        let bytes = match private_file::read_bounded(file, FILE_LIMIT) {
            Ok(bytes) => bytes,
            Err(error) => return Some(Check::failed(ID, &error)),
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Some(Check::bad(
                ID,
                format!("{shown} is empty: the command printed nothing but an error, perhaps"),
                "run it again, and read what it says",
            ));
        }
        if let Ok(list) = RevocationList::read(&bytes) {
            let is_pem = bytes.starts_with(b"-----BEGIN");
            self.lists.push((file.to_path_buf(), Published { list, is_pem }));
            return None;
        }
        let Some(text) = decoded(&bytes) else {
            return Some(self.certificate(&bytes).err().map_or_else(
                || Check::good(ID, format!("{shown} holds a CA certificate")),
                |()| not_one_of_the_five(&shown),
            ));
        };
        if text.contains("-----BEGIN CERTIFICATE-----") && !text.trim_start().starts_with(['{', '[']) {
            return self.certificate(text.as_bytes()).is_err().then(|| not_one_of_the_five(&shown));
        }
        match documents(&text) {
            Ok(documents) => {
                let mut known = false;
                for document in &documents {
                    match self.take(document) {
                        Ok(taken) => known |= taken,
                        Err(why) => {
                            return Some(Check::bad(
                                ID,
                                format!("{shown} is not what the command prints: {why}"),
                                "run the command again, without --query",
                            ));
                        }
                    }
                }
                (!known).then(|| not_one_of_the_five(&shown))
            }
            Err(why) => Some(no_json(&text, &shown, &why)),
        }
    }

    fn certificate(&mut self, bytes: &[u8]) -> Result<(), ()> {
        let blocks = pem::read(bytes).map_err(|_| ())?;
        let found: Vec<Certificate> =
            blocks.iter().filter_map(Certificate::of_block).filter_map(Result::ok).collect();
        if found.is_empty() {
            return Err(());
        }
        self.certificates.extend(found);
        Ok(())
    }

    /// Takes a document by its members; tells whether it is one of those that are known.
    fn take(&mut self, document: &Value) -> Result<bool, String> {
        let Value::Object(members) = document else { return Ok(false) };
        let has = |name: &str| members.contains_key(name);
        if has("trustAnchor") || has("trustAnchors") {
            self.trust_anchors.extend(read(members, "trustAnchor", "trustAnchors")?);
        } else if has("profile") || has("profiles") {
            self.profiles.extend(read(members, "profile", "profiles")?);
        } else if has("Role") || has("Roles") {
            self.roles.extend(read(members, "Role", "Roles")?);
        } else if has("crls") || has("crl") {
            let found = read(members, "crl", "crls")?;
            self.crls.get_or_insert_default().extend(found);
        } else if has("subject") || has("subjects") {
            self.subjects.extend(read(members, "subject", "subjects")?);
        } else if has("trustAnchorArn") && has("source") {
            self.trust_anchors.push(one(document)?);
        } else if has("profileArn") {
            self.profiles.push(one(document)?);
        } else if has("AssumeRolePolicyDocument") {
            self.roles.push(one(document)?);
        } else if has("crlArn") {
            self.crls.get_or_insert_default().push(one(document)?);
        } else if has("subjectId") {
            self.subjects.push(one(document)?);
        } else if let Some(Value::String(pem)) = members.get("Certificate") {
            // aws acm-pca get-certificate-authority-certificate
            return Ok(self.certificate(pem.as_bytes()).is_ok());
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

fn one<T: DeserializeOwned>(document: &Value) -> Result<T, String> {
    T::deserialize(document).map_err(|error| error.to_string())
}

/// Reads the one or the many of an answer.
fn read<T: DeserializeOwned>(
    members: &Map<String, Value>,
    single: &str,
    plural: &str,
) -> Result<Vec<T>, String> {
    match (members.get(single), members.get(plural)) {
        (Some(document), _) => Ok(vec![one(document)?]),
        (None, Some(list)) => one(list),
        (None, None) => Ok(Vec::new()),
    }
}

/// Reads one JSON document or several, as where commands were appended to one file.
fn documents(text: &str) -> Result<Vec<Value>, String> {
    let documents: Result<Vec<Value>, _> = Deserializer::from_str(text).into_iter::<Value>().collect();
    documents.map_err(|error| error.to_string())
}

fn no_json(text: &str, shown: &str, why: &str) -> Check {
    let again = "run the command again with --output json";
    let begin = text.trim_start();
    let first = begin.lines().next().unwrap_or_default();
    let is_key = first.split_once(':').is_some_and(|(key, rest)| {
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !rest.starts_with("//")
    });
    if is_key {
        return Check::bad(
            ID,
            format!("{shown} is YAML, as the AWS CLI prints it with output = yaml"),
            again,
        );
    }
    if begin.starts_with("---") && first.contains("--|")
        || begin.starts_with('|')
        || first.starts_with("----")
    {
        return Check::bad(
            ID,
            format!("{shown} is a table, as the AWS CLI prints it with output = table"),
            again,
        );
    }
    if first.contains("An error occurred") || first.contains("aws: error") {
        let told = quoted(&crate::text::shortened(first, 200));
        return Check::bad(
            ID,
            format!("{shown} is an error of the AWS CLI: {told}"),
            "cure it, and run the command again",
        );
    }
    if ["TRUSTANCHOR", "PROFILE", "ROLE", "CRLS", "SUBJECT"].iter().any(|word| begin.starts_with(word)) {
        return Check::bad(
            ID,
            format!("{shown} is text, as the AWS CLI prints it with output = text"),
            again,
        );
    }
    if begin.starts_with(['{', '[']) {
        return Check::bad(ID, format!("{shown} is JSON that was cut off or changed: {why}"), again);
    }
    not_one_of_the_five(shown)
}

fn not_one_of_the_five(shown: &str) -> Check {
    Check::not_checked(ID, format!("{shown} is none of the five answers"))
}

/// Decodes what the AWS CLI prints of a list: base64 of the PEM that was imported; or that PEM itself.
pub(super) fn list(data: &str) -> Result<RevocationList, String> {
    let compact: String = data.split_whitespace().collect();
    let bytes = match STANDARD.decode(&compact) {
        Ok(bytes) => bytes,
        Err(_) => data.as_bytes().to_vec(),
    };
    RevocationList::read(&bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn other_forms_of_the_answers_are_named() {
        for (text, expected) in [
            ("trustAnchor:\n  enabled: true\n", "is YAML"),
            ("---------------\n|  GetProfile |\n", "is a table"),
            ("TRUSTANCHOR\t2022\n", "is text"),
            ("\nAn error occurred (AccessDenied) when calling\n", "is an error of the AWS CLI"),
            ("{\"profile\": {", "was cut off"),
        ] {
            let check = no_json(text, "'a'", "EOF");
            assert!(check.verdict == Verdict::Bad && check.text.contains(expected), "{text}: {}", check.text);
        }
        assert_eq!(no_json("# Notes\n", "'a'", "").verdict, Verdict::NotChecked);
    }
}
