//! The certificates of a source, and where each is.

use crate::x509::Certificate;

/// A certificate, and the file of a folder that it is in.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) certificate: Certificate,
    pub(super) file: Option<String>,
}

impl Held {
    /// Takes certificates of a source that is no folder.
    pub(super) fn of(certificates: &[Certificate]) -> Vec<Self> {
        certificates.iter().map(|one| Self { certificate: one.clone(), file: None }).collect()
    }
}
