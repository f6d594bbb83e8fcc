//! From the settings of a session to the provider of its credentials, which every command asks.

use std::sync::Arc;
use std::time::Duration;

use super::report::Failure;
use super::settings::session::SessionSettings;
use crate::cache::choice::CacheChoice;
use crate::cache::state_folder::StateLocation;
use crate::cache::{Cache, CacheEntry, Namespace, ServerVerification};
use crate::clock::SystemClock;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::env::Environment;
use crate::explain::{self, Explanation};
use crate::http::ServerTrust;
use crate::provider::{
    CreateError, IdentityMaker, MinimumRemaining, Provider, ProviderError, Sharing, Wanted, file_key_lender,
};
use crate::session::Refusal;

/// Returns credentials, from the cache or new.
pub(super) fn session(
    settings: SessionSettings,
    env: &Environment,
    minimum: MinimumRemaining,
) -> Result<CacheEntry, Failure> {
    let provider = provider(settings, env)?;
    provider.session(minimum).map_err(|error| told(error, provider.wanted()))
}

/// Joins the provider of a session's credentials; nothing is read.
pub(super) fn provider(
    settings: SessionSettings,
    env: &Environment,
) -> Result<Provider<IdentityMaker>, Failure> {
    let SessionSettings { request, endpoint, identity, transport, limits, cache } = settings;
    let server_verification = match &transport.trust {
        ServerTrust::Anybody => ServerVerification::Off,
        ServerTrust::Roots(_) => ServerVerification::On,
    };
    let wanted = Wanted { request, endpoint, server_verification, certificate: identity.certificate.clone() };
    let namespace = Namespace::from_environment(env)?;
    let sharing = match (cache, StateLocation::resolve(env)) {
        // Without a place for the sealing key and the locks there is nothing to share.
        (CacheChoice::None, _) | (_, Err(_)) => Sharing::Alone,
        (choice @ (CacheChoice::Auto | CacheChoice::File | CacheChoice::Keyring), Ok(location)) => {
            let lender = file_key_lender(identity.clone(), env.clone());
            let cache = Cache::new(choice, namespace.clone(), location.clone(), lender);
            Sharing::User { cache: Box::new(cache), location, namespace }
        }
    };
    let deadline: Duration = limits.deadline;
    let clock = Arc::new(SystemClock);
    let maker = IdentityMaker::new(identity, transport, limits, env.clone(), clock.clone());
    Ok(Provider::new(wanted, maker, sharing, clock, deadline))
}

/// Adds to a refusal what this host knows about it.
fn told(error: ProviderError, wanted: &Wanted) -> Failure {
    match error {
        ProviderError::Failed(CreateError::Refused { refusal, identity }) => {
            let explanation = explain::explain(&refusal, &wanted.request, &identity);
            Explained { refusal, explanation }.into()
        }
        ProviderError::Failed(CreateError::Identity(error)) => error.into(),
        ProviderError::Failed(CreateError::Session(error)) => error.into(),
        error @ (ProviderError::Busy { .. }
        | ProviderError::Failed(CreateError::Runtime(_))
        | ProviderError::HeldBack { .. }
        | ProviderError::Shared { .. }) => error.into(),
    }
}

/// A refusal of AWS, with its surest cause as far as this host can see.
#[derive(Debug, thiserror::Error)]
#[error("{refusal}")]
struct Explained {
    refusal: Box<Refusal>,
    explanation: Explanation,
}

impl Diagnostic for Explained {
    fn id(&self) -> &'static str {
        self.refusal.id()
    }

    fn fault(&self) -> Fault {
        self.refusal.fault()
    }

    fn facts(&self) -> Vec<Fact> {
        let mut facts = self.refusal.facts();
        // What AWS says comes first, in AWS's words.
        facts.splice(facts.len().min(1)..facts.len().min(1), self.explanation.facts());
        facts
    }

    fn hint(&self) -> Option<String> {
        self.explanation.hint().or_else(|| self.refusal.hint())
    }
}
