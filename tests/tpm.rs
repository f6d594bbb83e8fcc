//! Keys in a TPM 2.0: a software TPM, the key files of other programs, and every way in which a TPM refuses.
//!
//! Needs `swtpm`, `tpm2-tools` and OpenSSL with `tpm2-openssl`. What is missing is skipped with a line on stderr; with
//! `ANYROLE_REQUIRE_COMPONENTS=1` that is a failure.
#![cfg(all(unix, feature = "pki", feature = "tpm"))]

mod keys;
mod made;
mod refusals;
mod relay;
mod world;
