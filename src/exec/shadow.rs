//! Finds what in the files of AWS's programs takes precedence over the credentials that an endpoint offers a command.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::env::Environment;
use crate::private_file::{ReadRefusal, read_bounded};
use crate::text::quoted;

/// The largest of these files that is searched, in bytes: about 50,000 profiles.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The keys with which a profile names its own credentials; SDKs look for them before they ask an endpoint.
const KEYS: &[&str] = &[
    "aws_access_key_id",
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];

/// What SDKs prefer to the endpoint, or may prefer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shadow {
    /// A line of the default profile.
    Line {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// Its key.
        key: &'static str,
    },
    /// A file that is too large to be searched.
    TooLarge(PathBuf),
}

impl fmt::Display for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line, key } => write!(
                f,
                "SDKs prefer {key} of the default profile ({}, line {line}) to this session; take it away",
                quoted(&file.to_string_lossy())
            ),
            Self::TooLarge(file) => write!(
                f,
                "{} is larger than {} MiB and was not searched: if its default profile has credentials, SDKs prefer them \
                 to this session; take them away",
                quoted(&file.to_string_lossy()),
                FILE_BYTES / 1024 / 1024
            ),
        }
    }
}

/// Returns the first line of the default profile, in the credentials file or the config file, that SDKs prefer to an
/// endpoint; or the file that is too large to be searched.
pub fn shadow(env: &Environment) -> Option<Shadow> {
    let file = |variable: &str, name: &str| {
        let given = env.os_var(variable).map(PathBuf::from);
        given.or_else(|| env.home().map(|home| home.join(".aws").join(name)))
    };
    let files = [file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), file("AWS_CONFIG_FILE", "config")];
    files.into_iter().flatten().find_map(|path| in_file(&path))
}

fn in_file(path: &Path) -> Option<Shadow> {
    let content = match read_bounded(path, FILE_BYTES) {
        Ok(content) => content,
        Err(error) if matches!(error.reason, ReadRefusal::TooLarge(_)) => {
            return Some(Shadow::TooLarge(path.to_owned()));
        }
        // If this user cannot read it, neither can the SDK.
        Err(_) => return None,
    };
    let (line, key) = in_text(&String::from_utf8_lossy(&content))?;
    Some(Shadow::Line { file: path.to_owned(), line, key })
}

/// Returns the line number and the key.
fn in_text(text: &str) -> Option<(usize, &'static str)> {
    let mut is_default = false;
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if let Some(header) = line.trim_start().strip_prefix('[') {
            let name = header.split(']').next().unwrap_or_default().trim();
            let name = name.strip_prefix("profile").map_or(name, str::trim);
            is_default = name.trim_matches(['"', '\'']) == "default";
        } else if is_default && !line.starts_with([' ', '\t', '#', ';']) {
            let (name, value) = line.split_once(['=', ':']).unwrap_or_default();
            let key = KEYS.iter().find(|key| name.trim().eq_ignore_ascii_case(key));
            if let Some(key) = key.filter(|_| !value.trim().is_empty()) {
                return Some((index + 1, key));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_default_profile_shadows() {
        assert_eq!(
            in_text("[default]\nregion=eu-central-1\n\naws_access_key_id = x\n"),
            Some((4, "aws_access_key_id"))
        );
        assert_eq!(in_text("\u{feff}[ default ]\r\nAWS_ACCESS_KEY_ID=x\r\n"), Some((2, "aws_access_key_id")));
        assert_eq!(
            in_text("[profile \"default\"]\ncredential_process = /x\n"),
            Some((2, "credential_process"))
        );
        assert_eq!(in_text("[other]\naws_access_key_id=x\n[default]\nregion=y\n"), None);
        assert_eq!(in_text("[default]\ns3 =\n  role_arn = x\n# role_arn = x\nrole_arn =\n"), None);
        assert_eq!(in_text(""), None);
    }

    #[test]
    fn a_file_that_is_too_large_is_told() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        file.as_file().set_len(FILE_BYTES).expect("a length");
        assert_eq!(in_file(file.path()), None);
        file.as_file().set_len(FILE_BYTES + 1).expect("a length");
        let shadow = in_file(file.path()).expect("it may shadow");
        assert!(shadow.to_string().contains("is larger than 16 MiB and was not searched"), "{shadow}");
    }
}
