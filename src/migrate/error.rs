//! Why a step of a migration was not done, and what to do about it.

use std::path::PathBuf;

use crate::aws_file::AwsFileError;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::private_file::{ReadError, WriteError};
use crate::text::{printable, quoted};

/// The ids of [`MigrateError`], beyond those of the errors that it wraps.
pub const IDS: &[&str] = &[
    "migrate-backup-closed",
    "migrate-backup-damaged",
    "migrate-busy",
    "migrate-changed-meanwhile",
    "migrate-input",
    "migrate-key-refused",
    "migrate-no-backup-key",
    "migrate-no-key",
    "migrate-not-begun",
    "migrate-not-confirmed",
    "migrate-not-verified",
    "migrate-nowhere",
    "migrate-operator",
    "migrate-other-account",
    "migrate-profile-unsuitable",
    "migrate-state",
    "migrate-step",
    "migrate-temporary-key",
    "migrate-too-early",
    "migrate-which-key",
];

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The system or a file's content prevents a change.
    #[error(transparent)]
    AwsFile(#[from] AwsFileError),
    /// No key that is at hand opens the backup.
    #[error("the backup {} does not open with what is at hand", quoted(&file.to_string_lossy()))]
    BackupClosed {
        /// The backup.
        file: PathBuf,
        /// The keys that it was made for: SHA-256 of public keys in hex, or that it has a password.
        opens_with: Vec<String>,
    },
    /// The backup is not as it was written.
    #[error("the backup {} is damaged: {why}", quoted(&file.to_string_lossy()))]
    BackupDamaged {
        /// The backup.
        file: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
    /// Another process works on a migration.
    #[error("another anyrole migrate is running")]
    Busy {
        /// The lock.
        lock: PathBuf,
    },
    /// Others write the file all the time, or wrote it after it was shown.
    #[error("{} was changed by another program in the meantime", quoted(&file.to_string_lossy()))]
    ChangedMeanwhile {
        /// The file.
        file: PathBuf,
    },
    /// A file that the user brought cannot be used.
    #[error("{} cannot be used: {why}", quoted(&file.to_string_lossy()))]
    Input {
        /// The file.
        file: PathBuf,
        /// What is wrong, without its content.
        why: String,
    },
    /// AWS refuses the old key.
    #[error("AWS refuses the old key {access_key_id} ({})", printable(code))]
    KeyRefused {
        /// The key.
        access_key_id: String,
        /// AWS's code.
        code: String,
        /// What makes it active again.
        command: String,
    },
    /// The identity's key cannot open a backup, and no password was given.
    #[error("there is no key that could open a backup: the identity's private key {0}")]
    NoBackupKey(&'static str),
    /// There is no static key of that description.
    #[error("{what}")]
    NoKey {
        /// What was looked for, and what was found instead.
        what: String,
        /// What to do.
        hint: String,
    },
    /// Nothing was begun for that key.
    #[error("no migration of {what} was begun here")]
    NotBegun {
        /// The key or profile.
        what: String,
    },
    /// Nobody agreed.
    #[error("nothing was done: nobody confirmed it")]
    NotConfirmed,
    /// The new way was not proven yet.
    #[error("the new way of {access_key_id} was not verified since the switch")]
    NotVerified {
        /// The key.
        access_key_id: String,
        /// The session that replaces it.
        session: String,
    },
    /// Nothing says where the state can be.
    #[error(
        "there is no lasting place for the state of a migration: HOME is not set, and this user has no home"
    )]
    Nowhere,
    /// There are no credentials of an operator.
    #[error("there are no credentials of an operator: {why}")]
    Operator {
        /// What was looked for.
        why: String,
        /// What to do.
        hint: String,
    },
    /// The new session is of another account.
    #[error("the session is of account {new}, and the key {access_key_id} of account {old}")]
    OtherAccount {
        /// The key.
        access_key_id: String,
        /// Its account.
        old: String,
        /// The session's.
        new: String,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The state cannot be used.
    #[error("the state {} cannot be read: {why}", quoted(&file.to_string_lossy()))]
    State {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The step does not follow from where the migration is.
    #[error("{access_key_id} {is}, and so {step} is not possible")]
    Step {
        /// The key.
        access_key_id: String,
        /// Where it is: `is switched back`.
        is: String,
        /// The step that was asked for.
        step: &'static str,
        /// What to do.
        hint: String,
    },
    /// A session's key ends by itself.
    #[error("{access_key_id} in profile {} is a session's key, which ends by itself", quoted(profile))]
    Temporary {
        /// The key.
        access_key_id: String,
        /// Its profile.
        profile: String,
    },
    /// The key was in use too recently.
    #[error("{access_key_id} {why}")]
    TooEarly {
        /// The key.
        access_key_id: String,
        /// Since when it is out of use.
        why: String,
        /// When it may be deleted.
        from: String,
    },
    /// The profile needs static keys.
    #[error("the profile {} of {} cannot be switched: {why}", quoted(profile), quoted(&file.to_string_lossy()))]
    Unsuitable {
        /// The profile.
        profile: String,
        /// The file.
        file: PathBuf,
        /// What is in the way.
        why: String,
        /// What to do.
        hint: String,
    },
    /// Several keys are being migrated.
    #[error("{} keys are being migrated here, and one is needed", .0.len())]
    WhichKey(Vec<String>),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Diagnostic for MigrateError {
    fn id(&self) -> &'static str {
        match self {
            Self::AwsFile(error) => error.id(),
            Self::BackupClosed { .. } => "migrate-backup-closed",
            Self::BackupDamaged { .. } => "migrate-backup-damaged",
            Self::Busy { .. } => "migrate-busy",
            Self::ChangedMeanwhile { .. } => "migrate-changed-meanwhile",
            Self::Input { .. } => "migrate-input",
            Self::KeyRefused { .. } => "migrate-key-refused",
            Self::NoBackupKey(_) => "migrate-no-backup-key",
            Self::NoKey { .. } => "migrate-no-key",
            Self::NotBegun { .. } => "migrate-not-begun",
            Self::NotConfirmed => "migrate-not-confirmed",
            Self::NotVerified { .. } => "migrate-not-verified",
            Self::Nowhere => "migrate-nowhere",
            Self::Operator { .. } => "migrate-operator",
            Self::OtherAccount { .. } => "migrate-other-account",
            Self::Read(error) => error.id(),
            Self::State { .. } => "migrate-state",
            Self::Step { .. } => "migrate-step",
            Self::Temporary { .. } => "migrate-temporary-key",
            Self::TooEarly { .. } => "migrate-too-early",
            Self::Unsuitable { .. } => "migrate-profile-unsuitable",
            Self::WhichKey(_) => "migrate-which-key",
            Self::Write(error) => error.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::AwsFile(error) => error.fault(),
            Self::Read(error) => error.fault(),
            Self::Write(error) => error.fault(),
            Self::BackupDamaged { .. }
            | Self::Busy { .. }
            | Self::ChangedMeanwhile { .. }
            | Self::State { .. }
            | Self::TooEarly { .. } => Fault::Local,
            Self::KeyRefused { .. } | Self::OtherAccount { .. } => Fault::Refused,
            Self::BackupClosed { .. } | Self::NoBackupKey(_) => Fault::Identity,
            Self::Input { .. }
            | Self::NoKey { .. }
            | Self::NotBegun { .. }
            | Self::NotConfirmed
            | Self::NotVerified { .. }
            | Self::Nowhere
            | Self::Operator { .. }
            | Self::Step { .. }
            | Self::Temporary { .. }
            | Self::Unsuitable { .. }
            | Self::WhichKey(_) => Fault::Usage,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::AwsFile(error) => error.facts(),
            Self::BackupClosed { opens_with, .. } => {
                opens_with.iter().map(|what| Fact::new("opens with", what.as_str())).collect()
            }
            Self::Busy { lock } => vec![Fact::new("lock", quoted(&lock.to_string_lossy()))],
            Self::Read(error) => error.facts(),
            Self::WhichKey(keys) => keys.iter().map(|key| Fact::new("key", key.as_str())).collect(),
            Self::Write(error) => error.facts(),
            Self::BackupDamaged { .. }
            | Self::ChangedMeanwhile { .. }
            | Self::Input { .. }
            | Self::KeyRefused { .. }
            | Self::NoBackupKey(_)
            | Self::NoKey { .. }
            | Self::NotBegun { .. }
            | Self::NotConfirmed
            | Self::NotVerified { .. }
            | Self::Nowhere
            | Self::Operator { .. }
            | Self::OtherAccount { .. }
            | Self::State { .. }
            | Self::Step { .. }
            | Self::Temporary { .. }
            | Self::TooEarly { .. }
            | Self::Unsuitable { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::AwsFile(error) => return error.hint(),
            Self::Read(error) => return error.hint(),
            Self::Write(error) => return error.hint(),
            Self::BackupClosed { .. } => {
                "give --backup-key with the private key that the identity had then, or --backup-password-file"
            }
            Self::BackupDamaged { .. } => {
                "make a new access key for the user: aws iam create-access-key; nothing else has the old one's secret"
            }
            Self::Busy { .. } => "wait until it has ended, and run this again",
            Self::ChangedMeanwhile { .. } => "nothing is lost: run it again",
            Self::Input { .. } => "make the file again, as anyrole help migrate plan shows",
            Self::KeyRefused { command, .. } => {
                return Some(format!("make it active again: {command}; it takes effect within seconds"));
            }
            Self::NoBackupKey(_) => {
                "give --backup-password-file FILE, or --no-backup to do without a way back to the secret"
            }
            Self::NoKey { hint, .. }
            | Self::Operator { hint, .. }
            | Self::Step { hint, .. }
            | Self::Unsuitable { hint, .. } => return Some(hint.clone()),
            Self::NotBegun { .. } => {
                "see what is being migrated with anyrole migrate status; begin with anyrole migrate switch"
            }
            Self::NotConfirmed => "run it on a terminal and answer y, or with --yes",
            Self::NotVerified { access_key_id, .. } => {
                return Some(format!(
                    "run anyrole migrate verify --key-id {access_key_id} -- COMMAND with a command that matters, or give --unverified"
                ));
            }
            Self::Nowhere => "name a folder of your own that lasts with ANYROLE_STATE_DIR",
            Self::OtherAccount { .. } => {
                "take a session of the key's account; where another account is meant, give --other-account"
            }
            Self::State { .. } => {
                "the backups beside it are whole: keep the folder, and report this with the file's text, which holds no secret"
            }
            Self::Temporary { .. } => {
                "see what writes it into the file: that is what to replace, and this key is gone within hours"
            }
            Self::TooEarly { from, .. } => {
                return Some(format!(
                    "run it again from {from} on, or choose another time with --after-days"
                ));
            }
            Self::WhichKey(_) => "name one with --key-id",
        };
        Some(hint.to_owned())
    }
}
