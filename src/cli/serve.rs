//! `serve`: an endpoint for the programs of this host, with credentials that are renewed for as long as it runs.

mod offers;

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::args::{Needs, Spec, Words};
use super::event_log::{EventLog, Form};
use super::report::Failure;
use super::settings::table::{Group, Kind, Setting};
use super::stop::{SignalRequest, Signals};
use super::usage::UsageError;
use super::{Invocation, grammar, output};
use crate::clock::{Clock as _, SystemClock};
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::http::runtime::block_on;
use crate::private_file::KeyFilePolicy;
use crate::server::{
    Caller, Event, ListenError, Listener, MetadataService, NoRandomness, Server, SessionHealth, Site,
    Sockets, Tls, is_loopback,
};
use crate::systemd::Notifier;
use crate::text::printable_line;
use offers::Offers;

const PORT: Setting = Setting::flag("port", Kind::Integer, "0 takes any that is free [default: 9911]");
const BIND: Setting = Setting::flag(
    "bind",
    Kind::List("ADDRESS"),
    "address of this host alone; repeat it [default: 127.0.0.1, ::1]",
);
const HOP_LIMIT: Setting =
    Setting::flag("hop-limit", Kind::Integer, "routers that an answer passes [default: the system's]");
const SOCKET: Setting =
    Setting::flag("socket", Kind::Text("PATH"), "a socket for 'credential-process --via'");
const TOKEN_FOLDER: Setting = Setting::flag(
    "token-folder",
    Kind::Text("PATH"),
    "where NAME.token is written [default: the state folder]",
);
const ALLOW_REMOTE: Setting =
    Setting::flag("allow-remote", Kind::Boolean, "other hosts may ask, by token and under TLS; no IMDS then");
const TLS_CERTIFICATE: Setting =
    Setting::flag("tls-certificate", Kind::Text("PATH"), "the server's certificate with its chain, PEM");
const TLS_KEY: Setting = Setting::flag("tls-key", Kind::Text("PATH"), "its private key, PEM");
const LOG_FORMAT: Setting =
    Setting::flag("log-format", Kind::Word("text|json"), "form of the log's lines [default: text]");

/// The port of the official helper.
const OFFICIAL_PORT: u16 = 9911;
/// How often to look for a port that is free at every address.
const PORT_TRIES: usize = 8;
/// How often the status shown by systemd is updated.
const STATUS_INTERVAL: Duration = Duration::from_secs(15);
/// How often to look for a renewed certificate for TLS.
const TLS_INTERVAL: Duration = Duration::from_secs(60);

/// `anyrole serve`.
pub(super) const SPEC: Spec = Spec {
    name: "serve",
    about: "Hands out credentials to the programs of this host, as an EC2 instance or a container does.",
    words: Words::Sessions,
    groups: Group::SERVED,
    flags: &[PORT, BIND, HOP_LIMIT, SOCKET, TOKEN_FOLDER, ALLOW_REMOTE, TLS_CERTIFICATE, TLS_KEY, LOG_FORMAT],
    more: "  anyrole serve deploy                IMDSv2 and container endpoint
  anyrole serve deploy audit          two sessions
  anyrole serve deploy --socket /run/anyrole/socket

Prints the variables by which programs find it. By IMDSv2 they get the first NAME that they may have;
each NAME has a container path, whose token is in NAME.token. A socket hands every NAME out to
'anyrole credential-process NAME --via unix:PATH', so a job needs no key.

Whose connection it is, the kernel tells: this user's programs are answered, and those of --allow-user
and --allow-group. Browsers, forwarders and other hosts are refused, and the log says who asked. Each
session is renewed at half of its time; while that fails, the last one is handed out until its end.

SIGHUP reads the configuration again. SIGTERM ends it with status 0. Under systemd it takes the sockets
that are handed over, and tells when it is ready. GET /healthz tells how long each session is good.
",
    needs: Needs::Everything,
    run,
};

