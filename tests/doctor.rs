//! `doctor` on hosts with one fault each, and on hosts that are unusual and healthy: the right cause first, all good after the hint is carried out, and
//! no false alarm. The simulator plays AWS.
#![cfg(all(unix, feature = "pki"))]
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test may stop at once, writes files of its own, and skips loudly"
)]

#[path = "doctor/configuration.rs"]
mod configuration;
#[path = "doctor/healthy.rs"]
mod healthy;
#[path = "doctor/host.rs"]
mod host;
#[path = "doctor/identities.rs"]
mod identities;
#[path = "doctor/network.rs"]
mod network;
#[path = "doctor/refusals.rs"]
mod refusals;
#[path = "doctor/secrets.rs"]
mod secrets;
#[path = "support/stage.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod stage;
#[path = "doctor/terminal.rs"]
mod terminal;
