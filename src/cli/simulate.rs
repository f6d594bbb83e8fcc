//! `simulate`: a local IAM Roles Anywhere and STS, on loopback only.

pub(super) mod error;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use error::SimulateError;
use pki_test::simulator::{Fault as Played, Profile, Role, Simulator, SimulatorSettings};
use pki_test::verifier::TrustAnchor;
use serde::Serialize;

use super::args::{Spec, Typed, Words};
use super::report::Failure;
use super::runtime::block_on;
use super::settings::table::{Kind, Setting};

use super::{Invocation, grammar, output};
use crate::private_file::{self, shell_word};
use crate::process;
use crate::x509::pem;

/// How often the parent is looked for.
const PARENT_INTERVAL: Duration = Duration::from_millis(500);
/// The largest file of trust anchor certificates, in bytes.
const ANCHOR_LIMIT: u64 = 1 << 20;
const RESOURCE_ID: &str = "a1b2c3d4-0000-4000-8000-000000000001";
const DEFAULT_ANCHOR: &str = "anyrole-pki/ca/root.pem";

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
const REGION: Setting = Setting::flag("region", Kind::Text("REGION"), "region [default: eu-central-1]");
const ACCOUNT: Setting = Setting::flag("account", Kind::Text("DIGITS"), "account [default: 111122223333]");
const ROLE: Setting =
    Setting::flag("role", Kind::List("NAME"), "a role that may be assumed [default: anyrole-test]");
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
const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON for programs");

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
        REGION,
        ACCOUNT,
        ROLE,
        RATE,
        FAULT,
        CLOCK,
        JOURNAL,
        JOURNAL_FULL,
        JSON,
    ],
    more: "\
Listens on 127.0.0.1 only, and ends with the process that started it, or on Ctrl-C. A fault may be
given again; with xN at its end only the first N requests meet it:
  bad-token=newline|shell|escape  clock=±TIME  cut-body  deny=ID  empty-set  expiration=±TIME
  foreign-role  hang  html=STATUS  latency=TIME  missing=FIELD  redirect[=URL]  reset
  session-length=TIME  status=5xx  throttle[=SECONDS]  wrong-json
",
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    // The first thing: a parent that ends while the simulator starts is missed as any other.
    let parent = process::parent();
    let typed = &invocation.typed;
    let world = World::of(typed)?;
    let settings = settings(typed, &world)?;
    let simulator = Simulator::start(settings).map_err(SimulateError::Start)?;
    if let (Some(path), Some(pem)) = (typed.flag(HTTPS_CA.name), simulator.tls_ca_pem()) {
        private_file::replace(Path::new(path), pem.as_bytes(), 0o644)?;
    }
    let ready = world.ready(&simulator);
    block_on(async {
        // Before anyone is told that it listens: whoever reads that may end it at once.
        let asked = asked();
        let written = if invocation.has(&JSON) {
            output::write_json("simulate", &ready)
        } else {
            output::write(ready.text().as_bytes())
        };
        written.map_err(Failure::output)?;
        tokio::select! {
            () = asked => Ok(()),
            () = orphaned(parent) => Ok(()),
        }
    })?
}

/// The resources that exist, by their ARNs.
pub(super) struct World {
    pub(super) region: String,
    pub(super) trust_anchor_arn: String,
    pub(super) profile_arn: String,
    pub(super) role_arns: Vec<String>,
}

impl World {
    /// Returns a trust anchor, a profile and roles in one account and region.
    pub(super) fn new(region: &str, account: &str, roles: &[&str]) -> Self {
        let resource = |kind| format!("arn:aws:rolesanywhere:{region}:{account}:{kind}/{RESOURCE_ID}");
        Self {
            region: region.to_owned(),
            trust_anchor_arn: resource("trust-anchor"),
            profile_arn: resource("profile"),
            role_arns: roles.iter().map(|role| format!("arn:aws:iam::{account}:role/{role}")).collect(),
        }
    }

    fn of(typed: &Typed) -> Result<Self, SimulateError> {
        let account = typed.flag(ACCOUNT.name).unwrap_or("111122223333");
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SimulateError::Account { account: account.to_owned() });
        }
        let mut roles: Vec<&str> = typed.texts(ROLE.name).collect();
        if roles.is_empty() {
            roles.push("anyrole-test");
        }
        Ok(Self::new(typed.flag(REGION.name).unwrap_or("eu-central-1"), account, &roles))
    }

    /// Returns the settings of a simulator in which these resources exist, with these CA certificates as trust anchor.
    pub(super) fn simulator(&self, anchors: &[Vec<u8>]) -> Result<SimulatorSettings, SimulateError> {
        let anchor = TrustAnchor::new(&self.trust_anchor_arn, anchors)
            .map_err(|error| SimulateError::TrustAnchor { why: error.to_string() })?;
        let arn = |error: pki_test::verifier::arn::ArnError| SimulateError::Arn { why: error.to_string() };
        let role_arns: Vec<&str> = self.role_arns.iter().map(String::as_str).collect();
        let mut profile = Profile::new(&self.profile_arn, &role_arns).map_err(arn)?;
        profile.accept_role_session_name = true;
        let roles =
            role_arns.iter().map(|role| Role::new(role)).collect::<Result<Vec<_>, _>>().map_err(arn)?;
        Ok(SimulatorSettings::new(&self.region, vec![anchor], vec![profile], roles))
    }

    fn ready<'a>(&'a self, simulator: &'a Simulator) -> Ready<'a> {
        Ready {
            http_endpoint: simulator.http_endpoint(),
            https_endpoint: simulator.https_endpoint(),
            https_ca: simulator.tls_ca_pem(),
            region: &self.region,
            trust_anchor_arn: &self.trust_anchor_arn,
            profile_arn: &self.profile_arn,
            role_arns: &self.role_arns,
        }
    }
}

