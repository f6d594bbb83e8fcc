//! Why an AWS service did not answer.

use std::fmt;
use std::time::Duration;

use super::{Phase, Response, TransportError};
use crate::clock::describe_seconds;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::text::shortened;

/// The ids of [`NoAnswer`], beyond those of the errors that it wraps.
pub const IDS: &[&str] = &["deadline", "proxy-answered"];

/// The longest server name of a proxy that is stored, in characters.
const LONGEST_SERVER: usize = 200;

/// An AWS service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Identity and Access Management.
    Iam,
    /// It creates sessions.
    RolesAnywhere,
    /// The Security Token Service.
    Sts,
}

impl Service {
    const fn what_is_wanted(self) -> &'static str {
        match self {
            Self::Iam => "answer of IAM",
            Self::RolesAnywhere => "session",
            Self::Sts => "answer of STS",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Iam => "IAM",
            Self::RolesAnywhere => "IAM Roles Anywhere",
            Self::Sts => "STS",
        })
    }
}

/// Why a service did not answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The deadline passed before there was an answer.
    #[error("no {} within {}: {}", service.what_is_wanted(), describe_seconds(after.as_secs()), phase.of(host))]
    Deadline {
        /// The service.
        service: Service,
        /// The host of its endpoint.
        host: String,
        /// What the attempt was waiting for.
        phase: Phase,
        /// The time limit.
        after: Duration,
    },
    /// Something between this host and AWS answered.
    #[error("something other than AWS answered (HTTP {status})")]
    ProxyAnswered {
        /// The HTTP status.
        status: u16,
        /// Its `Server` header.
        server: Option<String>,
    },
    /// No attempt got an answer.
    #[error("cannot reach {service} at {endpoint}")]
    Unreachable {
        /// The service.
        service: Service,
        /// The endpoint that was tried.
        endpoint: String,
        /// How many requests were sent or attempted.
        attempts: u32,
        /// Why the last attempt failed.
        source: TransportError,
    },
}

impl NoAnswer {
    /// Describes an answer of a proxy or portal.
    pub fn of_proxy(answer: &Response) -> Self {
        let text = |name| answer.header(name).map(|value| shortened(value, LONGEST_SERVER));
        Self::ProxyAnswered { status: answer.status(), server: text("server").or_else(|| text("via")) }
    }

    /// Returns whether the same request may be answered a little later.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Deadline { .. } | Self::ProxyAnswered { .. } => true,
            Self::Unreachable { source, .. } => source.is_transient(),
        }
    }

    /// Replaces the length of the deadline by the one that the user knows.
    #[must_use]
    pub fn within(mut self, reported: Duration) -> Self {
        if let Self::Deadline { after, .. } = &mut self {
            *after = reported;
        }
        self
    }
}

impl Diagnostic for NoAnswer {
    fn id(&self) -> &'static str {
        match self {
            Self::Deadline { .. } => "deadline",
            Self::ProxyAnswered { .. } => "proxy-answered",
            Self::Unreachable { source, .. } => source.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Deadline { .. } | Self::ProxyAnswered { .. } => Fault::Unreachable,
            Self::Unreachable { source, .. } => source.fault(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Deadline { .. } => Vec::new(),
            Self::ProxyAnswered { server, .. } => {
                server.iter().map(|server| Fact::new("server", server.as_str())).collect()
            }
            Self::Unreachable { attempts, source, .. } => {
                let mut facts = source.facts();
                if *attempts > 1 {
                    facts.push(Fact::new("attempts", attempts.to_string()));
                }
                facts
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Deadline { phase, .. } => Some(phase.hint().to_owned()),
            Self::ProxyAnswered { .. } => Some(String::from(
                "a proxy or a sign-in page stands between; set HTTPS_PROXY, or except the endpoint with NO_PROXY",
            )),
            Self::Unreachable { source, .. } => source.hint(),
        }
    }
}
