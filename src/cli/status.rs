//! `status`: what is known of each session on this host; nothing is sent.

mod metrics;
mod served;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::args::{Needs, Spec, Words};
use super::cache::{self, FailureDocument, failure_line};
use super::credential_process::VIA;
use super::keeping::Keeping;
use super::lists::{self, Watched};
use super::report::Failure;
use super::settings::session::SessionSettings;
use super::settings::table::{Group, Kind, Setting};
use super::settings::{self, Settings};
use super::usage::UsageError;
use super::{CalledAs, Invocation, output, provider};
use crate::cache::Namespace;
use crate::cache::choice::CacheChoice;
use crate::cache::state_folder::StateLocation;
use crate::clock::{Clock as _, SystemClock, Timestamp, describe_seconds};
use crate::config::Config;
use crate::env::Environment;
use crate::identity::{self, IdentityError, IdentitySource, KeyFinding};
use crate::private_file;
use crate::provider::{SLACK, SessionStatus, file_key_lender};
use crate::text::{printable, quoted};
use crate::x509::Certificate;

const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON");
const PROMETHEUS: Setting =
    Setting::flag("prometheus", Kind::Boolean, "print metrics for a textfile collector");
const OUTPUT: Setting =
    Setting::flag("output", Kind::Text("FILE"), "with --prometheus: write the metrics there");
const CRL: Setting = Setting::flag(
    "crl",
    Kind::List("PATH"),
    "a revocation list to watch; may be given again [default: the PKI's]",
);

/// Whoever collects the metrics (the node exporter runs as a user of its own) must read them, and there is nothing in them
/// that another user of this host may not know: names of sessions, ARNs of roles, times and counts.
const METRICS_MODE: u32 = 0o644;

/// `anyrole status`.
pub(super) const SPEC: Spec = Spec {
    name: "status",
    about: "Shows each session: when it and its certificate expire, and the last refresh and failure.",
    words: Words::Session,
    groups: Group::ALL,
    flags: &[JSON, PROMETHEUS, OUTPUT, CRL, VIA],
    more: "\
NAME is a [session.NAME] of the config file. Without it, every one of them; where there is none, the
session of the flags, variables and [defaults]. Nothing is sent, and no session is made.
The private key is checked too, unless that takes a password: that it is there, that its file is
private, and that it belongs to the certificate.

--crl watches a revocation list: when it ends, and whether the certificate is on it. Where the certificate
lies in a PKI of this program (pki init), its list is watched without being named.

--prometheus --output FILE puts the metrics in place in one step, readable for all, for the textfile
collector of the node exporter; a timer every minute or so:
  anyrole status --prometheus \\
    --output /var/lib/prometheus/node-exporter/anyrole.prom

--via unix:PATH asks the server that has this socket ('anyrole serve NAME --socket PATH') instead: until
when each of its sessions is good. It is the probe of a container without a shell.

Exit status: 0 all good, 1 the last refresh failed, certificate or private key cannot be used, or a list has
ended or names the certificate; with --via: 1 there is no session, or no server.
",
    needs: Needs::Everything,
    run,
};

/// The state of one session.
struct Report {
    /// Its name in the config file.
    name: Option<String>,
    role_arn: String,
    /// How it is narrowed, if it is.
    scope: Option<String>,
    /// The requested duration; `None` if the profile decides, or the session that it is derived from.
    requested: Option<Duration>,
    status: SessionStatus,
    certificate: Result<Certificate, IdentityError>,
    intermediates: Vec<Certificate>,
    /// The revocation lists that are watched.
    lists: Vec<Watched>,
    key: Result<KeyFinding, IdentityError>,
    /// Remarks on settings that were not used.
    unread: Vec<String>,
    /// Where a new session would be stored.
    keeping: Keeping,
}

impl Report {
    fn is_good(&self, now: Timestamp) -> bool {
        let is_valid = self.certificate.as_ref().is_ok_and(|certificate| certificate.not_after() > now);
        let lists = self.lists.iter().all(|list| list.is_good(now));
        self.status.failure.is_none() && is_valid && self.key.is_ok() && lists
    }

    /// Returns the granted and the requested duration, if less was granted than requested.
    fn shortened(&self) -> Option<(Duration, Duration)> {
        let granted = self.status.entry.as_ref()?.lifetime();
        self.requested.filter(|requested| granted + SLACK < *requested).map(|requested| (granted, requested))
    }

    /// Returns when the first of the intermediates ends; `None` without any.
    fn first_intermediate_end(&self) -> Option<Timestamp> {
        self.intermediates.iter().map(Certificate::not_after).min()
    }

