//! Reports of one host or many as one page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::report::{Finding, Report};
use crate::audit::page::{self, text};

/// The way out, by rule.
const WAYS_OUT: &[(&str, &str)] = &[
    (
        "key-bedrock",
        "Delete the key in IAM, and call Bedrock with the credentials of a role: anyrole credential-process.",
    ),
    (
        "key-long-lived",
        "Give what uses it a role by anyrole credential-process, then deactivate the key, wait, and delete it.",
    ),
    ("key-service", "Find out which service put it there, and take it out of the file."),
    (
        "key-temporary",
        "It ends by itself. Let whatever wrote it ask for credentials when it needs them, and write none.",
    ),
];

/// Returns the page of one report or several.
pub fn page(reports: &[Report]) -> String {
    let mut html = page::open("Static access keys", "anyrole audit files");
    summary(&mut html, reports);
    filters(&mut html, reports);
    findings(&mut html, reports);
    spread(&mut html, reports);
    hosts(&mut html, reports);
    page::close(&mut html);
    html
}

fn all(reports: &[Report]) -> impl Iterator<Item = (&Report, &Finding)> {
    reports.iter().flat_map(|report| report.findings.iter().map(move |finding| (report, finding)))
}

fn summary(html: &mut String, reports: &[Report]) {
    page::summary(html, all(reports).map(|(_, finding)| finding.severity));
    let keys: BTreeSet<_> = all(reports).map(|(_, finding)| &finding.access_key_id).collect();
    let hosts: BTreeSet<_> = reports.iter().map(|report| &report.host).collect();
    page::count(html, keys.len(), "keys");
    page::count(html, hosts.len(), "hosts");
    page::count(html, reports.iter().map(|report| report.looked_at.files).sum::<u64>(), "files looked at");
}

fn filters(html: &mut String, reports: &[Report]) {
    page::filters(html);
    page::choice(html, "host", reports.iter().map(|report| report.host.as_str()).collect());
    let owners = all(reports).filter_map(|(_, finding)| finding.owner.as_deref());
    page::choice(html, "owner", owners.collect());
    let places = all(reports).filter_map(|(_, finding)| finding.holder.as_deref());
    page::choice(html, "place", places.collect());
    html.push_str("<label><input type=\"checkbox\" name=\"secret\"> with secret</label>\n");
    page::search(html, "key, path, account");
}

fn findings(html: &mut String, reports: &[Report]) {
    html.push_str("<h2>Findings</h2>\n");
    if all(reports).next().is_none() {
        html.push_str("<p>No access key was found.</p>\n");
        return;
    }
    html.push_str(
        "<table id=\"findings\">\n<thead><tr><th>Severity</th><th>Key</th><th>Where</th><th>Who can read it</th>\
         <th>Way out</th></tr></thead>\n<tbody>\n",
    );
    let mut sorted: Vec<_> = all(reports).collect();
    sorted.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.severity));
    for (report, finding) in sorted {
        row(html, report, finding);
    }
    html.push_str("</tbody>\n</table>\n");
}

