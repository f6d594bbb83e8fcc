//! `audit iam`: what is wrong in an account, from files that the user brings. Nothing is sent.

mod table;

use std::path::{Path, PathBuf};

use super::super::args::{Needs, Spec, Words};
use super::super::report::Failure;
use super::super::settings::table::{Kind, Setting};
use super::super::usage::UsageError;
use super::super::{Invocation, grammar, output};
use crate::audit::files::Severity;
use crate::audit::iam::{self, IamError, Limits, Operation, Request, Source};
use crate::clock::SystemClock;
use crate::private_file;

const REPORT: Setting =
    Setting::flag("report", Kind::Text("FILE"), "the credential report, as CSV or as the answer in JSON");
const DETAILS: Setting = Setting::flag(
    "details",
    Kind::List("FILE"),
    "the answer of get-account-authorization-details; may be given again",
);
const LAST_USED: Setting =
    Setting::flag("last-used", Kind::List("FILE"), "answers of get-access-key-last-used; may be given again");
const ACCESSED: Setting = Setting::flag(
    "accessed",
    Kind::List("FILE"),
    "answers of get-service-last-accessed-details; may be given again",
);
const FILES: Setting = Setting::flag(
    "files",
    Kind::List("FILE"),
    "a report of audit files --json of a host; may be given again",
);
const OWNER_TAG: Setting = Setting::flag(
    "owner-tag",
    Kind::List("KEY"),
    "the tag that names who is responsible; may be given again. Without it: owner, team, contact and the like",
);
const MAX_AGE_DAYS: Setting =
    Setting::flag("max-age-days", Kind::Integer, "how old a key may be; 90 without it");
const UNUSED_DAYS: Setting = Setting::flag(
    "unused-days",
    Kind::Integer,
    "after how many days without use something is unused; 90 without it",
);
const FAIL_ON: Setting = Setting::flag(
    "fail-on",
    Kind::Word("low|medium|high|critical|never"),
    "the least severity that makes the exit status 1; low without it",
);
const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON");
const HTML: Setting = Setting::flag("html", Kind::Text("FILE"), "write one page for browsers too");
const PLAN: Setting = Setting::flag(
    "plan",
    Kind::Text("FOLDER"),
    "write a plan that removes the keys: a file for signatures, and scripts",
);
const WAIT_DAYS: Setting = Setting::flag(
    "wait-days",
    Kind::Integer,
    "how long the plan waits between deactivating and deleting a key; 14 without it",
);
const REPLACE: Setting = Setting::flag("replace", Kind::Boolean, "replace the plan that the folder has");

/// How old a key may be, and after how long it is unused.
const USUAL_DAYS: u64 = 90;
/// How long a plan waits: two weeks have every weekly job in them twice.
const USUAL_WAIT: u64 = 14;
/// The most days that make sense: ten years.
const MOST_DAYS: i64 = 3650;

