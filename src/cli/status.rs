//! `status`: how each session stands, from what is kept on this host; nothing is sent.

use std::fmt::Write as _;

use serde::Serialize;

use super::args::{Spec, Words};
use super::cache::{FailureDocument, failure_line};
use super::report::Failure;
use super::settings::Settings;
use super::settings::session::SessionSettings;
use super::settings::table::{Group, Kind, Setting};
use super::{CalledAs, Invocation, output, provider};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::identity::{self, IdentityError};
use crate::provider::Standing;
use crate::text::{printable, quoted};
use crate::x509::Certificate;

const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON");
const PROMETHEUS: Setting =
    Setting::flag("prometheus", Kind::Boolean, "print metrics for a textfile collector");

/// `anyrole status`.
pub(super) const SPEC: Spec = Spec {
    name: "status",
    about: "Tells how each session stands: its end, its certificate's, the last refresh and failure.",
    words: Words::Session,
    groups: &[
        Group::Session,
        Group::SecondHop,
        Group::Identity,
        Group::Network,
        Group::Cache,
        Group::Program,
    ],
    flags: &[JSON, PROMETHEUS],
    more: "\
NAME is a [session.NAME] of the config file. Without it, every one of them; where there is none, the
session of the flags, variables and [defaults]. Nothing is sent, and no session is made.
Exit status: 0 all good, 1 the last refresh failed or a certificate cannot be used.
",
    run,
};

/// How one session stands.
struct Report {
    /// Its name in the config file.
    name: Option<String>,
    role_arn: String,
    standing: Standing,
    certificate: Result<Certificate, IdentityError>,
}

impl Report {
    fn is_good(&self, now: Timestamp) -> bool {
        let is_valid = self.certificate.as_ref().is_ok_and(|certificate| certificate.not_after() > now);
        self.standing.failure.is_none() && is_valid
    }

    fn of(invocation: &Invocation<'_>, name: Option<String>) -> Result<Self, Failure> {
        let Invocation { spec, called_as, env, typed } = invocation;
        let settings = Settings::resolve_named(typed, name.as_deref(), env, spec.groups)?;
        let settings: SessionSettings = settings.session(env, *called_as == CalledAs::OfficialHelper)?;
        let second = settings.second_hop.as_ref().map(|hop| &hop.request.role_arn);
        let role_arn = second.unwrap_or(&settings.request.role_arn).to_string();
        let source = settings.identity.clone();
        let standing = provider::provider(settings, env)?.standing();
        let certificate = identity::load_chain(&source.certificate, source.intermediates.as_ref(), env)
            .map(|chain| chain.end_entity);
        // Where the certificate cannot be read, that is what is told.
        let standing = standing.unwrap_or(Standing { entry: None, failure: None });
        Ok(Self { name, role_arn, standing, certificate })
    }
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let names = match invocation.typed.words.first() {
        Some(name) => vec![name.clone()],
        None => Settings::session_names(&invocation.typed, invocation.env)?,
    };
    let names: Vec<Option<String>> =
        if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() };
    let reports =
        names.into_iter().map(|name| Report::of(invocation, name)).collect::<Result<Vec<_>, _>>()?;
    let now = SystemClock.now();
    let written = if invocation.has(&JSON) {
        let sessions: Vec<_> = reports.iter().map(|report| Document::of(report, now)).collect();
        output::write_json("status", &sessions)
    } else if invocation.has(&PROMETHEUS) {
        output::write(metrics(&reports, now).as_bytes())
    } else {
        output::write(render(&reports, now).as_bytes())
    };
    written.map_err(Failure::output)?;
    if reports.iter().all(|report| report.is_good(now)) { Ok(()) } else { Err(Failure::Negative) }
}

#[derive(Serialize)]
struct Document<'a> {
    name: Option<&'a str>,
    role_arn: &'a str,
    good: bool,
    expiration: Option<String>,
    last_refresh: Option<String>,
    access_key_id: Option<&'a str>,
    certificate_subject_name: Option<&'a str>,
    certificate_not_after: Option<String>,
    certificate_days_left: Option<u64>,
    certificate_error: Option<String>,
    last_failure: Option<FailureDocument<'a>>,
}

