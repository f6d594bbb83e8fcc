//! The GetScopedCredentials request, checked before anything is sent.
//!
//! The format of each part is that of [GetScopedCredentials].
//!
//! [GetScopedCredentials]: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetScopedCredentials.html

use std::fmt;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::clock::describe_seconds;
use crate::diagnostic::{Diagnostic, Fault};
use crate::text::{printable, quoted};

/// The ids of [`ScopeError`].
pub const IDS: &[&str] = &[
    "scope-description-alone",
    "scope-description-malformed",
    "scope-duration-out-of-range",
    "scope-policy-malformed",
    "scope-policy-too-long",
    "scope-too-often",
];

/// How often a session may be narrowed. AWS counts policies; we also count those that only shorten it.
const MOST: usize = 3;

/// The longest session that the operation grants, in seconds.
const LONGEST: u64 = 129_600;
/// The longest policy, in characters.
const LONGEST_POLICY: usize = 2_048;
/// The allowed lengths of a description, in characters.
const DESCRIPTION_LENGTH: std::ops::RangeInclusive<usize> = 2..=256;
/// How much of a policy's digest is shown: enough to tell two files apart, as for a commit.
const SHOWN_DIGITS: usize = 8;

/// How to narrow a session. Created by [`Scope::new`].
#[derive(Debug)]
pub struct Scope {
    policy: Option<ScopePolicy>,
    duration: Option<Duration>,
    description: Option<String>,
}

/// A policy that is intersected with a session's permissions. Created by [`ScopePolicy::parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopePolicy {
    text: String,
    sha256: [u8; 32],
}

/// Why a session cannot be narrowed as requested; fix the command, the configuration or the policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// Nothing narrows the session.
    #[error(
        "a description of a narrower session is given, and neither a policy nor a duration to narrow it by"
    )]
    DescriptionAlone,
    /// Not a valid description for STS.
    #[error("the description of the narrower session is not 2 to 256 characters of ASCII or Latin-1")]
    Description,
    /// Outside the range that STS grants.
    #[error(
        "the narrower session's duration of {seconds} seconds is not between 1 and {LONGEST} seconds (1 second to 36 hours)"
    )]
    DurationOutOfRange {
        /// The requested length.
        seconds: u64,
    },
    /// The session before is shorter.
    #[error(
        "the narrower session's duration of {seconds} seconds is longer than the {first} seconds of the session that it is made from"
    )]
    LongerThanFirst {
        /// The requested length.
        seconds: u64,
        /// The requested length of the session before.
        first: u64,
    },
    /// Not a policy.
    #[error("{source_name} is no policy: {why}")]
    Policy {
        /// Where it was read, as the user wrote it.
        source_name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A policy with too many characters.
    #[error(
        "the policy of {source_name} has {characters} characters without its blanks, and STS takes {LONGEST_POLICY}"
    )]
    PolicyTooLong {
        /// Where it was read, as the user wrote it.
        source_name: String,
        /// How many it has.
        characters: usize,
    },
    /// AWS does not narrow a session that often.
    #[error("the session would be narrowed {given} times, and {MOST} times is the most")]
    TooOften {
        /// How often.
        given: usize,
    },
}

impl Diagnostic for ScopeError {
    fn id(&self) -> &'static str {
        match self {
            Self::DescriptionAlone => "scope-description-alone",
            Self::Description => "scope-description-malformed",
            Self::DurationOutOfRange { .. } | Self::LongerThanFirst { .. } => "scope-duration-out-of-range",
            Self::Policy { .. } => "scope-policy-malformed",
            Self::PolicyTooLong { .. } => "scope-policy-too-long",
            Self::TooOften { .. } => "scope-too-often",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(String::from(match self {
            Self::DescriptionAlone => "give --scope-policy FILE, --scope-duration TIME, or both",
            Self::Description => "write --scope-description as CloudTrail is to show it: 'plan of job 4711'",
            Self::DurationOutOfRange { .. } => "give --scope-duration as a time like 90s, 10m or 1h",
            Self::LongerThanFirst { .. } => {
                "leave out --scope-duration: then the narrower session ends with the one that it is made from"
            }
            Self::Policy { .. } => {
                "give an IAM policy in JSON: {\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", …}]}"
            }
            Self::PolicyTooLong { .. } => {
                "join actions by wildcards (ec2:Describe*), leave out each Sid, or narrow twice: from one session to the next"
            }
            Self::TooOften { .. } => "set from to an earlier session, and join two policies in one file",
        }))
    }
}