/// What a client of the simulator needs, once it listens.
#[derive(Serialize)]
struct Ready<'a> {
    http_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    https_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    https_ca: Option<&'a str>,
    region: &'a str,
    trust_anchor_arn: &'a str,
    profile_arn: &'a str,
    role_arns: &'a [String],
}

impl Ready<'_> {
    fn text(&self) -> String {
        let mut text = format!("simulating IAM Roles Anywhere and STS on {}", self.http_endpoint);
        // Writing to a String cannot fail.
        if let Some(endpoint) = &self.https_endpoint {
            let _ = write!(text, " and {endpoint}");
        }
        let _ = write!(
            text,
            "\n\ntry it in another terminal:\n  anyrole credential-process --endpoint {} \\\n    --trust-anchor-arn {} \\\n    \
             --profile-arn {} \\\n    --role-arn {} \\\n    --certificate HOST.pem --private-key HOST.key\n",
            self.http_endpoint,
            self.trust_anchor_arn,
            self.profile_arn,
            self.role_arns.first().map_or("", String::as_str),
        );
        text
    }
}

fn settings(typed: &Typed, world: &World) -> Result<SimulatorSettings, Failure> {
    let mut anchors = Vec::new();
    let mut paths: Vec<&str> = typed.texts(TRUST_ANCHOR.name).collect();
    if paths.is_empty() {
        if !Path::new(DEFAULT_ANCHOR).exists() {
            let why = format!("no --trust-anchor is given, and there is no {DEFAULT_ANCHOR} here");
            return Err(SimulateError::TrustAnchor { why }.into());
        }
        paths.push(DEFAULT_ANCHOR);
    }
    for path in paths {
        anchors.extend(certificates(Path::new(path))?);
    }
    let mut faults = Vec::new();
    let clock = typed.flag(CLOCK.name).map(|offset| format!("clock={offset}"));
    for text in typed.texts(FAULT.name).chain(clock.as_deref()) {
        let fault: Played = text
            .parse()
            .map_err(|error| SimulateError::Fault { text: text.to_owned(), why: format!("{error}") })?;
        faults.push(fault);
    }
    let port = |flag: &Setting| number(typed, flag).map(|port| port.map(address));
    Ok(SimulatorSettings {
        http: port(&PORT)?.unwrap_or_else(|| address(0)),
        https: port(&HTTPS_PORT)?,
        rate_limit: number(typed, &RATE)?,
        faults,
        journal_file: typed.flag(JOURNAL.name).map(PathBuf::from),
        journal_full: typed.flag(JOURNAL_FULL.name).and_then(grammar::boolean).unwrap_or(false),
        ..world.simulator(&anchors)?
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

/// Reads the CA certificates of a PEM file, as DER.
pub(super) fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let bytes = private_file::read_bounded(path, ANCHOR_LIMIT)?;
    let unusable = |why: String| SimulateError::TrustAnchor { why: format!("{}: {why}", shell_word(path)) };
    let blocks = pem::read(&bytes).map_err(|error| unusable(error.to_string()))?;
    let found: Vec<Vec<u8>> = blocks
        .into_iter()
        .filter(|block| block.label.is_certificate())
        .map(|block| block.der.to_vec())
        .collect();
    if found.is_empty() { Err(unusable(String::from("it holds no certificate")).into()) } else { Ok(found) }
}

/// Catches Ctrl-C and SIGTERM from now on, and returns what waits for them; where they cannot be caught, they end the
/// process by themselves.
#[cfg(unix)]
fn asked() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};

    let signals = signal(SignalKind::interrupt())
        .and_then(|interrupt| signal(SignalKind::terminate()).map(|terminate| (interrupt, terminate)));
    async {
        let Ok((mut interrupt, mut terminate)) = signals else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// Waits for Ctrl-C; where it cannot be caught, it ends the process by itself.
#[cfg(not(unix))]
async fn asked() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Waits until this process has another parent than at its start.
async fn orphaned(parent: Option<i32>) {
    if parent.is_none() {
        return std::future::pending().await;
    }
    while process::parent() == parent {
        tokio::time::sleep(PARENT_INTERVAL).await;
    }
}
