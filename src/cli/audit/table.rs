//! The reports of `audit files` for people: a table of findings, and what was looked at and left out.

use std::fmt::Write as _;

use crate::audit::files::{Finding, LeftOut, Progress, Report, Severity};
use crate::text::printable;

const HEADINGS: [&str; 7] = ["SEVERITY", "KEY", "KIND", "ACCOUNT", "SECRET", "READABLE BY", "WHERE"];

/// Renders reports; of several hosts, each under its name.
pub(super) fn render(reports: &[Report]) -> String {
    reports.iter().fold(String::new(), |mut text, report| {
        if reports.len() > 1 {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}{}", if text.is_empty() { "" } else { "\n" }, printable(&report.host));
        }
        one(&mut text, report);
        text
    })
}

fn one(text: &mut String, report: &Report) {
    let rows: Vec<[String; 7]> = report.findings.iter().map(row).collect();
    if !rows.is_empty() {
        let headings = HEADINGS.map(str::to_owned);
        let width = |column: usize| {
            let cells = rows.iter().chain([&headings]).map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: [usize; 7] = std::array::from_fn(width);
        for row in [&headings].into_iter().chain(&rows) {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                let _ = write!(line, "{cell:<width$}  ");
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text.push('\n');
    }
    summary(text, report);
}

fn row(finding: &Finding) -> [String; 7] {
    let readers = match &finding.mode {
        Some(mode) => format!("{} ({})", finding.readable_by.as_str(), printable(mode)),
        None => finding.readable_by.as_str().to_owned(),
    };
    [
        finding.severity.as_str().to_owned(),
        printable(&finding.access_key_id),
        finding.kind.as_str().to_owned(),
        finding.account.as_deref().map_or_else(|| String::from("-"), printable),
        if finding.secret_beside { "there" } else { "-" }.to_owned(),
        readers,
        place(finding),
    ]
}

/// Says where: file and line, then whatever narrows it.
fn place(finding: &Finding) -> String {
    let mut place = format!("{}:{}", printable(&finding.path), finding.line);
    if let Some(member) = &finding.member {
        let _ = write!(place, " > {}", printable(member));
    }
    if let Some(git) = &finding.git {
        let _ = match &git.commit {
            Some(commit) => write!(place, " commit {}", start(commit, 12)),
            None => {
                write!(place, " object {}, in no commit", start(&git.object, 12))
            }
        };
        if let Some(file) = &git.file {
            let _ = write!(place, " {}", printable(file));
        }
    }
    if let Some(process) = &finding.process {
        let _ = write!(place, " {}", printable(&process.name));
        if process.processes > 1 {
            let _ = write!(place, " and {} more", process.processes - 1);
        }
    }
    if let Some(name) = &finding.place {
        let _ = write!(place, " {}", printable(name));
    }
    if let Some(holder) = &finding.holder {
        let _ = write!(place, " ({})", printable(holder));
    }
    if finding.occurrences > 1 {
        let _ = write!(place, ", {} times", finding.occurrences);
    }
    if let Some(until) = &finding.allowed_until {
        let _ = write!(place, ", allowed until {}", start(until, 10));
    }
    place
}

/// Returns the first characters of a text, which may come from a report of elsewhere.
fn start(text: &str, characters: usize) -> String {
    printable(&text.chars().take(characters).collect::<String>())
}

fn summary(text: &mut String, report: &Report) {
    let found = report.findings.len();
    let what = if report.in_baseline.is_some() { "new " } else { "" };
    let _ = match found {
        0 => write!(text, "no {what}access key was found"),
        1 => write!(text, "1 {what}access key was found"),
        _ => write!(text, "{found} {what}access keys were found"),
    };
    let counts = Severity::ALL.into_iter().filter_map(|severity| {
        let count = report.findings.iter().filter(|finding| finding.severity == severity).count();
        (count > 0).then(|| format!("{count} {}", severity.as_str()))
    });
    let counts: Vec<String> = counts.collect();
    if !counts.is_empty() {
        let _ = write!(text, " ({})", counts.join(", "));
    }
    let looked = &report.looked_at;
    let _ = write!(text, " in {} files, {}", looked.files, size(looked.bytes));
    for (count, what) in [
        (looked.members, "members of archives"),
        (looked.processes, "processes"),
        (looked.objects, "objects of git"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    text.push('\n');
    if let (Some(known), Some(gone)) = (report.in_baseline, report.gone_from_baseline) {
        let _ = writeln!(text, "  the baseline knows {known} more; {gone} of it are gone");
        if gone > 0 {
            text.push_str("  write the baseline anew, so that what is gone cannot come back unseen\n");
        }
    }
    if report.by_default && !report.as_root {
        text.push_str("  as this user alone: run it as root for every user of this host\n");
    }
    for passed in &report.passed_over {
        let _ = writeln!(text, "  no finding: {} × {}", passed.count, printable(&passed.reason));
    }
    for left_out in &report.left_out {
        let _ = writeln!(text, "  left out: {}", with_example(left_out));
    }
    let mut rules: Vec<&str> = report.findings.iter().map(|finding| finding.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    for rule in rules {
        let _ = writeln!(text, "  the way out: anyrole explain {}", printable(rule));
    }
}

fn with_example(left_out: &LeftOut) -> String {
    let example = left_out.examples.first().filter(|example| !example.is_empty());
    let example = example.map(|example| format!(", such as {}", printable(example))).unwrap_or_default();
    format!("{} × {}{example}", left_out.count, printable(&left_out.reason))
}

/// Renders how far a run has come, in one line.
pub(super) fn progress(progress: &Progress) -> String {
    let looked = progress.looked_at();
    let found = progress.findings();
    let objects =
        if looked.objects > 0 { format!(", {} objects of git", looked.objects) } else { String::new() };
    format!("{} files, {}{objects}, {found} found", looked.files, size(looked.bytes))
}

fn size(octets: u64) -> String {
    let units = ["octets", "KiB", "MiB", "GiB"];
    let mut unit = 0;
    let mut amount = octets;
    while amount >= 10 * 1024 && unit + 1 < units.len() {
        amount /= 1024;
        unit += 1;
    }
    format!("{amount} {}", units[unit])
}
