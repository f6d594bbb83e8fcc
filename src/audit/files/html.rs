//! Reports of one host or many as one page: nothing is loaded from elsewhere, and a policy in the page forbids it.
//!
//! Every row is in the page as text; the script only hides rows. So it can be read, searched and printed without it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::report::{Finding, Report, Severity};

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

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
    let mut html = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    // Writing to a String cannot fail.
    let _ = write!(
        html,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>Static access keys: anyrole audit files</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>Static access keys</h1>\n"
    );
    summary(&mut html, reports);
    filters(&mut html, reports);
    findings(&mut html, reports);
    spread(&mut html, reports);
    hosts(&mut html, reports);
    let _ = write!(html, "<script>{SCRIPT}</script>\n</body>\n</html>\n");
    html
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

/// Writes text so that it is nothing but text, also between quotes.
fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // What turns the direction of a text would show another path than there is.
            _ if crate::text::misleads(character) => safe.extend(character.escape_unicode()),
            _ => safe.push(character),
        }
    }
    safe
}

fn all(reports: &[Report]) -> impl Iterator<Item = (&Report, &Finding)> {
    reports.iter().flat_map(|report| report.findings.iter().map(move |finding| (report, finding)))
}

fn summary(html: &mut String, reports: &[Report]) {
    let count = |severity| all(reports).filter(|(_, finding)| finding.severity == severity).count();
    html.push_str("<ul class=\"summary\">\n");
    for severity in Severity::ALL {
        let word = severity.as_str();
        let _ = writeln!(html, "<li class=\"{word}\"><b>{}</b> {word}</li>", count(severity));
    }
    let keys: BTreeSet<_> = all(reports).map(|(_, finding)| &finding.access_key_id).collect();
    let hosts: BTreeSet<_> = reports.iter().map(|report| &report.host).collect();
    let files: u64 = reports.iter().map(|report| report.looked_at.files).sum();
    let _ = writeln!(
        html,
        "<li><b>{}</b> keys</li><li><b>{}</b> hosts</li><li><b>{files}</b> files looked at</li>\n</ul>",
        keys.len(),
        hosts.len()
    );
}

fn filters(html: &mut String, reports: &[Report]) {
    html.push_str("<form id=\"filters\" hidden>\n");
    for severity in Severity::ALL {
        let word = severity.as_str();
        let _ = writeln!(
            html,
            "<label><input type=\"checkbox\" name=\"severity\" value=\"{word}\" checked> {word}</label>"
        );
    }
    let select = |html: &mut String, name: &str, values: BTreeSet<&str>| {
        let _ = write!(html, "<label>{name} <select name=\"{name}\"><option value=\"\">all</option>");
        for value in values {
            let _ = write!(html, "<option>{}</option>", text(value));
        }
        html.push_str("</select></label>\n");
    };
    select(html, "host", reports.iter().map(|report| report.host.as_str()).collect());
    let owners = all(reports).filter_map(|(_, finding)| finding.owner.as_deref());
    select(html, "owner", owners.collect());
    let places = all(reports).filter_map(|(_, finding)| finding.holder.as_deref());
    select(html, "place", places.collect());
    html.push_str(
        "<label><input type=\"checkbox\" name=\"secret\"> with secret</label>\n\
         <label>find <input type=\"search\" name=\"find\" placeholder=\"key, path, account\"></label>\n\
         <output id=\"shown\"></output>\n</form>\n",
    );
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