impl ScopePolicy {
    /// Parses a policy if STS can accept it: JSON, an object with a `Statement`, only characters from U+0020 to U+00FF,
    /// and at most 2,048 of them without the blanks between tokens.
    ///
    /// These blanks are not sent: they mean nothing in JSON, but STS counts them.
    ///
    /// # Errors
    ///
    /// Fails if it is anything else; errors refer to it as `source_name`.
    pub fn parse(json: &[u8], source_name: &str) -> Result<Self, ScopeError> {
        let wrong = |why: String| ScopeError::Policy { source_name: source_name.to_owned(), why };
        let text = std::str::from_utf8(json).map_err(|_| wrong(String::from("it is not UTF-8")))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let document: serde_json::Value =
            serde_json::from_str(text).map_err(|error| wrong(format!("it is not JSON: {error}")))?;
        let Some(members) = document.as_object() else {
            return Err(wrong(String::from("it is no JSON object")));
        };
        if !members.contains_key("Statement") {
            return Err(wrong(String::from("it has no Statement")));
        }
        if let Some(foreign) = text.chars().find(|character| *character > '\u{ff}') {
            let mut units = [0; 2];
            let escaped: String =
                foreign.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let foreign = printable(&foreign.to_string());
            return Err(wrong(format!(
                "STS does not take the character '{foreign}', which JSON can write as {escaped}"
            )));
        }
        let text = without_blanks(text);
        let characters = text.chars().count();
        if characters > LONGEST_POLICY {
            return Err(ScopeError::PolicyTooLong { source_name: source_name.to_owned(), characters });
        }
        let sha256 = Sha256::digest(&text).into();
        Ok(Self { text, sha256 })
    }

    /// Returns the document that is sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the SHA-256 of the document that is sent.
    pub const fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// Returns the first digits of the SHA-256, enough for people to tell policies apart.
    fn short_digest(&self) -> String {
        let mut digits = hex::encode(self.sha256);
        digits.truncate(SHOWN_DIGITS);
        digits
    }
}

/// Removes the insignificant blanks from a JSON document.
fn without_blanks(json: &str) -> String {
    let (mut inside, mut escaped) = (false, false);
    json.chars()
        .filter(|character| {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = inside,
                '"' => inside = !inside,
                _ => {}
            }
            inside || !character.is_ascii_whitespace()
        })
        .collect()
}

impl Scope {
    /// Combines the ways to narrow a session; `None` if none is given.
    ///
    /// # Errors
    ///
    /// Fails if the duration is not between 1 second and 36 hours, the description is not 2 to 256 characters of ASCII
    /// or Latin-1, or only a description is given.
    pub fn new(
        policy: Option<ScopePolicy>,
        duration: Option<Duration>,
        description: Option<String>,
    ) -> Result<Option<Self>, ScopeError> {
        if let Some(seconds) = duration.map(|duration| duration.as_secs())
            && !(1..=LONGEST).contains(&seconds)
        {
            return Err(ScopeError::DurationOutOfRange { seconds });
        }
        if description.as_ref().is_some_and(|text| !is_description(text)) {
            return Err(ScopeError::Description);
        }
        match (&policy, duration, &description) {
            (None, None, None) => Ok(None),
            (None, None, Some(_)) => Err(ScopeError::DescriptionAlone),
            (Some(_), _, _) | (_, Some(_), _) => Ok(Some(Self { policy, duration, description })),
        }
    }

    /// Checks how often a session is narrowed.
    ///
    /// # Errors
    ///
    /// Fails if it is more than three times.
    pub const fn check_number(given: usize) -> Result<(), ScopeError> {
        if given > MOST { Err(ScopeError::TooOften { given }) } else { Ok(()) }
    }

    /// Returns the policy, if the permissions are narrowed.
    pub const fn policy(&self) -> Option<&ScopePolicy> {
        self.policy.as_ref()
    }

    /// Returns the requested length; with `None` it ends with the session before.
    pub const fn duration(&self) -> Option<Duration> {
        self.duration
    }

    /// Returns the description for CloudTrail.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Checks that the session before, with this requested length, can last as long as this one.
    ///
    /// # Errors
    ///
    /// Fails if this one is longer: STS would always refuse it.
    pub fn check_within(&self, first: Option<Duration>) -> Result<(), ScopeError> {
        match (self.duration, first) {
            (Some(duration), Some(first)) if duration > first => {
                Err(ScopeError::LongerThanFirst { seconds: duration.as_secs(), first: first.as_secs() })
            }
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }

    /// Returns the form's fields beyond action and version; `length` is the requested part of [`Scope::duration`].
    pub(super) fn parameters(&self, length: Option<Duration>) -> Vec<(String, String)> {
        let field = |name: &str, value: String| (String::from(name), value);
        let policy = self.policy.as_ref().map(|policy| field("Policy", policy.text.clone()));
        let length = length.map(|length| field("DurationSeconds", length.as_secs().to_string()));
        let description = self.description.as_ref();
        let description = description.map(|text| field("ScopedSessionDescription", text.clone()));
        [policy, length, description].into_iter().flatten().collect()
    }
}

/// Describes briefly how the session is narrowed: `policy 3f2a9c1b, 10 minutes, 'plan of job 4711'`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let policy = self.policy.as_ref().map(|policy| format!("policy {}", policy.short_digest()));
        let duration = self.duration.map(|duration| describe_seconds(duration.as_secs()));
        let description = self.description.as_deref().map(quoted);
        let parts: Vec<String> = [policy, duration, description].into_iter().flatten().collect();
        f.write_str(&parts.join(", "))
    }
}

