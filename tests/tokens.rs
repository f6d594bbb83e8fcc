//! Keys and certificates on PKCS#11 tokens, with SoftHSM's, through p11-kit and without; and modules that misbehave.
//!
//! Each test has a configuration and tokens of its own. What SoftHSM does not do, a module of ours between it and the helper does
//! (`tokens/between.c`): it crashes, hangs, is slow, and counts logins.
#![cfg(all(target_os = "linux", feature = "pki", feature = "pkcs11"))]

mod choice;
mod hsm;
mod modules;
mod pins;
mod sessions;
