//! A test PKI, a judge of AWS4-X509 requests, and a local simulator of IAM Roles Anywhere.

pub mod algorithm;
pub mod authority;
pub mod certificate;
pub mod certificate_request;
pub mod defect;
mod der;
pub mod distinguished_name;
pub mod end_entity;
pub mod key_pair;
mod pem;
pub mod revocation;
pub mod simulator;
pub mod verifier;

pub use pem::PemError;
