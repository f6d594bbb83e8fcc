//! Why there are no credentials.

use std::time::Duration;

use super::CreateError;
use crate::cache::CacheError;
use crate::cache::failure::Failure;
use crate::clock::{Timestamp, describe_seconds};
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::manual::REFUSALS;

/// The ids of [`ProviderError`] that are its own; it passes on those of the errors that it wraps.
pub const IDS: &[&str] = &["cache-busy", "runtime", "session-failed"];

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Another process is creating the session, and did not finish in time.
    #[error("no session within {}: another process is making it, and has not finished", describe_seconds(after.as_secs()))]
    Busy {
        /// The limit that applied.
        after: Duration,
    },
    /// This process tried and failed.
    #[error(transparent)]
    Failed(#[from] CreateError),
    /// AWS refused a short time ago, and would again.
    #[error("{}", failure.report.text)]
    BackingOff {
        /// The refusal.
        failure: Box<Failure>,
        /// The current time.
        now: Timestamp,
    },
    /// Another process tried and failed while this one waited.
    #[error("{}", failure.report.text)]
    Shared {
        /// Its failure.
        failure: Box<Failure>,
    },
}

/// Why a session was not forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// The store or the state folder refuses.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The certificate that identifies the session cannot be read.
    #[error(transparent)]
    Certificate(#[from] CreateError),
}

impl Diagnostic for ForgetError {
    fn id(&self) -> &'static str {
        match self {
            Self::Cache(error) => error.id(),
            Self::Certificate(error) => error.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Cache(error) => error.fault(),
            Self::Certificate(error) => error.fault(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Cache(error) => error.facts(),
            Self::Certificate(error) => error.facts(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Cache(error) => error.hint(),
            Self::Certificate(_) => Some(String::from("anyrole cache clear --all needs no certificate")),
        }
    }
}

/// Returns the id that a failure was recorded with; a general one if another version of this program recorded it.
fn known_id(id: &str) -> &'static str {
    REFUSALS.iter().find(|(known, _)| *known == id).map_or("session-failed", |(known, _)| known)
}

fn recorded_facts(failure: &Failure) -> Vec<Fact> {
    failure.report.facts.iter().map(|(name, value)| Fact::new(name.clone(), value.as_str())).collect()
}

impl Diagnostic for ProviderError {
    fn id(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "cache-busy",
            Self::Failed(error) => error.id(),
            Self::BackingOff { failure, .. } | Self::Shared { failure } => known_id(&failure.report.id),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Busy { .. } => Fault::Unreachable,
            Self::Failed(error) => error.fault(),
            Self::BackingOff { failure, .. } | Self::Shared { failure } => failure.report.fault,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Busy { .. } => Vec::new(),
            Self::Failed(error) => error.facts(),
            Self::BackingOff { failure, now } => {
                let Failure { at, next_try, .. } = **failure;
                let mut facts = recorded_facts(failure);
                facts.truncate(2);
                facts.push(Fact::new("refused", format!("at {at}, {}", at.distance_from(*now))));
                facts.push(Fact::new("next try", format!("at {next_try}, {}", next_try.distance_from(*now))));
                facts
            }
            Self::Shared { failure } => recorded_facts(failure),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Busy { .. } => {
                Some(String::from("give more time with --timeout, or try alone with --no-cache"))
            }
            Self::Failed(error) => error.hint(),
            Self::BackingOff { failure, .. } | Self::Shared { failure } => failure.report.hint.clone(),
        }
    }
}
