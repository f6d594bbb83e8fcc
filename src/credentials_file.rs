//! The credentials file of AWS's programs: one profile's keys are replaced, and every other byte is preserved.

pub mod refresher;

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::aws_file::{AwsFile, AwsFileError};
use crate::credentials::CredentialSet;
use crate::ini::{self, Change, Section};
use crate::private_file::{Edited, Stamp};

/// The result of writing.
#[derive(Clone, Debug)]
pub struct Written {
    /// The file's new stamp.
    pub stamp: Stamp,
    /// Whether it was changed; `false` if it already held all of it.
    pub is_changed: bool,
    /// The id of a long-lived access key that was in the profile.
    pub static_key: Option<String>,
    /// The permission bits that let other users access the file, if any do.
    pub exposure: Option<u32>,
}

/// Writes a session to a profile, unless it is there already; nothing is written once the gate is closed.
///
/// The three keys that every SDK reads are written. An older name of the session token, which botocore prefers, is
/// removed; an existing account id is set to the session's account, since SDKs build endpoints from it.
///
/// # Errors
///
/// Fails if the file cannot be read, changed or written. It is then unchanged.
///
/// # Security
///
/// The credentials are in clear text in the file, with mode 0600 if it is new; an existing file keeps its mode.
pub fn write(
    file: &AwsFile,
    profile: &Section,
    set: &CredentialSet,
    gate: &Gate,
) -> Result<Written, AwsFileError> {
    let credentials = &set.credentials;
    let changes = [
        ("aws_access_key_id", Change::Set(&credentials.access_key_id)),
        ("aws_secret_access_key", Change::Set(credentials.secret_access_key.expose())),
        ("aws_session_token", Change::Set(credentials.session_token.expose())),
        ("aws_security_token", Change::Remove),
        ("aws_account_id", Change::Update(set.role_arn.arn().account())),
    ];
    let (found, stamp) = file.edit(|editing| {
        let edited =
            ini::edited(editing.content(), profile, &changes).map_err(|error| file.refused(error))?;
        let exposure = editing.exposure();
        let unchanged = Found { static_key: None, exposure, open: None };
        if *edited == editing.content() {
            return Ok(Edited::Unchanged(unchanged));
        }
        let Some(open) = gate.enter() else { return Ok(Edited::Unchanged(unchanged)) };
        let static_key = static_key(editing.content(), profile);
        Ok(Edited::Content(edited, Found { static_key, exposure, open: Some(open) }))
    })?;
    let Found { static_key, exposure, open } = found;
    Ok(Written { stamp, is_changed: open.is_some(), static_key, exposure })
}

/// Findings about a file while it is edited.
struct Found<'a> {
    static_key: Option<String>,
    exposure: Option<u32>,
    /// Held until the file is in place.
    open: Option<MutexGuard<'a, bool>>,
}

/// Returns the id of the profile's access key, if that is a long-lived one.
fn static_key(content: &[u8], profile: &Section) -> Option<String> {
    let id = ini::value(content, profile, "aws_access_key_id")?;
    id.starts_with(b"AKIA").then(|| String::from_utf8_lossy(id).into_owned())
}

/// Allows writes until it is closed, which happens only between writes.
#[derive(Debug)]
pub struct Gate(Mutex<bool>);

impl Default for Gate {
    /// Returns an open gate.
    fn default() -> Self {
        Self(Mutex::new(true))
    }
}

impl Gate {
    /// Waits for a write in progress; none starts afterwards.
    pub fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    fn enter(&self) -> Option<MutexGuard<'_, bool>> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.then_some(open)
    }
}
