//! `anyrole setup`: what it prints is read by those who would read it, and the trust policy admits whom it should. `anyrole advise`,
//! on hosts of every kind.
#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[cfg(unix)]
#[path = "setup/advise.rs"]
mod advise;
#[cfg(unix)]
#[path = "setup/judges.rs"]
mod judges;
#[cfg(unix)]
#[path = "setup/newcomer.rs"]
mod newcomer;
#[cfg(unix)]
#[path = "setup/revoke.rs"]
mod revoke;
#[cfg(unix)]
#[path = "setup/stage.rs"]
mod stage;
#[cfg(unix)]
#[path = "setup/texts.rs"]
mod texts;
#[cfg(unix)]
#[path = "setup/trust.rs"]
mod trust;
