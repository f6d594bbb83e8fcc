//! Finds access keys in files: which, whose, where by name, who can read them, and whether their secrets stand beside them.
//!
//! ```text
//! walk ──► scan ──► look ──► key_id, beside, place, allow      one pass: a file without a key is read once, and nothing else
//!          │  ▲
//!          └──┴─ archive, git, processes                        other ways to texts
//! ```
//!
//! What is looked through is hostile until proven otherwise: no input makes a parser panic or hang, and memory is bounded by
//! the number of threads and of findings, not by what is there.

mod allow;
mod archive;
mod baseline;
mod beside;
mod error;
mod escapes;
mod git;
mod holder;
mod html;
mod key_id;
mod literals;
mod look;
mod place;
mod processes;
mod progress;
mod readers;
mod record;
mod report;
mod roots;
mod sarif;
mod scan;
mod walk;

use std::path::{Path, PathBuf};

pub use allow::{AllowList, AllowListError};
pub use baseline::compare;
pub use error::{AuditError, IDS};
pub use html::page;
pub use key_id::{Kind, RULES, account_of};
pub use progress::Progress;
pub use record::host;
pub use report::{
    Audience, Finding, GitPlace, LeftOut, LookedAt, PassedOver, ProcessPlace, Report, Severity, read_reports,
};
pub use sarif::sarif;

use crate::clock::Clock;
use crate::env::Environment;
use record::Record;
use scan::Scanner;

/// What is to be looked through.
#[derive(Debug, Default)]
pub struct Request {
    /// Files and folders; without one, everything where this host keeps such things.
    pub paths: Vec<PathBuf>,
    /// Whether the histories of git repositories are looked through too.
    pub git: bool,
    /// What is known and allowed for now.
    pub allow: AllowList,
    /// How many threads look, at most; `None` for one a processor.
    pub threads: Option<usize>,
}

/// Looks through everything that is asked for, and tells what was found and what could not be looked at.
///
/// Nothing that stands in the way ends it: it is counted, told, and passed by.
pub fn run(request: &Request, env: &Environment, clock: &dyn Clock, progress: &Progress) -> Report {
    let started_at = clock.now();
    let record = Record::new(&request.allow, started_at);
    let by_default = request.paths.is_empty();
    let roots = if by_default { roots::of_this_host(env) } else { request.paths.clone() };
    let threads = request.threads.unwrap_or_else(walk::usual_threads).max(1);
    let scanner = Scanner::new(&record, progress);
    let repositories = walk::walk(&roots, by_default, threads, &scanner, &record);
    if by_default {
        processes::look(&scanner, &record, progress);
    }
    if request.git {
        for repository in &repositories {
            git::look(repository, &scanner, &record);
        }
    } else {
        for repository in &repositories {
            record.leave_out("history of a git repository (see --git)", repository);
        }
    }
    record.into_report(&roots.iter().map(PathBuf::as_path).collect::<Vec<&Path>>(), by_default, progress)
}
