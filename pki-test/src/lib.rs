//! A test PKI, a judge of AWS4-X509 requests, and a local simulator of IAM Roles Anywhere.

pub mod simulator;
pub mod verifier;
