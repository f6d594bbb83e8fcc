//! The credentials file of AWS's programs: one profile's keys are replaced, and every other byte stays.

pub mod upkeep;

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::aws_file::{AwsFile, AwsFileError};
use crate::credentials::CredentialSet;
use crate::ini::{self, Change, Section};
use crate::private_file::{Edited, Stamp};

/// What came of writing.
#[derive(Clone, Debug)]
pub struct Written {
    /// The file as it is now.
    pub stamp: Stamp,
    /// Whether it was changed, and did not hold all of it already.
    pub is_changed: bool,
    /// The id of a long-lived access key that was in the profile.
    pub static_key: Option<String>,
    /// The permission bits by which other users can reach the file, where they can.
    pub exposure: Option<u32>,
}

/// Puts a session into a profile, if it is not there already; nothing is written once the gate is closed.
///
/// Written are the three keys that every SDK reads. An older name of the session token, which botocore prefers, goes; an account id that is there is the
/// session's account afterwards, since SDKs make endpoints of it.
///
/// # Errors
///
/// Fails if the file cannot be read, changed or written. It is as it was then.
///
/// # Security
///
/// The credentials are in clear text in the file, with mode 0600 where it is new; an existing file keeps its mode.
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

/// What is found out about a file while it is edited.
struct Found<'a> {
    static_key: Option<String>,
    exposure: Option<u32>,
    /// Held until the file is in its place.
    open: Option<MutexGuard<'a, bool>>,
}

/// Returns the id of the profile's access key, if it is one that does not expire.
fn static_key(content: &[u8], profile: &Section) -> Option<String> {
    let id = ini::value(content, profile, "aws_access_key_id")?;
    id.starts_with(b"AKIA").then(|| String::from_utf8_lossy(id).into_owned())
}

/// Lets writes through until it is closed, and is closed between two of them.
#[derive(Debug)]
pub struct Gate(Mutex<bool>);

impl Default for Gate {
    /// Returns an open one.
    fn default() -> Self {
        Self(Mutex::new(true))
    }
}

impl Gate {
    /// Waits for the end of a write that is under way; none begins afterwards.
    pub fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }

    fn enter(&self) -> Option<MutexGuard<'_, bool>> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.then_some(open)
    }
}
