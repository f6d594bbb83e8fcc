//! A plan that removes the keys: a file for signatures, and scripts that do nothing without one.
//!
//! Keys that nobody uses come first, then inactive ones, then those in use, whose hosts must be moved before. Each is
//! deactivated, waited for, looked at, and deleted; until then there is a way back. The scripts hold the SHA-256 of the file
//! without its signatures, so that nothing but a signature can be added to it.

mod approval;
mod item;

use std::path::Path;

use sha2::{Digest as _, Sha256};

use self::item::{Item, Step};
use super::error::IamError;
use super::report::Report;
use crate::clock::Clock;
use crate::private_file::{self, WriteError};

/// The file for signatures.
const PLAN: &str = "plan.toml";
/// What is common to the scripts.
const COMMON: &str = include_str!("plan/common.sh");
/// The scripts, in their order.
const SCRIPTS: [(&str, &str); 4] = [
    ("1-deactivate.sh", include_str!("plan/1-deactivate.sh")),
    ("2-check.sh", include_str!("plan/2-check.sh")),
    ("3-delete.sh", include_str!("plan/3-delete.sh")),
    ("reactivate.sh", include_str!("plan/reactivate.sh")),
];

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// Keys that nobody uses.
    pub unused: usize,
    /// Inactive keys.
    pub inactive: usize,
    /// Keys in use.
    pub used: usize,
    /// Keys that are left out, with the reason in the file.
    pub left_out: usize,
}

/// Writes the plan of a report into a folder of its own, 0700; files are 0600 and scripts 0700.
///
/// A plan that is replaced is kept beside the new one, without effect. What the scripts noted of keys that are on their way stays.
///
/// # Errors
///
/// Fails if the folder has a plan and it is not to be replaced, if it is open to others, or if it cannot be written.
pub fn write_plan(
    report: &Report,
    folder: &Path,
    is_replaced: bool,
    wait_days: u64,
    clock: &dyn Clock,
) -> Result<Planned, IamError> {
    if report.account.is_empty() {
        let why = String::from("no ARN in it names the account, which the scripts check first");
        return Err(IamError::Report { path: folder.to_owned(), why });
    }
    let (items, left_out) = item::of(report);
    let text = approval::render(report, &items, &left_out, wait_days);
    let checksum = checksum(&text);
    private_file::create_private_folder(folder)?;
    let plan = folder.join(PLAN);
    if plan.symlink_metadata().is_ok() {
        if !is_replaced {
            return Err(IamError::PlanExists { folder: folder.to_owned() });
        }
        let kept = folder.join(format!("plan-until-{}.toml", clock.now().amz_date()));
        // What was signed is a record of who allowed what.
        std::fs::rename(&plan, &kept).map_err(|error| WriteError { path: kept, why: error.to_string() })?;
    }
    // First, so that a crash leaves scripts that refuse a plan they do not know.
    private_file::replace(&plan, text.as_bytes(), 0o600)?;
    let fill = |script: &str| {
        script
            .replace("@ACCOUNT@", &report.account)
            .replace("@CHECKSUM@", &checksum)
            .replace("@WAIT@", &wait_days.to_string())
            .replace("@QUIET@", &report.unused_days.to_string())
    };
    private_file::replace(&folder.join("common.sh"), fill(COMMON).as_bytes(), 0o600)?;
    for (name, script) in SCRIPTS {
        private_file::replace(&folder.join(name), script.as_bytes(), 0o700)?;
    }
    let count = |step: Step| items.iter().filter(|item| item.step == step).count();
    Ok(Planned {
        unused: count(Step::Unused),
        inactive: count(Step::Inactive),
        used: count(Step::Used),
        left_out: left_out.len(),
    })
}

/// `hex(SHA-256(lines that are no signature, each with a line feed))`, as `common.sh` makes it.
fn checksum(plan: &str) -> String {
    let is_signature = |line: &&str| {
        let name = line.trim_start().split(['=', ' ', '\t']).next().unwrap_or_default();
        approval::SIGNATURES.contains(&name)
    };
    let lines = plan.lines().filter(|line| !is_signature(line));
    let text: String = lines.flat_map(|line| [line, "\n"]).collect();
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// An item of the plan, for its parts.
type Items<'a> = [Item<'a>];
