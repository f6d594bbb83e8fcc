//! Small servers on loopback that answer with given bytes, and a signed request to send there.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyrole::clock::Timestamp;
use anyrole::credentials::SessionCredentials;
use anyrole::http::{
    NativeTransport, Proxies, Response, ServerTrust, Timeouts, Transport as _, TransportError,
    TransportSettings,
};
use anyrole::secret::Secret;
use anyrole::signing::{Endpoint, Method, Request, SignedRequest, sigv4};

pub(super) const GRANTED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server that runs as long as its test's program, and the heads and bodies that it read.
pub(super) struct Server {
    pub(super) port: u16,
    seen: Receiver<String>,
}

impl Server {
    /// Answers every request on its own connection with the same bytes, then closes it.
    pub(super) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::on("127.0.0.1:0", move |stream, tell| {
            // Before the answer: a client that has it may ask at once what was read.
            let _ = tell.send(read_request(stream));
            let _ = stream.write_all(&answer);
            let _ = stream.shutdown(Shutdown::Write);
        })
    }

    /// Hands every connection to a function.
    pub(super) fn start(serve: impl Fn(&mut TcpStream) + Send + 'static) -> Self {
        Self::on("127.0.0.1:0", move |stream, _| serve(stream))
    }

    /// Carries every connection to another address.
    #[cfg(not(target_vendor = "apple"))]
    pub(super) fn forwarding(listen: &str, target: String) -> Self {
        Self::on(listen, move |stream, _| relay(stream, &target))
    }

    fn on(address: &str, serve: impl Fn(&mut TcpStream, &Sender<String>) + Send + 'static) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, seen) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                serve(&mut stream, &tell);
            }
        });
        Self { port, seen }
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&format!("http://127.0.0.1:{}", self.port)).unwrap()
    }

    /// Returns what was read on each connection so far.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.try_iter().collect()
    }
}

/// Carries bytes both ways in the background until either side closes.
pub(super) fn relay(client: &TcpStream, target: &str) {
    let server = TcpStream::connect(target).unwrap();
    let ways = [(client, &server), (&server, client)];
    for (from, to) in ways.map(|(from, to)| (from.try_clone().unwrap(), to.try_clone().unwrap())) {
        thread::spawn(move || {
            let (mut from, mut to) = (from, to);
            let mut chunk = [0; 16 * 1024];
            while let Ok(length @ 1..) = from.read(&mut chunk) {
                if to.write_all(&chunk[..length]).is_err() {
                    return;
                }
            }
            let _ = to.shutdown(Shutdown::Write);
        });
    }
}

/// Reads a head and as much of a body as it announces.
pub(super) fn read_request(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let head = text.windows(4).position(|window| window == b"\r\n\r\n");
        let wanted = head.map(|head| {
            let lines = String::from_utf8_lossy(&text[..head]).to_ascii_lowercase();
            let length =
                lines.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
            head + 4 + length.unwrap_or(0)
        });
        if wanted.is_some_and(|wanted| text.len() >= wanted) {
            break;
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => break,
            Ok(length) => text.extend_from_slice(&chunk[..length]),
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

pub(super) fn settings(trust: ServerTrust) -> TransportSettings {
    let timeouts = Timeouts { connect: Duration::from_secs(5), attempt: Duration::from_secs(10) };
    TransportSettings { proxies: Proxies::default(), timeouts, trust }
}

pub(super) fn send(settings: TransportSettings, endpoint: &Endpoint) -> Result<Response, TransportError> {
    send_request(settings, signed(endpoint))
}

pub(super) fn send_request(
    settings: TransportSettings,
    request: SignedRequest,
) -> Result<Response, TransportError> {
    let transport = NativeTransport::new(settings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(transport.send(request))
}

pub(super) fn signed(endpoint: &Endpoint) -> SignedRequest {
    let credentials = SessionCredentials {
        access_key_id: String::from("ASIAEXAMPLEEXAMPLE00"),
        secret_access_key: Secret::new(String::from("secret")),
        session_token: Secret::new(String::from("token")),
        expiration: Timestamp::MAX,
    };
    let request = Request {
        method: Method::Post,
        endpoint: endpoint.clone(),
        path: String::from("/sessions"),
        query: vec![
            (String::from("roleArn"), String::from("arn:aws:iam::111122223333:role/team/a+b=c d~é")),
            (String::from("a"), String::new()),
        ],
        headers: vec![(String::from("content-type"), String::from("application/json"))],
        body: b"{\"durationSeconds\":900}".to_vec(),
    };
    sigv4::sign(request, &credentials, "sts", "eu-central-1", Timestamp::from_unix_seconds(1_795_449_600))
        .unwrap()
}
