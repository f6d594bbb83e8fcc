//! The second hop: a session whose first hop is a session of another provider, with an entry of its own.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{CreateError, MinimumRemaining, NewSession, Provider, SecondHop, SessionMaker, Sharing, Wanted};
use crate::clock::Clock;
use crate::http::runtime::block_on;
use crate::http::{Limits, NativeTransport};
use crate::identity::CertificateBytes;
use crate::sts::Sts;

/// Makes sessions of a second role, with sessions that another provider has or makes.
pub struct SecondRoleMaker<M> {
    first: Provider<M>,
    hop: SecondHop,
    transport: Arc<NativeTransport>,
    /// The deadline in it is the most that is ever spent.
    limits: Limits,
    clock: Arc<dyn Clock>,
}

impl<M> fmt::Debug for SecondRoleMaker<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecondRoleMaker").field("hop", &self.hop).finish_non_exhaustive()
    }
}

/// Returns the provider of the second role's sessions; the first hop's are taken from `first`, and so from its cache.
///
/// Nothing is read. Each hop has its own entry, lock and back-off; a fresh entry of the second hop is the answer without a
/// look at the first. Sessions are shared as those of `first` are, if `sharing` is.
pub fn chained<M: SessionMaker>(
    first: Provider<M>,
    hop: SecondHop,
    transport: Arc<NativeTransport>,
    limits: Limits,
    sharing: Sharing,
) -> Provider<SecondRoleMaker<M>> {
    let wanted = Wanted { second_hop: Some(hop.clone()), ..first.wanted().clone() };
    let (clock, deadline) = (Arc::clone(&first.clock), first.deadline);
    let maker = SecondRoleMaker { first, hop, transport, limits, clock: Arc::clone(&clock) };
    Provider::new(wanted, maker, sharing, clock, deadline)
}

impl<M: SessionMaker> SessionMaker for SecondRoleMaker<M> {
    fn certificate(&self, _wanted: &Wanted) -> Result<Arc<CertificateBytes>, CreateError> {
        self.first.maker.certificate(&self.first.wanted)
    }

    fn create(
        &self,
        _wanted: &Wanted,
        _certificate: &CertificateBytes,
        longest: Duration,
    ) -> Result<NewSession, CreateError> {
        let Self { first, hop, transport, limits, clock } = self;
        let begun = Instant::now();
        let entry = first
            .session_within(MinimumRemaining::Window, longest)
            .map_err(|error| CreateError::FirstHop(Box::new(error)))?;
        let left = longest.saturating_sub(begun.elapsed());
        let sts = Sts {
            transport: transport.as_ref(),
            endpoint: &hop.endpoint,
            region: &first.wanted.request.region,
            limits: Limits { deadline: limits.deadline.min(left), ..*limits },
            clock: clock.as_ref(),
            clock_offset: 0,
        };
        let assumed = block_on(sts.assume_role(&entry.credential_set, &hop.request))??;
        Ok(NewSession {
            credential_set: assumed.credential_set,
            clock_offset: assumed.clock_offset,
            subject_name: entry.subject_name,
            issuer_name: entry.issuer_name,
        })
    }
}
