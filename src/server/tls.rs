//! TLS for an address that other hosts can reach: SDKs send a token unencrypted only to this host.
//!
//! The files are read again while the server runs, since what renews a certificate does not know who uses it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::lock;
use crate::clock::Timestamp;
use crate::diagnostic::{Diagnostic, Fault};
use crate::private_file::{self, KeyFilePolicy, ReadError};
use crate::text::quoted;
use crate::x509::Certificate;

/// The longest certificate file, in bytes.
const CERTIFICATES_BYTES: u64 = 1024 * 1024;

/// The certificate and key for accepting connections; every clone has the same.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    certificate: PathBuf,
    key: PathBuf,
    policy: KeyFilePolicy,
    current: Mutex<Current>,
}

/// What was read last and can be used.
struct Current {
    chain: Vec<CertificateDer<'static>>,
    acceptor: TlsAcceptor,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The files are not a certificate and its key.
    #[error("cannot offer TLS with {}: {why}", quoted(&path.to_string_lossy()))]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl Diagnostic for TlsError {
    fn id(&self) -> &'static str {
        match self {
            Self::Unreadable(error) => error.id(),
            Self::Unusable { .. } => "tls-files",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable(error) => error.hint(),
            Self::Unusable { .. } => Some(String::from(
                "give the server's certificate with its chain, and its own key, in PEM without a password; clients check its names",
            )),
        }
    }
}

impl Tls {
    /// Reads the certificate, with its chain, and the private key, both in PEM.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be read, if others may read the key, or if the two do not match.
    pub fn read(certificate: PathBuf, key: PathBuf, policy: KeyFilePolicy) -> Result<Self, TlsError> {
        let chain = read_chain(&certificate)?;
        let acceptor = acceptor(&chain, &certificate, &key, &policy)?;
        let current = Mutex::new(Current { chain, acceptor });
        Ok(Self(Arc::new(Shared { certificate, key, policy, current })))
    }

    /// Reads the files again. If there is another certificate, connections from now on are accepted with it, and the
    /// answer is true. May block for as long as [`private_file::read_bounded`].
    ///
    /// # Errors
    ///
    /// As [`Self::read`]; what was read before stays in use.
    pub fn read_again(&self) -> Result<bool, TlsError> {
        let Shared { certificate, key, policy, current } = &*self.0;
        let chain = read_chain(certificate)?;
        if chain == lock(current).chain {
            return Ok(false);
        }
        let acceptor = acceptor(&chain, certificate, key, policy)?;
        *lock(current) = Current { chain, acceptor };
        Ok(true)
    }

    /// Returns the last second of the certificate in use; `None` if it is one that only rustls can read.
    pub fn not_after(&self) -> Option<Timestamp> {
        let current = lock(&self.0.current);
        let certificate = Certificate::parse(current.chain.first()?).ok()?;
        Some(certificate.not_after())
    }

    /// Accepts a connection; `None` if the TLS handshake fails, which is the caller's problem.
    pub(super) async fn accept(self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let acceptor = lock(&self.0.current).acceptor.clone();
        acceptor.accept(stream).await.ok()
    }
}

fn unusable(path: &Path, why: &str) -> TlsError {
    TlsError::Unusable { path: path.to_owned(), why: why.to_owned() }
}

fn read_chain(certificate: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = private_file::read_bounded(certificate, CERTIFICATES_BYTES)?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|_| unusable(certificate, "it is not PEM"))?;
    if chain.is_empty() {
        return Err(unusable(certificate, "there is no certificate in it"));
    }
    Ok(chain)
}

/// Reads the key, and joins it with the chain.
fn acceptor(
    chain: &[CertificateDer<'static>],
    certificate: &Path,
    key: &Path,
    policy: &KeyFilePolicy,
) -> Result<TlsAcceptor, TlsError> {
    let (bytes, _) = private_file::read_key_file(key, policy)?;
    let private = PrivateKeyDer::from_pem_slice(&bytes)
        .map_err(|_| unusable(key, "there is no private key in it that is open, in PEM"))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain.to_vec(), private));
    let mut config = config.map_err(|error| unusable(certificate, &error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
