//! A ratchet: what an earlier report knows is no news, and what it knew and is gone may not come back.

use std::collections::HashSet;
use std::path::Path;

use super::error::AuditError;
use super::report::{Report, read_report};

/// Takes the findings out of a report that an earlier one has, and counts them and those that are gone.
///
/// A finding is the same by its key and its file; lines move. One that an earlier report has without a secret beside it is
/// news where the secret is there.
///
/// # Errors
///
/// Fails if the file is not a report that can be read.
pub fn compare(report: &mut Report, baseline: &Path) -> Result<(), AuditError> {
    let baseline = read_report(baseline)?;
    let known: HashSet<_> =
        baseline.findings.iter().map(|finding| (finding.identity(), finding.secret_beside)).collect();
    let is_known = |finding: &super::Finding| {
        known.contains(&(finding.identity(), true))
            || (!finding.secret_beside && known.contains(&(finding.identity(), false)))
    };
    let here: HashSet<_> = report.findings.iter().map(super::Finding::identity).collect();
    let gone = baseline.findings.iter().filter(|finding| !here.contains(&finding.identity())).count();
    drop(here);
    let before = report.findings.len();
    report.findings.retain(|finding| !is_known(finding));
    report.in_baseline = u64::try_from(before - report.findings.len()).ok();
    report.gone_from_baseline = u64::try_from(gone).ok();
    Ok(())
}
