//! The way to an endpoint, stage by stage: name, proxy, connection, TLS, and whether somebody answers. For `doctor`.
//!
//! What is sent is a `GET` without a signature, a certificate or anything else of a caller. So a server need not be trusted for it: who it says it is
//! is noted, and judged as for a real request.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::failure::Situation;
use super::native::{ServerTrust, TransportSettings, USER_AGENT};
use super::phase::Progress;
use super::verifier::{Judge, ServerVerifier};
use super::{TransportError, proxy_answer};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::signing::{Endpoint, Scheme};

/// The time for one name: a name server that is there answers in a tenth of it.
const NAME: Duration = Duration::from_secs(6);
/// The most time for a connection, for TLS and for an answer, each.
const STAGE: Duration = Duration::from_secs(5);
/// The longest head of an answer that is read, in bytes.
const LONGEST_HEAD: usize = 32 * 1024;
/// How many addresses of a name are tried, all at once.
const ADDRESSES: usize = 8;

/// What was found, stage after stage; what stands behind a stage that failed was not looked at.
#[derive(Debug, Default)]
pub struct Probe {
    /// The proxy that leads there, without its password.
    pub proxy: Option<String>,
    /// The addresses of the host, or of the proxy; `None` where no name had to be looked up.
    pub name: Option<Result<Vec<IpAddr>, TransportError>>,
    /// The address that was connected to.
    pub route: Option<Result<SocketAddr, TransportError>>,
    /// What the proxy said to the connection.
    pub tunnel: Option<Result<(), TransportError>>,
    /// Who the server says it is.
    pub tls: Option<Tls>,
    /// What was answered.
    pub answer: Option<Result<Answer, TransportError>>,
    /// Why the way was not followed to its end although nothing failed.
    pub stopped: Option<&'static str>,
}

/// A server's certificate, and what is thought of it.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Whether it is trusted as a real request would.
    pub verdict: Result<(), TransportError>,
    /// The name of the certificate's issuer, and those of the CAs above it that the server sent, nearest first.
    pub issuers: Vec<String>,
}

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The time in its `Date`, and on this machine when it came.
    pub date: Option<(Timestamp, Timestamp)>,
    /// How the server calls itself.
    pub server: Option<String>,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// Whether it is a page for people: what portals and proxies answer.
    pub is_page: bool,
}

/// Follows the way to an endpoint; ends within half a minute, whatever answers.
pub async fn probe(endpoint: &Endpoint, settings: &TransportSettings) -> Probe {
    let mut found = Probe::default();
    let _ = follow(endpoint, settings, &mut found).await;
    found
}

/// Goes on until a stage fails, which is noted; `None` ends it.
async fn follow(endpoint: &Endpoint, settings: &TransportSettings, found: &mut Probe) -> Option<()> {
    let (host, port) = (endpoint.host(), endpoint.port());
    let connect = settings.timeouts.connect.min(STAGE);
    found.proxy = settings.proxies.shown_for(host, port).map(str::to_owned);
    let url = settings.proxies.url_for(host, port);
    let proxy = url.and_then(|url| url.parse::<reqwest::Url>().ok());
    let situation = Situation {
        host,
        port,
        proxy: found.proxy.as_deref(),
        connect,
        attempt: settings.timeouts.attempt.min(STAGE),
    };
    let (peer, peer_port) = match &proxy {
        Some(proxy) => (proxy.host_str().unwrap_or_default(), proxy.port_or_known_default().unwrap_or(443)),
        None => (host, port),
    };
    let peer = peer.trim_matches(['[', ']']);
    let addresses = match peer.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => {
            let looked_up = resolve(peer, proxy.is_some()).await;
            let addresses = looked_up.as_ref().ok().cloned();
            found.name = Some(looked_up);
            addresses?
        }
    };
    let connected = open(&addresses, peer_port, &situation).await;
    let (mut stream, address) = match connected {
        Ok(connected) => connected,
        Err(error) => {
            found.route = Some(Err(error));
            return None;
        }
    };
    found.route = Some(Ok(address));
    if let (Some(url), Some(proxy)) = (url, &proxy) {
        if proxy.scheme() != "http" {
            found.stopped = Some("the proxy speaks TLS itself, which only a real request does here");
            return None;
        }
        let asked = timeout(STAGE, proxy_answer::converse(&mut stream, url, host, port)).await;
        let refused = |why| TransportError::ProxyRefused {
            proxy: situation.proxy.unwrap_or_default().to_owned(),
            host: host.to_owned(),
            why,
        };
        let tunnel = match asked {
            Err(_) => Err(situation.timed_out()),
            Ok(None) => Err(refused(proxy_answer::Refusal::Closed)),
            Ok(Some(answer)) => answer.refusal().map_or(Ok(()), |why| Err(refused(why))),
        };
        let is_open = tunnel.is_ok();
        found.tunnel = Some(tunnel);
        if !is_open {
            return None;
        }
    }
    match endpoint.scheme() {
        Scheme::Http => found.answer = Some(ask(stream, endpoint, &situation).await),
        Scheme::Https => {
            let (tls, stream) = shake_hands(stream, host, &settings.trust, &situation).await;
            found.tls = Some(tls);
            found.answer = Some(ask(stream?, endpoint, &situation).await);
        }
    }
    Some(())
}

