//! From the settings of a session to the provider of its credentials, which every command asks.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::report::Failure;
use super::settings::second_hop::SecondHopSettings;
use super::settings::session::SessionSettings;
use crate::cache::choice::CacheChoice;
use crate::cache::state_folder::StateLocation;
use crate::cache::{Cache, CacheEntry, Namespace, ServerVerification};
use crate::clock::SystemClock;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::env::Environment;
use crate::explain::{self, Explanation};
use crate::http::{Limits, NativeTransport, ServerTrust};
use crate::provider::{
    CreateError, IdentityMaker, MinimumRemaining, Provider, ProviderError, SecondHop, SessionMaker, Sharing,
    Wanted, chained, file_key_lender,
};
use crate::session::Refusal;

/// Returns credentials, from the cache or new.
pub(super) fn session(
    settings: SessionSettings,
    env: &Environment,
    minimum: MinimumRemaining,
) -> Result<CacheEntry, Failure> {
    let provider = provider(settings, env)?;
    provider.session(minimum).map_err(|error| {
        let server_verification = provider.wanted().server_verification;
        let ignored_variable = env.os_var(IGNORED_VARIABLE).is_some();
        match told(error, provider.wanted()) {
            Told::Here(failure) => failure,
            Told::OnTheWay(error) => OnTheWay { error, server_verification, ignored_variable }.into(),
        }
    })
}

/// Joins the provider of a session's credentials, of one hop or two; nothing is read.
pub(super) fn provider(
    settings: SessionSettings,
    env: &Environment,
) -> Result<Provider<Box<dyn SessionMaker>>, Failure> {
    let SessionSettings { request, endpoint, second_hop, identity, transport, limits, cache } = settings;
    let server_verification = match &transport.trust {
        ServerTrust::Anybody => ServerVerification::Off,
        ServerTrust::Roots(_) => ServerVerification::On,
    };
    let certificate = identity.certificate.clone();
    let wanted = Wanted { request, endpoint, server_verification, certificate, second_hop: None };
    let namespace = Namespace::from_environment(env)?;
    let sharing = || match (cache, StateLocation::resolve(env)) {
        // Without a place for the sealing key and the locks there is nothing to share.
        (CacheChoice::None, _) | (_, Err(_)) => Sharing::Alone,
        (choice @ (CacheChoice::Auto | CacheChoice::File | CacheChoice::Keyring), Ok(location)) => {
            let lender = file_key_lender(identity.clone(), env.clone());
            let cache = Cache::new(choice, namespace.clone(), location.clone(), lender);
            Sharing::User { cache: Box::new(cache), location, namespace: namespace.clone() }
        }
    };
    let clock = Arc::new(SystemClock);
    let maker = IdentityMaker::new(identity.clone(), transport, limits, env.clone(), clock.clone());
    let transport = maker.transport();
    let first = Provider::new(wanted, maker, sharing(), clock, limits.deadline);
    Ok(match second_hop {
        None => first.boxed(),
        Some(SecondHopSettings { request, endpoint }) => {
            let hop = SecondHop { request: Arc::new(request), endpoint };
            assuming(first, hop, transport, limits, sharing())
        }
    })
}

/// Lets the second hop follow. A function of its own, since its values are pages of the stack that most calls need not touch.
#[inline(never)]
fn assuming(
    first: Provider<IdentityMaker>,
    hop: SecondHop,
    transport: Arc<NativeTransport>,
    limits: Limits,
    sharing: Sharing,
) -> Provider<Box<dyn SessionMaker>> {
    chained(first, hop, transport, limits, sharing).boxed()
}

/// A failure, by where it happened.
enum Told {
    /// On this host: no server had a part in it.
    Here(Failure),
    /// On the way to AWS, or there.
    OnTheWay(Box<dyn Diagnostic + Send>),
}

/// Adds to a refusal what this host knows about it.
fn told(error: ProviderError, wanted: &Wanted) -> Told {
    match error {
        ProviderError::Failed(CreateError::Refused { refusal, identity }) => {
            let explanation = explain::explain(&refusal, &wanted.request, &identity);
            Told::OnTheWay(Box::new(Explained { refusal, explanation }))
        }
        ProviderError::Failed(CreateError::FirstHop(error)) => told(*error, wanted),
        ProviderError::Failed(CreateError::Session(error)) => Told::OnTheWay(Box::new(error)),
        ProviderError::Failed(CreateError::Sts(error)) => Told::OnTheWay(Box::new(error)),
        error @ (ProviderError::HeldBack { .. } | ProviderError::Shared { .. }) => {
            Told::OnTheWay(Box::new(error))
        }
        ProviderError::Failed(CreateError::Identity(error)) => Told::Here(error.into()),
        error @ (ProviderError::Busy { .. } | ProviderError::Failed(CreateError::Runtime(_))) => {
            Told::Here(error.into())
        }
    }
}

/// The variable that one might expect to end the check of servers. It does not: it could leak from another program.
const IGNORED_VARIABLE: &str = "ANYROLE_NO_VERIFY_SSL";

/// A failure on the way, with what is to be known about the check of the server.
#[derive(Debug)]
struct OnTheWay {
    error: Box<dyn Diagnostic + Send>,
    server_verification: ServerVerification,
    /// Whether [`IGNORED_VARIABLE`] is set.
    ignored_variable: bool,
}

impl fmt::Display for OnTheWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for OnTheWay {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl Diagnostic for OnTheWay {
    fn id(&self) -> &'static str {
        self.error.id()
    }

    fn fault(&self) -> Fault {
        self.error.fault()
    }

    fn facts(&self) -> Vec<Fact> {
        let mut facts = self.error.facts();
        match self.server_verification {
            ServerVerification::Off => facts.insert(0, Fact::new("server", "not verified (no-verify-ssl)")),
            ServerVerification::On => {}
        }
        facts
    }

    fn hint(&self) -> Option<String> {
        let hint = self.error.hint()?;
        let distrusted = matches!(self.id(), "network-untrusted-server" | "no-trusted-roots");
        Some(if distrusted && self.ignored_variable {
            format!("{hint}; {IGNORED_VARIABLE} is not read, since it could leak from elsewhere")
        } else {
            hint
        })
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
