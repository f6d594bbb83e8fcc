//! Typed settings of one session: everything that can be wrong in a text is found here, before anything is read. A
//! policy counts as such a text, although it is in a separate file.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::grammar;
use super::second_hop::SecondHopSettings;
use super::{Settings, SettingsError};
use crate::arn::{ArnError, ProfileArn, RoleArn, TrustAnchorArn};
use crate::cache::choice::{CacheChoice, CacheChoiceError};
use crate::diagnostic::AnyDiagnostic;
use crate::env::Environment;
use crate::http::native::{ServerTrust, Timeouts, TransportSettings};
use crate::http::{Limits, Proxies, TrustedRoots};
use crate::identity::{IdentitySource, Input, PasswordSource, TokenAccess, TpmSettings};
use crate::provider::ScopedHop;
use crate::secret::Secret;
use crate::session::SessionRequest;
use crate::session::endpoint::{self, EndpointChoice};
use crate::session::request;
use crate::signer::tpm::TpmPlace;
use crate::signing::Endpoint;

/// The official helper always asks for an hour; so does a command line without `--session-duration`.
const DEFAULT_DURATION: Duration = Duration::from_secs(3600);

/// The name of the systemd credential that holds a token's PIN.
const PIN_CREDENTIAL: &str = "pkcs11-pin";

/// All that a session is made of.
#[derive(Debug)]
pub(crate) struct SessionSettings {
    pub(crate) request: SessionRequest,
    pub(crate) endpoint: Endpoint,
    pub(crate) second_hop: Option<SecondHopSettings>,
    /// How the session is narrowed, step by step.
    pub(crate) scopes: Vec<ScopedHop>,
    pub(crate) identity: IdentitySource,
    pub(crate) transport: TransportSettings,
    pub(crate) limits: Limits,
    pub(crate) cache: CacheChoice,
}