    fn of(
        invocation: &Invocation<'_>,
        config: &Config,
        name: Option<String>,
        known: &mut Known,
    ) -> Result<Self, Failure> {
        let Invocation { spec, called_as, env, typed } = invocation;
        let settings = Settings::of_config(config, typed, name.as_deref(), env, spec.groups)?;
        let unread = settings.unread().to_vec();
        let settings: SessionSettings = settings.session(env, *called_as == CalledAs::OfficialHelper)?;
        let second = settings.second_hop.as_ref().map(|hop| &hop.request.role_arn);
        let role_arn = second.unwrap_or(&settings.request.role_arn).to_string();
        let source = settings.identity.clone();
        let choice = settings.cache;
        let provider = provider::provider(settings, env)?;
        let (requested, scope) = (provider.spec().requested(), provider.spec().scope());
        let status = provider.status();
        let chain = identity::load_chain(&source.unattended(), env);
        let lists = lists::watched(
            typed.texts(CRL.name),
            &source.certificate,
            chain.as_ref().ok().map(|chain| &chain.end_entity),
        );
        let (certificate, intermediates) = match chain {
            Ok(chain) => (Ok(chain.end_entity), chain.intermediates),
            Err(error) => (Err(error), Vec::new()),
        };
        let key = match &certificate {
            Ok(_) => identity::examine(&source, env),
            Err(_) => Ok(KeyFinding::NotExamined),
        };
        let keeping = keeping(known, choice, key.is_ok().then_some(&source), env)?;
        // Where the certificate cannot be read, that is what is told.
        let status = status.unwrap_or(SessionStatus { entry: None, failure: None, calls: None });
        Ok(Self {
            name,
            role_arn,
            scope,
            requested,
            status,
            certificate,
            intermediates,
            lists,
            key,
            unread,
            keeping,
        })
    }
}

/// Where sessions are stored, by the chosen cache: determined once, not for each of thousands.
type Known = BTreeMap<&'static str, Keeping>;

fn keeping(
    known: &mut Known,
    choice: CacheChoice,
    source: Option<&IdentitySource>,
    env: &Environment,
) -> Result<Keeping, Failure> {
    if let Some(keeping) = known.get(choice.as_str()) {
        return Ok(keeping.clone());
    }
    let lender = source.map(|source| file_key_lender(source.clone(), env.clone()));
    let namespace = Namespace::from_environment(env)?;
    let found = Keeping::find(choice, namespace, StateLocation::resolve(env), lender);
    known.insert(choice.as_str(), found.clone());
    Ok(found)
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    if let Some(address) = invocation.typed.flag(VIA.name) {
        return served::run(invocation, address);
    }
    let output_file = invocation.typed.flag(OUTPUT.name);
    if let (Some(file), false) = (output_file, invocation.has(&PROMETHEUS)) {
        let expected = "given without --prometheus: what is written to a file is metrics";
        return Err(UsageError::Value { flag: OUTPUT.name, value: file.to_owned(), expected }.into());
    }
    // Read once, and not for each of thousands of sessions.
    let config = settings::config(&invocation.typed, invocation.env)?;
    let names = match invocation.typed.words.first() {
        Some(name) => vec![name.clone()],
        None => config.session_names().map(str::to_owned).collect(),
    };
    let is_described = !names.is_empty() || invocation.settings()?.describe_a_session();
    if !is_described && !invocation.has(&PROMETHEUS) {
        return cache::kept_as_status(invocation);
    }
    let names: Vec<Option<String>> = match (names.is_empty(), is_described) {
        (true, true) => vec![None],
        (true, false) => Vec::new(),
        (false, _) => names.into_iter().map(Some).collect(),
    };
    let mut known = Known::new();
    let reports = names
        .into_iter()
        .map(|name| Report::of(invocation, &config, name, &mut known))
        .collect::<Result<Vec<_>, _>>()?;
    let now = SystemClock.now();
    let metrics = || metrics::render(&reports, invocation.name().is_none(), now);
    let written = if let Some(file) = output_file {
        private_file::replace(Path::new(file), metrics().as_bytes(), METRICS_MODE)?;
        Ok(())
    } else if invocation.has(&PROMETHEUS) {
        output::write(metrics().as_bytes())
    } else if invocation.has(&JSON) {
        let sessions: Vec<_> = reports.iter().map(|report| Document::of(report, now)).collect();
        output::write_json("status", &sessions)
    } else {
        output::write_lines(&render(&reports, now))
    };
    written.map_err(Failure::output)?;
    if reports.iter().all(|report| report.is_good(now)) { Ok(()) } else { Err(Failure::Negative) }
}

