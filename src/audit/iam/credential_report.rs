//! The credential report of an account: one line a user, with passwords, MFA devices and the first two access keys.
//!
//! Written from [its description]. What is not there is `N/A`, `no_information` or `not_supported`. A key that was deactivated
//! keeps the time of its last change; where there is no key, there is none. The report has no key ids.
//!
//! [its description]: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Deserializer, Value};

use super::csv::{self, Row, Table};
use super::error::IamError;
use super::usage::Use;
use crate::clock::Timestamp;
use crate::text::{decoded, quoted};

/// The name of the root user's line.
pub(super) const ROOT: &str = "<root_account>";

/// A report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CredentialReport {
    /// When AWS made it; only the whole answer tells.
    pub(super) generated_at: Option<Timestamp>,
    pub(super) users: Vec<User>,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) created: Option<Timestamp>,
    /// `None` for the root user, whose password the report does not tell of.
    pub(super) has_password: Option<bool>,
    pub(super) password_used: Use,
    pub(super) has_mfa: bool,
    /// The first two keys, as far as they exist.
    pub(super) keys: Vec<Slot>,
    /// What AWS says of keys beyond those.
    pub(super) more: Option<String>,
}

/// A key, without its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// 1 or 2.
    pub(super) number: u8,
    pub(super) is_active: bool,
    /// When it was created or last changed.
    pub(super) changed: Option<Timestamp>,
    pub(super) used: Use,
}

impl User {
    pub(super) fn is_root(&self) -> bool {
        self.name == ROOT
    }
}

/// Reads a report: CSV, base64 of it, or the whole answer in JSON.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<CredentialReport, IamError> {
    let wrong = |why: String| IamError::Report { path: path.to_owned(), why };
    let text = decoded(bytes).ok_or_else(|| wrong(String::from("it is no text")))?;
    let begin = text.trim_start();
    if begin.is_empty() {
        return Err(wrong(String::from("it is empty: the command printed nothing but an error, perhaps")));
    }
    if begin.starts_with("An error occurred") || begin.starts_with("aws: error") {
        let first = begin.lines().next().unwrap_or_default();
        return Err(wrong(format!("it is an error of the AWS CLI: {}", quoted(first))));
    }
    if !begin.starts_with('{') {
        // The command without its second half: base64 of the CSV.
        let compact: String = text.split_whitespace().collect();
        return match STANDARD.decode(&compact).ok().and_then(|bytes| decoded(&bytes)) {
            Some(csv) => users(&csv).map_err(wrong),
            None => users(&text).map_err(wrong),
        };
    }
    let first = Deserializer::from_str(begin).into_iter::<Value>().next().unwrap_or(Ok(Value::Null));
    let answer = first
        .map_err(|error| wrong(format!("line {}, column {}: it is no JSON", error.line(), error.column())))?;
    let Some(content) = answer.get("Content").and_then(Value::as_str) else {
        return Err(wrong(String::from("it is JSON without Content, the answer of another command")));
    };
    let compact: String = content.split_whitespace().collect();
    let csv = STANDARD.decode(&compact).ok().and_then(|bytes| decoded(&bytes));
    let csv = csv.ok_or_else(|| wrong(String::from("its Content is not base64 of a text")))?;
    let generated_at = answer.get("GeneratedTime").and_then(super::usage::time);
    Ok(CredentialReport { generated_at, ..users(&csv).map_err(wrong)? })
}

fn users(text: &str) -> Result<CredentialReport, String> {
    let table = csv::parse(text).map_err(|wrong| format!("line {}: {}", wrong.line, wrong.why))?;
    let columns = Columns::find(&table)?;
    let users: Vec<User> = table.rows.iter().map(|row| columns.user(row)).collect::<Result<_, _>>()?;
    if users.is_empty() {
        return Err(String::from("it has no line of a user, and the root user's is always there"));
    }
    Ok(CredentialReport { generated_at: None, users })
}

/// Where the columns are, by their names: there may be more, and in another order.
struct Columns<'a>(&'a Table);

