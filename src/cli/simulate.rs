//! `simulate`: a local IAM Roles Anywhere and STS, only on loopback.

pub(super) mod ending;
pub(super) mod error;
mod example;
mod ready;
mod world;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use error::SimulateError;
use example::Example;
use pki_test::simulator::{Fault as Played, Simulator, SimulatorSettings};
use pki_test::verifier::Strictness;
use ready::{Ready, Resources};
pub(super) use world::{World, certificates};

use super::args::{Needs, Spec, Typed, Words};
use super::report::Failure;
use super::settings::table::{Kind, Setting};

use super::{Invocation, grammar, output};
use crate::clock::{Clock as _, SystemClock};
use crate::http::runtime::block_on;
use crate::private_file;
use crate::process;

const PORT: Setting = Setting::flag("port", Kind::Integer, "port for http [default: a free one]");
const HTTPS_PORT: Setting =
    Setting::flag("https-port", Kind::Integer, "serve https as well, on this port (0: a free one)");
const HTTPS_CA: Setting =
    Setting::flag("https-ca", Kind::Text("PATH"), "where to write the CA certificate of the https endpoint");
const TRUST_ANCHOR: Setting = Setting::flag(
    "trust-anchor",
    Kind::List("PATH"),
    "CA certificates, PEM [default: anyrole-pki/ca/root.pem]",
);
const CRL: Setting =
    Setting::flag("crl", Kind::List("PATH"), "a revocation list of the trust anchor, PEM, as AWS imports it");
const CRL_POINTS: Setting = Setting::flag(
    "crl-distribution-points",
    Kind::Boolean,
    "ask the lists that certificates name, on loopback",
);
const REGION: Setting = Setting::flag("region", Kind::Text("REGION"), "region [default: eu-central-1]");
const ACCOUNT: Setting = Setting::flag("account", Kind::Text("DIGITS"), "account [default: 111122223333]");
const ROLE: Setting =
    Setting::flag("role", Kind::List("NAME"), "a role that may be assumed [default: anyrole-test]");
const WORLD: Setting =
    Setting::flag("world", Kind::Text("PATH"), "a TOML file of trust anchors, profiles, roles and policies");
const RATE: Setting =
    Setting::flag("rate", Kind::Integer, "CreateSession per second before 429 [default: no limit]");
const FAULT: Setting =
    Setting::flag("fault", Kind::List("FAULT"), "a fault to play, such as hang or status=503x2");
const CLOCK: Setting = Setting::flag("clock", Kind::Text("OFFSET"), "a clock that is wrong by +10m, -30s, …");
const JOURNAL: Setting =
    Setting::flag("journal", Kind::Text("PATH"), "append each request as a line of JSON");
const JOURNAL_FULL: Setting = Setting::flag(
    "journal-full",
    Kind::Boolean,
    "keep signatures in it, which are bearer tokens for minutes",
);
const SERVICE_LIKE: Setting = Setting::flag(
    "service-like",
    Kind::Boolean,
    "accept what AWS only records in CloudTrail, and journal it",
);
const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON for programs");

/// The flags that describe a world by themselves, and so cannot be given with a file.
const SMALL_WORLD: [Setting; 6] = [TRUST_ANCHOR, CRL, CRL_POINTS, REGION, ACCOUNT, ROLE];

