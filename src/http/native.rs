//! The one real transport: reqwest on rustls.
//!
//! HTTP/1.1, TLS 1.2 or 1.3, no redirects, no cookies, no compression, and nothing read from the environment behind our
//! back. The client is built at the first request; without TLS it loads no roots.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use zeroize::Zeroizing;

use super::failure::{NoAddress, Situation};
use super::verifier::{Anybody, RootsVerifier};
use super::{MAX_BODY, Peer, Proxies, Response, Transport, TransportError, TrustedRoots};
use crate::signing::{Endpoint, Method, Scheme, SignedRequest};

/// How this program names itself; not signed, as proxies change it.
const USER_AGENT: &str = concat!("anyrole/", env!("CARGO_PKG_VERSION"));

/// How long parts of an attempt may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection: name service and TCP.
    pub connect: Duration,
    /// For all of an attempt, to the last byte of the answer.
    pub attempt: Duration,
}

impl Default for Timeouts {
    /// 5 seconds for a connection, 15 for an attempt.
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), attempt: Duration::from_secs(15) }
    }
}

/// Which servers are trusted.
#[derive(Clone, Debug)]
pub enum ServerTrust {
    /// Every server: `--no-verify-ssl`.
    Anybody,
    /// Those whose certificate leads to one of these roots.
    Roots(TrustedRoots),
}

/// What a transport is made of.
#[derive(Debug)]
pub struct TransportSettings {
    /// The ways out.
    pub proxies: Proxies,
    /// How long parts of an attempt may take.
    pub timeouts: Timeouts,
    /// Which servers are trusted.
    pub trust: ServerTrust,
}

/// Sends requests over the network.
pub struct NativeTransport {
    proxies: Arc<Proxies>,
    timeouts: Timeouts,
    trust: ServerTrust,
    plain: OnceLock<Result<reqwest::Client, TransportError>>,
    tls: OnceLock<Result<reqwest::Client, TransportError>>,
}

impl NativeTransport {
    /// Keeps the settings; nothing is read or opened before the first request.
    pub fn new(settings: TransportSettings) -> Self {
        let TransportSettings { proxies, timeouts, trust } = settings;
        Self { proxies: Arc::new(proxies), timeouts, trust, plain: OnceLock::new(), tls: OnceLock::new() }
    }

    fn client(&self, scheme: Scheme) -> Result<&reqwest::Client, TransportError> {
        let built = match scheme {
            Scheme::Http => self
                .plain
                .get_or_init(|| self.build(|provider| Ok(Arc::new(RootsVerifier::without_roots(provider))))),
            Scheme::Https => self.tls.get_or_init(|| self.build(|provider| self.verifier(provider))),
        };
        built.as_ref().map_err(Clone::clone)
    }

    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, TransportError> {
        Ok(match &self.trust {
            ServerTrust::Anybody => Arc::new(Anybody { provider: Arc::clone(provider) }),
            ServerTrust::Roots(roots) => Arc::new(RootsVerifier::new(provider, roots)?),
        })
    }

    fn build<V>(&self, verifier: V) -> Result<reqwest::Client, TransportError>
    where
        V: FnOnce(&Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, TransportError>,
    {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = verifier(&provider)?;
        let broken = |why: String| TransportError::Other { host: String::from("any host"), why };
        // As when a key is opened: a second hop may need none.
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
            .dns_resolver(Arc::new(SystemResolver))
            .user_agent(USER_AGENT)
            .connect_timeout(self.timeouts.connect)
            .timeout(self.timeouts.attempt)
            .pool_max_idle_per_host(1)
            .build()
            .map_err(|error| broken(error.to_string()))
    }

    /// Returns how much can be known about who answers for an endpoint.
    const fn peer(&self, scheme: Scheme) -> Peer {
        match (scheme, &self.trust) {
            (Scheme::Http, _) => Peer::Loopback,
            (Scheme::Https, ServerTrust::Anybody) => Peer::Unverified,
            (Scheme::Https, ServerTrust::Roots(_)) => Peer::Verified,
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
        let Self { proxies, timeouts, trust, plain: _, tls: _ } = self;
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
        let builder = self.client(endpoint.scheme())?.request(method, request.url());
        let (headers, body) = request.into_parts();
        let sent = builder.headers(headers).body(body).send().await;
        let mut answer = sent.map_err(|error| situation.name(&error))?;
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
}

/// Reads a body of at most [`MAX_BODY`] bytes; every buffer that it passes through here is wiped.
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

/// The operating system's name service, whose refusals keep their own type.
#[derive(Debug)]
struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            match found.map(Iterator::collect::<Vec<_>>) {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Addrs),
                Err(cause) => Err(NoAddress { name, cause }.into()),
            }
        })
    }
}
