//! A certificate chain and its signing key, proven to match.

pub mod error;
pub mod load;

pub use error::IdentityError;

use crate::signer::{SignError, Signature, SignatureAlgorithm, SigningKey};
use crate::x509::Certificate;

/// A certificate chain and the key that signs for it.
#[derive(Debug)]
pub struct Identity {
    end_entity: Certificate,
    intermediates: Vec<Certificate>,
    key: Box<dyn SigningKey>,
}

impl Identity {
    /// Joins a chain and a key that belong together.
    ///
    /// # Errors
    ///
    /// Fails if the key's public half is not the one in the end-entity certificate.
    pub fn new(
        end_entity: Certificate,
        intermediates: Vec<Certificate>,
        key: Box<dyn SigningKey>,
    ) -> Result<Self, IdentityError> {
        Ok(Self { end_entity, intermediates, key })
    }

    /// Returns the certificate whose key signs.
    pub const fn end_entity(&self) -> &Certificate {
        &self.end_entity
    }

    /// Returns the CA certificates between it and the trust anchor, in order of issuance, nearest first.
    pub fn intermediates(&self) -> &[Certificate] {
        &self.intermediates
    }

    /// Returns the algorithm of every signature made by this identity.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    /// Signs `message`, which is not hashed yet.
    ///
    /// # Errors
    ///
    /// Fails if the key or its device refuses.
    pub fn sign(&mut self, message: &[u8]) -> Result<Signature, SignError> {
        self.key.sign(message)
    }
}
