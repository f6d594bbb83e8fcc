//! What AWS says: one CreateSession, the hops after it, and who the credentials are. Nothing is kept.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use super::super::settings::second_hop::SecondHopSettings;
use crate::clock::SystemClock;
use crate::credentials::CredentialSet;
use crate::diagnostic::Diagnostic as _;
use crate::doctor::{Check, Verdict, lengths};
use crate::explain::{self, Certainty};
use crate::http::runtime::block_on;
use crate::http::{Limits, NativeTransport, TransportSettings};
use crate::identity::Identity;
use crate::provider::ScopedHop;
use crate::session::{self, Refusal, SessionError, SessionRequest};
use crate::signing::Endpoint;
use crate::sts::{Sts, StsError};
use crate::text::printable;

const CREATE: &str = "create-session";
const WHOAMI: &str = "whoami";

/// The most time for the session itself.
const LONGEST: Duration = Duration::from_secs(15);

/// What was asked, and whether AWS took the certificate.
pub(super) struct Asked {
    pub(super) checks: Vec<Check>,
    /// `None` where that is not known.
    pub(super) accepted: Option<bool>,
}

impl Asked {
    /// Says why nothing was asked.
    pub(super) fn not(why: &str) -> Self {
        let checks = [CREATE, WHOAMI].map(|id| Check::not_checked(id, why)).to_vec();
        Self { checks, accepted: None }
    }
}

/// One request for a session, and what follows it.
pub(super) struct Call {
    pub(super) request: SessionRequest,
    pub(super) endpoint: Endpoint,
    pub(super) second_hop: Option<SecondHopSettings>,
    pub(super) scopes: Vec<ScopedHop>,
    pub(super) transport: TransportSettings,
    /// Where to ask who the credentials are.
    pub(super) sts: Option<Endpoint>,
    pub(super) deadline: Duration,
}

impl Call {
    /// Makes the call in a thread of its own, and waits for it until `end` at most: a name server may keep it longer.
    pub(super) fn made(self, identity: Identity, end: Instant) -> Asked {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            // Nobody waits any more where it took too long.
            let _ = sender.send(self.ask(identity));
        });
        let left = end.saturating_duration_since(Instant::now());
        receiver.recv_timeout(left).unwrap_or_else(|_| {
            let why = "AWS did not answer within the time that doctor takes";
            let hint = "try anyrole credential-process, which waits longer, and look at the name servers of this host";
            Asked { checks: vec![Check::bad(CREATE, why, hint)], accepted: None }
        })
    }

    fn ask(self, mut identity: Identity) -> Asked {
        let begun = Instant::now();
        let Self { request, endpoint, second_hop, scopes, transport, sts, deadline } = self;
        let limits = Limits { attempts: 1, deadline: LONGEST.min(deadline) };
        let transport = NativeTransport::new(transport);
        let created =
            block_on(session::create(&transport, &mut identity, &request, &endpoint, limits, &SystemClock));
        let session = match created {
            Err(error) => return Asked { checks: vec![Check::failed(CREATE, &error)], accepted: None },
            Ok(Err(SessionError::Refused(refusal))) => {
                let check = refused(&refusal, &request, &endpoint, &identity);
                return Asked { checks: vec![check, nobody()], accepted: Some(false) };
            }
            Ok(Err(error)) => {
                return Asked { checks: vec![Check::failed(CREATE, &error), nobody()], accepted: None };
            }
            Ok(Ok(session)) => session,
        };
        let set = session.credential_set;
        let expiration = set.credentials.expiration;
        let granted = expiration.since(crate::clock::Clock::now(&SystemClock));
        let mut checks = vec![
            Check::good(CREATE, format!("AWS grants a session of {} until {expiration}", request.role_arn)),
            // Rounded to the minute that the way took.
            lengths::granted(
                Duration::from_secs((granted.as_secs() + 30) / 60 * 60),
                request.session_duration,
            ),
        ];
        let left = deadline.saturating_sub(begun.elapsed());
        let hops = Hops {
            transport: &transport,
            region: &request.region,
            limits: Limits { attempts: 1, deadline: left },
        };
        let (further, last) = hops.follow(set, second_hop.as_ref(), &scopes);
        checks.extend(further);
        checks.push(match (last, sts) {
            (Some(set), Some(endpoint)) => hops.whoami(&set, &endpoint),
            (Some(_), None) => {
                Check::not_checked(WHOAMI, "the endpoint is not AWS's, and no --sts-endpoint is given")
            }
            (None, _) => nobody(),
        });
        Asked { checks, accepted: Some(true) }
    }
}

