//! `anyrole setup`: what it prints is read by those who would read it, and the trust policy admits whom it should. `anyrole advise`,
//! on hosts of every kind.
#![cfg(all(unix, feature = "pki"))]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may stop at once, writes files of its own, and skips loudly"
)]

#[path = "setup/advise.rs"]
mod advise;
#[path = "setup/judges.rs"]
mod judges;
#[path = "setup/newcomer.rs"]
mod newcomer;
#[path = "setup/revoke.rs"]
mod revoke;
#[path = "setup/stage.rs"]
mod stage;
#[path = "setup/texts.rs"]
mod texts;
#[path = "setup/trust.rs"]
mod trust;
