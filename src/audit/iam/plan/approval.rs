//! The file for signatures: TOML, one item a key, in lines that `common.sh` reads too.

use std::fmt::Write as _;

use super::Items;
use super::item::{LeftOut, Step};
use crate::audit::iam::report::{Key, Report};
use crate::text::escaped;

/// The lines that people fill in, which are no part of the checksum.
pub(super) const SIGNATURES: [&str; 3] = ["approved-by", "until", "hosts-moved"];

pub(super) fn render(report: &Report, items: &Items<'_>, left_out: &[LeftOut<'_>], wait_days: u64) -> String {
    let mut text = format!(
        "\
# How the static access keys of account {account} go. Made by anyrole audit iam at {at}.
#
# Whoever is responsible for a key signs its item: approved-by is a name, until the last
# day (UTC) on which the scripts may do it. Nothing else may be changed: the scripts
# compare the rest with a checksum, and refuse. An item without a signature stays as it is.
#
#   sh 1-deactivate.sh [KEY-ID...]   way back: sh reactivate.sh KEY-ID
#   sh 2-check.sh [KEY-ID...]        how far each key is; changes nothing
#   sh 3-delete.sh [KEY-ID...]       after {wait_days} days without use; no way back
#
# They need the AWS CLI, signed in to this account with iam:ListAccessKeys,
# iam:GetAccessKeyLastUsed, iam:UpdateAccessKey and iam:DeleteAccessKey.
version = 1
account = {account_text}
made-at = {at_text}
wait-days = {wait_days}
quiet-days = {quiet_days}
",
        account = report.account,
        at = report.looked_at,
        account_text = quoted(&report.account),
        at_text = quoted(&report.looked_at),
        quiet_days = report.unused_days,
    );
    let headings = [
        (Step::Unused, "Nobody uses these"),
        (Step::Inactive, "These are inactive already"),
        (
            Step::Used,
            "These are in use. First move every host to a role (anyrole credential-process), and\n# then fill in hosts-moved, the day on which the last one was moved",
        ),
    ];
    for (step, heading) in headings {
        let mut of_step = items.iter().filter(|item| item.step == step).peekable();
        if of_step.peek().is_some() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n# {heading}.\n");
        }
        for item in of_step {
            let what = match step {
                Step::Unused | Step::Used => format!("deactivate it, wait {wait_days} days, delete it"),
                Step::Inactive => format!("wait {wait_days} days from the first run, delete it"),
            };
            let _ = write!(
                text,
                "\n[[item]]\naccess-key-id = {}\nuser = {}\nphase = {}\nwhat = {}\nwhy = {}\n",
                quoted(item.id),
                quoted(&item.key.user),
                quoted(step.as_str()),
                quoted(&what),
                quoted(&item.why)
            );
            let owner = item.key.owner.as_deref().unwrap_or("nobody is named by a tag of the user");
            let _ = writeln!(text, "who-approves = {}", quoted(owner));
            list(&mut text, "evidence", &evidence(item.key));
            list(&mut text, "hosts", &hosts(item.key));
            if step == Step::Used {
                text.push_str("hosts-moved = \"YYYY-MM-DD\"\n");
            }
            text.push_str("approved-by = \"\"\nuntil = \"YYYY-MM-DD\"\n");
        }
    }
    if !left_out.is_empty() {
        text.push_str("\n# Left out, since no script can do it:\n");
    }
    for LeftOut { key, why } in left_out {
        let id = key.access_key_id.as_deref().map_or_else(
            || key.slot.map_or_else(|| String::from("a key"), |slot| format!("key {slot}")),
            escaped,
        );
        let _ = writeln!(text, "# - {id} of {}: {why}", escaped(&key.user));
    }
    text
}

fn evidence(key: &Key) -> Vec<String> {
    let mut evidence = Vec::new();
    if let (Some(at), Some(days)) = (&key.created_at, key.age_days) {
        evidence.push(format!("{}: {at}, {days} days ago", key.age_of));
    }
    evidence.push(match &key.last_used {
        None => String::from("last use: not known"),
        Some(last) if last.never => String::from("last use: never"),
        Some(last) => {
            let mut text = format!("last use: {}", last.at.as_deref().unwrap_or("?"));
            for (name, value) in [("service", &last.service), ("region", &last.region)] {
                if let Some(value) = value {
                    let _ = write!(text, ", {name} {value}");
                }
            }
            text
        }
    });
    evidence.push(match &key.reach {
        None => String::from("what it may do: not known"),
        Some(reach) => format!("what it may do: {}", reach.short()),
    });
    evidence
}

fn hosts(key: &Key) -> Vec<String> {
    let places = key.places.iter();
    places
        .map(|place| {
            let secret = if place.secret_beside { "with its secret" } else { "without its secret" };
            format!(
                "{}: {}:{}, {secret}, readable by {}",
                place.host, place.path, place.line, place.readable_by
            )
        })
        .collect()
}

fn list(text: &mut String, name: &str, lines: &[String]) {
    if lines.is_empty() {
        let _ = writeln!(text, "{name} = []");
        return;
    }
    let _ = writeln!(text, "{name} = [");
    for line in lines {
        let _ = writeln!(text, "  {},", quoted(line));
    }
    text.push_str("]\n");
}

/// A basic string of TOML, on one line.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text).replace('\\', "\\\\").replace('"', "\\\""))
}
