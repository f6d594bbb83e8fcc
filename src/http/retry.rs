//! Attempts: how many, how far apart, and until when.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::{NoAnswer, Phase, Response, Service, Transport, TransportError};
use crate::clock::Timestamp;
use crate::signing::SignedRequest;
use crate::signing::endpoint::Endpoint;
use crate::trace;

/// The longest pause before the second attempt after a network error; doubled for each further one.
const NETWORK_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause before the second attempt after a service error; doubled as well.
const SERVICE_PAUSE: Duration = Duration::from_millis(500);
/// The limit of our own pauses.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The limits of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Attempts on network errors and 5xx; throttling is not counted. At least one is made. One is one: then a wrong clock and throttling
    /// lead to no second request either.
    pub attempts: u32,
    /// The time for all attempts and the pauses between them.
    pub deadline: Duration,
}

impl Default for Limits {
    /// Three attempts in 45 seconds, less than the minute that the Go SDK allows a `credential_process`.
    fn default() -> Self {
        Self { attempts: 3, deadline: Duration::from_secs(45) }
    }
}

/// What remains of the limits of an exchange.
#[derive(Debug)]
pub struct Budget {
    service: Service,
    endpoint: Endpoint,
    limits: Limits,
    end: Instant,
    attempts: u32,
    counted: u32,
}

/// The outcome of an attempt that is worth repeating.
#[derive(Clone, Copy, Debug)]
enum Setback {
    Network,
    Service { retry_after: Option<Duration> },
    Throttled { retry_after: Option<Duration> },
}

/// Why an exchange ended without an answer.
#[derive(Debug)]
pub enum ExchangeError<E> {
    /// The deadline passed during the first attempt, or the last attempt failed.
    NoAnswer(NoAnswer),
    /// The request was not signed.
    Signing(E),
}

impl Budget {
    /// Starts the deadline for asking a service at its endpoint.
    pub fn start(service: Service, endpoint: &Endpoint, limits: Limits) -> Self {
        let endpoint = endpoint.clone();
        Self { service, endpoint, limits, end: Instant::now() + limits.deadline, attempts: 0, counted: 0 }
    }

    /// Returns how many attempts have been made.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Sends a request until there is an answer that another attempt would not change, or the limits are used up.
    ///
    /// `sign` is called for each attempt, so that each has its own time. Network errors and 5xx are retried as often as
    /// the limits allow, throttling (429) until the deadline. Pauses are random between zero and a limit that doubles
    /// ("full jitter"); `Retry-After` is respected. If the pause would exceed the deadline, the last failure or answer
    /// is returned at once.
    ///
    /// # Errors
    ///
    /// Fails if a request cannot be signed, or if the last attempt got no answer.
    pub async fn exchange<T, S, E>(
        &mut self,
        transport: &T,
        mut sign: S,
    ) -> Result<Response, ExchangeError<E>>
    where
        T: Transport,
        S: FnMut() -> Result<SignedRequest, E>,
    {
        let mut last = None;
        loop {
            let request = sign().map_err(ExchangeError::Signing)?;
            self.attempts += 1;
            let Ok(outcome) = timeout_at(self.end, transport.send(request)).await else {
                return last
                    .unwrap_or_else(|| Err(ExchangeError::NoAnswer(self.deadline(transport.phase()))));
            };
            let setback = setback(&outcome);
            trace::step(|| match &outcome {
                Ok(answer) => {
                    let id = answer.request_id().unwrap_or("none");
                    format!("attempt {}: HTTP {}, request id {id}", self.attempts, answer.status())
                }
                Err(error) => format!("attempt {}: {error}", self.attempts),
            });
            let outcome = outcome.map_err(|source| ExchangeError::NoAnswer(self.unreachable(source)));
            match setback.and_then(|setback| self.pause(setback)) {
                Some(pause) => {
                    trace::step(|| format!("waiting {} ms before another attempt", pause.as_millis()));
                    sleep(pause).await;
                    last = Some(outcome);
                }
                None => return outcome,
            }
        }
    }

    fn deadline(&self, phase: Phase) -> NoAnswer {
        let host = self.endpoint.host().to_owned();
        NoAnswer::Deadline { service: self.service, host, phase, after: self.limits.deadline }
    }

    fn unreachable(&self, source: TransportError) -> NoAnswer {
        let endpoint = self.endpoint.to_string();
        NoAnswer::Unreachable { service: self.service, endpoint, attempts: self.attempts, source }
    }

    /// Returns how long to wait before another attempt; `None` if there must be no other.
    fn pause(&mut self, setback: Setback) -> Option<Duration> {
        if self.limits.attempts == 1 {
            return None;
        }
        let (longest, asked) = match setback {
            Setback::Network => (NETWORK_PAUSE, None),
            Setback::Service { retry_after } | Setback::Throttled { retry_after } => {
                (SERVICE_PAUSE, retry_after)
            }
        };
        if !matches!(setback, Setback::Throttled { .. }) {
            self.counted += 1;
            if self.counted >= self.limits.attempts {
                return None;
            }
        }
        let doubled = longest.saturating_mul(1 << (self.attempts - 1).min(10)).min(LONGEST_PAUSE);
        let pause = doubled.mul_f64(random_fraction()) + asked.unwrap_or_default();
        (Instant::now() + pause < self.end).then_some(pause)
    }
}

fn setback(outcome: &Result<Response, TransportError>) -> Option<Setback> {
    match outcome {
        Err(error) => error.is_transient().then_some(Setback::Network),
        Ok(response) if is_throttled(response) => {
            Some(Setback::Throttled { retry_after: retry_after(response) })
        }
        Ok(response) => match response.status() {
            500..=599 => Some(Setback::Service { retry_after: retry_after(response) }),
            _ => None,
        },
    }
}

/// Returns whether an answer asks for fewer calls.
pub fn is_throttled(response: &Response) -> bool {
    let kind = response.header("x-amzn-errortype").unwrap_or_default();
    response.status() == 429
        || (400..500).contains(&response.status())
            && ["ThrottlingException", "TooManyRequestsException"].iter().any(|name| kind.starts_with(name))
}

/// Returns how long the service asks callers to wait: `Retry-After` in seconds, or as a time minus the answer's own
/// `Date` (RFC 9110 §10.2.3). At most a day.
pub fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.header("retry-after")?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            Timestamp::parse_http_date(text)?.since(Timestamp::parse_http_date(response.header("date")?)?)
        }
    };
    Some(wait.min(Duration::from_secs(86_400)))
}

/// Returns a random number between 0 and 1; 1 if the generator fails, for the longest pause.
fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}