/// Returns the systemd credential of that name, if there is one; else a person is asked.
fn credential_or_prompt(name: &str, env: &Environment) -> PasswordSource {
    let path = env.os_var("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join(name));
    match path {
        Some(path) if path.exists() => PasswordSource::Credential(name.to_owned()),
        Some(_) | None => PasswordSource::Prompt,
    }
}

impl Settings {
    /// Returns everything that defines a session.
    ///
    /// `lenient` accepts a private key that other users can read, as the official helper does.
    pub(crate) fn session(&self, env: &Environment, lenient: bool) -> Result<SessionSettings, AnyDiagnostic> {
        let request = SessionRequest::new(
            self.trust_anchor_arn()?,
            self.profile_arn()?,
            self.role_arn()?,
            self.text("region"),
            self.session_duration()?,
            self.text("role-session-name"),
        )?;
        let choice = EndpointChoice {
            url: self.text("endpoint"),
            fips: self.boolean("use-fips-endpoint"),
            dual_stack: self.boolean("use-dualstack-endpoint"),
        };
        let anchor = request.trust_anchor_arn.arn();
        let region = self.text("region").unwrap_or_else(|| anchor.region().to_owned());
        let endpoint = endpoint::rolesanywhere(&region, anchor.partition(), &choice)?;
        let second_hop = self.second_hop(&request)?;
        let scopes = self.scopes(&request, second_hop.as_ref(), env)?;
        let identity = self.identity(env, lenient)?;
        let transport = self.transport(env)?;
        let limits = Limits::default();
        let limits = Limits { deadline: self.duration("timeout")?.unwrap_or(limits.deadline), ..limits };
        let cache = self.cache()?;
        Ok(SessionSettings { request, endpoint, second_hop, scopes, identity, transport, limits, cache })
    }

    /// Checks the ARNs that were given, for a command that does not need them but shows what would be presented.
    pub(crate) fn check_arns(&self) -> Result<(), SettingsError> {
        if self.given("trust-anchor-arn").is_some() {
            self.trust_anchor_arn()?;
        }
        if self.given("profile-arn").is_some() {
            self.profile_arn()?;
        }
        if self.given("role-arn").is_some() {
            self.role_arn()?;
        }
        Ok(())
    }

    fn trust_anchor_arn(&self) -> Result<TrustAnchorArn, SettingsError> {
        self.arn("trust-anchor-arn", "a trust anchor")
    }

    fn profile_arn(&self) -> Result<ProfileArn, SettingsError> {
        self.arn("profile-arn", "a Roles Anywhere profile")
    }

    fn role_arn(&self) -> Result<RoleArn, SettingsError> {
        self.arn("role-arn", "an IAM role")
    }

    /// Returns where sessions are cached.
    pub(crate) fn cache(&self) -> Result<CacheChoice, SettingsError> {
        if self.boolean("no-cache") {
            return Ok(CacheChoice::None);
        }
        match self.given("cache") {
            None => Ok(CacheChoice::default()),
            Some(given) => {
                given.text().parse().map_err(|error: CacheChoiceError| given.refused(error.to_string()))
            }
        }
    }

    /// Returns where the certificate and the key are; nothing is opened.
    pub(crate) fn identity(&self, env: &Environment, lenient: bool) -> Result<IdentitySource, AnyDiagnostic> {
        let certificate = self.required("certificate")?.input(env)?;
        Ok(IdentitySource {
            certificate: self.on_token(certificate, env)?,
            private_key: self.input("private-key", env)?,
            intermediates: self.input("intermediates", env)?,
            selection: self.selection(env)?,
            password: self.password(env)?,
            tpm: Some(self.tpm(env)?),
            allow_insecure_key_file: lenient || self.boolean("allow-insecure-key-file"),
        })
    }

    /// Returns a setting that names a source of bytes.
    pub(crate) fn input(&self, name: &str, env: &Environment) -> Result<Option<Input>, AnyDiagnostic> {
        self.given(name).map(|given| self.on_token(given.input(env)?, env)).transpose()
    }

    /// Says how an object on a token is reached; any other input is as it is.
    pub(crate) fn on_token(&self, input: Input, env: &Environment) -> Result<Input, AnyDiagnostic> {
        match input {
            Input::Pkcs11Uri(object) => {
                let access = match self.token_access.get() {
                    Some(access) => Arc::clone(access),
                    None => {
                        let access = Arc::new(self.new_token_access(env)?);
                        Arc::clone(self.token_access.get_or_init(|| access))
                    }
                };
                Ok(Input::Pkcs11Uri(Box::new(object.reached_by(access))))
            }
            other @ (Input::Descriptor(_)
            | Input::Path(_)
            | Input::StandardInput
            | Input::TpmHandle(_)
            | Input::Variable(_)) => Ok(other),
        }
    }

    fn new_token_access(&self, env: &Environment) -> Result<TokenAccess, AnyDiagnostic> {
        let pin = match self.given("pkcs11-pin-file") {
            Some(given) => PasswordSource::Input(given.input(env)?),
            None => credential_or_prompt(PIN_CREDENTIAL, env),
        };
        let usual = TokenAccess::default();
        Ok(TokenAccess {
            module: self.path("pkcs11-lib", env)?,
            helper: self.path("pkcs11-helper", env)?,
            pin,
            reuse_pin: self.boolean("reuse-pin"),
            patience: self.duration("timeout")?.unwrap_or(usual.patience),
            ..usual
        })
    }

    /// Returns a setting that names a file.
    fn path(&self, name: &str, env: &Environment) -> Result<Option<PathBuf>, SettingsError> {
        self.given(name).map(|given| given.path(env)).transpose()
    }

    /// Returns the source of the password of an encrypted key; nobody is asked yet.
    pub(crate) fn password(&self, env: &Environment) -> Result<PasswordSource, AnyDiagnostic> {
        self.password_of("pkcs8-password", "pkcs8-password-file", env)
    }

    /// Returns where a password comes from: from its setting, from the file of another, from a systemd credential with the name of
    /// the first, or from a person.
    fn password_of(
        &self,
        password: &'static str,
        file: &str,
        env: &Environment,
    ) -> Result<PasswordSource, AnyDiagnostic> {
        if let Some(given) = self.given(password) {
            return Ok(PasswordSource::Given(Arc::new(Secret::new(given.text().to_owned()))));
        }
        if let Some(input) = self.input(file, env)? {
            return Ok(PasswordSource::Input(input));
        }
        Ok(credential_or_prompt(password, env))
    }

    /// Returns where the TPM is, and where its passwords come from; nothing is opened.
    pub(crate) fn tpm(&self, env: &Environment) -> Result<TpmSettings, AnyDiagnostic> {
        let place = match self.given("tpm-device") {
            None => TpmPlace::default(),
            Some(given) => TpmPlace::parse(given.text()).map_err(|error| given.refused(error.to_string()))?,
        };
        let key_password = if self.boolean("no-tpm-key-password") {
            PasswordSource::Given(Arc::new(Secret::new(String::new())))
        } else {
            self.password_of("tpm-key-password", "tpm-key-password-file", env)?
        };
        let parent_password = self.password_of("tpm-parent-password", "tpm-parent-password-file", env)?;
        Ok(TpmSettings { place, key_password, parent_password })
    }

    /// Returns how the network is used.
    pub(crate) fn transport(&self, env: &Environment) -> Result<TransportSettings, AnyDiagnostic> {
        let proxies = match self.given("proxy") {
            Some(given) => Proxies::explicit(given.text())?,
            None => Proxies::from_environment(env)?,
        };
        let usual = Timeouts::default();
        let timeouts = Timeouts {
            connect: self.duration("connect-timeout")?.unwrap_or(usual.connect),
            attempt: self.duration("attempt-timeout")?.unwrap_or(usual.attempt),
        };
        let trust = if self.boolean("no-verify-ssl") {
            ServerTrust::Anybody
        } else {
            ServerTrust::Roots(TrustedRoots {
                bundle: self.path("ca-bundle", env)?,
                extra: self.path("extra-ca", env)?.into_iter().collect(),
                environment: env.clone(),
            })
        };
        Ok(TransportSettings { proxies, timeouts, trust })
    }

    /// Returns the requested length; `None` leaves it to the profile.
    fn session_duration(&self) -> Result<Option<Duration>, SettingsError> {
        let Some(given) = self.given("session-duration") else { return Ok(Some(DEFAULT_DURATION)) };
        if given.text() == "profile" {
            return Ok(None);
        }
        match grammar::duration(given.text()) {
            Some(duration) if (request::SHORTEST..=request::LONGEST).contains(&duration.as_secs()) => {
                Ok(Some(duration))
            }
            Some(_) | None => Err(given.refused(
                "give 900 to 43200 seconds, or 15m to 12h, or 'profile' to leave it to the profile",
            )),
        }
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.given(name).map(|given| given.text().to_owned())
    }

    pub(super) fn arn<T: FromStr<Err = ArnError>>(
        &self,
        name: &'static str,
        kind: &'static str,
    ) -> Result<T, SettingsError> {
        let given = self.required(name)?;
        given.text().parse().map_err(|source| SettingsError::Arn {
            label: given.label(),
            value: given.text().to_owned(),
            kind,
            source,
        })
    }
}
