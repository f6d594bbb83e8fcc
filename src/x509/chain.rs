//! Orders candidate certificates into the chain to present.

use super::Certificate;

/// The most intermediates that AWS accepts in the chain header (Roles Anywhere user guide, "authentication").
pub const DEPTH_LIMIT: usize = 5;

/// An end-entity certificate with its intermediates, and what was left out.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The certificate whose key signs.
    pub end_entity: Certificate,
    /// The CA certificates above it, in order of issuance, nearest first, without roots.
    ///
    /// The chain is complete, so there may be more than [`DEPTH_LIMIT`].
    pub intermediates: Vec<Certificate>,
    /// Self-signed certificates, which AWS has as trust anchors and does not want to receive.
    pub roots: Vec<Certificate>,
    /// Certificates that are not part of the chain.
    pub unrelated: Vec<Certificate>,
}

impl Chain {
    /// Builds the chain from `candidates`, which may include duplicates, roots, unrelated certificates and the end
    /// entity, in any order.
    ///
    /// A certificate follows another if its subject is the other's issuer and its key signed the other. If several
    /// qualify (cross-signed CAs), the one that is valid longest is used; each is used at most once, so cycles end.
    pub fn order(end_entity: Certificate, candidates: Vec<Certificate>) -> Self {
        let mut rest: Vec<Certificate> = Vec::with_capacity(candidates.len());
        for certificate in candidates {
            if certificate != end_entity && !rest.contains(&certificate) {
                rest.push(certificate);
            }
        }
        let (roots, mut unrelated): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(Certificate::is_self_signed);
        let mut intermediates: Vec<Certificate> = Vec::new();
        loop {
            let child = intermediates.last().unwrap_or(&end_entity);
            let next = unrelated
                .iter()
                .enumerate()
                .filter(|(_, candidate)| candidate.issued(child))
                .max_by_key(|(_, candidate)| candidate.not_after())
                .map(|(index, _)| index);
            match next {
                Some(index) => intermediates.push(unrelated.swap_remove(index)),
                None => break,
            }
        }
        // Another certificate of a CA in the chain (a cross-signature) is not unrelated.
        unrelated.retain(|other| {
            !intermediates.iter().any(|used| {
                used.public_key() == other.public_key() && used.subject_name() == other.subject_name()
            })
        });
        Self { end_entity, intermediates, roots, unrelated }
    }
}
