//! A loopback endpoint that hands out the credentials of sessions to the programs of those who may have them.
//!
//! Who may ask is decided three times: the user who opened the connection (before an octet of it is read), the request's own headers
//! (no browser, no forwarder, no other name than this endpoint's), and a token. Whoever is refused learns nothing; the log says who asked, and
//! what would allow it.
//!
//! Everything is bounded: connections, the size of a request, and the time of each.

mod answer;
mod caller;
mod crowd;
mod gate;
#[cfg(target_os = "linux")]
mod holder;
mod imds;
mod keeper;
mod listeners;
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
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;

pub use caller::{Allowed, Caller, Peer, group_number, user_name, user_number};
pub use keeper::{Keeper, Source, Standing};
pub use listeners::{IDS, ListenError, Listener, is_loopback};
pub use site::{Answered, MetadataService, Offer, Site};
pub use sockets::Sockets;
pub use tls::{Tls, TlsError};
pub use token::{NoRandomness, Token};

use answer::Answer;
use crowd::Crowd;
use site::{Door, Outcome};
use strict::Strict;

/// The longest request line and headers together, in bytes; an SDK sends some 300.
const REQUEST_BYTES: usize = 16 * 1024;
/// How many headers a request has at most; an SDK sends some six.
const REQUEST_HEADERS: usize = 64;
/// The time for the headers to arrive, and the longest pause between two requests of a connection.
const HEADERS_TIME: Duration = Duration::from_secs(5);
/// The time for a whole connection: more than a new session takes at most.
const CONNECTION_TIME: Duration = Duration::from_secs(60);
/// How long nobody is accepted after the system could not accept, for want of descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long those who wait for an answer have until it ends.
const FINISH_TIME: Duration = Duration::from_secs(5);
/// How many refusals are told in one [`REFUSALS_TIME`]; the others are counted.
const REFUSALS: u32 = 10;
const REFUSALS_TIME: Duration = Duration::from_secs(10);

/// What happened, for the log; without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody was given credentials.
    HandedOut {
        /// The session's name.
        session: String,
        /// `ASIA…`, as CloudTrail records it.
        access_key_id: String,
        /// By which protocol: `imds`, `container`, `socket`.
        way: &'static str,
        /// Who asked.
        caller: Caller,
        /// Of which process, where that is known: its number, its name, and those of its parent.
        process: Vec<(&'static str, String)>,
    },
    /// Somebody was given nothing.
    Refused {
        /// Who asked.
        caller: Caller,
        /// Why not.
        reason: &'static str,
        /// It is the caller who is not allowed, and not the request.
        is_for_user: bool,
        /// How many others were refused since the last one that was told.
        untold: u32,
    },
}

/// Takes what happened.
pub type Log = Box<dyn Fn(&Event) + Send + Sync>;

/// An endpoint: one site at several addresses.
pub struct Server {
    site: Mutex<Arc<Site>>,
    sockets: Sockets,
    crowd: Mutex<Crowd>,
    log: Log,
    refusals: Mutex<Refusals>,
    answered: Notify,
    #[cfg(target_os = "linux")]
    holders: holder::Holders,
}

/// What was told of refusals a short time ago.
#[derive(Default)]
struct Refusals {
    began: Option<Instant>,
    told: u32,
    untold: u32,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("sockets", &self.sockets).finish_non_exhaustive()
    }
}

impl Server {
    /// Makes an endpoint that nobody can reach yet.
    pub fn new(site: Site, sockets: Sockets, log: Log) -> Arc<Self> {
        Arc::new(Self {
            site: Mutex::new(Arc::new(site)),
            sockets,
            crowd: Mutex::default(),
            log,
            refusals: Mutex::default(),
            answered: Notify::new(),
            #[cfg(target_os = "linux")]
            holders: holder::Holders::default(),
        })
    }

    /// Offers something else from now on; who is being answered is answered as before.
    pub fn change(&self, site: Site) {
        *lock(&self.site) = Arc::new(site);
    }

    /// Returns what is offered.
    pub fn site(&self) -> Arc<Site> {
        Arc::clone(&lock(&self.site))
    }

    /// Keeps every session fresh, for ever; those of a new site too.
    pub async fn keep(&self) -> Infallible {
        loop {
            for offer in &self.site().offers {
                let keeper = Arc::clone(&offer.keeper);
                // Each by itself: one that hangs does not hold up the others. What fails is tried again, and told to whoever asks.
                tokio::spawn(async move { drop(keeper.current().await) });
            }
            tokio::time::sleep(keeper::LOOK_INTERVAL).await;
        }
    }

