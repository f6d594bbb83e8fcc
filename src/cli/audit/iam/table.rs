//! The report of `audit iam` for people: a table of findings, where the keys stand, and what is not known.

use std::fmt::Write as _;
use std::path::Path;

use crate::audit::files::Severity;
use crate::audit::iam::{Finding, LastUse, Planned, Report};
use crate::private_file::shell_word;
use crate::text::{printable, printable_line, shortened};

const HEADINGS: [&str; 8] = ["SEVERITY", "WHO", "KEY", "AGE", "LAST USED", "OWNER", "MAY DO", "WHAT"];
/// The most characters of a cell but the last.
const WIDEST: usize = 44;

/// Renders a report, and what was planned.
pub(super) fn render(report: &Report, planned: Option<(&Path, Planned)>) -> String {
    let mut text = String::new();
    let rows: Vec<[String; 8]> = report.findings.iter().map(row).collect();
    if !rows.is_empty() {
        let headings = HEADINGS.map(str::to_owned);
        let width = |column: usize| {
            let cells = rows.iter().chain([&headings]).map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: [usize; 8] = std::array::from_fn(width);
        line(&mut text, &headings, &widths);
        for (row, finding) in rows.iter().zip(&report.findings) {
            line(&mut text, row, &widths);
            details(&mut text, finding);
        }
        text.push('\n');
    }
    summary(&mut text, report);
    if let Some((folder, planned)) = planned {
        let Planned { unused, inactive, used, left_out } = planned;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "\nthe plan has {unused} unused, {inactive} inactive and {used} used keys; {left_out} are left out\n  \
             have each item signed: {}",
            shell_word(&folder.join("plan.toml"))
        );
    }
    text
}

fn line(text: &mut String, row: &[String; 8], widths: &[usize; 8]) {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths) {
        let _ = write!(line, "{cell:<width$}  ");
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

fn row(finding: &Finding) -> [String; 8] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| String::from("-"));
    let cut = |text: String| shortened(&printable(&text), WIDEST);
    let slot = || finding.slot.map(|slot| format!("key {slot}"));
    [
        finding.severity.as_str().to_owned(),
        cut(format!("{} {}", finding.kind.as_str(), finding.who())),
        or_none(finding.access_key_id.as_deref().map(printable).or_else(slot)),
        or_none(finding.age_days.map(|days| format!("{days} d"))),
        cut(or_none(finding.last_used.as_ref().map(last_use))),
        cut(or_none(finding.owner.clone())),
        cut(or_none(finding.reach.as_ref().map(|reach| reach.short()))),
        printable_line(&finding.says),
    ]
}

fn last_use(used: &LastUse) -> String {
    if used.never {
        return String::from("never");
    }
    let mut text = format!("{} d", used.days_ago.unwrap_or(0));
    for word in [&used.service, &used.region].into_iter().flatten() {
        let _ = write!(text, " {word}");
    }
    text
}

fn details(text: &mut String, finding: &Finding) {
    for place in &finding.places {
        let secret = if place.secret_beside { ", with its secret" } else { "" };
        let _ = writeln!(
            text,
            "    {}: {}:{}, readable by {}{secret}",
            printable(&place.host),
            printable(&place.path),
            place.line,
            place.readable_by
        );
    }
    if !finding.services.is_empty() {
        let _ = writeln!(text, "    never used: {}", printable(&finding.services.join(", ")));
    }
}

fn summary(text: &mut String, report: &Report) {
    let found = report.findings.len();
    let _ = match found {
        0 => write!(text, "nothing was found"),
        1 => write!(text, "1 finding"),
        _ => write!(text, "{found} findings"),
    };
    let counts = Severity::ALL.into_iter().filter_map(|severity| {
        let count = report.findings.iter().filter(|finding| finding.severity == severity).count();
        (count > 0).then(|| format!("{count} {}", severity.as_str()))
    });
    let counts: Vec<String> = counts.collect();
    if !counts.is_empty() {
        let _ = write!(text, " ({})", counts.join(", "));
    }
    let looked = &report.counts;
    let _ = writeln!(
        text,
        " in account {}: {} users, {} roles, {} keys, {} of them with their ids, {} hosts",
        printable(&report.account),
        looked.users,
        looked.roles,
        looked.keys,
        looked.keys_with_id,
        looked.hosts
    );
    for note in &report.notes {
        let _ = writeln!(text, "  {}\n    {}", printable_line(&note.about), printable_line(&note.way));
    }
    let mut rules: Vec<&str> = report.findings.iter().map(|finding| finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    for rule in rules {
        let _ = writeln!(text, "  the way out: anyrole explain {rule}");
    }
}
