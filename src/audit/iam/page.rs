//! A report as one page for browsers.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::report::{Finding, LastUse, Report};
use crate::audit::page::{self, text};

/// Returns the page.
pub fn page(report: &Report) -> String {
    let mut html = page::open("Access keys, users and roles", "anyrole audit iam");
    page::summary(&mut html, report.findings.iter().map(|finding| finding.severity));
    page::count(&mut html, report.counts.keys, "keys");
    page::count(&mut html, report.counts.users, "users");
    page::count(&mut html, report.counts.roles, "roles");
    page::count(&mut html, report.counts.hosts, "hosts");
    filters(&mut html, report);
    findings(&mut html, report);
    looked_at(&mut html, report);
    page::close(&mut html);
    html
}

fn filters(html: &mut String, report: &Report) {
    page::filters(html);
    let findings = || report.findings.iter();
    page::choice(html, "kind", findings().map(|finding| finding.kind.as_str()).collect());
    page::choice(html, "rule", findings().map(|finding| finding.rule).collect());
    page::choice(html, "owner", findings().filter_map(|finding| finding.owner.as_deref()).collect());
    let places = findings().flat_map(|finding| &finding.places);
    page::choice(html, "host", places.map(|place| place.host.as_str()).collect());
    page::search(html, "user, role, key, path");
}

fn findings(html: &mut String, report: &Report) {
    html.push_str("<h2>Findings</h2>\n");
    if report.findings.is_empty() {
        html.push_str("<p>Nothing was found.</p>\n");
        return;
    }
    html.push_str(
        "<table id=\"findings\">\n<thead><tr><th>Severity</th><th>Who</th><th>What</th><th>Last use</th>\
         <th>May do</th><th>Where</th></tr></thead>\n<tbody>\n",
    );
    for finding in &report.findings {
        row(html, finding);
    }
    html.push_str("</tbody>\n</table>\n");
}

fn row(html: &mut String, finding: &Finding) {
    let word = finding.severity.as_str();
    let hosts: BTreeSet<&str> = finding.places.iter().map(|place| place.host.as_str()).collect();
    let hosts: Vec<String> = hosts.into_iter().map(text).collect();
    // Writing to a String cannot fail.
    let _ = write!(
        html,
        "<tr data-severity=\"{word}\" data-kind=\"{}\" data-rule=\"{}\" data-owner=\"{}\" data-host=\"{}\">\
         <td class=\"{word}\">{word}</td><td>{} {}",
        finding.kind.as_str(),
        finding.rule,
        text(finding.owner.as_deref().unwrap_or_default()),
        hosts.join("\n"),
        finding.kind.as_str(),
        text(finding.who()),
    );
    if let Some(id) = &finding.access_key_id {
        let _ = write!(html, "<br><code>{}</code>", text(id));
    } else if let Some(slot) = finding.slot {
        let _ = write!(html, "<br>key {slot} of the report");
    }
    if let Some(owner) = &finding.owner {
        let _ = write!(html, "<br>owner {}", text(owner));
    }
    let _ = write!(html, "</td><td>{}<br><code>anyrole explain {}</code>", text(&finding.says), finding.rule);
    if !finding.services.is_empty() {
        let _ = write!(html, "<br>never used: {}", text(&finding.services.join(", ")));
    }
    let _ = write!(html, "</td><td>{}</td><td>", text(&last_use(finding.last_used.as_ref())));
    if let Some(reach) = &finding.reach {
        html.push_str(&text(&reach.short()));
    }
    html.push_str("</td><td>");
    for place in &finding.places {
        let secret = if place.secret_beside { ", with its secret" } else { "" };
        let _ = write!(
            html,
            "{} <code>{}:{}</code> readable by {}{secret}<br>",
            text(&place.host),
            text(&place.path),
            place.line,
            place.readable_by
        );
    }
    html.push_str("</td></tr>\n");
}

fn last_use(used: Option<&LastUse>) -> String {
    match used {
        None => String::from("not known"),
        Some(used) if used.never => String::from("never"),
        Some(used) => {
            let words = [used.at.as_deref(), used.service.as_deref(), used.region.as_deref()];
            words.into_iter().flatten().collect::<Vec<_>>().join(" ")
        }
    }
}

fn looked_at(html: &mut String, report: &Report) {
    let _ = write!(
        html,
        "<h2>What was looked at</h2>\n<p>Account {}, {}, version {}. {} users, {} roles, {} keys, {} of them with \
         their ids, services of {}, {} hosts. A key is old after {} days, and something is unused after {}.</p>\n<ul>\n",
        text(&report.account),
        text(&report.looked_at),
        report.version,
        report.counts.users,
        report.counts.roles,
        report.counts.keys,
        report.counts.keys_with_id,
        report.counts.accessed,
        report.counts.hosts,
        report.max_age_days,
        report.unused_days
    );
    for note in &report.notes {
        let _ = writeln!(
            html,
            "<li>{}<br><small><code>{}</code></small></li>",
            text(&note.about),
            text(&note.way)
        );
    }
    html.push_str("</ul>\n");
}
