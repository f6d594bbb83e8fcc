//! `audit files`: where static access keys are on this host. Nothing is sent, and nothing is changed.

pub(super) mod iam;
pub(super) mod policy;
mod table;
pub(super) mod trust;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::args::{Needs, Spec, Words};
use super::report::{self, Failure};
use super::settings::table::{Kind, Setting};
use super::{Invocation, grammar, output};
use crate::audit::files::{self, AllowList, AuditError, Progress, Report, Request, Severity};
use crate::clock::SystemClock;
use crate::private_file;

const ALLOW: Setting = Setting::flag(
    "allow",
    Kind::Text("FILE"),
    "a list of keys, accounts and paths that are allowed until a day",
);
const BASELINE: Setting =
    Setting::flag("baseline", Kind::Text("FILE"), "a report of --json; show only what is not in it");
const FAIL_ON: Setting = Setting::flag(
    "fail-on",
    Kind::Word("low|medium|high|critical|never"),
    "the least severity that makes the exit status 1; low without it",
);
const FROM: Setting = Setting::flag(
    "from",
    Kind::List("FILE"),
    "show a report of --json, and look at nothing; may be given again",
);
const GIT: Setting =
    Setting::flag("git", Kind::Boolean, "look through the histories of git repositories too");
const HTML: Setting = Setting::flag("html", Kind::Text("FILE"), "write one page for browsers too");
const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON");
const SARIF: Setting =
    Setting::flag("sarif", Kind::Boolean, "print SARIF 2.1.0, for code hosts and CI systems");
const THREADS: Setting =
    Setting::flag("threads", Kind::Integer, "how many threads look at once; one a processor without it");

/// How often the line of progress changes.
const PROGRESS: Duration = Duration::from_millis(200);

/// `anyrole audit files`.
pub(super) const FILES: Spec = Spec {
    name: "audit files",
    about: "Finds static access keys on this host, and tells who can read them.",
    words: Words::Paths,
    groups: &[],
    flags: &[GIT, ALLOW, BASELINE, FAIL_ON, JSON, SARIF, HTML, FROM, THREADS],
    more: "\
Looks through the files and folders of PATH, and through tar, zip, jar and gzip in
them. Without a PATH, through everything where this host keeps such things: the
own home, or as root every home, the configuration and data of services, logs,
temporary files, and the environments of running processes. Nothing is sent and
nothing is changed. A secret is never shown: only whether it stands there.

Severities:
  critical  a key that lasts, with its secret, and others can read it
  high      a key that lasts, with its secret
  medium    the id of a lasting key; a session's key that may still live
  low       a session's key that has ended, or whose secret is not there

A key that must stay for now is allowed by a comment on its line or the line
before, `anyrole:allow until 2027-03-31`, or by a list: anyrole explain
audit-allow-list shows one. Examples of documentation, placeholders and canaries
are counted and not shown.

Only what is new, and the exit status says whether there is something:
  anyrole audit files --json > known.json
  anyrole audit files --baseline known.json

One page for all hosts:
  anyrole audit files --from web1.json --from web2.json --html keys.html

Exit status: 0 nothing found, 1 found, 2 a path could not be looked at, or the
command line is wrong.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let fail_on = match invocation.typed.flag(FAIL_ON.name) {
        None => Some(Severity::Low),
        Some(word) => Severity::ALL.into_iter().find(|severity| severity.as_str() == word),
    };
    let from: Vec<PathBuf> = invocation.typed.texts(FROM.name).map(PathBuf::from).collect();
    let mut reports = if from.is_empty() { vec![look(invocation)?] } else { files::read_reports(&from)? };
    if let Some(baseline) = invocation.typed.flag(BASELINE.name) {
        for report in &mut reports {
            files::compare(report, Path::new(baseline))?;
        }
    }
    if let Some(path) = invocation.typed.flag(HTML.name) {
        // Which keys there are is for nobody else to read.
        private_file::replace(Path::new(path), files::page(&reports).as_bytes(), 0o600)?;
    }
    write(invocation, &reports).map_err(Failure::output)?;
    let could_not_look: Vec<_> = reports.iter().flat_map(|report| &report.could_not_look).collect();
    if let Some(first) = could_not_look.first() {
        let paths = could_not_look.iter().flat_map(|entry| &entry.examples).cloned().collect();
        return Err(AuditError::NotLooked { paths, reason: first.reason.clone() }.into());
    }
    let is_bad = fail_on.is_some_and(|severity| reports.iter().any(|report| report.has(severity)));
    if is_bad { Err(Failure::Negative) } else { Ok(()) }
}

fn write(invocation: &Invocation<'_>, reports: &[Report]) -> Result<(), output::OutputError> {
    for report in reports {
        if invocation.has(&JSON) {
            output::write_json("audit-files", report)?;
        } else if invocation.has(&SARIF) {
            output::write(format!("{:#}\n", files::sarif(report)).as_bytes())?;
        }
    }
    if invocation.has(&JSON) || invocation.has(&SARIF) {
        return Ok(());
    }
    output::write(table::render(reports).as_bytes())
}

fn look(invocation: &Invocation<'_>) -> Result<Report, Failure> {
    let allow = match invocation.typed.flag(ALLOW.name) {
        Some(path) => AllowList::read(Path::new(path))?,
        None => AllowList::default(),
    };
    let threads = invocation.typed.flag(THREADS.name).and_then(grammar::integer);
    let request = Request {
        paths: invocation.typed.words.iter().map(PathBuf::from).collect(),
        git: invocation.has(&GIT),
        allow,
        threads: threads.and_then(|threads| usize::try_from(threads).ok()),
    };
    let progress = Progress::default();
    if !report::is_seen() {
        return Ok(files::run(&request, invocation.env, &SystemClock, &progress));
    }
    let (done, ended) = mpsc::channel::<()>();
    let progress = &progress;
    Ok(std::thread::scope(|scope| {
        scope.spawn(move || {
            while ended.recv_timeout(PROGRESS) == Err(RecvTimeoutError::Timeout) {
                report::progress(&table::progress(progress));
            }
            report::progress("");
        });
        // Also where looking ends in a panic, or the line would go on for ever.
        let done = done;
        let report = files::run(&request, invocation.env, &SystemClock, progress);
        drop(done);
        report
    }))
}
