//! A loopback endpoint that hands out the credentials of one session to the programs of one user.
//!
//! Who may ask is decided three times: the user who opened the connection (before an octet of it is read), the request's own headers
//! (no browser, no forwarder, no other name than this endpoint's), and a token. Whoever is refused learns nothing.
//!
//! Everything is bounded: connections, the size of a request, and the time of each.

mod caller;
mod container;
mod keeper;
mod token;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

pub use caller::Callers;
pub use keeper::{Keeper, Source};
pub use token::{NoRandomness, Token};

use crate::diagnostic::{Diagnostic, Fault};
use crate::process;
use crate::trace;
use container::Gate;

/// The ids of this module's error.
pub const IDS: &[&str] = &["endpoint-not-bound"];

/// The path of the credentials.
const PATH: &str = "/v1/credentials";
/// How many connections are open at once; for one more, the oldest that has not asked rightly is closed.
const CONNECTIONS: usize = 64;
/// How many are open at once where the process may have few descriptors: a quarter of these, but no fewer than this.
const FEWEST_CONNECTIONS: usize = 4;
/// The longest request line and headers together, in bytes; an SDK sends some 300.
const REQUEST_BYTES: usize = 16 * 1024;
/// How many headers a request has at most; an SDK sends some six.
const REQUEST_HEADERS: usize = 64;
/// The time for the headers to arrive.
const HEADERS_TIME: Duration = Duration::from_secs(5);
/// The time for a whole connection: more than a new session takes at most.
const CONNECTION_TIME: Duration = Duration::from_secs(60);
/// The time in which this process itself must reach its port.
const REACH_TIME: Duration = Duration::from_secs(5);
/// How long nobody is accepted after the system could not accept, for want of descriptors for example.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// No address of this host can be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on 127.0.0.1 for the programs that ask for credentials")]
pub struct ServerError(#[source] io::Error);

impl Diagnostic for ServerError {
    fn id(&self) -> &'static str {
        "endpoint-not-bound"
    }

    fn fault(&self) -> Fault {
        Fault::Local
    }

    fn hint(&self) -> Option<String> {
        Some(String::from("'ip address show lo' tells whether the loopback interface is up"))
    }
}

/// A container-credentials endpoint on a free port of 127.0.0.1, as AWS's [container credential provider] asks it.
///
/// [container credential provider]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
#[derive(Debug)]
pub struct Endpoint {
    listener: TcpListener,
    address: SocketAddr,
    callers: Callers,
    token: Arc<Token>,
    keeper: Arc<Keeper>,
}

impl Endpoint {
    /// Listens on a free port of 127.0.0.1; nobody is answered yet.
    ///
    /// # Errors
    ///
    /// Fails where the system gives no port, or nobody reaches it.
    pub async fn bind(keeper: Arc<Keeper>, token: Token, callers: Callers) -> Result<Self, ServerError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(ServerError)?;
        let address = listener.local_addr().map_err(ServerError)?;
        // Linux gives a port though the interface is down.
        let reached = tokio::time::timeout(REACH_TIME, TcpStream::connect(address)).await;
        reached.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(ServerError)?;
        // That connection is not a caller's.
        drop(listener.accept().await.map_err(ServerError)?);
        Ok(Self { listener, address, callers, token: Arc::new(token), keeper })
    }

    /// Returns the address of the credentials: `http://127.0.0.1:PORT/v1/credentials`, a literal address since some SDKs take no name.
    pub fn uri(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// Answers for as long as the future is polled, and keeps the session fresh beside that.
    pub async fn serve(&self) -> Infallible {
        let renewal = self.keeper.keep();
        tokio::select! {
            never = self.accept() => never,
            never = renewal => never,
        }
    }

    async fn accept(&self) -> Infallible {
        let most = most_connections();
        let mut open: VecDeque<Conversation> = VecDeque::new();
        loop {
            let Ok((stream, peer)) = self.listener.accept().await else {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            // Dropped connections are closed. Whoever may not ask takes no slot.
            if let Err(who) = self.callers.admit(self.address, peer) {
                trace::step(|| {
                    format!("a connection of {who} was closed: it is not the user of this endpoint")
                });
                continue;
            }
            open.retain(|conversation| !conversation.task.is_finished());
            if open.len() >= most {
                let waiting = open.iter().position(|other| !other.is_admitted.load(Ordering::Relaxed));
                let Some(oldest) = waiting.and_then(|index| open.remove(index)) else { continue };
                oldest.task.abort();
                // Its descriptor is free before the next one is taken.
                tokio::task::yield_now().await;
            }
            let gate = Gate { port: self.address.port(), path: PATH, token: Arc::clone(&self.token) };
            let keeper = Arc::clone(&self.keeper);
            let is_admitted = Arc::new(AtomicBool::new(false));
            let admitted = Arc::clone(&is_admitted);
            let task = tokio::spawn(async move {
                // What is left of a connection that takes too long is dropped.
                let _ =
                    tokio::time::timeout(CONNECTION_TIME, converse(stream, gate, keeper, &admitted)).await;
            });
            open.push_back(Conversation { task: task.abort_handle(), is_admitted });
        }
    }
}

/// A connection that is open.
struct Conversation {
    task: AbortHandle,
    /// It has sent a request that is answered, and makes way for nobody.
    is_admitted: Arc<AtomicBool>,
}

/// Returns how many connections may be open, so that descriptors are left for a renewal and for the look at who connects.
fn most_connections() -> usize {
    let descriptors = process::most_descriptors().and_then(|most| usize::try_from(most).ok());
    descriptors.map_or(CONNECTIONS, |most| (most / 4).clamp(FEWEST_CONNECTIONS, CONNECTIONS))
}

/// Answers one request of one connection.
async fn converse(stream: TcpStream, gate: Gate, keeper: Arc<Keeper>, is_admitted: &AtomicBool) {
    let gate = &gate;
    let keeper = &keeper;
    let service = service_fn(async |request: Request<Incoming>| {
        let (head, _) = request.into_parts();
        let answer = match gate.admit(&head) {
            Ok(()) => {
                is_admitted.store(true, Ordering::Relaxed);
                container::answer(keeper.current().await)
            }
            Err(refusal) => container::refuse(refusal),
        };
        Ok::<Response<Full<Bytes>>, Infallible>(answer)
    });
    // A connection that breaks is the caller's own matter.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIME)
        .max_buf_size(REQUEST_BYTES)
        .max_headers(REQUEST_HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
