//! The one real transport: reqwest on rustls.
//!
//! HTTP/1.1, TLS 1.2 or 1.3, no redirects, no cookies, no compression, and nothing read from the environment
//! implicitly. The client is built at the first request; without TLS it loads no roots.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use zeroize::Zeroizing;

use super::failure::{NoAddress, Situation};
use super::phase::{Phase, Progress};
use super::verifier::{Judge, ServerVerifier};
use super::{MAX_BODY, Peer, Proxies, Response, Transport, TransportError, TrustedRoots, proxy_answer};
use crate::signing::{Endpoint, Method, Scheme, SignedRequest};
use crate::trace;

/// How this program names itself; not signed, as proxies change it.
pub(super) const USER_AGENT: &str = concat!("anyrole/", env!("CARGO_PKG_VERSION"));

/// Time limits for the parts of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Connecting: name lookup and TCP.
    pub connect: Duration,
    /// The whole attempt, up to the last byte of the answer.
    pub attempt: Duration,
}

impl Default for Timeouts {
    /// 5 seconds to connect, 15 for an attempt.
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), attempt: Duration::from_secs(15) }
    }
}

/// Which servers are trusted.
#[derive(Clone, Debug)]
pub enum ServerTrust {
    /// All: `--no-verify-ssl`.
    Anybody,
    /// Those whose certificate chains to one of these roots.
    Roots(TrustedRoots),
}

/// The settings of a transport.
#[derive(Debug)]
pub struct TransportSettings {
    /// The proxies.
    pub proxies: Proxies,
    /// The time limits.
    pub timeouts: Timeouts,
    /// Which servers are trusted.
    pub trust: ServerTrust,
}

/// Sends requests over the network.
pub struct NativeTransport {
    proxies: Arc<Proxies>,
    timeouts: Timeouts,
    trust: ServerTrust,
    progress: Arc<Progress>,
    plain: OnceLock<Result<reqwest::Client, TransportError>>,
    tls: OnceLock<Result<reqwest::Client, TransportError>>,
}

impl NativeTransport {
    /// Stores the settings; nothing is read or opened before the first request.
    pub fn new(settings: TransportSettings) -> Self {
        let TransportSettings { proxies, timeouts, trust } = settings;
        let progress = Arc::new(Progress::new());
        Self {
            proxies: Arc::new(proxies),
            timeouts,
            trust,
            progress,
            plain: OnceLock::new(),
            tls: OnceLock::new(),
        }
    }

    fn client(&self, scheme: Scheme) -> Result<&reqwest::Client, TransportError> {
        let built = match scheme {
            Scheme::Http => {
                self.plain.get_or_init(|| self.build(Phase::Answer, |_| Ok(Judge::without_roots())))
            }
            Scheme::Https => {
                self.tls.get_or_init(|| self.build(Phase::Connection, |provider| self.judge(provider)))
            }
        };
        built.as_ref().map_err(Clone::clone)
    }

    fn judge(&self, provider: &Arc<CryptoProvider>) -> Result<Judge, TransportError> {
        match &self.trust {
            ServerTrust::Anybody => Ok(Judge::Anybody),
            ServerTrust::Roots(roots) => Judge::by_roots(provider, roots),
        }
    }

    /// Builds a client; `after_name` is the phase that follows the name lookup.
    fn build<J>(&self, after_name: Phase, judge: J) -> Result<reqwest::Client, TransportError>
    where
        J: FnOnce(&Arc<CryptoProvider>) -> Result<Judge, TransportError>,
    {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let judge = judge(&provider)?;
        let progress = Arc::clone(&self.progress);
        let verifier = Arc::new(ServerVerifier { provider: Arc::clone(&provider), judge, progress });
        let broken = |why: String| TransportError::Other { host: String::from("any host"), why };
        // As when a key is opened: a second hop may not open one.
        ::aws_lc_rs::init();
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| broken(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.resumption = Resumption::disabled(); // one connection, or one in half an hour
        let proxies = Arc::clone(&self.proxies);
        let proxy = reqwest::Proxy::custom(move |url| {
            let port = url.port_or_known_default().unwrap_or_default();
            proxies
                .url_for(url.host_str().unwrap_or_default(), port)
                .and_then(|url| url.parse::<reqwest::Url>().ok())
        });
        reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .http1_only()
            .no_proxy()
            .proxy(proxy)
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .dns_resolver(Arc::new(SystemResolver {
                after: after_name,
                progress: Arc::clone(&self.progress),
            }))
            .user_agent(USER_AGENT)
            .connect_timeout(self.timeouts.connect)
            .timeout(self.timeouts.attempt)
            .pool_max_idle_per_host(1)
            .build()
            .map_err(|error| broken(error.to_string()))
    }

    /// Returns how certain it can be who answers for an endpoint.
    const fn peer(&self, scheme: Scheme) -> Peer {
        match (scheme, &self.trust) {
            (Scheme::Http, _) => Peer::Loopback,
            (Scheme::Https, ServerTrust::Anybody) => Peer::Unverified,
            (Scheme::Https, ServerTrust::Roots(_)) => Peer::Verified,
        }
    }

    /// Adds the proxy's own answer to its refusal.
    async fn explained(&self, error: TransportError, endpoint: &Endpoint) -> TransportError {
        let (host, port) = (endpoint.host(), endpoint.port());
        match (error, self.proxies.url_for(host, port)) {
            (TransportError::ProxyRefused { proxy, host, why }, Some(url)) => {
                let answer = proxy_answer::ask(url, &host, port, self.timeouts.connect).await;
                let why = answer.and_then(|answer| answer.refusal()).unwrap_or(why);
                TransportError::ProxyRefused { proxy, host, why }
            }
            (error, _) => error,
        }
    }

    fn situation<'a>(&'a self, endpoint: &'a Endpoint) -> Situation<'a> {
        Situation {
            host: endpoint.host(),
            port: endpoint.port(),
            proxy: self.proxies.shown_for(endpoint.host(), endpoint.port()),
            connect: self.timeouts.connect,
            attempt: self.timeouts.attempt,
        }
    }
}

impl fmt::Debug for NativeTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { proxies, timeouts, trust, progress: _, plain: _, tls: _ } = self;
        f.debug_struct("NativeTransport")
            .field("proxies", proxies)
            .field("timeouts", timeouts)
            .field("trust", trust)
            .finish_non_exhaustive()
    }
}