/// Why `serve` cannot start.
#[derive(Debug, thiserror::Error)]
enum CannotServe {
    /// Users cannot be told apart.
    #[error(
        "cannot tell the users of this host from each other: this user namespace shows the same number, 65534, for all of them"
    )]
    NobodyKnown,
    /// Other hosts would send their token unencrypted.
    #[error("--allow-remote needs --tls-certificate and --tls-key")]
    NoTls,
    /// No token can be generated.
    #[error("cannot protect the endpoint")]
    NoRandomness(#[from] NoRandomness),
    /// Signals cannot be caught.
    #[error("cannot wait for signals")]
    Signals(#[source] std::io::Error),
}

impl Diagnostic for CannotServe {
    fn id(&self) -> &'static str {
        match self {
            Self::NoTls => "endpoint-not-local",
            Self::NobodyKnown | Self::NoRandomness(_) | Self::Signals(_) => "endpoint-not-bound",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NoTls => Fault::Usage,
            Self::NobodyKnown | Self::NoRandomness(_) | Self::Signals(_) => Fault::Local,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        Vec::new()
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NobodyKnown => Some(String::from(
                "run it in the user namespace of those who ask, as another user than 65534",
            )),
            Self::NoTls => Some(String::from(
                "SDKs send a token in the clear to their own host alone; give a certificate for the name that they ask",
            )),
            Self::NoRandomness(_) | Self::Signals(_) => None,
        }
    }
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let form = match invocation.typed.flag(LOG_FORMAT.name) {
        Some("json") => Form::Json,
        Some(_) | None => Form::Text,
    };
    let log = Arc::new(EventLog::of(invocation, form));
    let places = Places::of(invocation)?;
    let mut offers = Offers::new(invocation, Arc::clone(&log));
    // Problems in the settings are reported before anything is opened.
    let first = offers.read(invocation)?;
    block_on(serve(invocation, &log, &places, &mut offers, first))?
}

/// Where to listen.
struct Places {
    addresses: Vec<IpAddr>,
    /// Whether these are the default addresses, of which IPv6 may be missing.
    are_usual: bool,
    port: u16,
    hop_limit: Option<u8>,
    socket: Option<String>,
    /// TLS, if other hosts may connect.
    tls: Option<Tls>,
}

impl Places {
    fn of(invocation: &Invocation<'_>) -> Result<Self, Failure> {
        let typed = &invocation.typed;
        let number = |flag: &'static Setting, expected: &'static str, least: i64, most: i64| {
            let Some(text) = typed.flag(flag.name) else { return Ok(None) };
            let number = grammar::integer(text).filter(|number| (least..=most).contains(number));
            let refused = || UsageError::Value { flag: flag.name, value: text.to_owned(), expected };
            number.ok_or_else(refused).map(Some)
        };
        let port = number(&PORT, "a port, 0 to 65535", 0, 65_535)?.and_then(|port| u16::try_from(port).ok());
        let hop_limit = number(&HOP_LIMIT, "a number from 1 to 255", 1, 255)?;
        let mut addresses = Vec::new();
        for text in typed.texts(BIND.name).flat_map(|text| text.split(',')) {
            let address = text.trim_matches(['[', ']']).parse::<IpAddr>().map_err(|_| UsageError::Value {
                flag: BIND.name,
                value: text.to_owned(),
                expected: "an address like 127.0.0.1 or ::1, without a port",
            })?;
            addresses.push(address);
        }
        let are_usual = addresses.is_empty();
        if are_usual {
            addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        }
        Ok(Self {
            addresses,
            are_usual,
            port: port.unwrap_or(OFFICIAL_PORT),
            hop_limit: hop_limit.and_then(|limit| u8::try_from(limit).ok()),
            socket: typed.flag(SOCKET.name).map(str::to_owned),
            tls: tls(invocation)?,
        })
    }

