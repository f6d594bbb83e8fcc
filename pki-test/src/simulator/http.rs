//! Listeners and connections, and the conversion from HTTP to a [`ReceivedRequest`] and from an [`Answer`] back.
//!
//! Everything a client can take is bounded: connections, the time to send headers and body, and their sizes.

use std::future::{pending, poll_fn};
use std::io;
use std::net::{IpAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::State;
use super::answer::{Answer, Delivery};
use super::tls::ThrowAwayTls;
use super::{control, create_session, sts};
use crate::verifier::ReceivedRequest;
use crate::verifier::request::{BODY_LIMIT, HEADER_LIMIT};

/// Most connections served at a time; more wait in the listener's queue.
const CONNECTIONS_LIMIT: usize = 256;

/// Most header fields of a request.
const HEADER_FIELDS_LIMIT: usize = 100;

/// Time that a client has for the TLS handshake, for the headers of a request, and for its body.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// The pause after a failed accept, for example for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The bound listeners.
pub(super) struct Listeners {
    http: TcpListener,
    https: Option<(TcpListener, TlsAcceptor)>,
}

impl Listeners {
    /// Takes over bound listeners; must be called in a runtime.
    pub(super) fn new(http: StdListener, https: Option<(StdListener, ThrowAwayTls)>) -> io::Result<Self> {
        let asynchronous = |listener: StdListener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        let https = https
            .map(|(listener, tls)| Ok::<_, io::Error>((asynchronous(listener)?, tls.acceptor)))
            .transpose()?;
        Ok(Self { http: asynchronous(http)?, https })
    }

    /// Serves until `stopped` is sent or dropped.
    pub(super) async fn serve(self, state: Arc<State>, stopped: oneshot::Receiver<()>) {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_LIMIT));
        let plain = accept(&self.http, None, &state, &slots);
        let encrypted = async {
            match &self.https {
                Some((listener, tls)) => accept(listener, Some(tls), &state, &slots).await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = stopped => {}
            () = plain => {}
            () = encrypted => {}
        }
    }
}

async fn accept(
    listener: &TcpListener,
    tls: Option<&TlsAcceptor>,
    state: &Arc<State>,
    slots: &Arc<Semaphore>,
) {
    while let Ok(slot) = Arc::clone(slots).acquire_owned().await {
        let Ok((stream, peer)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Otherwise an answer after TLS 1.3's session tickets waits for a delayed acknowledgement: 40 ms.
        let _as_before = stream.set_nodelay(true);
        let connection = OpenConnection::count(Arc::clone(state));
        // An IPv4 client of a dual-stack listener counts as IPv4.
        let peer = peer.ip().to_canonical();
        let tls = tls.cloned();
        tokio::spawn(async move {
            let state = &connection.0;
            match tls {
                None => converse(stream, peer, state, |stream| stream).await,
                Some(tls) => {
                    if let Ok(Ok(stream)) = timeout(READ_TIMEOUT, tls.accept(stream)).await {
                        converse(stream, peer, state, |stream| stream.get_ref().0).await;
                    }
                }
            }
            drop(slot);
        });
    }
}

/// A connection, counted while this exists.
struct OpenConnection(Arc<State>);

impl OpenConnection {
    fn count(state: Arc<State>) -> Self {
        let open = state.connections.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        state.connections_high_water.fetch_max(open, Ordering::SeqCst);
        Self(state)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Answers the requests of one connection, and closes it as the last answer requires.
async fn converse<S>(stream: S, peer: IpAddr, state: &Arc<State>, socket: impl Fn(&S) -> &TcpStream)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let reset = AtomicBool::new(false);
    let service = service_fn(|request| Box::pin(respond(request, peer, state, &reset)));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .max_headers(HEADER_FIELDS_LIMIT)
        .max_buf_size(HEADER_LIMIT + 8 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    let _cut_short = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    let mut stream = connection.into_parts().io.into_inner();
    if reset.load(Ordering::SeqCst) {
        let _not_supported = socket(&stream).set_zero_linger();
    } else {
        let _already_closed = stream.shutdown().await;
    }
}

async fn respond(
    request: Request<Incoming>,
    peer: IpAddr,
    state: &Arc<State>,
    reset: &AtomicBool,
) -> Result<Response<AnswerBody>, io::Error> {
    let answer = match receive(request, peer).await {
        Ok(request) => route(state, &request),
        Err(NotReceived::TooLarge) => {
            Answer::error(413, "RequestEntityTooLargeException", "The body is too large.", state.now())
        }
        Err(NotReceived::Interrupted) => return Err(io::ErrorKind::UnexpectedEof.into()),
    };
    sleep(answer.latency).await;
    match answer.delivery {
        Delivery::Whole | Delivery::CutBody => {}
        Delivery::Never => pending().await,
        Delivery::Reset => {
            reset.store(true, Ordering::SeqCst);
            return Err(io::ErrorKind::ConnectionReset.into());
        }
    }
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(*name, value);
    }
    let cut = answer.delivery == Delivery::CutBody;
    response.body(AnswerBody::new(answer.body, cut)).map_err(io::Error::other)
}

/// Routes a request to its operation.
fn route(state: &State, request: &ReceivedRequest) -> Answer {
    match (request.method.as_str(), request.path()) {
        (_, path) if path.starts_with(control::PATH_PREFIX) => control::answer(state, request),
        ("POST", "/") => sts::answer(state, request),
        _ => create_session::answer(state, request),
    }
}

/// Why a request could not be read completely.
enum NotReceived {
    Interrupted,
    TooLarge,
}

async fn receive(request: Request<Incoming>, peer: IpAddr) -> Result<ReceivedRequest, NotReceived> {
    let (head, body) = request.into_parts();
    let body = timeout(READ_TIMEOUT, Limited::new(body, BODY_LIMIT).collect())
        .await
        .map_err(|_| NotReceived::Interrupted)?
        .map_err(|error| match error.downcast_ref::<http_body_util::LengthLimitError>() {
            Some(_) => NotReceived::TooLarge,
            None => NotReceived::Interrupted,
        })?;
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    Ok(ReceivedRequest {
        method: head.method.as_str().to_owned(),
        target,
        headers,
        body: body.to_bytes().to_vec(),
        source_address: Some(peer),
    })
}

/// A body in one piece, or half of one followed by an error, which closes the connection.
struct AnswerBody {
    rest: Option<Bytes>,
    declared: u64,
    cut: bool,
}

impl AnswerBody {
    fn new(mut body: Vec<u8>, cut: bool) -> Self {
        let declared = u64::try_from(body.len()).unwrap_or(u64::MAX);
        if cut {
            body.truncate(body.len() / 2);
        }
        Self { rest: Some(body.into()), declared, cut }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.rest.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None if self.cut => Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
            None => Poll::Ready(None),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.declared)
    }
}
