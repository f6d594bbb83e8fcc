//! Takes secrets out of texts that leave this host: what looks like one, and what is known to be one.
//!
//! Nothing of what `doctor` writes should hold any. This is the second look, at everything, before it is written.

use crate::command_line;
use crate::env::Environment;
use crate::text::printable_line;

/// What stands in the place of a secret.
const REMOVED: &str = "(removed)";
/// A variable's value that is shorter is a word like others.
const SHORTEST_VALUE: usize = 8;
/// How an id of an access key of a user begins, for life; those of sessions are no secret and are in CloudTrail.
const STATIC_IDS: [&str; 3] = ["AKIA", "ABIA", "ACCA"];
/// The length of an id of an access key.
const ID_LENGTH: usize = 20;
/// The length of a secret access key.
const SECRET_LENGTH: usize = 40;
/// What the names of variables hold whose values are secrets.
const NAMES: [&str; 7] = ["SECRET", "TOKEN", "PASSWORD", "PASSPHRASE", "PASSWD", "_PIN", "PRIVATE_KEY"];

/// The rules, with the values that are known to be secrets on this host.
pub struct Rules {
    known: Vec<String>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").field("known", &self.known.len()).finish()
    }
}

impl Rules {
    /// Knows the values of the variables that are named as secrets are.
    pub fn of(env: &Environment) -> Self {
        let is_secret = |name: &str| NAMES.iter().any(|part| name.to_ascii_uppercase().contains(part));
        let variables = env.beginning_with("").into_iter().filter(|(name, _)| is_secret(name));
        let values = variables.filter_map(|(_, value)| value.into_string().ok());
        // A file's name is none, and says what was wrong with it.
        let known = values
            .filter(|value| value.len() >= SHORTEST_VALUE && !std::path::Path::new(value).is_absolute());
        Self { known: known.collect() }
    }

    /// Takes secrets out of every text of a document; returns the rules that found one.
    pub fn clean(&self, document: &mut serde_json::Value) -> Vec<&'static str> {
        let mut found = Vec::new();
        self.clean_into(document, &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    fn clean_into(&self, document: &mut serde_json::Value, found: &mut Vec<&'static str>) {
        match document {
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.clean_into(item, found)),
            serde_json::Value::Object(members) => {
                members.values_mut().for_each(|member| self.clean_into(member, found))
            }
            serde_json::Value::String(text) => {
                let cleaned = self.cleaned(text, found);
                *text = cleaned;
            }
            serde_json::Value::Bool(_) | serde_json::Value::Null | serde_json::Value::Number(_) => {}
        }
    }

    fn cleaned(&self, text: &str, found: &mut Vec<&'static str>) -> String {
        let mut rule = |name, before: &str, after: String| {
            if after != before {
                found.push(name);
            }
            after
        };
        let mut clean = text.to_owned();
        for known in &self.known {
            clean = rule("known-value", &clean, clean.replace(known.as_str(), REMOVED));
        }
        clean = rule("userinfo", &clean, without_userinfo(&clean));
        clean = rule("key-of-aws", &clean, without_keys(&clean));
        clean = rule("named-secret", &clean, command_line::without_secrets(&clean));
        rule("key-material", &clean, printable_line(&clean))
    }
}

/// Takes user names and passwords out of URLs.
fn without_userinfo(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://").map(|start| start + 3) {
        let end = rest[start..].find(['/', '\'', '"', ' ', ',']).map_or(rest.len(), |end| start + end);
        clean.push_str(&rest[..start]);
        match rest[start..end].rfind('@') {
            Some(at) => {
                clean.push('…');
                clean.push_str(&rest[start + at..end]);
            }
            None => clean.push_str(&rest[start..end]),
        }
        rest = &rest[end..];
    }
    clean + rest
}

/// Takes ids of static access keys, but for their last letters, and what is as long and irregular as a secret access key.
fn without_keys(text: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "+/".contains(letter);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let end = rest[start..].find(|letter| !is_part(letter)).map_or(rest.len(), |end| start + end);
        let word = &rest[start..end];
        clean.push_str(&rest[..start]);
        if word.len() == ID_LENGTH && STATIC_IDS.iter().any(|id| word.starts_with(id)) {
            clean.push_str(&format!("{}…{}", &word[..4], &word[ID_LENGTH - 4..]));
        } else if word.len() == SECRET_LENGTH && is_irregular(word) {
            clean.push_str(REMOVED);
        } else {
            clean.push_str(word);
        }
        rest = &rest[end..];
    }
    clean + rest
}

/// Tells a secret access key from a path and from the hex of a hash: upper case, lower case and digits are in it.
fn is_irregular(word: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| word.bytes().filter(kind).count();
    has(u8::is_ascii_uppercase) > 3 && has(u8::is_ascii_lowercase) > 3 && has(u8::is_ascii_digit) > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let env = Environment::given([
            ("MY_TOKEN", "canary-value"),
            ("PIN", "1234"),
            ("X_TOKEN_FILE", "/run/token"),
        ]);
        let rules = Rules::of(&env);
        let clean = |text: &str| {
            let mut document = serde_json::json!({ "a": [text] });
            let found = rules.clean(&mut document);
            (document["a"][0].as_str().expect("a text").to_owned(), found)
        };
        assert_eq!(clean("x canary-value y"), (String::from("x (removed) y"), vec!["known-value"]));
        assert_eq!(clean("key AKIAIOSFODNN7EXAMPLE here").0, "key AKIA…MPLE here");
        assert_eq!(clean("'http://user:pa@ss@proxy.example:3128/'").0, "'http://…@proxy.example:3128/'");
        assert_eq!(clean("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").0, "(removed)");
        assert_eq!(clean("key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").0, "key=(removed)");
        assert!(
            !clean("-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----")
                .0
                .contains("MIGH")
        );
        for text in [
            "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001",
            "9f2c419f2c419f2c419f2c419f2c419f2c419f2c419f2c419f2c419f2c41abcd",
            "'/etc/anyrole/host.pem': subject 'CN=bench', serial 4242",
            "https://rolesanywhere.eu-central-1.amazonaws.com, signed for eu-central-1",
            "/run/token",
        ] {
            assert_eq!(clean(text), (text.to_owned(), Vec::new()));
        }
    }
}
