//! The access keys, users and roles of an account, from files that a user brings; nothing is sent.
//!
//! ```text
//! csv ──► credential_report ──┐
//!                             ├──► account ──► rules ──► report ──► table (cli), page, plan
//! model ──► answers ──────────┘       ▲
//!                          reach ─────┘
//! ```
//!
//! The credential report tells of passwords, MFA and keys, but no key ids. Those come from list-access-keys, from the answers
//! of get-access-key-last-used, and from reports of `audit files`, and are given to the report's keys only where one way
//! fits best.

mod account;
mod answers;
mod commands;
mod credential_report;
mod csv;
mod error;
mod model;
mod notes;
mod page;
mod plan;
mod reach;
mod report;
mod rules;
mod usage;

use std::path::PathBuf;

pub use answers::{Operation, Source};
pub use commands::COMMANDS;
pub use error::{IDS, IamError};
pub use page::page;
pub use plan::{Planned, write_plan};
pub use reach::{Level, Reach};
pub use report::{Finding, Key, Kind, LastUse, LookedAt, Note, Place, Report, Status};
pub use rules::Limits;

use crate::clock::Clock;
use crate::private_file;
use answers::Answers;

/// What is to be looked at.
#[derive(Clone, Debug)]
pub struct Request {
    /// The credential report: CSV, or the answer in JSON.
    pub report: PathBuf,
    /// Other answers.
    pub sources: Vec<Source>,
    /// Tags that name who is responsible; without one, the usual ones.
    pub owner_tags: Vec<String>,
    /// What counts as too old and as unused.
    pub limits: Limits,
}

/// Reads the files and tells what is wrong.
///
/// # Errors
///
/// Fails if a file cannot be read, or is not what its command prints.
pub fn run(request: &Request, clock: &dyn Clock) -> Result<Report, IamError> {
    let now = clock.now();
    let bytes = private_file::read_bounded(&request.report, answers::LARGEST)?;
    let credentials = credential_report::read(&request.report, &bytes)?;
    let answers = Answers::read(&request.sources)?;
    let account = account::join(&credentials, &answers, &request.owner_tags);
    let findings = rules::apply(&account, request.limits, now);
    let keys = keys(&account, now);
    let of_kind = |kind: Kind| account.principals.iter().filter(|principal| principal.kind == kind).count();
    let counts = LookedAt {
        users: of_kind(Kind::User),
        roles: of_kind(Kind::Role),
        keys: keys.len(),
        keys_with_id: keys.iter().filter(|key| key.access_key_id.is_some()).count(),
        accessed: account.accessed.len(),
        hosts: answers.hosts.len(),
    };
    Ok(Report {
        account: account.id.clone(),
        looked_at: now.to_string(),
        report_generated_at: credentials.generated_at.map(|time| time.to_string()),
        version: env!("CARGO_PKG_VERSION"),
        max_age_days: request.limits.max_age_days,
        unused_days: request.limits.unused_days,
        counts,
        notes: notes::of(&credentials, &answers, &account, now),
        findings,
        keys,
    })
}

fn keys(account: &account::Account, now: crate::clock::Timestamp) -> Vec<Key> {
    let of_principals = account.principals.iter();
    let keys = of_principals.flat_map(|principal| principal.keys.iter().map(move |key| (principal, key)));
    keys.map(|(principal, key)| Key {
        user: principal.name.clone(),
        arn: principal.arn.clone(),
        is_root: principal.kind == Kind::Root,
        access_key_id: key.id.clone(),
        candidates: key.candidates.clone(),
        slot: key.slot,
        status: key.status,
        created_at: key.since.map(|since| since.to_string()),
        age_days: key.since.map(|since| usage::days_since(since, now)),
        age_of: if key.is_creation { "creation" } else { "last change" },
        last_used: key.used.shown(now),
        owner: principal.owner.clone(),
        reach: principal.reach.clone(),
        places: key.places.clone(),
    })
    .collect()
}
