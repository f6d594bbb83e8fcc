//! Decides whether a server is trusted; if not, reports which certificate it presented.

use std::fmt;
use std::sync::{Arc, LazyLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::TransportError;
use super::error::Distrust;
use super::phase::{Phase, Progress};
use super::roots::{TrustedRoots, store};

/// Loads roots when they are first needed.
pub(super) type LazyVerifier = LazyLock<
    Option<Arc<dyn ServerCertVerifier>>,
    Box<dyn FnOnce() -> Option<Arc<dyn ServerCertVerifier>> + Send>,
>;

/// Which servers are trusted.
pub(super) enum Judge {
    /// Any certificate, but the server must still prove that it has the key: `--no-verify-ssl`.
    Anybody,
    /// Several sets of roots, tried in order until one includes the issuer.
    Roots {
        stages: Vec<LazyVerifier>,
        /// Where roots were searched for.
        looked_in: String,
    },
}

/// Verifies a server's certificate, and records that the connection was made.
pub(super) struct ServerVerifier {
    pub(super) provider: Arc<CryptoProvider>,
    pub(super) judge: Judge,
    pub(super) progress: Arc<Progress>,
}

/// Why a certificate was not trusted; wrapped in an error of the TLS library.
#[derive(Debug, Clone)]
pub(super) struct Untrusted {
    pub(super) why: Distrust,
    pub(super) issuer: Option<String>,
    /// Where roots were searched for, if there are none at all.
    pub(super) no_roots_in: Option<String>,
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.why, f)
    }
}

impl std::error::Error for Untrusted {}

impl Judge {
    /// Prepares verification; named files are read here, the platform's roots when a server presents its certificate.
    ///
    /// # Errors
    ///
    /// Fails if a named file cannot be used.
    pub(super) fn by_roots(
        provider: &Arc<CryptoProvider>,
        roots: &TrustedRoots,
    ) -> Result<Self, TransportError> {
        let named = roots.load_named()?;
        let (stages, looked_in) = if let Some(bundle) = &roots.bundle {
            let provider = Arc::clone(provider);
            let load = move || by_roots(store(named), &provider);
            (vec![lazy(load)], bundle.display().to_string())
        } else {
            platform_stages(provider, roots, named)
        };
        Ok(Self::Roots { stages, looked_in })
    }

    /// Trusts nobody: for a client that never uses TLS.
    pub(super) const fn without_roots() -> Self {
        Self::Roots { stages: Vec::new(), looked_in: String::new() }
    }
}

#[cfg(all(unix, not(target_vendor = "apple")))]
fn platform_stages(
    provider: &Arc<CryptoProvider>,
    roots: &TrustedRoots,
    named: Vec<CertificateDer<'static>>,
) -> (Vec<LazyVerifier>, String) {
    let locations = Arc::new(super::roots::Locations::find(&roots.environment));
    let looked_in = locations.to_string();
    let (file, folders) = (Arc::clone(&locations), locations);
    let (file_provider, folders_provider) = (Arc::clone(provider), Arc::clone(provider));
    let stages = vec![
        lazy(move || {
            let mut roots = store(named);
            file.add_file(&mut roots);
            by_roots(roots, &file_provider)
        }),
        lazy(move || by_roots(store(folders.load_folders()), &folders_provider)),
    ];
    (stages, looked_in)
}

#[cfg(not(all(unix, not(target_vendor = "apple"))))]
fn platform_stages(
    provider: &Arc<CryptoProvider>,
    _roots: &TrustedRoots,
    named: Vec<CertificateDer<'static>>,
) -> (Vec<LazyVerifier>, String) {
    let provider = Arc::clone(provider);
    let load = move || {
        let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(named, provider).ok()?;
        Some(Arc::new(verifier) as Arc<dyn ServerCertVerifier>)
    };
    (vec![lazy(load)], String::from("the operating system's store"))
}

fn lazy(load: impl FnOnce() -> Option<Arc<dyn ServerCertVerifier>> + Send + 'static) -> LazyVerifier {
    LazyLock::new(Box::new(load))
}

/// Returns a verifier for these roots; `None` if there are none.
fn by_roots(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Option<Arc<dyn ServerCertVerifier>> {
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build().ok()?;
    Some(verifier)
}

impl fmt::Debug for ServerVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerVerifier").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.progress.note(Phase::Answer);
        let Judge::Roots { stages, looked_in } = &self.judge else {
            return Ok(ServerCertVerified::assertion());
        };
        let mut why = None;
        for verifier in stages.iter().filter_map(|stage| stage.as_ref()) {
            match verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
                Ok(verified) => return Ok(verified),
                Err(error) => {
                    let distrust = distrust(&error);
                    let unknown = matches!(distrust, Distrust::SameName | Distrust::UnknownIssuer);
                    why = Some(distrust);
                    if !unknown {
                        break;
                    }
                }
            }
        }
        let no_roots_in = why.is_none().then(|| looked_in.clone());
        let last = intermediates.last().unwrap_or(end_entity);
        let untrusted =
            Untrusted { why: why.unwrap_or(Distrust::UnknownIssuer), issuer: issuer(last), no_roots_in };
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(untrusted)))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Reduces the many errors of rustls to those that a user can act on.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the TLS library's enums are open, and most verdicts need no own text"
)]
fn distrust(error: &Error) -> Distrust {
    use CertificateError as Certificate;
    match error {
        Error::InvalidCertificate(error) => match error {
            Certificate::Expired | Certificate::ExpiredContext { .. } => Distrust::Expired,
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => Distrust::NotYetValid,
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => Distrust::OtherHost,
            Certificate::BadSignature => Distrust::SameName,
            Certificate::UnknownIssuer => Distrust::UnknownIssuer,
            other => Distrust::Other(other.to_string()),
        },
        other => Distrust::Other(other.to_string()),
    }
}

fn issuer(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.issuer().to_string())
}