/// `anyrole audit iam`.
pub(in super::super) const SPEC: Spec = Spec {
    name: "audit iam",
    about: "Finds old, unused and dangerous keys, users and roles of an account.",
    words: Words::Paths,
    groups: &[],
    flags: &[
        REPORT,
        DETAILS,
        LAST_USED,
        ACCESSED,
        FILES,
        OWNER_TAG,
        MAX_AGE_DAYS,
        UNUSED_DAYS,
        FAIL_ON,
        JSON,
        HTML,
        PLAN,
        WAIT_DAYS,
        REPLACE,
    ],
    more: "\
Reads files that the AWS CLI wrote, and sends nothing; no credentials are used.
Without --report, the exact read-only commands that write them are printed. Every
PATH may hold any of these answers, one or several; list-access-keys, which tells
the ids of the keys, has no flag of its own. The credential report has no ids.

With --files, each key has the hosts, files and lines where it stands, as audit
files found it; keys of other accounts and of deleted keys are told too.

Severities:
  critical  root has an active key or no MFA; others on a host can read
            an active key with its secret
  high      a password without MFA; an active key with its secret on a
            host
  medium    an active key that is older than 90 days, or not used for 90
            days, or one of two; a user or role not used for 90 days; the
            id of an active key on a host
  low       an inactive key; a copy of a deleted one; a key older than a
            week that was never used; services that are allowed and were
            never used

Medium and high are one step more for an administrator, and for whoever can
become one by its policies. Each rule has a page: anyrole explain iam-key-old.

--plan FOLDER writes plan.toml, in which whoever is responsible signs for each
key, and scripts that do only what is signed: deactivate, wait, look at the last
use, delete, and the way back. Unused keys come first; a key in use goes only
after a person has written down that its hosts are moved, and if it was not used
since. They need the AWS CLI, a POSIX shell, awk and sed.

Exit status: 0 nothing found, 1 found, 2 could not look, or the command line is
wrong.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let fail_on = match invocation.typed.flag(FAIL_ON.name) {
        None => Some(Severity::Low),
        Some(word) => Severity::ALL.into_iter().find(|severity| severity.as_str() == word),
    };
    let Some(report) = invocation.typed.flag(REPORT.name) else { return Err(IamError::ReportMissing.into()) };
    let wait_days = days(invocation, &WAIT_DAYS, USUAL_WAIT)?;
    let request = Request {
        report: PathBuf::from(report),
        sources: sources(invocation),
        owner_tags: invocation.typed.texts(OWNER_TAG.name).map(str::to_owned).collect(),
        limits: Limits {
            max_age_days: days(invocation, &MAX_AGE_DAYS, USUAL_DAYS)?,
            unused_days: days(invocation, &UNUSED_DAYS, USUAL_DAYS)?,
        },
    };
    let report = iam::run(&request, &SystemClock)?;
    if let Some(path) = invocation.typed.flag(HTML.name) {
        // Which keys there are is for nobody else to read.
        private_file::replace(Path::new(path), iam::page(&report).as_bytes(), 0o600)?;
    }
    let folder = invocation.typed.flag(PLAN.name).map(Path::new);
    let planned = match folder {
        Some(folder) => {
            Some(iam::write_plan(&report, folder, invocation.has(&REPLACE), wait_days, &SystemClock)?)
        }
        None => None,
    };
    let written = if invocation.has(&JSON) {
        output::write_json("audit-iam", &report)
    } else {
        output::write(table::render(&report, folder.zip(planned)).as_bytes())
    };
    written.map_err(Failure::output)?;
    let is_bad = fail_on.is_some_and(|severity| report.has(severity));
    if is_bad { Err(Failure::Negative) } else { Ok(()) }
}

/// The files, in the order of their flags; a path by itself may hold any answer.
fn sources(invocation: &Invocation<'_>) -> Vec<Source> {
    let flags = [
        (DETAILS, Operation::Details),
        (LAST_USED, Operation::LastUsed),
        (ACCESSED, Operation::Accessed),
        (FILES, Operation::Files),
    ];
    let named = flags.iter().flat_map(|(flag, operation)| {
        let texts = invocation.typed.texts(flag.name);
        texts.map(|path| Source { path: PathBuf::from(path), holds: Some(*operation) })
    });
    let words = invocation.typed.words.iter();
    named.chain(words.map(|path| Source { path: PathBuf::from(path), holds: None })).collect()
}

fn days(invocation: &Invocation<'_>, flag: &Setting, usual: u64) -> Result<u64, UsageError> {
    let Some(text) = invocation.typed.flag(flag.name) else { return Ok(usual) };
    let days = grammar::integer(text).filter(|days| (1..=MOST_DAYS).contains(days));
    days.and_then(|days| u64::try_from(days).ok()).ok_or_else(|| UsageError::Value {
        flag: flag.name,
        value: text.to_owned(),
        expected: "a number of days, from 1 to 3650",
    })
}
