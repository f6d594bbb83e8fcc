//! The backups of `migrate`, when a new private key takes the place of the one that opens them.

use crate::cli::{Invocation, report};
use crate::migrate::store::Store;
use crate::migrate::{MigrateError, rekey};

/// Lets the new private key open the backups of `migrate` that the old one opens; says so, and warns where that cannot be.
pub(super) fn handed_over(invocation: &Invocation<'_>, old: &str, new: &str) -> String {
    let mut text = String::new();
    // A user without a home has none.
    let Ok(store) = Store::locate(invocation.env) else { return text };
    match rekey::run(&store, old, new) {
        Ok(backups) => {
            for backup in backups {
                match backup.outcome {
                    Ok(()) => text.push_str(&format!(
                        "the new private key opens the backup of {} too (migrate)\n",
                        backup.access_key_id
                    )),
                    Err(error) => warn(&format!("the backup of {}", backup.access_key_id), &error),
                }
            }
        }
        Err(error) => warn("the backups of migrate", &error),
    }
    text
}

fn warn(what: &str, error: &MigrateError) {
    report::remark(&format!("the new private key may not open {what}: {}", report::one_line(error)));
}
