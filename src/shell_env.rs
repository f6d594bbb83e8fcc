//! Renders session credentials as variables, in the syntax of a shell or of programs that read such files. Pure.

use std::io::Write as _;

use serde::Serializer as _;
use zeroize::Zeroizing;

use crate::credentials::CredentialSet;

/// The reader of the variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of `NAME=value`, as docker's `--env-file`, systemd's `EnvironmentFile=` and the dotenv libraries read them.
    Dotenv,
    /// `set -gx`.
    Fish,
    /// One object of names and values.
    Json,
    /// `$Env:`.
    PowerShell,
    /// `export`, for sh, bash, zsh, ksh and dash.
    Sh,
}

impl Format {
    /// The names of all formats on the command line, joined by `|`.
    pub const NAMES: &str = "sh|fish|powershell|dotenv|json";

    /// Returns the format with this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "dotenv" => Self::Dotenv,
            "fish" => Self::Fish,
            "json" => Self::Json,
            "powershell" => Self::PowerShell,
            "sh" => Self::Sh,
            _ => return None,
        })
    }

    /// Returns the format for the shell with this program name; for any other program, that of a POSIX shell.
    pub fn of_shell(program: &str) -> Self {
        match program.trim_start_matches('-').trim_end_matches(".exe") {
            "fish" => Self::Fish,
            "pwsh" | "powershell" => Self::PowerShell,
            _ => Self::Sh,
        }
    }

    /// Returns a value in single quotes for this shell.
    fn quoted(self, value: &str) -> Zeroizing<String> {
        // Each character becomes at most four octets.
        let mut text = Zeroizing::new(String::with_capacity(2 + 4 * value.len()));
        text.push('\'');
        for character in value.chars() {
            match (self, character) {
                (Self::Fish, '\'' | '\\') => text.extend(['\\', character]),
                // PowerShell accepts typographic quotes as single quotes.
                (Self::PowerShell, '\'' | '\u{2018}'..='\u{201b}') => text.extend([character; 2]),
                (Self::Dotenv | Self::Json | Self::Sh, '\'') => text.push_str("'\\''"),
                (_, other) => text.push(other),
            }
        }
        text.push('\'');
        text
    }
}

/// Returns the variables of a session with their values: those that every SDK reads, and one for its end.
pub fn variables(credential_set: &CredentialSet) -> [(&'static str, Zeroizing<String>); 5] {
    let credentials = &credential_set.credentials;
    [
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.expose()),
        ("AWS_SESSION_TOKEN", credentials.session_token.expose()),
        // SDKs build endpoints from it; an old value would be another account's.
        ("AWS_ACCOUNT_ID", credential_set.role_arn.arn().account()),
        // For botocore, the CLI, and people.
        ("AWS_CREDENTIAL_EXPIRATION", &credentials.expiration.to_string()),
    ]
    .map(|(name, value)| (name, Zeroizing::new(value.to_owned())))
}

/// More than the names, the quotes and the comment take up.
const FRAME: usize = 1024;

/// Renders the variables of a session and its region; lines end with a line feed. In formats with comments, the first
/// line also states the expiration in a comment.
///
/// # Security
///
/// The bytes are wiped on drop, and the buffer is never reallocated: its size is computed first. No value can end its
/// quotes, whatever it contains.
pub fn render(credential_set: &CredentialSet, region: &str, format: Format) -> Zeroizing<Vec<u8>> {
    let session = variables(credential_set);
    let session = session.iter().map(|(name, value)| (*name, value.as_str()));
    let pairs: Vec<(&str, &str)> =
        session.chain([("AWS_REGION", region), ("AWS_DEFAULT_REGION", region)]).collect();
    // No format encodes an octet as more than six.
    let longest = FRAME + 6 * pairs.iter().map(|(_, value)| value.len()).sum::<usize>();
    let mut bytes = Zeroizing::new(Vec::with_capacity(longest));
    // Writing to memory cannot fail.
    if format == Format::Json {
        let _ = serde_json::Serializer::new(&mut *bytes).collect_map(pairs);
        bytes.push(b'\n');
        return bytes;
    }
    let _ = writeln!(bytes, "# expires {}", credential_set.credentials.expiration);
    for (name, value) in pairs {
        let _ = match format {
            // Docker treats quotes as part of the value, and AWS's values never need them.
            Format::Dotenv => writeln!(bytes, "{name}={value}"),
            Format::Fish => writeln!(bytes, "set -gx {name} {}", *format.quoted(value)),
            Format::PowerShell => writeln!(bytes, "$Env:{name} = {}", *format.quoted(value)),
            Format::Json | Format::Sh => writeln!(bytes, "export {name}={}", *format.quoted(value)),
        };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::credentials::SessionCredentials;
    use crate::secret::Secret;

    fn rendered(token: &str, format: Format) -> String {
        let set = CredentialSet {
            role_arn: "arn:aws:iam::111122223333:role/build".parse().unwrap(),
            assumed_role_arn: None,
            source_identity: None,
            subject_arn: None,
            credentials: SessionCredentials {
                access_key_id: String::from("ASIAEXAMPLEEXAMPLE00"),
                secret_access_key: Secret::new(String::from("se/cret+")),
                session_token: Secret::new(String::from(token)),
                expiration: Timestamp::from_unix_seconds(1_795_455_281),
            },
        };
        let bytes = render(&set, "eu-central-1", format);
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn each_format_is_the_one_of_its_reader() {
        let sh = "# expires 2026-11-23T17:34:41Z\nexport AWS_ACCESS_KEY_ID='ASIAEXAMPLEEXAMPLE00'\n";
        assert!(rendered("t", Format::Sh).starts_with(sh));
        assert!(rendered("t", Format::Fish).contains("\nset -gx AWS_SESSION_TOKEN 't'\n"));
        assert!(rendered("t", Format::PowerShell).contains("\n$Env:AWS_SESSION_TOKEN = 't'\n"));
        assert!(rendered("t", Format::Dotenv).contains("\nAWS_SESSION_TOKEN=t\n"));
        let json: serde_json::Value = serde_json::from_str(&rendered("t", Format::Json)).unwrap();
        assert_eq!(json["AWS_SECRET_ACCESS_KEY"], "se/cret+");
        assert_eq!(json["AWS_CREDENTIAL_EXPIRATION"], "2026-11-23T17:34:41Z");
        assert_eq!(json["AWS_DEFAULT_REGION"], "eu-central-1");
    }

    #[test]
    fn no_value_ends_its_quotes() {
        let token = "a'b\\c";
        assert!(rendered(token, Format::Sh).contains("AWS_SESSION_TOKEN='a'\\''b\\c'\n"));
        assert!(rendered(token, Format::Fish).contains("AWS_SESSION_TOKEN 'a\\'b\\\\c'\n"));
        assert!(rendered("a'b’c", Format::PowerShell).contains("AWS_SESSION_TOKEN = 'a''b’’c'\n"));
    }

    #[test]
    fn a_shell_is_known_by_its_name() {
        assert_eq!(Format::of_shell("-fish"), Format::Fish);
        assert_eq!(Format::of_shell("pwsh.exe"), Format::PowerShell);
        assert_eq!(Format::of_shell("bash"), Format::Sh);
        for name in Format::NAMES.split('|') {
            assert!(Format::named(name).is_some(), "{name}");
        }
    }
}
