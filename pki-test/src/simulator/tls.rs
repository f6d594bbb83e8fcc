//! A throw-away certification authority and server certificate for the simulator's HTTPS listener.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};
use tokio_rustls::TlsAcceptor;

/// The validity of the certificates: longer than any test, too short to rely on.
const VALIDITY: Duration = Duration::hours(24);

/// How far back they are valid, for clients whose clock is behind.
const BACKDATING: Duration = Duration::minutes(5);

/// A TLS acceptor and its CA certificate. The CA's key no longer exists at this point.
pub(super) struct ThrowAwayTls {
    pub(super) acceptor: TlsAcceptor,
    pub(super) ca_pem: String,
}

impl ThrowAwayTls {
    /// Makes a CA and a certificate for `localhost`, 127.0.0.1 and ::1.
    ///
    /// Their validity is by the system's clock, whatever the simulator's clock, since that is what clients use for TLS.
    pub(super) fn create() -> Result<Self, String> {
        let now = OffsetDateTime::now_utc();
        let ca_key = KeyPair::generate().map_err(|error| error.to_string())?;
        let mut ca = params(Vec::new(), "TEST simulator TLS CA", now).map_err(|error| error.to_string())?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let ca_certificate = ca.self_signed(&ca_key).map_err(|error| error.to_string())?;
        let key = KeyPair::generate().map_err(|error| error.to_string())?;
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
        let mut server = params(names, "TEST simulator", now).map_err(|error| error.to_string())?;
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate =
            server.signed_by(&key, &Issuer::new(ca, ca_key)).map_err(|error| error.to_string())?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(|error| error.to_string())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_pem: ca_certificate.pem() })
    }
}

fn params(
    names: Vec<String>,
    common_name: &str,
    now: OffsetDateTime,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = now - BACKDATING;
    params.not_after = now + VALIDITY;
    Ok(params)
}
