//! The values of a session, from code.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Credentials, Error, Session};
use crate::diagnostic::AnyDiagnostic;
use crate::env::Environment;
use crate::settings::table::{Group, SETTINGS, Setting};
use crate::settings::{self, DESCRIBING, Settings, SettingsError, Typed, provider};

/// The values of a session, as a program gives them.
///
/// Without [`Builder::session`] they are all there is: neither anyrole's configuration nor a variable that begins with `ANYROLE_`
/// gives a setting. The variables of the SDKs and of the system count as always: `AWS_CA_BUNDLE`, `AWS_ENDPOINT_URL_ROLESANYWHERE`,
/// `HTTPS_PROXY`, `NO_PROXY`. `ANYROLE_CACHE_NAMESPACE` and `ANYROLE_STATE_DIR` say for the whole process where sessions are kept.
///
/// With it, the session is what the program makes of that name, and what is given here is stronger, as a flag is.
///
/// Nothing is checked before [`Builder::build`]; of several values for one setting the last counts.
#[derive(Clone)]
#[must_use = "a builder does nothing until build is called"]
pub struct Builder {
    session: Option<String>,
    values: Typed,
    /// The first name that no setting has.
    unknown: Option<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Self { session: None, values: Typed { is_code: true, ..Typed::default() }, unknown: None }
    }
}

