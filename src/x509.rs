//! Parsed views of certificates and private keys. Pure: bytes come in, and nothing is read or asked here.

pub mod certificate;

pub use certificate::{Certificate, SerialNumber};
