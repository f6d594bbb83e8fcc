//! A test PKI, a verifier of AWS4-X509 requests, and a local simulator of IAM Roles Anywhere.
//!
//! - [`authority`], [`end_entity`], [`certificate_request`], [`revocation`]: a PKI as bytes; the caller supplies the
//!   time and writes the files.
//! - [`defect`]: everything that can be wrong with a certificate, with the verdicts of AWS, openssl and webpki.
//! - [`verifier`]: the verifier, written from AWS's published specification. Nothing here imports the program that it
//!   verifies.
//! - [`simulator`]: CreateSession and STS on loopback, with policies, faults and a journal.
//!
//! Certificates, requests and lists are composed by the small DER writer in `der.rs`; rcgen makes only the simulator's
//! TLS certificates. rcgen 0.14 cannot write a name with two attributes of one type (`DC=example,DC=com`), rewrites an
//! issuer's name when it loads a CA, turns a P-384 request signed with SHA-256 into a certificate that openssl cannot
//! load, and does not support version 1, SHA-1 or negative serial numbers, which the defects need. openssl, webpki,
//! certtool and PyPI's cryptography check what is written here.

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
mod text;
pub mod verifier;

pub use pem::PemError;
