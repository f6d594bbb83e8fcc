//! The hops after CreateSession: each creates a session from that of another provider, and caches it as an entry of its
//! own.
//!
//! First a second role (AssumeRole), then narrower sessions of the same role (GetScopedCredentials).

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::session_spec::{Hop, ScopedHop};
use super::{
    CreateError, MinimumRemaining, NewSession, Provider, SLACK, SessionSource, SessionSpec, Sharing,
};
use crate::cache::CacheEntry;
use crate::clock::Clock;
use crate::http::runtime::block_on;
use crate::http::{Limits, NativeTransport};
use crate::identity::CertificateBytes;
use crate::sts::Sts;

/// Creates sessions from the sessions of another provider.
pub struct ChainedSource<M> {
    first: Provider<M>,
    hop: Hop,
    transport: Arc<NativeTransport>,
    /// Its deadline is the most that is ever spent.
    limits: Limits,
    clock: Arc<dyn Clock>,
}

impl<M> fmt::Debug for ChainedSource<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainedSource").field("hop", &self.hop).finish_non_exhaustive()
    }
}

/// Returns the provider of the session after a hop; the session before it comes from `first`, and so from its cache if
/// possible.
///
/// Nothing is read. Each hop has its own entry, lock and back-off; with a fresh entry after the hop, the one before is
/// not looked up. Sessions are shared if both `first` and `sharing` allow it.
pub fn chained<M: SessionSource>(
    first: Provider<M>,
    hop: Hop,
    transport: Arc<NativeTransport>,
    limits: Limits,
    sharing: Sharing,
) -> Provider<ChainedSource<M>> {
    let spec = first.spec().followed_by(&hop);
    let (clock, deadline) = (Arc::clone(&first.clock), first.deadline);
    let source = ChainedSource { first, hop, transport, limits, clock: Arc::clone(&clock) };
    Provider::new(spec, source, sharing, clock, deadline)
}

impl<M: SessionSource> SessionSource for ChainedSource<M> {
    fn certificate(&self, _spec: &SessionSpec) -> Result<Arc<CertificateBytes>, CreateError> {
        self.first.source.certificate(&self.first.spec)
    }

    fn whole_certificate(&self, _spec: &SessionSpec) -> Result<Arc<CertificateBytes>, CreateError> {
        self.first.source.whole_certificate(&self.first.spec)
    }

    fn holds(&self, certificate: &CertificateBytes, subject_name: &str, issuer_name: &str) -> bool {
        self.first.source.holds(certificate, subject_name, issuer_name)
    }

    fn create(
        &self,
        _spec: &SessionSpec,
        certificate: &CertificateBytes,
        minimum: MinimumRemaining,
        longest: Duration,
    ) -> Result<NewSession, CreateError> {
        let Self { first, hop, transport, limits, clock } = self;
        let begun = Instant::now();
        let entry = first
            .session_within(needed_before(hop, minimum), longest)
            .map_err(|error| CreateError::FirstHop(Box::new(error)))?;
        let left = longest.saturating_sub(begun.elapsed());
        let sts = Sts {
            transport: transport.as_ref(),
            endpoint: hop.endpoint(),
            region: &first.spec.request.region,
            limits: Limits { deadline: limits.deadline.min(left), ..*limits },
            clock: clock.as_ref(),
            clock_offset: 0,
        };
        let granted = match hop {
            Hop::Role(hop) => block_on(sts.assume_role(&entry.credential_set, &hop.request)),
            Hop::Scope(hop) => {
                let length = length(hop, &entry, clock.as_ref());
                block_on(sts.scoped_credentials(&entry.credential_set, &hop.scope, length))
            }
        }??;
        Ok(NewSession {
            credential_set: granted.credential_set,
            clock_offset: granted.clock_offset,
            certificate_sha256: *certificate.sha256(),
            subject_name: entry.subject_name,
            issuer_name: entry.issuer_name,
        })
    }
}

/// Returns how much of its lifetime the session before the hop must have left.
///
/// A second role's session has a length of its own. A narrower session ends no later than the one before it, which must
/// therefore last as long as was asked for, or as the consumer needs.
fn needed_before(hop: &Hop, minimum: MinimumRemaining) -> MinimumRemaining {
    match hop {
        Hop::Role(_) => MinimumRemaining::Window,
        Hop::Scope(hop) => match hop.scope.duration() {
            Some(duration) => MinimumRemaining::Covering(duration),
            None => minimum,
        },
    }
}

/// Returns the length to request: no more than the session before has left by AWS's clock, which may be ahead of this
/// one.
fn length(hop: &ScopedHop, first: &CacheEntry, clock: &dyn Clock) -> Option<Duration> {
    let left = first.remaining(clock.now());
    let most = left.saturating_sub(SLACK).max(left / 2).max(Duration::from_secs(1));
    hop.scope.duration().map(|duration| duration.min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_session_must_last_as_long_as_what_is_made_from_it() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let needed = |asked: u64, lifetime| MinimumRemaining::Covering(minutes(asked)).of(minutes(lifetime));
        assert_eq!(needed(10, 60), minutes(20), "the window of one that lasts an hour");
        assert_eq!(needed(30, 60), minutes(31));
        assert_eq!(needed(60, 60), minutes(59), "a new one is good enough for a minute");
        assert_eq!(needed(60, 15), minutes(14));
    }
}
