//! Parsed certificates and private keys. Pure: only bytes as input; no files, no prompts.

mod ber;
pub mod certificate;
pub mod chain;
mod damage;
mod der;
mod foreign;
mod label;
mod mangled;
pub mod name;
pub mod pem;
pub mod pkcs12;
pub mod private_key;
pub mod public_key;
pub mod revocation_list;
pub mod selector;
mod written_name;

pub use certificate::{Certificate, CertificateError, SerialNumber, SignatureHash};
pub use chain::Chain;
pub use foreign::Foreign;
pub use private_key::{EncryptedPrivateKey, PrivateKey, PrivateKeyError};
pub use public_key::{KeyKind, SubjectPublicKeyInfo};
pub use revocation_list::{RevocationList, RevocationListError};
pub use selector::{Selector, SelectorError};

/// Returns the SHA-256 of some bytes in lower-case hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}
