//! Why a service of AWS gave no answer of its own, whichever it is.

use std::fmt;
use std::time::Duration;

use super::{Phase, Response, TransportError};
use crate::clock::describe_seconds;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::text::shortened;

/// The ids of [`NoAnswer`], beyond those of what it carries.
pub const IDS: &[&str] = &["deadline", "proxy-answered"];

/// The longest name of a proxy that is kept, in characters.
const LONGEST_SERVER: usize = 200;

/// A service that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// It creates a session.
    RolesAnywhere,
    /// The Security Token Service.
    Sts,
}

impl Service {
    const fn what_is_wanted(self) -> &'static str {
        match self {
            Self::RolesAnywhere => "session",
            Self::Sts => "answer of STS",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RolesAnywhere => "IAM Roles Anywhere",
            Self::Sts => "STS",
        })
    }
}

/// Why a service gave no answer of its own.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The deadline passed before anything was answered.
    #[error("no {} within {}: {}", service.what_is_wanted(), describe_seconds(after.as_secs()), phase.of(host))]
    Deadline {
        /// Who was to answer.
        service: Service,
        /// The host of its endpoint.
        host: String,
        /// What was waited for.
        phase: Phase,
        /// The time that was given.
        after: Duration,
    },
    /// Something between this host and AWS answered.
    #[error("something other than AWS answered (HTTP {status})")]
    ProxyAnswered {
        /// The HTTP status.
        status: u16,
        /// How it calls itself.
        server: Option<String>,
    },
    /// No attempt brought an answer.
    #[error("cannot reach {service} at {endpoint}")]
    Unreachable {
        /// Who was to answer.
        service: Service,
        /// Where it was looked for.
        endpoint: String,
        /// How many requests were sent, or tried to be.
        attempts: u32,
        /// Why the last attempt failed.
        source: TransportError,
    },
}

impl NoAnswer {
    /// Describes an answer that some proxy or portal gave.
    pub fn of_proxy(answer: &Response) -> Self {
        let text = |name| answer.header(name).map(|value| shortened(value, LONGEST_SERVER));
        Self::ProxyAnswered { status: answer.status(), server: text("server").or_else(|| text("via")) }
    }

    /// Tells whether the same request may be answered a little later.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Deadline { .. } | Self::ProxyAnswered { .. } => true,
            Self::Unreachable { source, .. } => source.is_transient(),
        }
    }

    /// Tells another length for the deadline: the one that the user knows of.
    #[must_use]
    pub fn within(mut self, told: Duration) -> Self {
        if let Self::Deadline { after, .. } = &mut self {
            *after = told;
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