fn row(html: &mut String, report: &Report, finding: &Finding) {
    let optional = |value: &Option<String>| text(value.as_deref().unwrap_or_default());
    let word = finding.severity.as_str();
    let secret = if finding.secret_beside { "with its secret" } else { "without its secret" };
    let _ = write!(
        html,
        "<tr data-severity=\"{word}\" data-host=\"{}\" data-owner=\"{}\" data-place=\"{}\" data-secret=\"{}\">\
         <td class=\"{word}\">{word}</td><td><code>{}</code><br>{}, {secret}",
        text(&report.host),
        optional(&finding.owner),
        optional(&finding.holder),
        finding.secret_beside,
        text(&finding.access_key_id),
        finding.kind.as_str(),
    );
    if let Some(account) = &finding.account {
        let _ = write!(html, "<br>account {}", text(account));
    }
    let _ = write!(
        html,
        "</td><td>{}<br><code>{}:{}</code>",
        text(&report.host),
        text(&finding.path),
        finding.line
    );
    let process = finding.process.as_ref().map(|process| format!("process {} {}", process.pid, process.name));
    let commit = finding.git.as_ref().map(|git| match (&git.commit, &git.file) {
        (Some(commit), Some(file)) => format!("commit {commit}, {file}"),
        (Some(commit), None) => format!("commit {commit}"),
        (None, _) => format!("object {}, in no commit", git.object),
    });
    for detail in [&finding.member, &finding.place, &process, &commit, &finding.holder].into_iter().flatten()
    {
        let _ = write!(html, "<br>{}", text(detail));
    }
    let _ = write!(html, "</td><td>{}", finding.readable_by.as_str());
    if let (Some(mode), Some(owner), Some(group)) = (&finding.mode, &finding.owner, &finding.group) {
        let _ = write!(html, "<br>mode {}, {}:{}", text(mode), text(owner), text(group));
    }
    let way = WAYS_OUT.iter().find(|(rule, _)| *rule == finding.rule).map_or("", |(_, way)| way);
    let _ = writeln!(
        html,
        "</td><td>{} <code>anyrole explain {}</code></td></tr>",
        text(way),
        text(&finding.rule)
    );
}

/// Which keys stand in several places, with their hosts: those are the ones to plan for.
fn spread(html: &mut String, reports: &[Report]) {
    let mut keys: BTreeMap<&str, (usize, BTreeSet<&str>)> = BTreeMap::new();
    for (report, finding) in all(reports) {
        let (places, hosts) = keys.entry(&finding.access_key_id).or_default();
        *places += 1;
        hosts.insert(&report.host);
    }
    keys.retain(|_, (places, _)| *places > 1);
    if keys.is_empty() {
        return;
    }
    html.push_str("<h2>Keys in several places</h2>\n<table>\n<thead><tr><th>Key</th><th>Places</th><th>Hosts</th></tr></thead>\n<tbody>\n");
    for (key, (places, hosts)) in keys {
        let hosts = hosts.into_iter().map(text).collect::<Vec<_>>().join(", ");
        let _ =
            writeln!(html, "<tr><td><code>{}</code></td><td>{places}</td><td>{hosts}</td></tr>", text(key));
    }
    html.push_str("</tbody>\n</table>\n");
}

fn hosts(html: &mut String, reports: &[Report]) {
    html.push_str("<h2>What was looked at</h2>\n");
    for report in reports {
        let looked = &report.looked_at;
        let user =
            if report.as_root { "as root" } else { "not as root: the files of other users are not in it" };
        let _ = write!(
            html,
            "<h3>{}</h3>\n<p>{}, {user}, version {}. {} files, {} octets, {} members of archives, {} processes, {} objects of histories.</p>\n<p>",
            text(&report.host),
            text(&report.started_at),
            text(&report.version),
            looked.files,
            looked.bytes,
            looked.members,
            looked.processes,
            looked.objects
        );
        let roots: Vec<String> =
            report.roots.iter().map(|root| format!("<code>{}</code>", text(root))).collect();
        let _ = writeln!(html, "{}</p>\n<ul>", roots.join(" "));
        let could_not = report
            .could_not_look
            .iter()
            .map(|entry| ("could not look", &entry.reason, entry.count, &entry.examples));
        let left_out =
            report.left_out.iter().map(|entry| ("left out", &entry.reason, entry.count, &entry.examples));
        let passed =
            report.passed_over.iter().map(|entry| ("no key", &entry.reason, entry.count, &entry.examples));
        for (what, reason, count, examples) in could_not.chain(left_out).chain(passed) {
            let examples = text(&examples.join(", "));
            let _ =
                writeln!(html, "<li>{what}: {count} × {}<br><small>{examples}</small></li>", text(reason));
        }
        html.push_str("</ul>\n");
    }
}