/// `anyrole simulate`.
pub(super) const SPEC: Spec = Spec {
    name: "simulate",
    about: "Runs a local IAM Roles Anywhere and STS that verifies like AWS.",
    words: Words::None,
    groups: &[],
    flags: &[
        PORT,
        HTTPS_PORT,
        HTTPS_CA,
        TRUST_ANCHOR,
        CRL,
        CRL_POINTS,
        REGION,
        ACCOUNT,
        ROLE,
        WORLD,
        RATE,
        FAULT,
        CLOCK,
        JOURNAL,
        JOURNAL_FULL,
        SERVICE_LIKE,
        JSON,
    ],
    more: "\
It serves any client of Roles Anywhere, not only this one: give the client this endpoint instead of
AWS's. It answers CreateSession and, for the credentials that it issues, STS GetCallerIdentity,
AssumeRole and GetScopedCredentials. Messages are AWS's, and the journal says which rule a request
broke. It listens on 127.0.0.1 only, and ends with the process that started it, on SIGTERM or on Ctrl-C.

In a test: start it with --json and read one line. It has http_endpoint, the ARNs, and control.token
for the control path, where faults, clock and revocation lists are changed and the journal is read
while it runs:
  at=http://127.0.0.1:PORT/_simulator token='X-Simulator-Token: TOKEN'
  curl -X PUT -H \"$token\" -d '{\"faults\": [\"status=503x2\"]}' $at/faults
  curl -H \"$token\" $at/journal

--world takes several trust anchors, profiles with attribute mappings, and roles with trust policies
from a file; --trust-anchor, --crl, --crl-distribution-points, --region, --account and --role are the
small world without one.

A fault may be given again; with xN at its end only the first N requests meet it:
  bad-token=newline|shell|escape  clock=±TIME  cut-body  deny=ID
  empty-set  expiration=±TIME  foreign-role  hang  html=STATUS
  latency=TIME  missing=FIELD  redirect[=URL]  reset
  session-length=TIME  status=5xx  throttle[=SECONDS]  wrong-json
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    // First of all, so that a parent that ends while the simulator starts is noticed.
    let parent = process::parent();
    let typed = &invocation.typed;
    let settings = settings(typed)?;
    let resources = Resources::of(&settings);
    let example = Example::of(&settings, SystemClock.now());
    let simulator = Simulator::start(settings).map_err(SimulateError::Start)?;
    if let (Some(path), Some(pem)) = (typed.flag(HTTPS_CA.name), simulator.tls_ca_pem()) {
        private_file::replace(Path::new(path), pem.as_bytes(), 0o644)?;
    }
    let ready = Ready::new(&simulator, &resources);
    block_on(async {
        // Before announcing that it listens: whoever reads that may end it at once.
        let asked = ending::asked();
        let written = if invocation.has(&JSON) {
            output::write_json("simulate", &ready)
        } else {
            let ca = typed.flag(HTTPS_CA.name).map(Path::new);
            output::write(ready.text(example.as_ref(), ca).as_bytes())
        };
        written.map_err(Failure::output)?;
        tokio::select! {
            () = asked => Ok(()),
            () = ending::orphaned(parent) => Ok(()),
        }
    })?
}

fn settings(typed: &Typed) -> Result<SimulatorSettings, Failure> {
    let mut settings = match typed.flag(WORLD.name) {
        None => world::settings(typed)?,
        Some(path) => {
            if let Some(flag) = SMALL_WORLD.iter().find(|flag| typed.flag(flag.name).is_some()) {
                return Err(SimulateError::WorldAlone { flag: flag.name }.into());
            }
            SimulatorSettings::from_file(Path::new(path))
                .map_err(|source| SimulateError::World { path: path.to_owned(), source })?
        }
    };
    let clock = typed.flag(CLOCK.name).map(|offset| format!("clock={offset}"));
    for text in typed.texts(FAULT.name).chain(clock.as_deref()) {
        let fault: Played = text
            .parse()
            .map_err(|error| SimulateError::Fault { text: text.to_owned(), why: format!("{error}") })?;
        settings.faults.push(fault);
    }
    match typed.flag(SERVICE_LIKE.name).and_then(grammar::boolean) {
        Some(true) => settings.strictness = Strictness::AsTheService,
        Some(false) => settings.strictness = Strictness::Strict,
        None => {}
    }
    let port = |flag: &Setting| number(typed, flag).map(|port| port.map(address));
    Ok(SimulatorSettings {
        http: port(&PORT)?.unwrap_or_else(|| address(0)),
        https: port(&HTTPS_PORT)?,
        rate_limit: number(typed, &RATE)?.or(settings.rate_limit),
        journal_file: typed.flag(JOURNAL.name).map(PathBuf::from),
        journal_full: typed.flag(JOURNAL_FULL.name).and_then(grammar::boolean).unwrap_or(false),
        ..settings
    })
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn number<N: TryFrom<i64>>(typed: &Typed, flag: &Setting) -> Result<Option<N>, SimulateError> {
    let Some(text) = typed.flag(flag.name) else { return Ok(None) };
    let number = grammar::integer(text).and_then(|number| N::try_from(number).ok());
    number.map(Some).ok_or_else(|| SimulateError::Number { flag: flag.name, value: text.to_owned() })
}
