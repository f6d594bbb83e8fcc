//! The proof at the end: which keys are gone, and what was seen to work without them. A text that the identity signs.

use serde::Serialize;

use super::rollback::{self, Way};
use super::state::{Event, KeyEvent, Phase, State, Verification, Workload};

/// What has become of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is deleted.
    Gone,
    /// It is inactive.
    Inactive,
    /// It is in no file of AWS's on this host, and AWS accepts it.
    Replaced,
    /// It is back, or a step was interrupted.
    InUse,
}

/// One key.
#[derive(Debug, Serialize)]
pub struct Entry<'a> {
    access_key_id: &'a str,
    account: Option<&'a str>,
    fate: Fate,
    profiles: &'a [String],
    /// Whether each of the profiles starts this program now.
    profiles_start_the_session: bool,
    session: &'a str,
    role_arn: &'a str,
    verified: Option<&'a Verification>,
    /// The programs that ran with the session and succeeded.
    workloads: Vec<&'a Workload>,
    deactivated: Option<&'a KeyEvent>,
    deleted: Option<&'a KeyEvent>,
    has_backup: bool,
    history: &'a [Event],
}

/// Who signs.
#[derive(Debug, Serialize)]
pub struct Signer {
    /// The certificate's subject, as RFC 4514 text.
    pub subject: String,
    /// Its issuer's.
    pub issuer: String,
    /// Its serial number, in decimal.
    pub serial: String,
    /// The SHA-256 of its DER, in lower-case hex.
    pub certificate_sha256: String,
}

/// The whole summary.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    /// When it was made.
    pub made_at: String,
    /// On which host.
    pub host: String,
    /// Who signs it.
    pub signer: Signer,
    /// Every key that was migrated by this user.
    pub keys: Vec<Entry<'a>>,
}

impl<'a> Entry<'a> {
    /// Sums up a state and what its files are now.
    pub fn of(state: &'a State) -> Self {
        let ways = rollback::ways(state).unwrap_or_default();
        let starts = !ways.is_empty() && ways.iter().all(|(_, way)| *way == Way::New);
        let fate = match (state.phase, &state.deactivated, &state.deleted) {
            (_, _, Some(_)) => Fate::Gone,
            (Phase::Switched, Some(_), None) => Fate::Inactive,
            (Phase::Switched, None, None) => Fate::Replaced,
            (Phase::Switching | Phase::RollingBack | Phase::RolledBack, _, None) => Fate::InUse,
        };
        Self {
            access_key_id: &state.access_key_id,
            account: state.account.as_deref(),
            fate,
            profiles: &state.profiles,
            profiles_start_the_session: starts,
            session: &state.session,
            role_arn: &state.role_arn,
            verified: state.verified.as_ref(),
            workloads: state.workloads.iter().filter(|ran| ran.status == 0).collect(),
            deactivated: state.deactivated.as_ref(),
            deleted: state.deleted.as_ref(),
            has_backup: state.backup.is_some(),
            history: &state.history,
        }
    }
}
