//! From the settings of a session to the provider of its credentials, which every command and the library use.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::second_hop::SecondHopSettings;
use super::session::SessionSettings;
use crate::cache::choice::CacheChoice;
use crate::cache::state_folder::StateLocation;
use crate::cache::{Cache, CacheEntry, Namespace, ServerVerification};
use crate::clock::SystemClock;
use crate::diagnostic::{AnyDiagnostic, Diagnostic, Fact, Fault};
use crate::env::Environment;
use crate::explain;
use crate::http::{Limits, NativeTransport, ServerTrust};
use crate::identity::Identity;
use crate::provider::{
    Advice, CreateError, Hop, MinimumRemaining, Provider, ProviderError, RolesAnywhereSource, SecondHop,
    SessionSource, SessionSpec, Sharing, chained, file_key_lender,
};
use crate::session::{Refusal, SessionRequest};
use crate::signing::Endpoint;
use crate::trace;

/// Returns credentials, from the cache or new; `name` is the name of the session, if it has one.
pub(crate) fn session(
    settings: SessionSettings,
    name: Option<&str>,
    env: &Environment,
    minimum: MinimumRemaining,
) -> Result<CacheEntry, AnyDiagnostic> {
    obtain(&provider(settings, env)?, name, env, minimum)
}

/// Returns credentials from a provider as [`session`] does.
pub(crate) fn obtain(
    provider: &Provider<Box<dyn SessionSource>>,
    name: Option<&str>,
    env: &Environment,
    minimum: MinimumRemaining,
) -> Result<CacheEntry, AnyDiagnostic> {
    provider.session(minimum).map_err(|error| failure_of(error, provider, name, env))
}

/// Converts a provider's failure to a report.
pub(crate) fn failure_of(
    error: ProviderError,
    provider: &Provider<Box<dyn SessionSource>>,
    name: Option<&str>,
    env: &Environment,
) -> AnyDiagnostic {
    let server_verification = provider.spec().server_verification;
    let ignored_variable = env.os_var(IGNORED_VARIABLE).is_some();
    let first_try = match &error {
        ProviderError::BackingOff { .. } => Some(first_try(name)),
        ProviderError::Busy { .. } | ProviderError::Failed(_) | ProviderError::Shared { .. } => None,
    };
    match place(error) {
        Place::Here(failure) => failure,
        Place::OnTheWay(error) => OnTheWay { error, server_verification, ignored_variable, first_try }.into(),
    }
}

/// Builds the provider of a session's credentials, hop by hop; nothing is read.
pub(crate) fn provider(
    settings: SessionSettings,
    env: &Environment,
) -> Result<Provider<Box<dyn SessionSource>>, AnyDiagnostic> {
    let SessionSettings { request, endpoint, second_hop, scopes, identity, transport, limits, cache } =
        settings;
    let server_verification = match &transport.trust {
        ServerTrust::Anybody => ServerVerification::Off,
        ServerTrust::Roots(_) => ServerVerification::On,
    };
    let spec = SessionSpec {
        request,
        endpoint,
        server_verification,
        certificate: identity.certificate.clone(),
        selection: identity.selection.clone(),
        second_hop: None,
        scopes: Vec::new(),
    };
    let namespace = Namespace::from_environment(env)?;
    let sharing = || match (cache, StateLocation::resolve(env)) {
        // Without a place for the sealing key and the locks there is nothing to share.
        (_, Err(_)) => Sharing::Alone { others: None },
        (CacheChoice::None, Ok(location)) => Sharing::Alone { others: Some((location, namespace.clone())) },
        (choice @ (CacheChoice::Auto | CacheChoice::File | CacheChoice::Keyring), Ok(location)) => {
            let lender = file_key_lender(identity.clone(), env.clone());
            let cache = Cache::new(choice, namespace.clone(), location.clone(), lender);
            Sharing::User { cache: Box::new(cache), location, namespace: namespace.clone() }
        }
    };
    let clock = Arc::new(SystemClock);
    let source =
        RolesAnywhereSource::new(identity.clone(), transport, limits, env.clone(), clock.clone(), explain);
    let transport = source.transport();
    let first = Provider::new(spec, source, sharing(), clock, limits.deadline);
    let second_hop = second_hop.map(|SecondHopSettings { request, endpoint }| {
        Hop::Role(SecondHop { request: Arc::new(request), endpoint })
    });
    let hops: Vec<Hop> = second_hop.into_iter().chain(scopes.into_iter().map(Hop::Scope)).collect();
    Ok(if hops.is_empty() { first.boxed() } else { following(first, hops, &transport, limits, sharing) })
}

