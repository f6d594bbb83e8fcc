//! What the files do not tell, and what would.

use std::collections::BTreeSet;

use super::account::{Account, others};
use super::answers::Answers;
use super::commands::COMMANDS;
use super::credential_report::CredentialReport;
use super::report::Note;
use super::usage::{days_since, is_older};
use crate::clock::Timestamp;

/// A report that is older is told: IAM makes one anew after four hours.
const FRESH_DAYS: u64 = 1;

pub(super) fn of(
    report: &CredentialReport,
    answers: &Answers,
    account: &Account,
    now: Timestamp,
) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |about: String, way: &str| notes.push(Note { about, way: way.to_owned() });
    let [_, (_, details), (_, keys), (_, last_used), (_, accessed), _] = COMMANDS;
    if let Some(generated) = report.generated_at.filter(|generated| is_older(*generated, FRESH_DAYS, now)) {
        let about = format!("the credential report is {} days old", days_since(generated, now));
        note(about, COMMANDS[0].1);
    }
    if answers.details.is_none() {
        note(String::from("what users may do, their owners, and roles are not known"), details);
    }
    if answers.is_cut {
        note(String::from("the last page of the authorization details is missing"), details);
    }
    let of_details = answers.details.iter().flat_map(|details| &details.role_detail_list);
    let foreign: BTreeSet<&str> = of_details
        .filter_map(|role| role.arn.split(':').nth(4))
        .filter(|other| *other != account.id)
        .collect();
    for other in foreign {
        note(format!("the authorization details have roles of another account, {other}"), details);
    }
    let all_keys = || account.principals.iter().flat_map(|principal| &principal.keys);
    let without_id = all_keys().filter(|key| key.id.is_none()).count();
    if without_id > 0 {
        let about =
            format!("the ids of {without_id} keys are not known: the credential report has no key ids");
        note(about, keys);
    }
    let without_owner = answers.used.iter().filter(|used| used.access_key_id.is_none()).count();
    if without_owner > 0 {
        let about = format!("{without_owner} answers of get-access-key-last-used do not say of which key");
        note(about, last_used);
    }
    let unclear = answers.accessed.iter().filter(|accessed| accessed.arn.is_none()).count();
    if unclear > 0 {
        let about = format!("{unclear} answers of get-service-last-accessed-details do not say of whom");
        note(about, accessed);
    }
    let cut = answers.accessed.iter().filter(|accessed| !accessed.is_complete).count();
    if cut > 0 {
        let about =
            format!("{cut} answers of get-service-last-accessed-details are not complete, and left out");
        note(about, accessed);
    }
    let more: Vec<&str> =
        report.users.iter().filter(|user| user.more.is_some()).map(|user| user.name.as_str()).collect();
    if !more.is_empty() {
        let about = format!(
            "the credential report shows two keys of each user, and there are more of {}",
            more.join(", ")
        );
        note(about, keys);
    }
    for (kind, count) in others(&answers.hosts) {
        note(format!("{count} findings on hosts are no keys of users: {kind}"), "anyrole audit files");
    }
    notes
}
