//! Why a simulator cannot start.

use pki_test::simulator::{SimulatorError, WorldError};

use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::text::quoted;

/// Why a simulator cannot start.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum SimulateError {
    /// Not twelve digits.
    #[error("{} is not an account: twelve digits", quoted(account))]
    Account {
        /// The text.
        account: String,
    },
    /// Region, account and role do not make an ARN.
    #[error("the simulated resources have no ARN: {why}")]
    Arn {
        /// What is wrong with it.
        why: String,
    },
    /// Not a fault.
    #[error("{} is not a fault that can be played", quoted(text))]
    Fault {
        /// The text.
        text: String,
        /// What is wrong with it.
        why: String,
    },
    /// A number out of range.
    #[error("--{flag} cannot be {}", quoted(value))]
    Number {
        /// The flag.
        flag: &'static str,
        /// The text.
        value: String,
    },
    /// A revocation list cannot be imported.
    #[error("the revocation list cannot be imported: {why}")]
    RevocationList {
        /// What is wrong with it.
        why: String,
    },
    /// It cannot listen, or not write its journal.
    #[error("the simulator cannot start")]
    Start(#[source] SimulatorError),
    /// The certificates cannot be a trust anchor.
    #[error("no trust anchor can be made: {why}")]
    TrustAnchor {
        /// What is wrong with them.
        why: String,
    },
    /// The file does not describe a world.
    #[error("cannot make a world of {}", quoted(path))]
    World {
        /// The file.
        path: String,
        /// What is wrong with it.
        source: WorldError,
    },
    /// A flag that describes a world came with a file that does.
    #[error("--{flag} cannot be used with --world")]
    WorldAlone {
        /// The flag.
        flag: &'static str,
    },
}

impl SimulateError {
    /// The ids of all variants.
    pub(in crate::cli) const IDS: &[&str] = &[
        "simulator-arn",
        "simulator-fault",
        "simulator-number",
        "simulator-revocation-list",
        "simulator-start",
        "simulator-trust-anchor",
        "simulator-world",
    ];
}

impl Diagnostic for SimulateError {
    fn id(&self) -> &'static str {
        match self {
            Self::Account { .. } | Self::Arn { .. } => "simulator-arn",
            Self::Fault { .. } => "simulator-fault",
            Self::Number { .. } => "simulator-number",
            Self::RevocationList { .. } => "simulator-revocation-list",
            Self::Start(_) => "simulator-start",
            Self::TrustAnchor { .. } => "simulator-trust-anchor",
            Self::World { .. } | Self::WorldAlone { .. } => "simulator-world",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Account { .. }
            | Self::Arn { .. }
            | Self::Fault { .. }
            | Self::Number { .. }
            | Self::RevocationList { .. }
            | Self::TrustAnchor { .. }
            | Self::World { .. }
            | Self::WorldAlone { .. } => Fault::Usage,
            Self::Start(_) => Fault::Local,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Fault { why, .. } => vec![Fact::new("reason", why)],
            Self::Account { .. }
            | Self::Arn { .. }
            | Self::Number { .. }
            | Self::RevocationList { .. }
            | Self::Start(_)
            | Self::TrustAnchor { .. }
            | Self::World { .. }
            | Self::WorldAlone { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Fault { .. } => "anyrole simulate --help lists the faults",
            Self::TrustAnchor { .. } => {
                "give one or two CA certificates with --trust-anchor, or make a CA with anyrole pki init"
            }
            Self::Number { .. } => "give a whole number, not negative; a port is at most 65535",
            Self::RevocationList { .. } => {
                "give the list that anyrole pki crl wrote, of the CA that is the --trust-anchor"
            }
            Self::World { .. } => "anyrole explain simulator-world shows a small file",
            Self::WorldAlone { .. } => "set it in the file",
            Self::Start(SimulatorError::Bind { .. }) => "leave out --port to take a free one",
            Self::Account { .. }
            | Self::Arn { .. }
            | Self::Start(
                SimulatorError::Journal(_)
                | SimulatorError::NotLoopback { .. }
                | SimulatorError::Runtime(_)
                | SimulatorError::Tls(_),
            ) => return None,
        };
        Some(hint.to_owned())
    }
}