    /// Opens every place; sockets that systemd passes replace the addresses.
    async fn open(
        &self,
        invocation: &Invocation<'_>,
        is_shared: bool,
        log: &EventLog,
    ) -> Result<Vec<(Listener, Option<SocketAddr>)>, ListenError> {
        #[cfg(unix)]
        let mut listeners = Listener::passed(invocation.env, self.tls.as_ref())?;
        #[cfg(not(unix))]
        let mut listeners: Vec<(Listener, Option<SocketAddr>)> = Vec::new();
        let _ = (invocation, is_shared);
        if listeners.is_empty() {
            listeners.extend(self.listen(log).await?.into_iter().map(|(listener, at)| (listener, Some(at))));
        }
        #[cfg(unix)]
        if let Some(path) = &self.socket {
            listeners.push((Listener::in_file(path.as_ref(), is_shared).await?, None));
        }
        Ok(listeners)
    }

    /// Opens the socket in the file system to other users who may ask.
    fn share(&self, is_shared: bool) -> Result<(), ListenError> {
        #[cfg(unix)]
        if let Some(path) = self.socket.as_ref().filter(|_| is_shared) {
            Listener::share_file(path.as_ref())?;
        }
        let _ = is_shared;
        Ok(())
    }

    async fn listen(&self, log: &EventLog) -> Result<Vec<(Listener, SocketAddr)>, ListenError> {
        let mut tries = 0..PORT_TRIES;
        loop {
            match self.listen_once(log).await {
                // By chance the port was free at one address and taken at another.
                Err(ListenError::Address { .. }) if self.port == 0 && tries.next().is_some() => {}
                outcome => return outcome,
            }
        }
    }

    async fn listen_once(&self, log: &EventLog) -> Result<Vec<(Listener, SocketAddr)>, ListenError> {
        let mut listeners: Vec<(Listener, SocketAddr)> = Vec::new();
        let mut port = self.port;
        for address in &self.addresses {
            match Listener::on(SocketAddr::new(*address, port), self.hop_limit, self.tls.as_ref()).await {
                Ok((listener, at)) => {
                    port = at.port();
                    listeners.push((listener, at));
                }
                // A host without IPv6; a port that somebody else uses is another matter.
                Err(ListenError::Address { holder: None, source, .. })
                    if self.are_usual
                        && address.is_ipv6()
                        && source.kind() != std::io::ErrorKind::AddrInUse =>
                {
                    log.tell(
                        "not-listening",
                        &[("address", address.to_string()), ("reason", source.to_string())],
                    );
                }
                Err(error) => return Err(error),
            }
        }
        Ok(listeners)
    }
}