impl Transport for NativeTransport {
    async fn send(&self, request: SignedRequest) -> Result<Response, TransportError> {
        let endpoint = request.endpoint().clone();
        let situation = self.situation(&endpoint);
        let method = match request.method() {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
        };
        trace::step(|| {
            let (host, port) = (endpoint.host(), endpoint.port());
            let way = self.proxies.shown_for(host, port);
            let way = way.map_or_else(String::new, |proxy| format!(", through the proxy {proxy}"));
            format!("request to {host}:{port}{way}")
        });
        if endpoint.scheme() == Scheme::Http {
            // A connection to this machine is made at once.
            self.progress.note(Phase::Answer);
        }
        let builder = self.client(endpoint.scheme())?.request(method, request.url());
        let (headers, body) = request.into_parts();
        let sent = builder.headers(headers).body(body).send().await;
        let mut answer = match sent {
            Ok(answer) => answer,
            Err(error) => return Err(self.explained(situation.name(&error), &endpoint).await),
        };
        let status = answer.status().as_u16();
        if (300..400).contains(&status) {
            let location = answer.headers().get("location").and_then(|value| value.to_str().ok());
            return Err(TransportError::Redirect {
                host: endpoint.host().to_owned(),
                status,
                location: location.map(str::to_owned),
            });
        }
        let headers = std::mem::take(answer.headers_mut());
        let body = read_body(answer, &situation).await?;
        Ok(Response::new(status, headers, body, self.peer(endpoint.scheme())))
    }

    fn phase(&self) -> Phase {
        self.progress.phase()
    }
}

/// Reads a body of at most [`MAX_BODY`] bytes; every buffer used here is wiped.
async fn read_body(
    mut answer: reqwest::Response,
    situation: &Situation<'_>,
) -> Result<Zeroizing<Vec<u8>>, TransportError> {
    let too_large = || TransportError::BodyTooLarge { host: situation.host.to_owned() };
    let announced = answer.content_length().map_or(Ok(4096), usize::try_from).map_err(|_| too_large())?;
    if announced > MAX_BODY {
        return Err(too_large());
    }
    let mut body = Zeroizing::new(Vec::with_capacity(announced));
    while let Some(chunk) = answer.chunk().await.map_err(|error| situation.name(&error))? {
        let length = body.len() + chunk.len();
        if length > MAX_BODY {
            return Err(too_large());
        }
        if length > body.capacity() {
            let mut longer = Zeroizing::new(Vec::with_capacity((2 * length).min(MAX_BODY)));
            longer.extend_from_slice(&body);
            body = longer;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The operating system's name service, with a separate type for its failures.
#[derive(Debug)]
struct SystemResolver {
    /// The phase that follows the name lookup.
    after: Phase,
    progress: Arc<Progress>,
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let (after, progress) = (self.after, Arc::clone(&self.progress));
        Box::pin(async move {
            progress.note(Phase::Name);
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            progress.note(after);
            match found.map(Iterator::collect::<Vec<_>>) {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                Err(cause) => Err(NoAddress { name, cause }.into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[tokio::test]
    async fn the_resolver_notes_when_it_waits_for_the_name_service() {
        let progress = Arc::new(Progress::new());
        let resolver = SystemResolver { after: Phase::Connection, progress: Arc::clone(&progress) };
        let mut looking = resolver.resolve("localhost".parse().unwrap());
        if looking.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            assert_eq!(progress.phase(), Phase::Name);
            assert!(looking.await.is_ok());
        }
        assert_eq!(progress.phase(), Phase::Connection);
    }
}
