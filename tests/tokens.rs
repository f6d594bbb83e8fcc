//! Keys and certificates on PKCS#11 tokens, with SoftHSM's, through p11-kit and without; and modules that misbehave.
//!
//! Each test has a configuration and tokens of its own. What SoftHSM does not do, a module of ours between it and the helper does
//! (`tokens/between.c`): it crashes, hangs, is slow, and counts logins.
#![cfg(all(target_os = "linux", feature = "pki", feature = "pkcs11"))]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may stop at once, and skips loudly"
)]

#[path = "support/stage.rs"]
#[expect(dead_code, reason = "the benchmark needs more of it")]
mod stage;

#[path = "tokens/choice.rs"]
mod choice;
#[path = "tokens/hsm.rs"]
mod hsm;
#[path = "tokens/modules.rs"]
mod modules;
#[path = "tokens/pins.rs"]
mod pins;
#[path = "tokens/sessions.rs"]
mod sessions;
