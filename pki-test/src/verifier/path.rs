//! Builds a path from the end entity through the chain to the trust anchor.
//!
//! The chain header may contain more than is needed, in any order, and even the end entity again, as the official
//! helper sends it from PKCS#12 files. Names are compared byte by byte. Of several failed candidates the one that got
//! furthest is reported.

use time::OffsetDateTime;

use super::certificate::Certificate;
use super::refusal::Refusal;
use super::trust_anchor::TrustAnchor;

/// Most certificates of the chain header (AWS's limit).
pub const CHAIN_LIMIT: usize = 5;

/// Most signature checks of one search. Honest chains need at most seven; look-alike names could ask for hundreds.
const CHECK_LIMIT: u32 = 48;

/// Finds a path from `end_entity` to one of the anchor's certificates: both, and those between, in this order.
///
/// Each CA certificate on it, including the anchor's, must be valid at `now`, satisfy the rules for CA certificates,
/// allow the CA certificates below it, and have signed the next. No certificate on it may be revoked by the anchor's
/// lists.
///
/// # Errors
///
/// Fails with the rule broken by the candidate that got furthest, or with the name of the issuer that is missing.
pub fn build_path<'a>(
    end_entity: &'a Certificate,
    chain: &'a [Certificate],
    anchor: &'a TrustAnchor,
    now: OffsetDateTime,
) -> Result<Vec<&'a Certificate>, Refusal> {
    let chain: Vec<&Certificate> = chain.iter().filter(|candidate| *candidate != end_entity).collect();
    let used = vec![false; chain.len()];
    let mut search = Search { chain, used, anchor, now, checks: 0, nearest_miss: None, way_down: Vec::new() };
    if search.reaches_anchor(end_entity, Depth { certificates: 0, intermediates: 0 }) {
        let mut path = search.way_down;
        path.push(end_entity);
        path.reverse();
        return Ok(path);
    }
    if search.checks >= CHECK_LIMIT {
        return Err(Refusal::PathTooCostly { limit: CHECK_LIMIT });
    }
    Err(search.nearest_miss.map_or_else(|| issuer_not_found(end_entity), |(_, miss)| miss))
}

fn issuer_not_found(certificate: &Certificate) -> Refusal {
    Refusal::IssuerNotFound {
        subject: certificate.subject().to_owned(),
        issuer: certificate.issuer().to_owned(),
    }
}

/// The progress of a search.
#[derive(Clone, Copy)]
struct Depth {
    /// CA certificates on the path so far.
    certificates: u32,
    /// Those that count for a path length: the ones that are not self-issued (RFC 5280, section 4.2.1.9).
    intermediates: u32,
}

struct Search<'a> {
    chain: Vec<&'a Certificate>,
    used: Vec<bool>,
    anchor: &'a TrustAnchor,
    now: OffsetDateTime,
    checks: u32,
    nearest_miss: Option<(u32, Refusal)>,
    /// The path once it is found, from the anchor's certificate down.
    way_down: Vec<&'a Certificate>,
}

impl<'a> Search<'a> {
    fn reaches_anchor(&mut self, certificate: &'a Certificate, depth: Depth) -> bool {
        if self.anchor.revokes(certificate) {
            self.miss(
                u32::MAX,
                Refusal::Revoked {
                    subject: certificate.subject().to_owned(),
                    serial: certificate.serial().to_string(),
                },
            );
            return false;
        }
        let mut found_issuer = false;
        let anchor = self.anchor;
        for issuer in anchor.certificates() {
            if issuer.subject_name() == certificate.issuer_name() {
                found_issuer = true;
                if self.issued(issuer, certificate, depth) {
                    self.way_down.push(issuer);
                    return true;
                }
            }
        }
        for index in 0..self.chain.len() {
            let issuer = self.chain[index];
            if self.used[index] || issuer.subject_name() != certificate.issuer_name() {
                continue;
            }
            found_issuer = true;
            if !self.issued(issuer, certificate, depth) {
                continue;
            }
            self.used[index] = true;
            let deeper = Depth {
                certificates: depth.certificates + 1,
                intermediates: depth.intermediates + u32::from(!issuer.is_self_issued()),
            };
            let reached = self.reaches_anchor(issuer, deeper);
            self.used[index] = false;
            if reached {
                self.way_down.push(issuer);
                return true;
            }
        }
        if !found_issuer {
            self.miss(depth.certificates, issuer_not_found(certificate));
        }
        false
    }

    /// Returns whether `issuer` may have issued `certificate`, and did; a broken rule is recorded.
    fn issued(&mut self, issuer: &Certificate, certificate: &Certificate, depth: Depth) -> bool {
        match self.judge(issuer, certificate, depth) {
            Ok(()) => true,
            Err(refusal) => {
                self.miss(depth.certificates, refusal);
                false
            }
        }
    }

    fn judge(
        &mut self,
        issuer: &Certificate,
        certificate: &Certificate,
        depth: Depth,
    ) -> Result<(), Refusal> {
        let by_issuer = |fault| Refusal::Issuer { subject: issuer.subject().to_owned(), fault };
        issuer.check_ca().map_err(by_issuer)?;
        issuer.check_validity(self.now).map_err(by_issuer)?;
        if let Some(allowed) = issuer.path_length().filter(|&allowed| depth.intermediates > allowed) {
            return Err(Refusal::PathLength {
                subject: issuer.subject().to_owned(),
                allowed,
                found: depth.intermediates,
            });
        }
        if self.checks >= CHECK_LIMIT {
            return Err(Refusal::PathTooCostly { limit: CHECK_LIMIT });
        }
        self.checks += 1;
        if !certificate.is_signed_by(issuer) {
            return Err(Refusal::CertificateSignature {
                subject: certificate.subject().to_owned(),
                issuer: issuer.subject().to_owned(),
            });
        }
        Ok(())
    }

    fn miss(&mut self, depth: u32, refusal: Refusal) {
        if self.nearest_miss.as_ref().is_none_or(|(nearest, _)| depth > *nearest) {
            self.nearest_miss = Some((depth, refusal));
        }
    }
}
