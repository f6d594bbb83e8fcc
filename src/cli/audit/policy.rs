//! `audit policy` and `audit trust`: what is wrong with policies in files. Nothing is sent, and nothing is changed.

use std::fmt::Write as _;

use super::super::args::{Needs, Spec, Words};
use super::super::report::Failure;
use super::super::settings::table::{Kind, Setting};
use super::super::{Invocation, output};
use crate::audit::files::Severity;
use crate::audit::policy::{self, Admitted, Finding, NotJudgedError, Report, Request, Subject};
use crate::clock::{Clock as _, SystemClock};
use crate::text::printable;
use crate::x509::Certificate;

pub(super) const FAIL_ON: Setting = Setting::flag(
    "fail-on",
    Kind::Word("low|medium|high|critical|never"),
    "the least severity that makes the exit status 1; low without it",
);
pub(super) const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON");

/// `anyrole audit policy`.
pub(in super::super) const SPEC: Spec = Spec {
    name: "audit policy",
    about: "Finds what is wrong with policies in files: wildcards, escalation, conditions that never hold.",
    words: Words::Paths,
    groups: &[],
    flags: &[FAIL_ON, JSON],
    more: "\
PATH is a file, a folder (its .json, .yaml, .yml, .template and .tf files), or -
for the standard input. A file holds policies as JSON, as the AWS CLI prints them
(aws iam get-policy-version, get-role-policy, get-account-authorization-details),
a CloudFormation or SAM template, Terraform, or a plan (terraform show -json).
Terraform's files of one folder are one configuration: name the folder, or all of
them, as locals and the policy documents that one joins are read from the others.
Nothing else is evaluated: what only CloudFormation or Terraform will know is
unknown, and what is not judged for it is told.

Severities:
  critical  everything is allowed
  high      leads to everything, or a condition is not what it seems
  medium    more than anybody means
  low       for the reader to know

  aws iam get-account-authorization-details | anyrole audit policy -
  anyrole audit policy --fail-on high infrastructure/

Each finding has a rule with a page: anyrole explain policy-pass-role.

Exit status: 0 nothing found, 1 found, 2 a file could not be read or holds no
policy (the others are judged all the same), or the command line is wrong.
",
    needs: Needs::Everything,
    run: |invocation| run(invocation, Subject::Permissions, None),
};

/// Judges what is asked for, and prints what was found.
pub(super) fn run(
    invocation: &Invocation<'_>,
    subject: Subject,
    certificate: Option<&Certificate>,
) -> Result<(), Failure> {
    let fail_on = match invocation.typed.flag(FAIL_ON.name) {
        None => Some(Severity::Low),
        Some(word) => Severity::ALL.into_iter().find(|severity| severity.as_str() == word),
    };
    let paths = invocation.typed.words.clone();
    if paths.is_empty() {
        let reason = String::from("no file was named; - is the standard input");
        return Err(NotJudgedError { paths: vec![String::from("nothing")], reason }.into());
    }
    let report = policy::run(&Request { paths, subject, certificate, now: SystemClock.now() });
    let kind = match subject {
        Subject::Permissions => "audit-policy",
        Subject::Trust => "audit-trust",
    };
    let written = if invocation.has(&JSON) {
        output::write_json(kind, &report)
    } else {
        output::write(render(&report, subject).as_bytes())
    };
    written.map_err(Failure::output)?;
    if let Some(first) = report.could_not_look.first() {
        let paths = report.could_not_look.iter().map(|unread| unread.path.clone()).collect();
        return Err(NotJudgedError { paths, reason: first.reason.clone() }.into());
    }
    let is_refused = report.admissions.iter().any(|admission| admission.admitted == Some(false));
    let is_bad = fail_on.is_some_and(|severity| report.has(severity));
    if is_bad || is_refused { Err(Failure::Negative) } else { Ok(()) }
}

/// Renders a report for people.
fn render(report: &Report, subject: Subject) -> String {
    let mut text = String::new();
    for admission in &report.admissions {
        admitted(&mut text, admission);
    }
    for finding in &report.findings {
        one(&mut text, finding);
    }
    summary(&mut text, report, subject);
    text
}

// Writing to a String cannot fail: what `write!` returns is left alone below.

fn one(text: &mut String, finding: &Finding) {
    let _ = write!(
        text,
        "{:<8}  {}  {}:{}",
        finding.severity.as_str(),
        finding.rule,
        printable(&finding.path),
        finding.line
    );
    if let Some(resource) = &finding.resource {
        let _ = write!(text, "  {}", printable(resource));
    }
    match (finding.statement, &finding.sid) {
        (Some(number), Some(sid)) => {
            let _ = write!(text, "  statement {number} ({})", printable(sid));
        }
        (Some(number), None) => {
            let _ = write!(text, "  statement {number}");
        }
        (None, _) => {}
    }
    let _ = writeln!(
        text,
        "\n          {}\n          change: {}",
        printable(&finding.message),
        printable(&finding.change)
    );
}

fn admitted(text: &mut String, admission: &Admitted) {
    let verdict = match admission.admitted {
        Some(true) => "admitted",
        Some(false) => "refused",
        None => "unknown",
    };
    let _ = write!(text, "{verdict:<8}  {}:{}", printable(&admission.path), admission.line);
    if let Some(resource) = &admission.resource {
        let _ = write!(text, "  {}", printable(resource));
    }
    let _ = writeln!(text, "\n          the certificate: {}", printable(&admission.reason));
    for admits in &admission.admits {
        let _ = writeln!(text, "          admits, by {}", printable(admits));
    }
}

fn summary(text: &mut String, report: &Report, subject: Subject) {
    if !text.is_empty() {
        text.push('\n');
    }
    let count = |count: usize, one: &str, many: &str| match count {
        0 => format!("no {one}"),
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    let (one, many) = match subject {
        Subject::Permissions => ("policy", "policies"),
        Subject::Trust => ("trust policy", "trust policies"),
    };
    let looked = &report.looked_at;
    let _ = write!(text, "{}", count(report.findings.len(), "finding", "findings"));
    let counts = Severity::ALL.into_iter().filter_map(|severity| {
        let count = report.findings.iter().filter(|finding| finding.severity == severity).count();
        (count > 0).then(|| format!("{count} {}", severity.as_str()))
    });
    let counts: Vec<String> = counts.collect();
    if !counts.is_empty() {
        let _ = write!(text, " ({})", counts.join(", "));
    }
    let _ = writeln!(
        text,
        " in {} with {}, {}",
        count(looked.policies, one, many),
        count(looked.statements, "statement", "statements"),
        count(looked.files, "file", "files"),
    );
    for left in &report.not_judged {
        let resource =
            left.resource.as_deref().map(|name| format!(" {}", printable(name))).unwrap_or_default();
        let _ = writeln!(
            text,
            "  not judged: {}:{}{resource}: {}",
            printable(&left.path),
            left.line,
            printable(&left.reason)
        );
    }
    let mut rules: Vec<&str> = report.findings.iter().map(|finding| finding.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    for rule in rules {
        let _ = writeln!(text, "  what it means: anyrole explain {rule}");
    }
}
