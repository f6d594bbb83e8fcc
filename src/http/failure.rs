//! Converts errors of the HTTP and TLS libraries to a [`TransportError`].

use std::error::Error;
use std::io;
use std::iter::successors;
use std::time::Duration;

use rustls::{CertificateError, OtherError};

use super::TransportError;
use super::error::Hop;
use super::proxy_answer::Refusal;
use super::verifier::Untrusted;

/// The context of a failed request.
#[derive(Debug)]
pub(super) struct Situation<'a> {
    /// The host that was asked.
    pub(super) host: &'a str,
    /// Its port.
    pub(super) port: u16,
    /// The proxy, without its password.
    pub(super) proxy: Option<&'a str>,
    /// The time limit for connecting.
    pub(super) connect: Duration,
    /// The time limit for an attempt.
    pub(super) attempt: Duration,
}

/// A failed name lookup, passed by our resolver through the HTTP library.
#[derive(Debug, thiserror::Error)]
#[error("no address for {name}")]
pub(super) struct NoAddress {
    pub(super) name: String,
    #[source]
    pub(super) cause: io::Error,
}

impl Situation<'_> {
    /// Converts a failure according to the most informative error in its chain.
    pub(super) fn name(&self, error: &reqwest::Error) -> TransportError {
        let named = chain(error).find_map(|cause| self.name_cause(cause, error.is_connect()));
        named.unwrap_or_else(|| match (error.is_timeout(), error.is_connect()) {
            (true, true) => TransportError::ConnectTimeout { peer: self.peer(), after: self.connect },
            (true, false) => TransportError::Timeout { host: self.host(), after: self.attempt },
            (false, _) => {
                let why = chain(error).last().map(ToString::to_string).unwrap_or_default();
                TransportError::Other { host: self.host(), why }
            }
        })
    }

    fn name_cause(&self, cause: &(dyn Error + 'static), connecting: bool) -> Option<TransportError> {
        if let Some(NoAddress { name, cause }) = cause.downcast_ref() {
            // With a proxy, it is the proxy that looks up the host's name.
            let is_proxy = self.proxy.is_some();
            return Some(TransportError::Dns { host: name.clone(), is_proxy, why: cause.to_string() });
        }
        if let Some(error) = cause.downcast_ref() {
            return Some(self.name_tls(error));
        }
        if let Some(error) = cause.downcast_ref::<hyper::Error>()
            && (error.is_incomplete_message() || error.is_body_write_aborted())
        {
            return Some(TransportError::ConnectionLost { host: self.host() });
        }
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return self.name_io(error, connecting);
        }
        let refused = |why| TransportError::ProxyRefused {
            proxy: self.proxy.unwrap_or_default().to_owned(),
            host: self.host(),
            why,
        };
        // The type of tunnel errors is not public.
        match cause.to_string().as_str() {
            "tunnel error: proxy authorization required" => Some(refused(Refusal::PasswordMissing)),
            "tunnel error: unsuccessful" => Some(refused(Refusal::Unexplained)),
            "tunnel error: unexpected end of file" => Some(refused(Refusal::Closed)),
            _ => None,
        }
    }

    /// Names a failure of TLS.
    pub(super) fn name_tls(&self, error: &rustls::Error) -> TransportError {
        if let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = error
            && let Some(Untrusted { why, issuer, no_roots_in }) = inner.downcast_ref()
        {
            return match no_roots_in {
                Some(places) => TransportError::NoRoots { looked_in: places.clone() },
                None => TransportError::UntrustedServer {
                    host: self.host(),
                    why: why.clone(),
                    issuer: issuer.clone(),
                },
            };
        }
        TransportError::Tls { host: self.host(), why: error.to_string() }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the standard library's enum is open")]
    fn name_io(&self, error: &io::Error, connecting: bool) -> Option<TransportError> {
        use io::ErrorKind as Kind;
        match error.kind() {
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => {
                Some(TransportError::ConnectionLost { host: self.host() })
            }
            Kind::TimedOut => None,
            _ if connecting && error.raw_os_error().is_some() => {
                Some(TransportError::ConnectionRefused { peer: self.peer(), why: error.to_string() })
            }
            _ => None,
        }
    }

    fn host(&self) -> String {
        self.host.to_owned()
    }

    /// Names the silence of the host.
    pub(super) fn timed_out(&self) -> TransportError {
        TransportError::Timeout { host: self.host(), after: self.attempt }
    }

    /// Returns who was to be connected to: the proxy, or the host itself.
    pub(super) fn peer(&self) -> Hop {
        match self.proxy {
            Some(proxy) => Hop::Proxy(proxy.to_owned()),
            None => Hop::Host(format!("{}:{}", self.host, self.port)),
        }
    }
}

/// Returns an error and its causes, including what an `io::Error` wraps, which its `source` skips.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}
