//! A loopback endpoint that hands out session credentials to the programs that are allowed to have them.
//!
//! Access is checked three times: the user who opened the connection (before an octet of it is read), the request's
//! headers (no browser, no proxy, no host name but this endpoint's), and a token. A refusal reveals nothing to the
//! caller; the log says who asked, and what would allow it.
//!
//! Everything is bounded: the number of connections, the size of a request, and the time for each.

mod answer;
mod caller;
mod connections;
#[cfg(target_os = "linux")]
mod holder;
mod imds;
mod listeners;
mod refresher;
mod request_check;
mod site;
mod sockets;
mod strict;
mod tls;
mod token;

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

pub use caller::{Allowed, Caller, Peer, group_number, user_name, user_number};
pub use listeners::{IDS, ListenError, Listener, is_loopback};
pub use refresher::{Refresher, SessionHealth, Source};
pub use site::{LastDocument, MetadataService, Offer, Site};
pub use sockets::Sockets;
pub use tls::{Tls, TlsError};
pub use token::{NoRandomness, Token};

use answer::Answer;
use connections::Connections;
use site::{Channel, Outcome};
use strict::Strict;

/// The longest request line and headers together, in bytes; an SDK sends about 300.
const REQUEST_BYTES: usize = 16 * 1024;
/// The most headers in a request; an SDK sends about six.
const REQUEST_HEADERS: usize = 64;
/// The time for the headers to arrive, and the longest pause between two requests on a connection.
const HEADERS_TIME: Duration = Duration::from_secs(5);
/// The time for a whole connection: more than it takes to create a session.
const CONNECTION_TIME: Duration = Duration::from_secs(60);
/// How long to pause after the system could not accept a connection, for example for lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long whoever is connected at shutdown has to ask, and to be answered.
const FINISH_TIME: Duration = Duration::from_secs(5);
/// The most refusals logged per [`REFUSALS_TIME`]; the others are only counted.
const REFUSALS: u32 = 10;
const REFUSALS_TIME: Duration = Duration::from_secs(10);

/// An event for the log, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A caller was given credentials.
    HandedOut {
        /// The session's name.
        session: String,
        /// `ASIA…`, as CloudTrail records it.
        access_key_id: String,
        /// The protocol: `imds`, `container`, `socket`.
        way: &'static str,
        /// Who asked.
        caller: Caller,
        /// The caller's process, if it is known: its number and name, and those of its parent.
        process: Vec<(&'static str, String)>,
    },
    /// A caller was refused.
    Refused {
        /// Who asked.
        caller: Caller,
        /// Why.
        reason: &'static str,
        /// Whether the caller is not allowed, rather than the request.
        is_for_user: bool,
        /// How many other refusals were not logged since the last one that was.
        suppressed: u32,
    },
}

/// Receives the events.
pub type Log = Box<dyn Fn(&Event) + Send + Sync>;

/// An endpoint: one site at one or more addresses.
pub struct Server {
    site: Mutex<Arc<Site>>,
    sockets: Sockets,
    connections: Mutex<Connections>,
    log: Log,
    refusals: Mutex<Refusals>,
    /// Whether the server is about to end. Each open connection has a receiver.
    ending: watch::Sender<bool>,
    #[cfg(target_os = "linux")]
    holders: holder::Holders,
}

/// How many refusals were logged and suppressed recently.
#[derive(Default)]
struct Refusals {
    began: Option<Instant>,
    logged: u32,
    suppressed: u32,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("sockets", &self.sockets).finish_non_exhaustive()
    }
}

impl Server {
    /// Creates an endpoint that nobody can reach yet.
    pub fn new(site: Site, sockets: Sockets, log: Log) -> Arc<Self> {
        Arc::new(Self {
            site: Mutex::new(Arc::new(site)),
            sockets,
            connections: Mutex::default(),
            log,
            refusals: Mutex::default(),
            ending: watch::Sender::new(false),
            #[cfg(target_os = "linux")]
            holders: holder::Holders::default(),
        })
    }

    /// Replaces the site for new connections; open ones keep the old one.
    pub fn change(&self, site: Site) {
        *lock(&self.site) = Arc::new(site);
    }