#[derive(Serialize)]
struct Document<'a> {
    name: Option<&'a str>,
    role_arn: &'a str,
    scope: Option<&'a str>,
    good: bool,
    expiration: Option<String>,
    last_refresh: Option<String>,
    access_key_id: Option<&'a str>,
    certificate_subject_name: Option<&'a str>,
    certificate_not_after: Option<String>,
    certificate_days_left: Option<u64>,
    certificate_error: Option<String>,
    private_key: Option<&'static str>,
    private_key_error: Option<String>,
    /// When the first of the intermediates ends.
    intermediates_not_after: Option<String>,
    revocation_lists: Vec<lists::Document<'a>>,
    granted_seconds: Option<u64>,
    requested_seconds: Option<u64>,
    not_read: &'a [String],
    new_sessions: &'a Keeping,
    last_failure: Option<FailureDocument<'a>>,
}

impl<'a> Document<'a> {
    fn of(report: &'a Report, now: Timestamp) -> Self {
        let Report {
            name,
            role_arn,
            scope,
            requested,
            status,
            certificate,
            intermediates: _,
            lists,
            key,
            unread,
            keeping,
        } = report;
        let SessionStatus { entry, failure, calls: _ } = status;
        let entry = entry.as_ref();
        let found = certificate.as_ref().ok();
        Self {
            name: name.as_deref(),
            role_arn,
            scope: scope.as_deref(),
            good: report.is_good(now),
            expiration: entry.map(|entry| entry.expiration().to_string()),
            last_refresh: entry.map(|entry| entry.created_at.to_string()),
            access_key_id: entry.map(|entry| entry.credential_set.credentials.access_key_id.as_str()),
            certificate_subject_name: found.map(Certificate::subject_name),
            certificate_not_after: found.map(|certificate| certificate.not_after().to_string()),
            certificate_days_left: found.map(|certificate| days_left(certificate, now)),
            certificate_error: certificate.as_ref().err().map(ToString::to_string),
            private_key: key.as_ref().ok().map(|finding| match finding {
                KeyFinding::Encrypted => "encrypted",
                KeyFinding::Matches => "matches",
                KeyFinding::NotExamined => "not-examined",
            }),
            private_key_error: key.as_ref().err().map(ToString::to_string),
            intermediates_not_after: report.first_intermediate_end().map(|end| end.to_string()),
            revocation_lists: lists.iter().map(|list| list.document()).collect(),
            granted_seconds: entry.map(|entry| entry.lifetime().as_secs()),
            requested_seconds: requested.map(|requested| requested.as_secs()),
            not_read: unread,
            new_sessions: keeping,
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
    for report in reports {
        let Report { name, role_arn, scope, status, certificate, key, .. } = report;
        let SessionStatus { entry, failure, calls: _ } = status;
        let title = name.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
        let _ = writeln!(text, "{title}{role_arn}");
        if let Some(scope) = scope {
            let _ = writeln!(text, "  narrowed by: {scope}");
        }
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
        if let Some(end) = report
            .first_intermediate_end()
            .filter(|end| report.certificate.as_ref().is_ok_and(|certificate| *end < certificate.not_after()))
        {
            let _ = writeln!(text, "  intermediates: the first ends at {end}, {}", end.distance_from(now));
        }
        for list in &report.lists {
            let _ = writeln!(text, "  CRL: {}", list.line(now));
        }
        if let Some((granted, requested)) = report.shortened() {
            let [granted, requested] = [granted, requested].map(|length| match length.as_secs() {
                seconds @ 0..120 => describe_seconds(seconds),
                // The second between AWS's clock and the storing of the session would make 59 of an hour's 60 minutes.
                seconds => describe_seconds((seconds + 30) / 60 * 60),
            });
            let why = match scope {
                Some(_) => "the session that it was made from ended before",
                None => "the role's maximum or the profile's is shorter",
            };
            let _ = writeln!(text, "  granted: {granted} of the {requested} asked for: {why}");
        }
        let _ = match key {
            Err(error) => writeln!(text, "  private key: {}", printable(&error.to_string())),
            Ok(KeyFinding::Encrypted) => writeln!(text, "  private key: encrypted, and not opened"),
            Ok(KeyFinding::Matches) => writeln!(text, "  private key: belongs to the certificate"),
            Ok(KeyFinding::NotExamined) => Ok(()),
        };
        if let Some(failure) = failure {
            let _ = writeln!(text, "  last failure: {}", failure_line(failure, now));
            for (name, value) in &failure.report.facts {
                let _ = writeln!(text, "    {}: {}", printable(name), printable(value));
            }
        }
    }
    for told in reports.first().map(|report| report.unread.as_slice()).unwrap_or_default() {
        let _ = writeln!(text, "{told}");
    }
    let mut told = Vec::new();
    for keeping in reports.iter().map(|report| report.keeping.render()) {
        if !told.contains(&keeping) {
            text.push_str(&keeping);
            told.push(keeping);
        }
    }
    text
}