/// Reads the certificate and key for TLS, if other hosts may connect.
fn tls(invocation: &Invocation<'_>) -> Result<Option<Tls>, Failure> {
    if !invocation.has(&ALLOW_REMOTE) {
        return Ok(None);
    }
    let path = |flag: &Setting| invocation.typed.flag(flag.name).map(PathBuf::from);
    let (Some(certificate), Some(key)) = (path(&TLS_CERTIFICATE), path(&TLS_KEY)) else {
        return Err(CannotServe::NoTls.into());
    };
    let credentials = invocation.env.os_var("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let policy = KeyFilePolicy { allow_insecure: false, credentials_directory: credentials };
    Ok(Some(Tls::read(certificate, key, policy)?))
}

async fn serve(
    invocation: &Invocation<'_>,
    log: &Arc<EventLog>,
    places: &Places,
    offers: &mut Offers,
    first: Vec<offers::Described>,
) -> Result<(), Failure> {
    let mut signals = Signals::catch().map_err(CannotServe::Signals)?;
    let notifier = Notifier::from_environment(invocation.env);
    let sockets = Sockets::probe().map_err(ListenError::Unreachable)?;
    if !sockets.can_identify_own_user() {
        return Err(CannotServe::NobodyKnown.into());
    }
    if sockets == Sockets::Unsupported {
        let why = "this system does not tell who opens a connection: the tokens alone decide";
        log.tell("callers-not-checked", &[("reason", why.to_owned())]);
    }
    let is_shared = first.iter().any(offers::Described::is_shared);
    let listeners = places.open(invocation, is_shared, log).await?;
    let metadata_service = MetadataService::new().map_err(CannotServe::from)?;
    let site = |offers: Vec<crate::server::Offer>| {
        // Where the system identifies no caller, the metadata service, which needs no secret, is for everybody or for
        // nobody.
        let everybody = offers.iter().all(|offer| offer.allowed.is_anybody());
        let served = (sockets != Sockets::Unsupported || everybody) && places.tls.is_none();
        Site { offers, metadata_service: served.then(|| metadata_service.clone()) }
    };
    let offered = offers.make(first).map_err(CannotServe::from)?;
    let told = Arc::clone(log);
    let server = Server::new(site(offered), sockets, Box::new(move |event| tell(&told, event)));
    let addresses: Vec<SocketAddr> = listeners.iter().filter_map(|(_, address)| *address).collect();
    announce(&server.site(), &addresses, places, offers, log);

    notifier.tell(&["READY=1", "STATUS=asking for the first session"]);
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|(listener, _)| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.accept(&listener).await })
        })
        .collect();
    let keeping = server.keep_fresh();
    let status_updates = keep_status(&server, &notifier);
    let tls_recheck = Notify::new();
    let tls_renewals = keep_tls(places.tls.as_ref(), &tls_recheck, log);
    tokio::pin!(keeping, status_updates, tls_renewals);
    loop {
        tokio::select! {
            never = &mut keeping => match never {},
            never = &mut status_updates => match never {},
            never = &mut tls_renewals => match never {},
            signal = signals.next() => match signal {
                SignalRequest::Recheck => {
                    notifier.tell_reloading();
                    let outcome = offers.read(invocation).and_then(|described| {
                        places.share(described.iter().any(offers::Described::is_shared))?;
                        offers.make(described).map_err(|error| CannotServe::from(error).into())
                    });
                    match outcome {
                        Ok(offered) => {
                            server.change(site(offered));
                            log.tell("reloaded", &[("sessions", server.site().offers.len().to_string())]);
                        }
                        Err(failure) => log.tell("not-reloaded", &[("reason", failure.one_line())]),
                    }
                    tls_recheck.notify_one();
                    notifier.tell(&["READY=1", &status(&server.site())]);
                }
                SignalRequest::Stop => break,
            },
        }
    }
    notifier.tell(&["STOPPING=1"]);
    log.tell("ending", &[]);
    for task in accepting {
        task.abort();
        // What it had accepted is with the server by then.
        let _ = task.await;
    }
    server.finish().await;
    Ok(())
}