/// `[\t\n\r\x20-\x7E\xA1-\xFF]{2,256}`
fn is_description(text: &str) -> bool {
    DESCRIPTION_LENGTH.contains(&text.chars().count())
        && text
            .chars()
            .all(|character| matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ_ONLY: &str = r#"{ "Statement": [ { "Effect": "Allow", "Action": "s3:Get*", "Resource": "*", "Sid": "a \" b" } ] }"#;

    fn policy(text: &str) -> Result<ScopePolicy, ScopeError> {
        ScopePolicy::parse(text.as_bytes(), "'p.json'")
    }

    fn of_length(characters: usize) -> String {
        let frame = r#"{"Statement":[],"Id":""}"#.len();
        format!(r#"{{"Statement":[],"Id":"{}"}}"#, "x".repeat(characters - frame))
    }

    #[test]
    fn blanks_are_not_sent_and_make_no_other_policy() {
        let sent = policy(READ_ONLY).unwrap();
        assert_eq!(
            sent.as_str(),
            r#"{"Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*","Sid":"a \" b"}]}"#
        );
        let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(same(sent.as_str()), same(READ_ONLY));
        let lines = format!("\u{feff}{}\r\n", READ_ONLY.replace(", \"Sid\"", ",\n\t\"Sid\""));
        assert_eq!(policy(&lines).unwrap(), sent);
        assert_ne!(policy(&READ_ONLY.replace("Get", "Put")).unwrap().sha256(), sent.sha256());
        let tricky = r#"{ "Statement" : [ "\\" , "a\\\" b" ] }"#;
        assert_eq!(policy(tricky).unwrap().as_str(), r#"{"Statement":["\\","a\\\" b"]}"#);
    }

    #[test]
    fn what_sts_would_not_take_for_a_policy_is_not_sent() {
        for (text, why) in [
            ("", "not JSON"),
            ("{", "not JSON"),
            ("[]", "no JSON object"),
            ("{}", "no Statement"),
            (r#"{"Statement": []} x"#, "not JSON"),
            (r#"{"Statement": [], "Id": "ł"}"#, "\\u0142"),
            (r#"{"Statement": [], "Id": "😀"}"#, "\\ud83d\\ude00"),
        ] {
            let error = policy(text).unwrap_err();
            assert_eq!(error.id(), "scope-policy-malformed");
            assert!(error.to_string().contains(why), "{text}: {error}");
        }
        assert!(policy(r#"{"Statement": [], "Id": "ü\u0142"}"#).is_ok());
        assert!(ScopePolicy::parse(b"\xff", "'p.json'").is_err());
    }

    #[test]
    fn a_policy_has_2048_characters_at_most_blanks_and_bytes_not_counted() {
        assert!(policy(&of_length(2_048)).is_ok());
        assert!(policy(&(of_length(2_048) + &" ".repeat(4_096))).is_ok());
        assert!(policy(&of_length(2_048).replace('x', "ü")).is_ok());
        let error = policy(&of_length(2_049)).unwrap_err();
        assert_eq!(
            error,
            ScopeError::PolicyTooLong { source_name: String::from("'p.json'"), characters: 2_049 }
        );
    }

    #[test]
    fn what_sts_would_refuse_is_not_sent() {
        let seconds = |seconds| Scope::new(None, Some(Duration::from_secs(seconds)), None);
        for (length, good) in [(0, false), (1, true), (129_600, true), (129_601, false)] {
            assert_eq!(seconds(length).is_ok(), good, "{length}");
        }
        let described = |text: &str| Scope::new(policy(READ_ONLY).ok(), None, Some(text.to_owned()));
        for (text, good) in [
            ("a", false),
            ("ab", true),
            ("plan: «Prüfung»\t1", true),
            ("a\u{a0}b", false),
            ("łódź", false),
            ("a\u{1b}[1m", false),
            (&"x".repeat(256), true),
            (&"x".repeat(257), false),
        ] {
            assert_eq!(described(text).is_ok(), good, "{text}");
        }
        assert!(Scope::new(None, None, None).unwrap().is_none());
        let alone = Scope::new(None, None, Some(String::from("plan"))).unwrap_err();
        assert_eq!(alone, ScopeError::DescriptionAlone);
        let hour = seconds(3_600).unwrap().unwrap();
        assert!(
            hour.check_within(Some(Duration::from_secs(3_600))).is_ok() && hour.check_within(None).is_ok()
        );
        assert!(hour.check_within(Some(Duration::from_secs(3_599))).is_err());
    }

    #[test]
    fn it_is_told_in_a_few_words() {
        let whole = Scope::new(policy(READ_ONLY).ok(), Some(Duration::from_secs(600)), Some("plan".into()));
        let digest = hex::encode(policy(READ_ONLY).unwrap().sha256());
        let told = whole.unwrap().unwrap().to_string();
        assert_eq!(told, format!("policy {}, 10 minutes, 'plan'", &digest[..8]));
    }
}