impl Columns<'_> {
    const NEEDED: [&'static str; 8] = [
        "user",
        "arn",
        "password_enabled",
        "mfa_active",
        "access_key_1_active",
        "access_key_1_last_rotated",
        "access_key_2_active",
        "access_key_2_last_rotated",
    ];

    fn find(table: &Table) -> Result<Columns<'_>, String> {
        let columns = Columns(table);
        match Self::NEEDED.iter().find(|name| columns.index(name).is_none()) {
            Some(missing) => Err(format!("line 1 has no column {missing}")),
            None => Ok(columns),
        }
    }

    fn index(&self, name: &str) -> Option<usize> {
        self.0.heading.iter().position(|heading| heading.trim().eq_ignore_ascii_case(name))
    }

    /// Returns a value; `None` where it is one of the words for nothing.
    fn value<'a>(&self, row: &'a Row, name: &str) -> Option<&'a str> {
        let value = row.values.get(self.index(name)?)?.trim();
        let is_nothing = ["", "n/a", "no_information", "not_supported"]
            .iter()
            .any(|nothing| value.eq_ignore_ascii_case(nothing));
        (!is_nothing).then_some(value)
    }

    fn boolean(&self, row: &Row, name: &str) -> Result<Option<bool>, String> {
        match self.value(row, name) {
            None => Ok(None),
            Some(word) if word.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(word) if word.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(word) => {
                Err(format!("line {}, column {name}: {} is neither true nor false", row.line, quoted(word)))
            }
        }
    }

    fn time(&self, row: &Row, name: &str) -> Result<Option<Timestamp>, String> {
        let Some(text) = self.value(row, name) else { return Ok(None) };
        let time = Timestamp::parse_rfc3339(text);
        time.map(Some).ok_or_else(|| format!("line {}, column {name}: {} is no time", row.line, quoted(text)))
    }

    fn user(&self, row: &Row) -> Result<User, String> {
        let name = self.value(row, "user").unwrap_or_default().to_owned();
        if name.is_empty() {
            return Err(format!("line {}, column user: it is empty", row.line));
        }
        let password_used = self.time(row, "password_last_used")?;
        let keys = [self.key(row, 1)?, self.key(row, 2)?];
        Ok(User {
            name,
            arn: self.value(row, "arn").unwrap_or_default().to_owned(),
            created: self.time(row, "user_creation_time")?,
            has_password: self.boolean(row, "password_enabled")?,
            password_used: password_used.map_or(Use::Never, |at| Use::At { at, region: None, service: None }),
            has_mfa: self.boolean(row, "mfa_active")?.unwrap_or(false),
            keys: keys.into_iter().flatten().collect(),
            more: self.value(row, "additional_credentials_info").map(str::to_owned),
        })
    }

    fn key(&self, row: &Row, number: u8) -> Result<Option<Slot>, String> {
        let name = |suffix: &str| format!("access_key_{number}_{suffix}");
        let is_active = self.boolean(row, &name("active"))?.unwrap_or(false);
        let changed = self.time(row, &name("last_rotated"))?;
        if !is_active && changed.is_none() {
            return Ok(None);
        }
        let text = |suffix: &str| self.value(row, &name(suffix)).map(str::to_owned);
        let used = match self.time(row, &name("last_used_date"))? {
            Some(at) => Use::At { at, region: text("last_used_region"), service: text("last_used_service") },
            // A report without the column does not tell.
            None if self.index(&name("last_used_date")).is_none() => Use::Unknown,
            None => Use::Never,
        };
        Ok(Some(Slot { number, is_active, changed, used }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "user,arn,user_creation_time,password_enabled,password_last_used,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,another\n";
    const ROOT_LINE: &str = "<root_account>,arn:aws:iam::111122223333:root,2019-01-01T00:00:00+00:00,not_supported,no_information,false,TRUE,2020-01-01T00:00:00Z,2026-01-02T03:04:05+00:00,N/A,s3,false,2021-01-01T00:00:00Z,N/A,x\n";

    fn of(bytes: &[u8]) -> Result<CredentialReport, String> {
        read(Path::new("r"), bytes).map_err(|error| error.to_string())
    }

    #[test]
    fn a_report_is_csv_or_base64_or_the_answer() {
        let csv = format!("{HEADING}{ROOT_LINE}");
        let plain = of(csv.as_bytes()).unwrap();
        let root = &plain.users[0];
        assert!(root.is_root() && root.has_password.is_none() && root.password_used == Use::Never);
        assert_eq!(root.keys.len(), 2);
        assert!(root.keys[0].is_active && !root.keys[1].is_active && root.keys[1].used == Use::Never);
        let Use::At { region, service, .. } = &root.keys[0].used else { panic!("{root:?}") };
        assert_eq!((region.as_deref(), service.as_deref()), (None, Some("s3")));
        let encoded = STANDARD.encode(&csv);
        assert_eq!(of(encoded.as_bytes()), Ok(plain.clone()));
        let answer = format!(r#"{{"Content":"{encoded}","GeneratedTime":"2026-11-01T00:00:00Z"}}"#);
        let whole = of(answer.as_bytes()).unwrap();
        assert_eq!(whole.generated_at.unwrap().to_string(), "2026-11-01T00:00:00Z");
        assert_eq!(whole.users, plain.users);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let bad =
            |from: &str, to: &str| of(format!("{HEADING}{}", ROOT_LINE.replacen(from, to, 1)).as_bytes());
        for (told, why) in [
            (of(b""), "it is empty"),
            (of(b"a,b\n1,2\n"), "line 1 has no column user"),
            (of(HEADING.as_bytes()), "no line of a user"),
            (of(b"\nAn error occurred (AccessDenied)"), "an error of the AWS CLI"),
            (of(b"{\"a\":"), "line 1, column 5"),
            (of(b"{\"a\":1}"), "another command"),
            (bad("TRUE", "perhaps"), "line 2, column access_key_1_active: 'perhaps'"),
            (bad("2020-01", "soon"), "line 2, column access_key_1_last_rotated"),
            (bad("N/A,s3", "s3"), "line 2: it has 14 values"),
        ] {
            let told = told.unwrap_err();
            assert!(told.contains(why), "{why}: {told}");
        }
    }
}
