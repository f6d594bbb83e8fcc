//! `migrate`: one static key to a profile that starts our program, and back: on a host's files, through interruptions, and with
//! Terraform in an account that checks every signature.
#![cfg(all(unix, feature = "pki"))]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may stop at once, plays the other programs, and skips loudly"
)]

#[path = "clients/account.rs"]
mod account;
#[path = "clients/client.rs"]
#[expect(dead_code, reason = "other tests run more clients")]
mod client;
#[path = "clients/world.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod world;

#[path = "migrate/host.rs"]
mod host;

#[path = "migrate/backup.rs"]
mod backup;
#[path = "migrate/files.rs"]
mod files;
#[path = "migrate/interrupted.rs"]
mod interrupted;
#[path = "migrate/refusals.rs"]
mod refusals;
#[path = "migrate/terraform.rs"]
mod terraform;
