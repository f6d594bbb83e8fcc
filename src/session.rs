//! The CreateSession client: from settings and an identity to session credentials.

pub mod endpoint;
pub mod error;
pub mod refusal;
pub mod request;
pub mod wire;

pub use endpoint::EndpointChoice;
pub use error::SessionError;
pub use refusal::{Refusal, RefusalKind};
pub use request::{RequestError, SessionRequest};

use crate::clock::{Clock, Timestamp};
use crate::credentials::CredentialSet;
use crate::http::{self, Budget, ExchangeError, Limits, Response, Service, Transport};
use crate::identity::Identity;
use crate::signing::{Endpoint, x509};
use crate::trace;

/// What CreateSession granted, and what was learnt in the process.
#[derive(Debug)]
pub struct Session {
    /// The credentials, and the identity that they belong to.
    pub credential_set: CredentialSet,
    /// How many seconds this machine's clock is behind AWS's (negative if ahead), if the request had to be signed with
    /// corrected time; else 0. Never to be stored.
    pub clock_offset: i64,
    /// How many requests were sent.
    pub attempts: u32,
    /// The id by which AWS can find the request.
    pub request_id: Option<String>,
}

/// Creates a session.
///
/// One deadline covers everything. Network errors and 5xx are retried up to three attempts, throttling until the
/// deadline, each attempt freshly signed; any other refusal is final. The exception is a refusal whose `Date` shows
/// that this clock is wrong: the request is signed once more with the corrected time if the server was verified (or is
/// this machine), the refusal carries AWS's request id, the difference is between a minute and a day, and the corrected
/// time is within the validity of the end-entity certificate.
///
/// A hardware key blocks the thread while it signs; the deadline is checked between attempts.
///
/// # Errors
///
/// Fails if the request cannot be signed, if there is no answer in time, if AWS refuses, or if the answer contains no
/// usable credentials for the requested role.
pub async fn create<T: Transport>(
    transport: &T,
    identity: &mut Identity,
    request: &SessionRequest,
    endpoint: &Endpoint,
    limits: Limits,
    clock: &dyn Clock,
) -> Result<Session, SessionError> {
    let budget = Budget::start(Service::RolesAnywhere, endpoint, limits);
    let mut call = Call { transport, identity, request, endpoint, clock, budget };
    let answer = call.exchange(0).await?;
    let now = clock.now();
    let error = match call.read(&answer, 0) {
        Err(SessionError::Refused(refusal)) => refusal,
        finished => return finished,
    };
    if limits.attempts == 1 {
        return Err(SessionError::Refused(error));
    }
    let certificate = call.identity.end_entity();
    let validity = certificate.not_before()..=certificate.not_after();
    let Some(offset) = http::clock_offset(&answer, now, &validity) else {
        return Err(SessionError::Refused(error));
    };
    trace::step(|| {
        format!("this clock is {offset} s behind AWS's: signing once more with the corrected time")
    });
    // A second refusal is reported unchanged; if the second request gets no answer at all, the first refusal is more
    // informative.
    match call.exchange(offset).await {
        Ok(answer) => call.read(&answer, offset),
        Err(_) => Err(SessionError::Refused(error)),
    }
}

struct Call<'a, T> {
    transport: &'a T,
    identity: &'a mut Identity,
    request: &'a SessionRequest,
    endpoint: &'a Endpoint,
    clock: &'a dyn Clock,
    budget: Budget,
}

impl<T: Transport> Call<'_, T> {
    async fn exchange(&mut self, offset: i64) -> Result<Response, SessionError> {
        let Self { transport, identity, request, endpoint, clock, budget } = self;
        let region = request.region.as_str();
        let sign =
            || x509::sign(wire::request(request, endpoint), identity, region, shifted(clock.now(), offset));
        let answer = budget.exchange(*transport, sign).await;
        answer.map_err(|error| match error {
            ExchangeError::NoAnswer(error) => SessionError::NoAnswer(error),
            ExchangeError::Signing(error) => SessionError::Signing(error),
        })
    }

    fn read(&self, answer: &Response, offset: i64) -> Result<Session, SessionError> {
        let now = self.clock.now();
        let attempts = self.budget.attempts();
        if !(200..300).contains(&answer.status()) {
            return Err(refusal::read(answer, now, offset, attempts));
        }
        let credential_set = wire::read(answer, &self.request.role_arn, shifted(now, offset))?;
        let request_id = answer.request_id().map(str::to_owned);
        Ok(Session { credential_set, clock_offset: offset, attempts, request_id })
    }
}

fn shifted(time: Timestamp, offset: i64) -> Timestamp {
    Timestamp::from_unix_seconds(time.unix_seconds().saturating_add(offset))
}
