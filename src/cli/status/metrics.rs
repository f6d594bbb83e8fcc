//! The metrics of `status --prometheus`, in the [text format] 0.0.4; nothing in them is secret, and a value that is not
//! known is left out.
//!
//! How often the cache answered is among those: a call that it answers writes nothing anywhere.
//!
//! [text format]: https://prometheus.io/docs/instrumenting/exposition_formats/

use std::fmt::Write as _;

use super::Report;
use crate::clock::Timestamp;
use crate::diagnostic::Fault;
use crate::x509::Certificate;

/// One sample: its own labels, beside the session's, and its value.
type Sample = (Vec<(&'static str, String)>, i64);

struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    samples: fn(&Report, Timestamp) -> Vec<Sample>,
}

impl Metric {
    const fn gauge(
        name: &'static str,
        help: &'static str,
        samples: fn(&Report, Timestamp) -> Vec<Sample>,
    ) -> Self {
        Self { name, kind: "gauge", help, samples }
    }
}

const METRICS: &[Metric] = &[
    Metric::gauge("anyrole_last_refresh_succeeded", "1 unless the last refresh failed.", |report, _| {
        one(Some(i64::from(report.status.failure.is_none())))
    }),
    Metric::gauge(
        "anyrole_last_failure_timestamp_seconds",
        "When the last refresh failed, by class and id (anyrole explain ID); absent once one succeeds.",
        |report, _| {
            let failure = report.status.failure.iter();
            let labels = |fault, id: &str| vec![("class", class(fault).to_owned()), ("id", id.to_owned())];
            failure
                .map(|failure| (labels(failure.report.fault, &failure.report.id), failure.at.unix_seconds()))
                .collect()
        },
    ),
    Metric::gauge(
        "anyrole_failures_in_a_row",
        "How many refreshes of the last one's class failed one after another; 0 after a success.",
        |report, _| one(Some(report.status.failure.as_ref().map_or(0, |failure| i64::from(failure.count)))),
    ),
    Metric::gauge(
        "anyrole_session_created_timestamp_seconds",
        "When the session was made: the last success.",
        |report, _| one(report.status.entry.as_ref().map(|entry| entry.created_at.unix_seconds())),
    ),
    Metric::gauge("anyrole_session_expiration_timestamp_seconds", "When the session ends.", |report, _| {
        one(session_end(report).map(Timestamp::unix_seconds))
    }),
    Metric::gauge("anyrole_session_remaining_seconds", "How long the session still lasts.", |report, now| {
        one(session_end(report).map(|end| left(end, now)))
    }),
    Metric::gauge(
        "anyrole_certificate_expiration_timestamp_seconds",
        "When the certificate ends.",
        |report, _| one(certificate_end(report).map(Timestamp::unix_seconds)),
    ),
    Metric::gauge(
        "anyrole_certificate_remaining_seconds",
        "How long the certificate is still valid; negative once it has expired.",
        |report, now| one(certificate_end(report).map(|end| left(end, now))),
    ),
    Metric::gauge(
        "anyrole_intermediate_remaining_seconds",
        "How long the intermediate that ends first is still valid; absent without intermediates.",
        |report, now| one(report.first_intermediate_end().map(|end| left(end, now))),
    ),
    Metric::gauge(
        "anyrole_crl_remaining_seconds",
        "How long until another revocation list is due; negative once this one has ended.",
        |report, now| {
            let lists = report.lists.iter();
            let ends = lists.filter_map(|list| Some((list, list.next_update()?)));
            ends.map(|(list, end)| (vec![("file", list.file())], left(end, now))).collect()
        },
    ),
    Metric::gauge(
        "anyrole_certificate_revoked",
        "1 if the certificate is on the revocation list, 0 if it is not.",
        |report, _| {
            let lists = report.lists.iter().filter_map(|list| Some((list, list.revokes()?)));
            lists.map(|(list, revokes)| (vec![("file", list.file())], i64::from(revokes))).collect()
        },
    ),
    Metric::gauge(
        "anyrole_identity_usable",
        "1 unless certificate or private key cannot be used.",
        |report, _| one(Some(i64::from(report.certificate.is_ok() && report.key.is_ok()))),
    ),
    Metric {
        name: "anyrole_session_requests_total",
        kind: "counter",
        help: "How often AWS was asked for the session since this host was started, by what came of it.",
        samples: |report, _| {
            let Some(calls) = report.status.calls else { return Vec::new() };
            let sample = |result: &str, count: u64| {
                (vec![("result", result.to_owned())], i64::try_from(count).unwrap_or(i64::MAX))
            };
            vec![
                sample("granted", calls.granted),
                sample("refused", calls.refused),
                sample("unreachable", calls.unreachable),
            ]
        },
    },
];

fn one(value: Option<i64>) -> Vec<Sample> {
    value.map(|value| (Vec::new(), value)).into_iter().collect()
}

fn session_end(report: &Report) -> Option<Timestamp> {
    report.status.entry.as_ref().map(|entry| entry.expiration())
}

fn certificate_end(report: &Report) -> Option<Timestamp> {
    report.certificate.as_ref().ok().map(Certificate::not_after)
}

fn left(end: Timestamp, now: Timestamp) -> i64 {
    end.unix_seconds().saturating_sub(now.unix_seconds())
}

const fn class(fault: Fault) -> &'static str {
    match fault {
        Fault::Bug => "bug",
        Fault::Identity => "identity",
        Fault::Local => "local",
        Fault::Refused => "refused",
        Fault::Unreachable => "unreachable",
        Fault::Usage => "usage",
    }
}

/// Renders every metric of every session, each metric in one piece, as the format asks; and how many there are, if these
/// are all: the files of several calls, each for a session, must not say the same of different things.
pub(super) fn render(reports: &[Report], are_all: bool, now: Timestamp) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for Metric { name, kind, help, samples } in METRICS {
        let mut lines = String::new();
        for report in reports {
            for (labels, value) in samples(report, now) {
                let _ = write!(
                    lines,
                    "{name}{{session=\"{}\",role_arn=\"{}\"",
                    escaped(report.name.as_deref().unwrap_or_default()),
                    escaped(&report.role_arn)
                );
                for (label, text) in labels {
                    let _ = write!(lines, ",{label}=\"{}\"", escaped(&text));
                }
                let _ = writeln!(lines, "}} {value}");
            }
        }
        if !lines.is_empty() {
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
        }
    }
    if are_all {
        let _ = write!(
            text,
            "# HELP anyrole_sessions How many sessions the configuration describes.\n# TYPE anyrole_sessions gauge\n\
             anyrole_sessions {}\n",
            reports.len()
        );
    }
    text
}

/// Escapes the text of a label: backslash, quote and line feed.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_holds_any_text() {
        assert_eq!(escaped("a\\b\"c\nd"), "a\\\\b\\\"c\\nd");
    }
}
