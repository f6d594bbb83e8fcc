//! How a session is narrowed: the policy, the duration, and how often.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use super::second_hop::SecondHopSettings;
use super::{Given, Origin, Settings, SettingsError};
use crate::diagnostic::AnyDiagnostic;
use crate::env::Environment;
use crate::identity::Input;
use crate::private_file::{self, ReadError};
use crate::provider::ScopedHop;
use crate::session::SessionRequest;
use crate::sts::{Scope, ScopePolicy, request};
use crate::trace;

/// The most bytes read of a policy: blanks do not count towards the limit checked later.
const POLICY_BYTES: u64 = 64 * 1024;

impl Settings {
    /// Returns how the session is narrowed, step by step; policies are read and checked. `first` and `second_hop`
    /// describe the session before.
    pub(super) fn scopes(
        &self,
        first: &SessionRequest,
        second_hop: Option<&SecondHopSettings>,
        env: &Environment,
    ) -> Result<Vec<ScopedHop>, AnyDiagnostic> {
        let find = |name: &str| self.given(name);
        let before = self.narrowed_before.iter().map(|given| {
            let find = |name: &str| given.iter().find(|given| given.setting.name == name);
            scope(find, env)
        });
        let scopes: Vec<Scope> =
            before.chain([scope(find, env)]).filter_map(Result::transpose).collect::<Result<_, _>>()?;
        Scope::check_number(scopes.len())?;
        let mut longest = match second_hop {
            Some(hop) => Some(hop.request.session_duration.unwrap_or(Duration::from_secs(request::LONGEST))),
            None => first.session_duration,
        };
        for scope in &scopes {
            scope.check_within(longest)?;
            longest = scope.duration().or(longest);
        }
        let hop = |scope| Ok(ScopedHop { scope: Arc::new(scope), endpoint: self.sts_endpoint(first)? });
        scopes.into_iter().map(hop).collect()
    }
}

/// Returns how a session is narrowed by the settings that `find` returns, if it is.
fn scope<'a>(
    find: impl Fn(&str) -> Option<&'a Given>,
    env: &Environment,
) -> Result<Option<Scope>, AnyDiagnostic> {
    let policy = find("scope-policy").map(|given| given.policy(env)).transpose()?;
    let duration = find("scope-duration").map(Given::duration).transpose()?;
    let description = find("scope-description").map(|given| given.text().to_owned());
    Ok(Scope::new(policy, duration, description)?)
}

impl Given {
    /// Returns the policy that the setting names.
    ///
    /// Whoever can write it decides what a narrower session may do, so it is checked like a config file. A variable may
    /// hold the policy itself, as it may hold a key.
    fn policy(&self, env: &Environment) -> Result<ScopePolicy, AnyDiagnostic> {
        let is_content = self.text().trim_start().starts_with('{');
        let (name, bytes) = match &self.origin {
            Origin::Variable(name) if is_content => (name.clone(), self.text().as_bytes().to_vec()),
            Origin::Code | Origin::File(_) | Origin::Flag if is_content => {
                return Err(self
                    .refused("write the policy into a file, and give its name; or give env:NAME")
                    .into());
            }
            Origin::Code | Origin::File(_) | Origin::Flag | Origin::Variable(_) => {
                let input = self.input(env)?;
                (input.to_string(), self.policy_bytes(&input, env)?)
            }
        };
        let policy = ScopePolicy::parse(&bytes, &name)?;
        trace::step(|| {
            let (characters, digest) = (policy.as_str().chars().count(), hex::encode(policy.sha256()));
            format!("policy of {name}: {characters} characters are sent, with SHA-256 {digest}")
        });
        Ok(policy)
    }

    fn policy_bytes(&self, input: &Input, env: &Environment) -> Result<Vec<u8>, AnyDiagnostic> {
        match input {
            Input::Path(path) => match private_file::read_trusted(path, POLICY_BYTES)? {
                Some(bytes) => Ok(bytes.to_vec()),
                None => Err(ReadError::io(path, &ErrorKind::NotFound.into()).into()),
            },
            Input::Variable(name) => match env.var(name).map_err(SettingsError::from)? {
                Some(text) => Ok(text.into_bytes()),
                None => Err(self.refused(format!("the variable {name} is not set, or empty")).into()),
            },
            Input::Descriptor(_) | Input::Pkcs11Uri(_) | Input::StandardInput | Input::TpmHandle(_) => {
                Err(self.refused("give a file, or env:NAME, which can be read for each session").into())
            }
        }
    }
}
