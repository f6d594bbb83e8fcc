//! Why a key in a TPM cannot be used.

use std::fmt;

use super::code::ResponseCode;
use crate::diagnostic::{Diagnostic, Fact, Fault};

/// The ids of this module's errors.
pub const IDS: &[&str] = &[
    "tpm-answer-malformed",
    "tpm-key-damaged",
    "tpm-key-unsupported",
    "tpm-locked-out",
    "tpm-password-missing",
    "tpm-password-wrong",
    "tpm-refused",
    "tpm-silent",
    "tpm-unreachable",
];

/// Why a key in a TPM cannot be used. `place` is the TPM as errors name it: `'/dev/tpmrm0'`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TpmError {
    /// What came back is no answer.
    #[error("the TPM at {place} answered something that is no answer of a TPM 2.0 to {action}")]
    AnswerMalformed {
        /// Where.
        place: String,
        /// What was asked.
        action: &'static str,
    },
    /// The structure of the key file is broken.
    #[error("it is damaged: {0}")]
    KeyDamaged(&'static str),
    /// A key that cannot sign for AWS, or in a form that is not supported.
    #[error("{why}")]
    KeyUnsupported {
        /// What is not supported.
        why: String,
        /// What to do.
        cure: &'static str,
    },
    /// One more wrong password would lock the TPM out, and nobody is there to decide.
    #[error("the password of {of} is not tried: one more wrong one would lock the TPM at {place} out")]
    LastTry {
        /// Where.
        place: String,
        /// What it would open.
        of: Guarded,
        /// How often it was wrong.
        tries: Tries,
    },
    /// Too many wrong passwords were tried, by whomever.
    #[error(
        "the TPM at {place} is locked out: too many wrong passwords were tried, here or by another program"
    )]
    LockedOut {
        /// Where.
        place: String,
        /// How often, where it tells.
        tries: Option<Tries>,
    },
    /// Something is guarded by a password, and there is none.
    #[error("{of} has a password, and {why}")]
    PasswordMissing {
        /// What.
        of: Guarded,
        /// Why there is no password.
        why: String,
    },
    /// The password is wrong.
    #[error("the TPM at {place} refused the password of {of}")]
    PasswordWrong {
        /// Where.
        place: String,
        /// What it should open.
        of: Guarded,
        /// How often it was wrong, where it counts.
        tries: Option<Tries>,
    },
    /// The TPM refused a command.
    #[error("the TPM at {place} refused to {action}: {code}")]
    Refused {
        /// Where.
        place: String,
        /// What was asked.
        action: &'static str,
        /// Its answer.
        code: ResponseCode,
    },
    /// The TPM did not answer in time.
    #[error("the TPM at {place} did not answer within {seconds} seconds")]
    Silent {
        /// Where.
        place: String,
        /// How long was waited.
        seconds: u64,
    },
    /// There is no TPM, or none that this user may use.
    #[error("cannot reach the TPM at {place}: {why}")]
    Unreachable {
        /// Where.
        place: String,
        /// What stood in the way.
        why: String,
        /// What to do.
        cure: Option<String>,
    },
}

/// What a password opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarded {
    /// The key itself.
    Key,
    /// The key below which it is stored.
    Parent,
    /// The hierarchy in which that is made: the owner's, as a rule.
    Hierarchy,
}

impl fmt::Display for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "the key",
            Self::Parent => "the key's parent",
            Self::Hierarchy => "the TPM's hierarchy in which the key's parent is made",
        })
    }
}

/// How often passwords were wrong (TPM 2.0 Library, part 1 §19.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    /// So many wrong ones are counted.
    pub wrong: u32,
    /// So many lock it out.
    pub most: u32,
    /// After so many seconds one is forgotten.
    pub forgotten_after: u32,
}

impl Tries {
    fn facts(self) -> Vec<Fact> {
        let Self { wrong, most, forgotten_after } = self;
        vec![
            Fact::new("wrong passwords", format!("{wrong} of {most}")),
            Fact::new("one is forgotten", format!("every {forgotten_after} seconds")),
        ]
    }
}

const CLEAR: &str =
    "wait, or let the TPM's owner forget the wrong tries: tpm2_dictionarylockout --clear-lockout";

impl Diagnostic for TpmError {
    fn id(&self) -> &'static str {
        match self {
            Self::AnswerMalformed { .. } => "tpm-answer-malformed",
            Self::KeyDamaged(_) => "tpm-key-damaged",
            Self::KeyUnsupported { .. } => "tpm-key-unsupported",
            Self::LastTry { .. } | Self::LockedOut { .. } => "tpm-locked-out",
            Self::PasswordMissing { .. } => "tpm-password-missing",
            Self::PasswordWrong { .. } => "tpm-password-wrong",
            Self::Refused { .. } => "tpm-refused",
            Self::Silent { .. } => "tpm-silent",
            Self::Unreachable { .. } => "tpm-unreachable",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Identity
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::LastTry { tries, .. }
            | Self::LockedOut { tries: Some(tries), .. }
            | Self::PasswordWrong { tries: Some(tries), .. } => tries.facts(),
            Self::AnswerMalformed { .. }
            | Self::KeyDamaged(_)
            | Self::KeyUnsupported { .. }
            | Self::LockedOut { tries: None, .. }
            | Self::PasswordMissing { .. }
            | Self::PasswordWrong { tries: None, .. }
            | Self::Refused { .. }
            | Self::Silent { .. }
            | Self::Unreachable { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::AnswerMalformed { .. } => {
                "check what --tpm-device (TPM_DEVICE) names: a TPM 2.0, or swtpm's socket of TPM commands"
            }
            Self::KeyDamaged(_) => "copy the file again from where it was made",
            Self::KeyUnsupported { cure, .. } => cure,
            Self::LastTry { .. } | Self::LockedOut { .. } => CLEAR,
            Self::PasswordMissing { of: Guarded::Key, .. } => {
                "give --tpm-key-password-file FILE, or --no-tpm-key-password if it has none after all"
            }
            Self::PasswordMissing { of: Guarded::Parent | Guarded::Hierarchy, .. } => {
                "give --tpm-parent-password-file FILE"
            }
            Self::PasswordWrong { of: Guarded::Key, .. } => {
                "check --tpm-key-password-file; it was tried once, and a key without a password takes none"
            }
            Self::PasswordWrong { of: Guarded::Parent | Guarded::Hierarchy, .. } => {
                "check --tpm-parent-password-file; it was tried once"
            }
            Self::Refused { code, .. } => return code.cure().map(str::to_owned),
            Self::Silent { .. } => "look who else uses it; /dev/tpmrm0 can be shared, /dev/tpm0 cannot",
            Self::Unreachable { cure, .. } => return cure.clone(),
        };
        Some(hint.to_owned())
    }
}