/// Prints the variables for programs, and logs the addresses.
fn announce(site: &Site, addresses: &[SocketAddr], places: &Places, offers: &Offers, log: &EventLog) {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| text.extend([name, "=", value, "\n"]);
    if let Some(address) = addresses.first() {
        if site.metadata_service.is_some() {
            // With a slash at the end, as in the official helper: older botocore appends a path directly, and a double
            // slash from others is accepted too.
            line("AWS_EC2_METADATA_SERVICE_ENDPOINT", &format!("http://{address}/"));
        }
        for offer in &site.offers {
            let scheme = if is_loopback(address.ip()) { "http" } else { "https" };
            line("AWS_CONTAINER_CREDENTIALS_FULL_URI", &format!("{scheme}://{address}{}", offer.path()));
            if let Some(path) = offers.token_file(&offer.name) {
                line("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &path.to_string_lossy());
            }
        }
    }
    // Nobody has to read it; the log has the addresses too.
    let _ = output::write(text.as_bytes());
    for address in addresses {
        let tls = places.tls.as_ref().filter(|_| !is_loopback(address.ip()));
        let facts = [vec![("address", address.to_string())], tls.map(certificate_end).unwrap_or_default()];
        log.tell("listening", &facts.concat());
    }
    if let Some(path) = &places.socket {
        log.tell("listening", &[("socket", path.clone())]);
    }
}

/// Logs an event.
fn tell(log: &EventLog, event: &Event) {
    match event {
        Event::HandedOut { session, access_key_id, way, caller, process } => {
            let mut facts = vec![
                ("session", session.clone()),
                ("access-key-id", access_key_id.clone()),
                ("by", (*way).to_owned()),
                ("user", user(caller)),
            ];
            facts.extend(process.iter().cloned());
            log.tell("handed-out", &facts);
        }
        Event::Refused { caller, reason, is_for_user, suppressed } => {
            let mut facts = vec![("user", user(caller)), ("reason", (*reason).to_owned())];
            match caller {
                Caller::User(peer) if *is_for_user => {
                    facts.push(("allowed-by", format!("--allow-user {}", peer.user)));
                }
                Caller::Elsewhere(_) | Caller::User(_) | Caller::Unknown | Caller::Unidentifiable => {}
            }
            if *suppressed > 0 {
                facts.push(("others-before", suppressed.to_string()));
            }
            log.tell("refused", &facts);
        }
    }
}

fn user(caller: &Caller) -> String {
    match caller {
        Caller::User(peer) => peer.user.to_string(),
        Caller::Elsewhere(host) => format!("at:{host}"),
        Caller::Unknown | Caller::Unidentifiable => String::from("unknown"),
    }
}

/// Updates the status that systemd shows, and sends watchdog notifications.
async fn keep_status(server: &Server, notifier: &Notifier) -> Infallible {
    let mut pause = notifier.watchdog_interval().map_or(STATUS_INTERVAL, |pause| pause.min(STATUS_INTERVAL));
    // The first session arrives after a moment.
    let mut next = Duration::from_secs(1).min(pause);
    pause = pause.max(Duration::from_millis(1));
    let mut before = String::new();
    loop {
        tokio::time::sleep(next).await;
        next = pause;
        let status = status(&server.site());
        if notifier.watchdog_interval().is_some() {
            notifier.tell(&["WATCHDOG=1"]);
        }
        if status != before {
            notifier.tell(&[&status]);
            before = status;
        }
    }
}

/// Takes a renewed certificate for TLS over; what renews it sends no signal. A recheck is at once, and tells what was told.
async fn keep_tls(tls: Option<&Tls>, recheck: &Notify, log: &EventLog) -> Infallible {
    let Some(tls) = tls else { return std::future::pending().await };
    let mut told = None;
    loop {
        renew_tls(tls, log, &mut told).await;
        if tokio::time::timeout(TLS_INTERVAL, recheck.notified()).await.is_ok() {
            told = None;
        }
    }
}

/// Reads the files of TLS again, and logs a new certificate, or what keeps other hosts from trusting this one, unless that
/// was `told`.
async fn renew_tls(tls: &Tls, log: &EventLog, told: &mut Option<String>) {
    let files = tls.clone();
    // The files may be on a network that hangs.
    let Ok(outcome) = tokio::task::spawn_blocking(move || files.read_again()).await else { return };
    let not_after = tls.not_after();
    let reason = match outcome {
        Ok(_) if not_after.is_some_and(|end| end < SystemClock.now()) => {
            Some(String::from("the certificate is no longer valid"))
        }
        Ok(false) => None,
        Ok(true) => {
            log.tell("tls-renewed", &certificate_end(tls));
            None
        }
        Err(error) => Some(Failure::from(error).one_line()),
    };
    if let Some(reason) = reason.as_ref().filter(|reason| told.as_ref() != Some(reason)) {
        let facts = [&[("reason", reason.clone())][..], &certificate_end(tls)].concat();
        log.tell("tls-not-renewed", &facts);
    }
    *told = reason;
}

/// Until when the certificate for TLS is valid, for the log.
fn certificate_end(tls: &Tls) -> Vec<(&'static str, String)> {
    tls.not_after().map(|end| ("not-after", end.to_string())).into_iter().collect()
}

/// Summarises the state of every session, for the line in `systemctl status`.
fn status(site: &Site) -> String {
    let now = SystemClock.now();
    let session = |offer: &crate::server::Offer| {
        let SessionHealth { usable_until, failure } = offer.refresher.health();
        match (usable_until, failure) {
            (Some(until), None) => format!("{} until {until}", offer.name),
            (Some(until), Some(_)) => format!("{} until {until}, cannot be renewed now", offer.name),
            (None, _) => format!("{}: no session at {now}", offer.name),
        }
    };
    let sessions: Vec<String> = site.offers.iter().map(session).collect();
    format!("STATUS={}", printable_line(&sessions.join("; ")))
}
