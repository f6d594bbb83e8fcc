//! The root certificates that servers are verified with.
//!
//! Loading them is the most expensive part of a call, so they are loaded only when a server presents its certificate,
//! and from one file; the folders with one file per root are read only if that file lacks the issuer.

use std::fmt::Display;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem::Finder;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;

use super::TransportError;
use crate::env::Environment;
use crate::private_file::Denial;

/// The longest CA bundle, in bytes; typical ones have a quarter of a megabyte.
const MAX_BUNDLE: u64 = 16 * 1024 * 1024;

/// Which roots are trusted.
#[derive(Clone, Debug)]
pub struct TrustedRoots {
    /// A PEM file that replaces the platform's roots, as `AWS_CA_BUNDLE` does in the SDKs.
    pub bundle: Option<PathBuf>,
    /// PEM files with additional trusted roots.
    pub extra: Vec<PathBuf>,
    /// The environment, for `SSL_CERT_FILE` and `SSL_CERT_DIR`, which replace the platform's roots.
    pub environment: Environment,
}

impl TrustedRoots {
    /// Trusts the platform's roots.
    pub const fn platform(environment: Environment) -> Self {
        Self { bundle: None, extra: Vec::new(), environment }
    }

    /// Loads the certificates from the settings: the bundle and the extra files.
    pub(super) fn load_named(&self) -> Result<Vec<CertificateDer<'static>>, TransportError> {
        let mut named = Vec::new();
        for path in self.bundle.iter().chain(&self.extra) {
            read_bundle(path, |certificate| named.push(certificate))?;
        }
        Ok(named)
    }
}

/// Reads the certificates of a PEM file one by one; other blocks and text between them are skipped.
///
/// # Errors
///
/// Fails if it cannot be read, is longer than 16 MiB, or contains no certificate.
fn read_bundle(path: &Path, mut take: impl FnMut(CertificateDer<'static>)) -> Result<(), TransportError> {
    let error = |why: &dyn Display| TransportError::CaBundle {
        path: path.display().to_string(),
        why: why.to_string(),
        cure: None,
    };
    let file = File::open(path).map_err(|cause| match Denial::of(path) {
        Some(denial) if cause.kind() == ErrorKind::PermissionDenied => TransportError::CaBundle {
            path: path.display().to_string(),
            why: denial.to_string(),
            cure: Some(denial.cure(false)),
        },
        Some(_) | None => error(&cause),
    })?;
    let length = file.metadata().map_or(0, |metadata| metadata.len()).min(MAX_BUNDLE);
    let mut pem = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    file.take(MAX_BUNDLE + 1).read_to_end(&mut pem).map_err(|cause| error(&cause))?;
    if pem.len() as u64 > MAX_BUNDLE {
        return Err(error(&"it is longer than 16 MiB"));
    }
    let mut found = false;
    for certificate in certificates(&pem) {
        take(certificate.ok_or_else(|| error(&"its PEM is damaged"))?);
        found = true;
    }
    if found { Ok(()) } else { Err(error(&"it holds no PEM certificate")) }
}

/// Decodes the certificates of a PEM text; `None` for a damaged block.
///
/// Readers made for keys decode base64 in constant time and wipe their buffers. For the 150 public certificates of a
/// platform that took two thirds of all instructions of an uncached call, with nothing to protect.
fn certificates(pem: &[u8]) -> impl Iterator<Item = Option<CertificateDer<'static>>> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    const END: &[u8] = b"-----END CERTIFICATE-----";
    let (begin, end) = (Finder::new(BEGIN), Finder::new(END));
    let (mut base64, mut rest) = (Vec::new(), pem);
    std::iter::from_fn(move || {
        let body = &rest[begin.find(rest)? + BEGIN.len()..];
        let Some(length) = end.find(body) else {
            rest = &[];
            return Some(None);
        };
        base64.clear();
        for line in body[..length].split(|byte| *byte == b'\n') {
            base64.extend_from_slice(line.trim_ascii());
        }
        rest = &body[length + END.len()..];
        Some(STANDARD.decode(&base64).ok().map(CertificateDer::from))
    })
}

/// Collects roots; unusable ones are skipped.
pub(super) fn store(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates);
    store
}

/// Where the platform keeps its roots.
#[cfg(all(unix, not(target_vendor = "apple")))]
#[derive(Debug)]
pub(super) struct Locations {
    file: Option<PathBuf>,
    folders: Vec<PathBuf>,
}

#[cfg(all(unix, not(target_vendor = "apple")))]
impl Locations {
    /// Returns what `SSL_CERT_FILE` and `SSL_CERT_DIR` name if either is set, else the usual places.
    pub(super) fn find(environment: &Environment) -> Self {
        let file = environment.os_var("SSL_CERT_FILE").map(PathBuf::from);
        let folders = environment.os_var("SSL_CERT_DIR");
        if file.is_some() || folders.is_some() {
            let folders = folders.iter().flat_map(std::env::split_paths).collect();
            return Self { file, folders };
        }
        let usual = openssl_probe::probe();
        Self { file: usual.cert_file, folders: usual.cert_dir }
    }

    /// Adds the roots of the file; none if it cannot be read, because the folders may have more.
    pub(super) fn add_file(&self, roots: &mut RootCertStore) {
        if let Some(file) = &self.file {
            let _ = read_bundle(file, |certificate| {
                roots.add_parsable_certificates([certificate]);
            });
        }
    }

    /// Loads the roots of the folders.
    pub(super) fn load_folders(&self) -> Vec<CertificateDer<'static>> {
        let load = |folder: &PathBuf| rustls_native_certs::load_certs_from_paths(None, Some(folder)).certs;
        self.folders.iter().flat_map(load).collect()
    }
}

/// The usual places, for a machine where none of them exists: the parents of the files and folders that were tried.
#[cfg(target_os = "linux")]
const USUAL: &str =
    "/etc/ssl, /etc/ssl/certs, /etc/pki/tls, /etc/pki/ca-trust/extracted/pem, /opt/etc/ssl/certs";
#[cfg(all(unix, not(target_vendor = "apple"), not(target_os = "linux")))]
const USUAL: &str = "this system's usual places";

/// Lists the places that were searched; if none exists, those that are missing.
#[cfg(all(unix, not(target_vendor = "apple")))]
impl Display for Locations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let places: Vec<_> =
            self.file.iter().chain(&self.folders).map(|place| place.display().to_string()).collect();
        if places.is_empty() {
            return write!(f, "{USUAL} (no roots in any); SSL_CERT_FILE and SSL_CERT_DIR are not set");
        }
        f.write_str(&places.join(", "))
    }
}