fn nobody() -> Check {
    Check::not_checked(WHOAMI, "there are no credentials")
}

/// Explains a refusal, the surest cause first.
fn refused(refusal: &Refusal, request: &SessionRequest, endpoint: &Endpoint, identity: &Identity) -> Check {
    let explanation = explain::explain(refusal, request, endpoint, identity);
    let mut text = String::new();
    let mut causes = explanation.causes.iter();
    if let Some(cause) = causes.next() {
        text.push_str(match cause.certainty {
            Certainty::Certain => "",
            Certainty::Likely => "probably ",
            Certainty::Possible => "perhaps ",
        });
        text.push_str(&cause.what);
        if cause.certainty != Certainty::Certain {
            causes.for_each(|other| text.push_str(&format!("; or {}", other.what)));
        }
        text.push_str(": ");
    }
    text.push_str(&refusal.to_string());
    for fact in refusal.facts() {
        text.push_str(&format!("; {}: {}", fact.name, fact.value));
    }
    text.push_str(&format!(" [{}]", refusal.id()));
    let hint = explanation.hint().or_else(|| refusal.hint());
    Check { id: CREATE, verdict: Verdict::Bad, text, hint }
}

/// What follows a session, by the same way.
struct Hops<'a> {
    transport: &'a NativeTransport,
    region: &'a str,
    limits: Limits,
}

impl Hops<'_> {
    fn sts<'a>(&'a self, endpoint: &'a Endpoint) -> Sts<'a, NativeTransport> {
        Sts {
            transport: self.transport,
            endpoint,
            region: self.region,
            limits: self.limits,
            clock: &SystemClock,
            clock_offset: 0,
        }
    }

    /// Makes the sessions after the first; returns the last one's credentials.
    fn follow(
        &self,
        mut set: CredentialSet,
        second: Option<&SecondHopSettings>,
        scopes: &[ScopedHop],
    ) -> (Vec<Check>, Option<CredentialSet>) {
        let mut checks = Vec::new();
        if let Some(SecondHopSettings { request, endpoint }) = second {
            const ID: &str = "second-hop";
            match block_on(self.sts(endpoint).assume_role(&set, request)) {
                Ok(Ok(granted)) => {
                    set = granted.credential_set;
                    checks.push(Check::good(ID, format!("{} is assumed from there", request.role_arn)));
                }
                failed => {
                    checks.push(failure(ID, failed.map(|granted| granted.map(drop))));
                    return (checks, None);
                }
            }
        }
        for hop in scopes {
            const ID: &str = "narrower-session";
            let scoped = self.sts(&hop.endpoint);
            match block_on(scoped.scoped_credentials(&set, &hop.scope, hop.scope.duration())) {
                Ok(Ok(granted)) => {
                    set = granted.credential_set;
                    checks.push(Check::good(ID, "STS narrows it"));
                }
                failed => {
                    checks.push(failure(ID, failed.map(|granted| granted.map(drop))));
                    return (checks, None);
                }
            }
        }
        (checks, Some(set))
    }

    fn whoami(&self, set: &CredentialSet, endpoint: &Endpoint) -> Check {
        match block_on(self.sts(endpoint).caller_identity(&set.credentials)) {
            Ok(Ok(identity)) => {
                Check::good(WHOAMI, format!("STS knows them as {}", printable(identity.arn.as_str())))
            }
            // Most programs need no STS; a network that leads to other services alone is no fault.
            Ok(Err(error @ StsError::NoAnswer(_))) => Check::failed(WHOAMI, &error).softened(),
            failed => failure(WHOAMI, failed.map(|identity| identity.map(drop))),
        }
    }
}

fn failure(
    id: &'static str,
    outcome: Result<Result<(), StsError>, crate::http::runtime::RuntimeError>,
) -> Check {
    match outcome {
        Err(error) => Check::failed(id, &error),
        Ok(Err(error)) => Check::failed(id, &error),
        Ok(Ok(())) => Check::good(id, "done"),
    }
}
