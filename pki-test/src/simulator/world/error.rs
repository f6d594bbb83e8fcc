//! Why a file does not describe a world.

use std::{fmt, io};

use super::{FILE_LIMIT, VERSION};
use crate::pem::PemError;
use crate::revocation::RevocationError;
use crate::simulator::attributes::MappingError;
use crate::simulator::fault::FaultError;
use crate::simulator::trust_policy::TrustPolicyError;
use crate::verifier::TrustAnchorError;
use crate::verifier::arn::ArnError;

/// Why a file does not describe a world.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A text is not a fault.
    #[error("the fault '{text}' cannot be played")]
    Fault {
        /// The text.
        text: String,
        /// Why not.
        #[source]
        reason: FaultError,
    },
    /// A file holds no certificate.
    #[error("'{path}' holds no certificate")]
    NoCertificate {
        /// The file.
        path: String,
    },
    /// A file of certificates is damaged.
    #[error("'{path}' is damaged")]
    Pem {
        /// The file.
        path: String,
        /// What is wrong.
        #[source]
        reason: PemError,
    },
    /// A trust anchor, profile or role is invalid.
    #[error("'{arn}' cannot be simulated")]
    Resource {
        /// Its ARN as written.
        arn: String,
        /// Why not.
        #[source]
        reason: ResourceFault,
    },
    /// A file is not one revocation list.
    #[error("'{path}' cannot be imported")]
    RevocationList {
        /// The file.
        path: String,
        /// Why not.
        #[source]
        reason: RevocationError,
    },
    /// It is not TOML, or has unknown keys or values.
    #[error("{}{reason}", Line(*line))]
    Syntax {
        /// The line, from 1.
        line: Option<usize>,
        /// What is wrong.
        reason: String,
    },
    /// A file is larger than [`FILE_LIMIT`].
    #[error("'{path}' has more than {FILE_LIMIT} bytes")]
    TooLarge {
        /// The file.
        path: String,
    },
    /// A file cannot be read.
    #[error("cannot read '{path}'")]
    Unreadable {
        /// The file.
        path: String,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// A value is not valid for its key.
    #[error("{key} is not {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What it expects.
        expected: &'static str,
    },
    /// The format's version is unknown.
    #[error("the version is {found}, and this simulator knows version {VERSION}")]
    Version {
        /// The version found.
        found: u32,
    },
}

/// Shows a line's number if it is known.
struct Line(Option<usize>);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(line) => write!(f, "line {line}: "),
            None => Ok(()),
        }
    }
}

/// Why a trust anchor, profile or role is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceFault {
    /// The service takes no such alias.
    #[error(
        "'{found}' is no alias: it has letters, digits, '_', '-' and single '/' between them, a letter first, and does not \
         begin with aws/"
    )]
    Alias {
        /// The alias.
        found: String,
    },
    /// The text is no ARN.
    #[error(transparent)]
    Arn(#[from] ArnError),
    /// A duration is malformed or outside its range.
    #[error("the duration is not one of {minimum} to {maximum} seconds, such as 15m or 1h")]
    Duration {
        /// The shortest.
        minimum: u64,
        /// The longest.
        maximum: u64,
    },
    /// The ARN is of another kind.
    #[error("'{found}' is not an ARN of the service {service} whose resource begins with {resource}")]
    Kind {
        /// The ARN.
        found: String,
        /// The expected service.
        service: &'static str,
        /// The expected start of its resource.
        resource: &'static str,
    },
    /// An attribute mapping is invalid.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// The profile is in a region without a trust anchor.
    #[error("it is in region '{found}', where no trust anchor is; this file's regions are {known}")]
    Region {
        /// The ARN's region.
        found: String,
        /// The trust anchors' regions and the world's own.
        known: String,
    },
    /// The trust anchor's certificates or lists are rejected.
    #[error(transparent)]
    TrustAnchor(#[from] TrustAnchorError),
    /// The trust policy is rejected.
    #[error(transparent)]
    TrustPolicy(#[from] TrustPolicyError),
    /// The role has a trust policy in the file and in another.
    #[error("it has both trust_policy and trust_policy_file")]
    TrustPolicyTwice,
    /// The ARN occurs twice.
    #[error("it occurs twice")]
    Twice,
}
