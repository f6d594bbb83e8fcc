//! Revocation lists at the URLs that the certificates name: what a trust anchor with `crlDpRevocationEnabled` asks.
//!
//! The service's model says that such an anchor "checks certificate revocation status against CRL distribution points",
//! and no more. What is here beyond RFC 5280 is our reading: each certificate of the path is asked for but the anchor's
//! own; one that names no list is not revoked; and a certificate whose list cannot be had, has expired or is not its
//! issuer's is refused, unless the anchor is told to admit it ([`Unavailable`]).

use std::fmt;
use std::sync::Arc;

use time::OffsetDateTime;

use super::certificate::Certificate;
use super::refusal::Refusal;
use crate::revocation::RevocationList;
use crate::text::{rfc3339, shown};

/// Most URLs that are asked for one certificate.
const URLS_LIMIT: usize = 4;

/// What follows where no list of a certificate can be had. AWS documents neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unavailable {
    /// The certificate counts as not revoked.
    Admit,
    /// The certificate is refused.
    #[default]
    Refuse,
}

type Fetch = dyn Fn(&str) -> Result<Vec<u8>, String> + Send + Sync;

/// Something that fetches the list at a URL, or says why not.
#[derive(Clone)]
pub struct ListFetcher(pub Arc<Fetch>);

impl ListFetcher {
    /// Returns a fetcher that has nothing.
    pub fn none() -> Self {
        Self(Arc::new(|_| Err("nothing is fetched here".to_owned())))
    }
}

impl fmt::Debug for ListFetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ListFetcher")
    }
}

/// Asks the lists of every certificate of a path, which begins with the end entity and ends with the anchor's certificate.
///
/// # Errors
///
/// Fails if a certificate is on its issuer's list, and, if that is refused, where no such list can be had.
pub(super) fn check(
    path: &[&Certificate],
    fetcher: &ListFetcher,
    unavailable: Unavailable,
    now: OffsetDateTime,
) -> Result<(), Refusal> {
    for pair in path.windows(2) {
        let [certificate, issuer] = pair else { continue };
        match list_of(certificate, issuer, fetcher, now) {
            None => {}
            Some(Ok(list)) => {
                let is_listed = list
                    .revoked()
                    .iter()
                    .any(|entry| entry.serial.decimal() == certificate.serial().to_string());
                if is_listed {
                    return Err(Refusal::Revoked {
                        subject: certificate.subject().to_owned(),
                        serial: certificate.serial().to_string(),
                    });
                }
            }
            Some(Err(reason)) => match unavailable {
                Unavailable::Admit => {}
                Unavailable::Refuse => {
                    return Err(Refusal::RevocationUnknown {
                        subject: certificate.subject().to_owned(),
                        reason,
                    });
                }
            },
        }
    }
    Ok(())
}

/// Returns the first list of a certificate that can be used, or why there is none; `None` if it names none.
fn list_of(
    certificate: &Certificate,
    issuer: &Certificate,
    fetcher: &ListFetcher,
    now: OffsetDateTime,
) -> Option<Result<RevocationList, String>> {
    let mut failures = Vec::new();
    for url in certificate.crl_urls().iter().take(URLS_LIMIT) {
        match (fetcher.0)(url).and_then(|bytes| usable(&bytes, issuer, now)) {
            Ok(list) => return Some(Ok(list)),
            Err(why) => failures.push(format!("{}: {why}", shown(url))),
        }
    }
    (!failures.is_empty()).then(|| Err(failures.join("; ")))
}

/// Reads a list as it is served over HTTP: DER, by the certificate's issuer, and not expired.
fn usable(bytes: &[u8], issuer: &Certificate, now: OffsetDateTime) -> Result<RevocationList, String> {
    if bytes.starts_with(b"-----BEGIN") {
        return Err("it is PEM, and a list at a URL is DER (RFC 5280, section 4.2.1.13)".to_owned());
    }
    let list = RevocationList::parse(bytes).map_err(|error| error.to_string())?;
    if !list.is_signed_by(issuer) {
        return Err(format!("it is not a list of '{}'", issuer.subject()));
    }
    if list.this_update() > now {
        return Err(format!("it is not valid before {}", rfc3339(list.this_update())));
    }
    match list.next_update() {
        Some(next) if now > next => Err(format!("it expired at {}", rfc3339(next))),
        Some(_) | None => Ok(list),
    }
}