/// Looks a name up in a thread of its own: the system's resolver cannot be told when to give up.
async fn resolve(name: &str, is_proxy: bool) -> Result<Vec<IpAddr>, TransportError> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let asked = name.to_owned();
    std::thread::spawn(move || {
        let found = (asked.as_str(), 0).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        // Nobody waits any more where it took too long.
        let _ = sender.send(found);
    });
    let failed = |why: String| TransportError::Dns { host: name.to_owned(), is_proxy, why };
    match timeout(NAME, receiver).await {
        Err(_) | Ok(Err(_)) => Err(failed(format!("no answer within {} seconds", NAME.as_secs()))),
        Ok(Ok(Err(error))) => Err(failed(error.to_string())),
        Ok(Ok(Ok(found))) => {
            let mut addresses = Vec::new();
            for address in found.into_iter().map(|address| address.ip()) {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            if addresses.is_empty() { Err(failed(String::from("it has no address"))) } else { Ok(addresses) }
        }
    }
}

/// Connects to all addresses at once, and takes the first that answers.
async fn open(
    addresses: &[IpAddr],
    port: u16,
    situation: &Situation<'_>,
) -> Result<(TcpStream, SocketAddr), TransportError> {
    let mut attempts = JoinSet::new();
    for address in addresses.iter().take(ADDRESSES).map(|address| SocketAddr::new(*address, port)) {
        let longest = situation.connect;
        attempts.spawn(async move { (timeout(longest, TcpStream::connect(address)).await, address) });
    }
    let mut failure = None;
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok((Ok(Ok(stream)), address)) => return Ok((stream, address)),
            Ok((Ok(Err(error)), _)) => {
                let why = error.to_string();
                // Of several failures, a refusal says more than silence.
                failure = Some(TransportError::ConnectionRefused { peer: situation.peer(), why });
            }
            Ok((Err(_), _)) | Err(_) => {}
        }
    }
    let silent = || TransportError::ConnectTimeout { peer: situation.peer(), after: situation.connect };
    Err(failure.unwrap_or_else(silent))
}

type Encrypted = tokio_rustls::client::TlsStream<TcpStream>;

/// Speaks TLS with whoever is there, and judges it as for a real request.
async fn shake_hands(
    stream: TcpStream,
    host: &str,
    trust: &ServerTrust,
    situation: &Situation<'_>,
) -> (Tls, Option<Encrypted>) {
    let failed = |error| (Tls { verdict: Err(error), issuers: Vec::new() }, None);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let judge = match trust {
        ServerTrust::Anybody => Judge::Anybody,
        ServerTrust::Roots(roots) => match Judge::by_roots(&provider, roots) {
            Ok(judge) => judge,
            Err(error) => return failed(error),
        },
    };
    let progress = Arc::new(Progress::new());
    let inner = ServerVerifier { provider: Arc::clone(&provider), judge, progress };
    let verifier = Arc::new(Noting { inner, seen: Mutex::new(None) });
    let broken = |error: &Error| TransportError::Tls { host: host.to_owned(), why: error.to_string() };
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = match config {
        Ok(config) => config
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as Arc<dyn ServerCertVerifier>)
            .with_no_client_auth(),
        Err(error) => return failed(broken(&error)),
    };
    config.resumption = Resumption::disabled();
    let name = match ServerName::try_from(host.trim_matches(['[', ']']).to_owned()) {
        Ok(name) => name,
        Err(error) => {
            return failed(TransportError::Tls { host: host.to_owned(), why: error.to_string() });
        }
    };
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let shaken = timeout(STAGE, connector.connect(name, stream)).await;
    let seen = verifier.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    let verdict = match &seen {
        Some(Seen { verdict: Err(error), .. }) => Err(situation.name_tls(error)),
        Some(_) | None => Ok(()),
    };
    let issuers = seen.map(|seen| seen.issuers).unwrap_or_default();
    match shaken {
        Ok(Ok(stream)) => (Tls { verdict, issuers }, Some(stream)),
        Ok(Err(error)) => {
            let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).map(broken);
            let lost = || TransportError::ConnectionLost { host: host.to_owned() };
            (Tls { verdict: verdict.and(Err(tls.unwrap_or_else(lost))), issuers }, None)
        }
        Err(_) => (Tls { verdict: verdict.and(Err(situation.timed_out())), issuers }, None),
    }
}

