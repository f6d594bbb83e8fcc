//! A certificate chain and its signing key, proven to match.

pub mod candidates;
mod certificate_bytes;
pub mod check;
pub mod error;
pub mod examine;
mod folder;
mod held;
mod in_tpm;
pub mod load;
mod password;
mod pin_command;
mod reader;
mod renewal;
mod search;
mod selection;
mod selection_error;
pub mod source;
mod token;

pub use certificate_bytes::CertificateBytes;
pub use error::IdentityError;
pub use examine::{KeyFinding, examine};
pub use in_tpm::{NewTpmKey, TpmSettings, create_in_tpm};
pub use load::{
    holds, key_input, list_token, load, load_chain, load_matching, load_private_key, load_read,
    read_certificate, read_whole_certificate, unattended_key,
};
pub use selection::Selection;
pub use selection_error::{Candidate, SelectionError};
pub use source::{IdentitySource, Input, InputError, PasswordSource, TokenAccess, TokenObject};

use crate::private_file;
use crate::signer::{SealingKey, SignError, Signature, SignatureAlgorithm, SigningKey};
use crate::x509::public_key::VerifiedAlgorithm;
use crate::x509::{Certificate, Chain};

/// A certificate chain and the key that signs for it.
#[derive(Debug)]
pub struct Identity {
    end_entity: Certificate,
    intermediates: Vec<Certificate>,
    key: Box<dyn SigningKey>,
    /// Whether the key is known to match the certificate; a device that does not reveal its public key proves it by
    /// signing.
    proven: bool,
    provenance: Provenance,
}

/// Where the parts of an identity came from, and what was noticed while loading them.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    /// The certificate's source as shown in errors: `'/etc/anyrole/host.pem'`.
    pub certificate: Option<String>,
    /// The SHA-256 of the certificate's source as it was read.
    pub certificate_sha256: Option<[u8; 32]>,
    /// The private key's source as shown in errors.
    pub private_key: Option<String>,
    /// Self-signed certificates, which are not presented because AWS has them as trust anchors.
    pub roots: Vec<Certificate>,
    /// Certificates that are not part of the chain, and not presented.
    pub unrelated: Vec<Certificate>,
    /// Set if the private key's file was accepted although other users can access it.
    pub insecure_key_file: Option<private_file::Warning>,
}

impl Identity {
    /// Combines a chain and a key that match.
    ///
    /// Public keys are compared as SubjectPublicKeyInfo in DER. A device that does not reveal its public key is trusted
    /// for the moment: its first signature is verified against the certificate before it is returned.
    ///
    /// # Errors
    ///
    /// Fails if the key's public half differs from that of the end-entity certificate.
    pub fn new(
        end_entity: Certificate,
        intermediates: Vec<Certificate>,
        key: Box<dyn SigningKey>,
    ) -> Result<Self, IdentityError> {
        Self::join(end_entity, intermediates, key, Provenance::default())
    }

    /// Combines an ordered chain and a key as [`Self::new`] does, and records where they came from.
    ///
    /// # Errors
    ///
    /// As [`Self::new`]; the error names the sources.
    pub fn from_chain(
        chain: Chain,
        key: Box<dyn SigningKey>,
        provenance: Provenance,
    ) -> Result<Self, IdentityError> {
        let provenance = Provenance { roots: chain.roots, unrelated: chain.unrelated, ..provenance };
        Self::join(chain.end_entity, chain.intermediates, key, provenance)
    }

    fn join(
        end_entity: Certificate,
        intermediates: Vec<Certificate>,
        key: Box<dyn SigningKey>,
        provenance: Provenance,
    ) -> Result<Self, IdentityError> {
        let proven = match key.public_key() {
            None => false,
            Some(public) if public == end_entity.public_key() => true,
            Some(public) => {
                return Err(IdentityError::KeyMismatch {
                    certificate: error::KeySide::new(provenance.certificate, end_entity.public_key()),
                    private_key: error::KeySide::new(provenance.private_key, public),
                });
            }
        };
        Ok(Self { end_entity, intermediates, key, proven, provenance })
    }

    /// Returns the certificate whose key signs.
    pub const fn end_entity(&self) -> &Certificate {
        &self.end_entity
    }

    /// Returns the CA certificates between it and the trust anchor, in order of issuance, nearest first.
    pub fn intermediates(&self) -> &[Certificate] {
        &self.intermediates
    }

    /// Returns where the parts came from and what was left out.
    pub const fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Returns the algorithm of every signature made by this identity.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }

    /// Returns a key for sealing a cache file; `None` if that would need a device or a prompt.
    ///
    /// # Errors
    ///
    /// Fails if the key is not accessible.
    pub fn sealing_key(&self) -> Result<Option<SealingKey>, SignError> {
        self.key.sealing_key()
    }

    /// Signs `message`, which must not be hashed yet.
    ///
    /// # Errors
    ///
    /// Fails if the key or its device refuses, or if the first signature of a device that does not reveal its public
    /// key does not verify with the certificate.
    pub fn sign(&mut self, message: &[u8]) -> Result<Signature, SignError> {
        let signature = self.key.sign(message)?;
        if !self.proven {
            if !self.end_entity.public_key().verifies(VerifiedAlgorithm::Own, message, signature.octets()) {
                return Err(SignError::OtherKey);
            }
            self.proven = true;
        }
        Ok(signature)
    }
}