    /// Returns the current site.
    pub fn site(&self) -> Arc<Site> {
        Arc::clone(&lock(&self.site))
    }

    /// Keeps every session fresh, including those of a new site, and never returns.
    pub async fn keep_fresh(&self) -> Infallible {
        loop {
            for offer in &self.site().offers {
                let refresher = Arc::clone(&offer.refresher);
                // Each in its own task, so that one that hangs does not hold up the others. Failures are retried, and
                // reported to callers.
                tokio::spawn(async move { drop(refresher.current().await) });
            }
            tokio::time::sleep(refresher::CHECK_INTERVAL).await;
        }
    }

    /// Answers callers on this listener for as long as the future is polled.
    pub async fn accept(self: &Arc<Self>, listener: &Listener) -> Infallible {
        loop {
            match listener {
                Listener::Tcp(listener) => match listener.accept().await {
                    Ok((stream, peer)) => {
                        // The local address of the connection, because the listener may be bound to every address.
                        let Ok(local) = stream.local_addr() else { continue };
                        let caller = self.sockets.caller(local, peer);
                        self.receive(
                            std::future::ready(Some(stream)),
                            caller,
                            Channel::Address(canonical(local)),
                        );
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                Listener::Remote(listener, tls) => match listener.accept().await {
                    Ok((stream, peer)) => {
                        let tls = tls.clone();
                        let caller = Caller::Elsewhere(canonical(peer).ip());
                        self.receive(async move { tls.accept(stream).await }, caller, Channel::Remote);
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                #[cfg(unix)]
                Listener::File(listener) => match listener.accept().await {
                    Ok((stream, _)) => {
                        let caller = stream.peer_cred().map_or(Caller::Unknown, |peer| {
                            Caller::User(Peer { user: peer.uid(), socket: None, process: peer.pid() })
                        });
                        self.receive(std::future::ready(Some(stream)), caller, Channel::File);
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
            }
        }
    }

    /// Waits a limited time until everybody who is connected has an answer. The caller has stopped accepting: who comes now
    /// waits for the next server, if the sockets are systemd's.
    pub async fn finish(&self) {
        self.ending.send_replace(true);
        // After that, unanswered requests are dropped.
        let _ = tokio::time::timeout(FINISH_TIME, self.ending.closed()).await;
    }

    /// Handles a connection if its user may ask for anything. Otherwise it takes no slot, and nothing of it is read.
    fn receive<S>(
        self: &Arc<Self>,
        stream: impl Future<Output = Option<S>> + Send + 'static,
        caller: Caller,
        channel: Channel,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let site = self.site();
        if site.knows(&caller) == Some(false) {
            return self.refused(caller, "this user may not ask", true);
        }
        let mut connections = lock(&self.connections);
        if !connections.make_room() {
            return self.refused(
                caller,
                "everybody who is connected waits for an answer, and there is no room for more",
                false,
            );
        }
        let is_busy = Arc::new(AtomicBool::new(false));
        let connection =
            Connection { server: Arc::clone(self), site, caller, channel, is_busy: Arc::clone(&is_busy) };
        let ending = self.ending.subscribe();
        let task = tokio::spawn(async move {
            let Ok(Some(stream)) = tokio::time::timeout(HEADERS_TIME, stream).await else { return };
            // A connection that takes too long is dropped.
            let _ = tokio::time::timeout(CONNECTION_TIME, connection.serve(stream, ending)).await;
        });
        connections.add(caller.user(), task.abort_handle(), is_busy);
    }

    /// For `tests/fuzz`: serves one connection, whose caller and address are given.
    #[cfg(fuzzing)]
    pub async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        self: &Arc<Self>,
        stream: S,
        caller: Caller,
        local: SocketAddr,
    ) {
        let (server, site, channel) = (Arc::clone(self), self.site(), Channel::Address(local));
        let ending = self.ending.subscribe();
        Connection { server, site, caller, channel, is_busy: Arc::default() }.serve(stream, ending).await;
    }

    /// Logs a refusal, unless too many were logged recently.
    fn refused(&self, caller: Caller, reason: &'static str, is_for_user: bool) {
        let mut refusals = lock(&self.refusals);
        if refusals.began.is_none_or(|began| began.elapsed() > REFUSALS_TIME) {
            refusals.began = Some(Instant::now());
            refusals.logged = 0;
        }
        if refusals.logged >= REFUSALS {
            refusals.suppressed += 1;
            return;
        }
        refusals.logged += 1;
        let suppressed = std::mem::take(&mut refusals.suppressed);
        drop(refusals);
        (self.log)(&Event::Refused { caller, reason, is_for_user, suppressed });
    }

    fn note(&self, caller: Caller, outcome: &Outcome<'_>) {
        match outcome {
            Outcome::HandedOut { offer, access_key_id, way } => (self.log)(&Event::HandedOut {
                session: offer.name.clone(),
                access_key_id: access_key_id.clone(),
                way,
                caller,
                process: self.process(caller),
            }),
            Outcome::Refused(refusal) => self.refused(caller, refusal.as_str(), false),
            Outcome::WithoutCredentials => {}
        }
    }

    #[cfg(target_os = "linux")]
    fn process(&self, caller: Caller) -> Vec<(&'static str, String)> {
        match caller {
            Caller::User(peer) => self.holders.of(peer).map(holder::Holder::facts).unwrap_or_default(),
            Caller::Elsewhere(_) | Caller::Unknown | Caller::Unidentifiable => Vec::new(),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn process(&self, caller: Caller) -> Vec<(&'static str, String)> {
        match caller {
            Caller::User(Peer { process: Some(process), .. }) => vec![("pid", process.to_string())],
            Caller::Elsewhere(_) | Caller::User(_) | Caller::Unknown | Caller::Unidentifiable => Vec::new(),
        }
    }
}

/// One connection.
struct Connection {
    server: Arc<Server>,
    site: Arc<Site>,
    caller: Caller,
    channel: Channel,
    is_busy: Arc<AtomicBool>,
}

impl Connection {
    /// Answers the requests of the connection in turn.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S, mut ending: watch::Receiver<bool>) {
        let mine = self.site.offers_for(self.caller).await;
        if mine.is_empty() {
            return self.server.refused(self.caller, "this user may not ask", true);
        }
        let has_asked = AtomicBool::new(false);
        let (this, mine, has_asked) = (&self, &mine, &has_asked);
        let service = service_fn(async |request: Request<Incoming>| {
            let (head, _) = request.into_parts();
            let _busy = Busy::begin(this);
            has_asked.store(true, Ordering::Relaxed);
            let (mut answer, outcome) = this.site.answer(mine, &this.caller, this.channel, &head).await;
            this.server.note(this.caller, &outcome);
            if *this.server.ending.borrow() {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<Answer, Infallible>(answer)
        });
        let exchange = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_TIME)
            .max_buf_size(REQUEST_BYTES)
            .max_headers(REQUEST_HEADERS)
            .serve_connection(TokioIo::new(Strict::new(stream)), service);
        tokio::pin!(exchange);
        // A broken connection is the caller's problem.
        tokio::select! {
            _ = &mut exchange => {}
            () = comes(&mut ending) => {
                // What is being asked is answered, and the answer is written; nothing more is read. Where nothing was asked yet
                // hyper would close at once, and a caller who has just connected would have no answer.
                if has_asked.load(Ordering::Relaxed) {
                    exchange.as_mut().graceful_shutdown();
                }
                let _ = exchange.await;
            }
        }
    }
}

/// Waits until the server is about to end.
async fn comes(ending: &mut watch::Receiver<bool>) {
    // An error would say that the server is gone, which each connection holds.
    let _ = ending.wait_for(|is_ending| *is_ending).await;
}

/// While this exists, the connection is not closed to make room for another.
struct Busy<'a>(&'a Connection);

impl<'a> Busy<'a> {
    fn begin(connection: &'a Connection) -> Self {
        connection.is_busy.store(true, Ordering::Relaxed);
        Self(connection)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.is_busy.store(false, Ordering::Relaxed);
    }
}

/// Returns the IPv4 address that a dual-stack socket shows as IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // No code that holds one of these can panic half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
