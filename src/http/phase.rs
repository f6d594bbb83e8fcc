//! How far an attempt has got, to explain a deadline that passes in the middle.

use std::sync::atomic::{AtomicU8, Ordering};

/// What an attempt is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The name lookup.
    Name,
    /// The connection: TCP, a proxy's tunnel, TLS.
    Connection,
    /// The answer.
    Answer,
}

impl Phase {
    /// Describes what `host` has not done yet: `example.com has not answered`.
    pub fn of(self, host: &str) -> String {
        match self {
            Self::Name => format!("the name service has not answered about {host}"),
            Self::Connection => format!("the connection to {host} was not established"),
            Self::Answer => format!("{host} has not answered"),
        }
    }

    /// Suggests what to check.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Name => {
                "check the name servers of this host (/etc/resolv.conf), or give more time with --timeout"
            }
            Self::Connection | Self::Answer => {
                "check the proxy and the firewall between this host and the endpoint, or give more time with --timeout"
            }
        }
    }
}

/// The phase of the latest attempt.
#[derive(Debug)]
pub(super) struct Progress(AtomicU8);

impl Progress {
    pub(super) const fn new() -> Self {
        Self(AtomicU8::new(Phase::Connection as u8))
    }

    pub(super) fn note(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> Phase {
        [Phase::Name, Phase::Connection, Phase::Answer]
            .into_iter()
            .find(|phase| *phase as u8 == self.0.load(Ordering::Relaxed))
            .unwrap_or(Phase::Answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_note_is_the_phase() {
        let progress = Progress::new();
        assert_eq!(progress.phase(), Phase::Connection);
        for phase in [Phase::Name, Phase::Connection, Phase::Answer] {
            progress.note(phase);
            assert_eq!(progress.phase(), phase);
        }
    }
}