    /// Answers whoever connects to that address, for as long as the future is polled.
    pub async fn accept(self: &Arc<Self>, listener: &Listener) -> Infallible {
        loop {
            match listener {
                Listener::Tcp(listener) => match listener.accept().await {
                    Ok((stream, peer)) => {
                        // The address it arrived at, which a socket at every address has one of.
                        let Ok(local) = stream.local_addr() else { continue };
                        let caller = self.sockets.caller(local, peer);
                        self.receive(
                            std::future::ready(Some(stream)),
                            caller,
                            Door::Address(canonical(local)),
                        );
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                Listener::Remote(listener, tls) => match listener.accept().await {
                    Ok((stream, peer)) => {
                        let tls = tls.clone();
                        let caller = Caller::Elsewhere(canonical(peer).ip());
                        self.receive(async move { tls.accept(stream).await }, caller, Door::Remote);
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                #[cfg(unix)]
                Listener::File(listener) => match listener.accept().await {
                    Ok((stream, _)) => {
                        let caller = stream.peer_cred().map_or(Caller::Unknown, |peer| {
                            Caller::User(Peer { user: peer.uid(), socket: None, process: peer.pid() })
                        });
                        self.receive(std::future::ready(Some(stream)), caller, Door::File);
                    }
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
            }
        }
    }

    /// Waits for those who are being answered, but not for ever. Nobody else is accepted any more.
    pub async fn finish(&self) {
        let answered = async {
            while lock(&self.crowd).is_busy() {
                self.answered.notified().await;
            }
        };
        // Who is not answered by then is not answered.
        let _ = tokio::time::timeout(FINISH_TIME, answered).await;
    }

    /// Takes a connection in, if its user may ask for anything. Whoever may not takes no slot, and nothing of it is read.
    fn receive<S>(
        self: &Arc<Self>,
        stream: impl Future<Output = Option<S>> + Send + 'static,
        caller: Caller,
        door: Door,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let site = self.site();
        if site.knows(&caller) == Some(false) {
            return self.refused(caller, "this user may not ask", true);
        }
        let mut crowd = lock(&self.crowd);
        if !crowd.make_room() {
            return self.refused(
                caller,
                "everybody who is connected waits for an answer, and there is no room for more",
                false,
            );
        }
        let is_busy = Arc::new(AtomicBool::new(false));
        let conversation =
            Conversation { server: Arc::clone(self), site, caller, door, is_busy: Arc::clone(&is_busy) };
        let task = tokio::spawn(async move {
            let Ok(Some(stream)) = tokio::time::timeout(HEADERS_TIME, stream).await else { return };
            // What is left of a connection that takes too long is dropped.
            let _ = tokio::time::timeout(CONNECTION_TIME, conversation.converse(stream)).await;
        });
        crowd.add(caller.user(), task.abort_handle(), is_busy);
    }

    /// Tells that somebody was refused, unless too much of that was told a moment ago.
    fn refused(&self, caller: Caller, reason: &'static str, is_for_user: bool) {
        let mut refusals = lock(&self.refusals);
        if refusals.began.is_none_or(|began| began.elapsed() > REFUSALS_TIME) {
            refusals.began = Some(Instant::now());
            refusals.told = 0;
        }
        if refusals.told >= REFUSALS {
            refusals.untold += 1;
            return;
        }
        refusals.told += 1;
        let untold = std::mem::take(&mut refusals.untold);
        drop(refusals);
        (self.log)(&Event::Refused { caller, reason, is_for_user, untold });
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
            Outcome::Told => {}
        }
    }

    #[cfg(target_os = "linux")]
    fn process(&self, caller: Caller) -> Vec<(&'static str, String)> {
        match caller {
            Caller::User(peer) => self.holders.of(peer).map(holder::Holder::facts).unwrap_or_default(),
            Caller::Elsewhere(_) | Caller::Unknown | Caller::Untold => Vec::new(),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn process(&self, caller: Caller) -> Vec<(&'static str, String)> {
        match caller {
            Caller::User(Peer { process: Some(process), .. }) => vec![("pid", process.to_string())],
            Caller::Elsewhere(_) | Caller::User(_) | Caller::Unknown | Caller::Untold => Vec::new(),
        }
    }
}

/// One connection.
struct Conversation {
    server: Arc<Server>,
    site: Arc<Site>,
    caller: Caller,
    door: Door,
    is_busy: Arc<AtomicBool>,
}

impl Conversation {
    /// Answers one request after the other.
    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(self, stream: S) {
        let mine = self.site.offers_for(self.caller).await;
        if mine.is_empty() {
            return self.server.refused(self.caller, "this user may not ask", true);
        }
        let (this, mine) = (&self, &mine);
        let service = service_fn(async |request: Request<Incoming>| {
            let (head, _) = request.into_parts();
            let _busy = Busy::begin(this);
            let (answer, outcome) = this.site.answer(mine, &this.caller, this.door, &head).await;
            this.server.note(this.caller, &outcome);
            Ok::<Answer, Infallible>(answer)
        });
        // A connection that breaks is the caller's own matter.
        let _ = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADERS_TIME)
            .max_buf_size(REQUEST_BYTES)
            .max_headers(REQUEST_HEADERS)
            .serve_connection(TokioIo::new(Strict::new(stream)), service)
            .await;
    }
}

/// Somebody waits for an answer, and makes way for nobody.
struct Busy<'a>(&'a Conversation);

impl<'a> Busy<'a> {
    fn begin(conversation: &'a Conversation) -> Self {
        conversation.is_busy.store(true, Ordering::Relaxed);
        Self(conversation)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.is_busy.store(false, Ordering::Relaxed);
        self.0.server.answered.notify_one();
    }
}

/// Returns an IPv4 address that a socket of both families shows as IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // No code that holds one of these can be interrupted half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
