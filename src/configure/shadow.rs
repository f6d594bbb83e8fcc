//! What SDKs prefer to a profile's `credential_process`.

use crate::env::Environment;
use crate::ini::view::Section;

/// Something that some or all SDKs prefer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// A stable id for its kind.
    pub id: &'static str,
    /// Its line in the file, from 1.
    pub line: usize,
    /// What it is, and who prefers it.
    pub text: String,
}

/// The keys of a profile that give SDKs other credentials, each with who prefers it to `credential_process`.
const KEYS: &[(&str, &str, &str)] = &[
    ("static-keys", "aws_access_key_id", "most SDKs take these keys, though not the AWS CLI and boto3"),
    ("role", "role_arn", "SDKs assume that role, with the credentials of its source"),
    ("sso", "sso_session", "SDKs ask IAM Identity Center"),
    ("sso", "sso_start_url", "SDKs ask IAM Identity Center"),
    ("sso", "login_session", "SDKs take the session of aws login"),
];

/// Returns the other sources in a profile's section of the config file.
pub fn in_config(section: &Section) -> Vec<Shadow> {
    let found = KEYS.iter().filter_map(|(id, key, who)| {
        let property = section.property(key)?;
        Some(Shadow {
            id,
            line: property.line,
            text: format!("{key} stands beside credential_process: {who}"),
        })
    });
    found.collect()
}

/// Returns what the credentials file has for a profile, given that file's sections.
pub fn in_credentials(sections: &[Section], profile: &str) -> Vec<Shadow> {
    let own = sections.iter().filter(|section| section.name == profile);
    let found = own.filter_map(|section| {
        let property = section.property("aws_access_key_id")?;
        let text = format!(
            "[{profile}] holds aws_access_key_id there: every SDK takes these keys and not credential_process"
        );
        Some(Shadow { id: "static-keys", line: property.line, text })
    });
    found.collect()
}

/// Returns what the variables of this process override; no value is shown but a profile's name.
pub fn in_variables(env: &Environment, profile: &str) -> Vec<String> {
    let mut found = Vec::new();
    if env.os_var("AWS_ACCESS_KEY_ID").is_some() {
        found.push(String::from(
            "AWS_ACCESS_KEY_ID is set here: SDKs take the keys of the variables, and not those of a profile",
        ));
    }
    if env.os_var("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() && env.os_var("AWS_ROLE_ARN").is_some() {
        found.push(String::from(
            "AWS_WEB_IDENTITY_TOKEN_FILE is set here: SDKs assume the role of AWS_ROLE_ARN with it first",
        ));
    }
    for variable in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"] {
        if let Some(other) = env.os_var(variable).filter(|other| *other != profile) {
            let other = crate::text::quoted(&other.to_string_lossy());
            found.push(format!(
                "{variable} is {other} here: programs take that profile unless they are told another"
            ));
        }
    }
    found
}
