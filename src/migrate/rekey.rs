//! A new private key for the backups: before `pki renew` or `pki issue --replace` takes the old one away.

use super::MigrateError;
use super::backup::{Backup, IdentityKey};
use super::store::Store;

/// A backup that only the old key opened.
#[derive(Debug)]
pub struct Rekeyed {
    /// The key that it holds.
    pub access_key_id: String,
    /// Whether the new private key opens it now.
    pub outcome: Result<(), MigrateError>,
}

/// Makes every backup of `store` that `old` opens open with `new` too; both are unencrypted private keys as PEM.
///
/// # Errors
///
/// Fails if the states cannot be read, or if another process works on them.
pub fn run(store: &Store, old: &str, new: &str) -> Result<Vec<Rekeyed>, MigrateError> {
    // Most users have none, and get no folder.
    if store.all()?.iter().all(|state| state.backup.is_none()) {
        return Ok(Vec::new());
    }
    let (Some(old), Some(new)) = (IdentityKey::from_pem(old), IdentityKey::from_pem(new)) else {
        return Ok(Vec::new());
    };
    let _lock = store.lock()?;
    let mut rekeyed = Vec::new();
    for state in store.all()? {
        let Some(name) = &state.backup else { continue };
        let file = store.backup(&state.access_key_id, name);
        // Not yet written, or destroyed on purpose.
        if !file.exists() {
            continue;
        }
        let outcome = Backup::read(&file).and_then(|mut backup| {
            let changed = backup
                .rekey(&old, &new)
                .map_err(|why| MigrateError::BackupDamaged { file: file.clone(), why })?;
            if changed { backup.write(&file).map(|()| true) } else { Ok(false) }
        });
        if !matches!(outcome, Ok(false)) {
            rekeyed.push(Rekeyed { access_key_id: state.access_key_id, outcome: outcome.map(drop) });
        }
    }
    Ok(rekeyed)
}