impl<'a> Document<'a> {
    fn of(report: &'a Report, now: Timestamp) -> Self {
        let Report { name, role_arn, standing: Standing { entry, failure }, certificate } = report;
        let entry = entry.as_ref();
        let found = certificate.as_ref().ok();
        Self {
            name: name.as_deref(),
            role_arn,
            good: report.is_good(now),
            expiration: entry.map(|entry| entry.expiration().to_string()),
            last_refresh: entry.map(|entry| entry.created_at.to_string()),
            access_key_id: entry.map(|entry| entry.credential_set.credentials.access_key_id.as_str()),
            certificate_subject_name: found.map(Certificate::subject_name),
            certificate_not_after: found.map(|certificate| certificate.not_after().to_string()),
            certificate_days_left: found.map(|certificate| days_left(certificate, now)),
            certificate_error: certificate.as_ref().err().map(ToString::to_string),
            last_failure: failure.as_ref().map(FailureDocument::of),
        }
    }
}

fn days_left(certificate: &Certificate, now: Timestamp) -> u64 {
    certificate.not_after().since(now).as_secs() / 86_400
}

fn render(reports: &[Report], now: Timestamp) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for Report { name, role_arn, standing: Standing { entry, failure }, certificate } in reports {
        let title = name.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
        let _ = writeln!(text, "{title}{role_arn}");
        let _ = match entry {
            None => writeln!(text, "  session: none is kept"),
            Some(entry) => {
                let (end, created) = (entry.expiration(), entry.created_at);
                let _ = writeln!(text, "  session: expires at {end}, {}", end.distance_from(now));
                writeln!(text, "  last refresh: {created}, {}", created.distance_from(now))
            }
        };
        let _ = match certificate {
            Err(error) => writeln!(text, "  certificate: {}", printable(&error.to_string())),
            Ok(certificate) => {
                let end = certificate.not_after();
                let word = if end > now { "expires" } else { "expired" };
                let subject = quoted(certificate.subject_name());
                writeln!(
                    text,
                    "  certificate: subject {subject}, {word} at {end}, {}",
                    end.distance_from(now)
                )
            }
        };
        if let Some(failure) = failure {
            let _ = writeln!(text, "  last failure: {}", failure_line(failure, now));
            for (name, value) in &failure.report.facts {
                let _ = writeln!(text, "    {}: {}", printable(name), printable(value));
            }
        }
    }
    text
}

/// Renders the [text format] of Prometheus: gauges, one sample a session.
///
/// [text format]: https://prometheus.io/docs/instrumenting/exposition_formats/
fn metrics(reports: &[Report], now: Timestamp) -> String {
    type Sample = fn(&Report, Timestamp) -> Option<i64>;
    const METRICS: [(&str, &str, Sample); 5] = [
        ("anyrole_last_refresh_succeeded", "1 unless the last refresh failed.", |report, _| {
            Some(i64::from(report.standing.failure.is_none()))
        }),
        ("anyrole_last_failure_timestamp_seconds", "When the last refresh failed.", |report, _| {
            report.standing.failure.as_ref().map(|failure| failure.at.unix_seconds())
        }),
        ("anyrole_session_created_timestamp_seconds", "When the session was made.", |report, _| {
            report.standing.entry.as_ref().map(|entry| entry.created_at.unix_seconds())
        }),
        ("anyrole_session_expiration_timestamp_seconds", "When the session ends.", |report, _| {
            report.standing.entry.as_ref().map(|entry| entry.expiration().unix_seconds())
        }),
        ("anyrole_certificate_expiration_timestamp_seconds", "When the certificate ends.", |report, _| {
            report.certificate.as_ref().ok().map(|certificate| certificate.not_after().unix_seconds())
        }),
    ];
    let mut text = String::new();
    for (metric, help, sample) in METRICS {
        let _ = writeln!(text, "# HELP {metric} {help}\n# TYPE {metric} gauge");
        for report in reports {
            if let Some(value) = sample(report, now) {
                // Neither a name nor an ARN has a character that would have to be escaped here.
                let (name, role_arn) = (report.name.as_deref().unwrap_or_default(), &report.role_arn);
                let _ = writeln!(text, "{metric}{{session=\"{name}\",role_arn=\"{role_arn}\"}} {value}");
            }
        }
    }
    text
}