/// Explains a refusal, in the form that is recorded for processes that back off later.
fn explain(refusal: &Refusal, request: &SessionRequest, endpoint: &Endpoint, identity: &Identity) -> Advice {
    let explanation = explain::explain(refusal, request, endpoint, identity);
    for cause in &explanation.causes {
        trace::step(|| {
            let explain::Cause { certainty, what, check, next } = cause;
            format!("{certainty:?} cause: {what}; check: {check}; then: {next}")
        });
    }
    Advice { facts: explanation.facts(), hint: explanation.hint() }
}

/// Adds the further hops. A separate function, because its values take pages of the stack that most calls need not
/// touch.
#[inline(never)]
fn following(
    first: Provider<RolesAnywhereSource>,
    hops: Vec<Hop>,
    transport: &Arc<NativeTransport>,
    limits: Limits,
    sharing: impl Fn() -> Sharing,
) -> Provider<Box<dyn SessionSource>> {
    let follow = |provider, hop| chained(provider, hop, Arc::clone(transport), limits, sharing()).boxed();
    hops.into_iter().fold(first.boxed(), follow)
}

/// Where a failure happened.
enum Place {
    /// On this host, without any server.
    Here(AnyDiagnostic),
    /// At AWS, or on the way there.
    OnTheWay(Box<dyn Diagnostic + Send>),
}

/// Returns where a failure happened.
fn place(error: ProviderError) -> Place {
    match error {
        ProviderError::Failed(CreateError::FirstHop(error)) => place(*error),
        error @ (ProviderError::Failed(
            CreateError::Refused { .. } | CreateError::Session(_) | CreateError::Sts(_),
        )
        | ProviderError::BackingOff { .. }
        | ProviderError::Shared { .. }) => Place::OnTheWay(Box::new(error)),
        ProviderError::Failed(CreateError::Identity(error)) => Place::Here(error.into()),
        error @ (ProviderError::Busy { .. } | ProviderError::Failed(CreateError::Runtime(_))) => {
            Place::Here(error.into())
        }
    }
}

/// Explains how a call can ask at once although AWS refused a short time ago.
fn first_try(name: Option<&str>) -> String {
    match name {
        Some(name) => format!("'anyrole cache clear {name}' lets the next call ask at once"),
        None => String::from("one call with --no-cache asks at once, and lets the others ask again"),
    }
}

/// A variable that one might expect to turn off server verification. It does not, because it could leak from another
/// program.
const IGNORED_VARIABLE: &str = "ANYROLE_NO_VERIFY_SSL";

/// A failure on the way, with what the user needs to know about server verification.
#[derive(Debug)]
struct OnTheWay {
    error: Box<dyn Diagnostic + Send>,
    server_verification: ServerVerification,
    /// Whether [`IGNORED_VARIABLE`] is set.
    ignored_variable: bool,
    /// How the next call can ask at once, if back-off prevents that.
    first_try: Option<String>,
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
        let hint = match (self.error.hint(), &self.first_try) {
            (hint, None) => hint?,
            (None, Some(first_try)) => format!("once the cause is cured, {first_try}"),
            (Some(cure), Some(first_try)) => format!("{cure}; then {first_try}"),
        };
        let distrusted = matches!(self.id(), "network-untrusted-server" | "no-trusted-roots");
        Some(if distrusted && self.ignored_variable {
            format!("{hint}; {IGNORED_VARIABLE} is not read, since it could leak from elsewhere")
        } else {
            hint
        })
    }
}