/// What a server showed.
#[derive(Debug)]
struct Seen {
    verdict: Result<(), Error>,
    issuers: Vec<String>,
}

/// Notes what is thought of a certificate, and goes on: nothing that anybody could take follows.
#[derive(Debug)]
struct Noting {
    inner: ServerVerifier,
    seen: Mutex<Option<Seen>>,
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict =
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let mut issuers: Vec<String> = Vec::new();
        for certificate in std::iter::once(end_entity).chain(intermediates) {
            if let Ok((_, certificate)) = X509Certificate::from_der(certificate) {
                let issuer = certificate.issuer().to_string();
                if !issuers.contains(&issuer) {
                    issuers.push(issuer);
                }
            }
        }
        let seen = Seen { verdict: verdict.map(drop), issuers };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Asks for the root, which AWS answers with 404, and reads the head of the answer.
async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    endpoint: &Endpoint,
    situation: &Situation<'_>,
) -> Result<Answer, TransportError> {
    let (base, authority) = (endpoint.base_path(), endpoint.authority());
    let request = format!(
        "GET {base}/ HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {USER_AGENT}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    let exchange = async {
        stream.write_all(request.as_bytes()).await.ok()?;
        let (mut head, mut chunk) = (Vec::new(), [0; 2048]);
        while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < LONGEST_HEAD {
            match stream.read(&mut chunk).await.ok()? {
                0 => break,
                length => head.extend_from_slice(&chunk[..length]),
            }
        }
        read(&String::from_utf8_lossy(&head), SystemClock.now())
    };
    match timeout(situation.attempt, exchange).await {
        Err(_) => Err(situation.timed_out()),
        Ok(None) => Err(TransportError::ConnectionLost { host: endpoint.host().to_owned() }),
        Ok(Some(answer)) => Ok(answer),
    }
}

fn read(head: &str, now: Timestamp) -> Option<Answer> {
    let mut lines = head.lines();
    let status = lines.next()?.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    let headers: Vec<(String, &str)> = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
        .collect();
    let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| *value);
    let is_aws = header("x-amzn-requestid").is_some();
    Some(Answer {
        status,
        date: header("date").and_then(Timestamp::parse_http_date).map(|date| (date, now)),
        server: header("server").or_else(|| header("via")).map(str::to_owned),
        location: header("location").map(str::to_owned),
        is_page: !is_aws && header("content-type").is_some_and(|kind| kind.contains("html")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_answer_is_read() {
        let now = Timestamp::from_unix_seconds(0);
        let head = "HTTP/1.1 404 Not Found\r\nDate: Mon, 23 Nov 2026 16:20:00 GMT\r\nx-amzn-RequestId: a\r\nContent-Type: text/html\r\n\r\n<html>";
        let answer = read(head, now).expect("an answer");
        assert_eq!((answer.status, answer.is_page), (404, false));
        assert_eq!(answer.date.expect("a date").0.to_string(), "2026-11-23T16:20:00Z");
        let portal = read("HTTP/1.0 302 Found\r\nLocation: https://portal.example/\r\n\r\n", now);
        assert_eq!(portal.expect("an answer").location.as_deref(), Some("https://portal.example/"));
        assert_eq!(read("SSH-2.0-x\r\n", now), None);
    }
}