/// Shows which settings are given, and none of the values: one may be a secret.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given: Vec<&str> = self.values.flags.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Builder")
            .field("session", &self.session)
            .field("given", &given)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Starts from a session of anyrole's configuration: `[session.NAME]`.
    pub fn session(mut self, name: impl Into<String>) -> Self {
        self.session = Some(name.into());
        self
    }

    /// Reads this file, and no other, for [`Builder::session`], instead of `/etc/anyrole` and the user's own file.
    pub fn config_file(self, path: impl Into<String>) -> Self {
        self.setting("config", path)
    }

    /// Sets the certificate: a file (PEM, DER or PKCS#12) or a folder of them, `pkcs11:URI`, `handle:0x81…` or `env:NAME`. It may bring
    /// its intermediates and its private key.
    pub fn certificate(self, source: impl Into<String>) -> Self {
        self.setting("certificate", source)
    }

    /// Sets the private key, if it is not where the certificate is; written as that is.
    pub fn private_key(self, source: impl Into<String>) -> Self {
        self.setting("private_key", source)
    }

    /// Sets the CA certificates between the certificate and the trust anchor, if they are not where the certificate is.
    pub fn intermediates(self, source: impl Into<String>) -> Self {
        self.setting("intermediates", source)
    }

    /// Sets the file with the password of an encrypted private key or PKCS#12 store; `env:NAME` for a variable.
    pub fn password_file(self, source: impl Into<String>) -> Self {
        self.setting("pkcs8_password_file", source)
    }

    /// Sets the trust anchor: `arn:aws:rolesanywhere:REGION:ACCOUNT:trust-anchor/ID`. AWS is called in its region.
    pub fn trust_anchor_arn(self, arn: impl Into<String>) -> Self {
        self.setting("trust_anchor_arn", arn)
    }

    /// Sets the profile: `arn:aws:rolesanywhere:REGION:ACCOUNT:profile/ID`.
    pub fn profile_arn(self, arn: impl Into<String>) -> Self {
        self.setting("profile_arn", arn)
    }

    /// Sets the role: `arn:aws:iam::ACCOUNT:role/NAME`.
    pub fn role_arn(self, arn: impl Into<String>) -> Self {
        self.setting("role_arn", arn)
    }

    /// Sets the region to call and to sign for, if it is not the trust anchor's.
    pub fn region(self, region: impl Into<String>) -> Self {
        self.setting("region", region)
    }

    /// Sets how long the session lasts: 15 minutes to 12 hours, in whole seconds; an hour unless it is set.
    pub fn session_duration(self, duration: Duration) -> Self {
        self.seconds("session_duration", duration)
    }

    /// Sets the name in CloudTrail, if the profile accepts one.
    pub fn role_session_name(self, name: impl Into<String>) -> Self {
        self.setting("role_session_name", name)
    }

    /// Sets the address to call instead of the region's: `https://HOST`, or `http://` on this host.
    pub fn endpoint(self, url: impl Into<String>) -> Self {
        self.setting("endpoint", url)
    }

    /// Sets the limit for waiting and asking together, in whole seconds; 45 unless it is set.
    pub fn timeout(self, limit: Duration) -> Self {
        self.seconds("timeout", limit)
    }

    /// Sets any other setting, by its key in the config file: `.setting("assume_role_arn", "arn:aws:iam::…")`.
    ///
    /// They are the settings of `anyrole help credential-process`, with `_` for `-`. A list is written with commas; a boolean is `true` or
    /// `false`, and a length of time a text such as `15m`; `cache` is `auto`, `keyring`, `file` or `none`.
    pub fn setting(mut self, key: impl AsRef<str>, value: impl Into<String>) -> Self {
        let value = value.into();
        match known(key.as_ref()) {
            Some(setting) => self.values.set(setting, value),
            None => {
                // It would otherwise be dropped without being wiped.
                drop(Zeroizing::new(value));
                self.unknown.get_or_insert_with(|| key.as_ref().to_owned());
            }
        }
        self
    }

    fn seconds(self, key: &str, duration: Duration) -> Self {
        self.setting(key, duration.as_secs().to_string())
    }

    /// Checks the values together. Beside anyrole's configuration nothing is read, and nothing is sent.
    ///
    /// # Errors
    ///
    /// Fails if a value is missing or cannot be used, or if there is no session of that name.
    pub fn build(self) -> Result<Credentials, Error> {
        self.checked().map_err(Error::from)
    }

    fn checked(self) -> Result<Credentials, AnyDiagnostic> {
        let Self { session: name, values, unknown } = self;
        if let Some(key) = unknown {
            return Err(no_such_setting(key).into());
        }
        let env = Environment::process();
        let settings = match &name {
            Some(name) => {
                let config = settings::config(&values, &env)?;
                Settings::of_config(&config, &values, Some(name), &env, Group::ALL)?
            }
            None => {
                if let Some(missing) = DESCRIBING.into_iter().find(|key| values.flag(key).is_none()) {
                    let setting = settings::table::setting(missing);
                    return Err(SettingsError::NotGiven { setting }.into());
                }
                Settings::of_code(&values, &env, Group::ALL)?
            }
        };
        let mut session = settings.session(&env, false)?;
        session.identity = session.identity.asking_nobody();
        let provider = provider::provider(session, &env)?;
        Ok(Credentials::new(Session { name, provider, env }))
    }
}

/// Returns the setting of that key, if it is one of a session and has a meaning here.
fn known(key: &str) -> Option<&'static Setting> {
    keys().find(|setting| setting.key() == key)
}

fn keys() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.has_flag() && is_of_a_session(setting))
}

fn is_of_a_session(setting: &Setting) -> bool {
    match setting.group {
        Group::Session
        | Group::SecondHop
        | Group::Scope
        | Group::Identity
        | Group::Network
        | Group::Cache => true,
        Group::Program => matches!(setting.name, "config" | "pkcs11-helper"),
        Group::Server => false,
    }
}

fn no_such_setting(key: String) -> SettingsError {
    let keys: Vec<String> = keys().map(Setting::key).collect();
    let nearest = match crate::text::nearest(&key, keys.iter().map(String::as_str)) {
        Some(nearest) => format!("the nearest is {nearest}"),
        None => String::from("anyrole help credential-process lists them, with - for _"),
    };
    let expected = format!("it is a key of a session in the config file; {nearest}");
    SettingsError::Value { label: String::from("the key of Builder::setting"), value: Some(key), expected }
}
