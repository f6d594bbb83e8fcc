//! The operator's PKI: certificates from requests, renewed and revoked; judged by openssl and by the simulator.
//!
//! Needs `openssl` and `certtool` on the path. What is missing is skipped with a line on stderr; with
//! `ANYROLE_REQUIRE_COMPONENTS=1` that is a failure.
#![cfg(all(unix, feature = "pki"))]

mod crashes;
mod deploy;
mod installed;
mod lifecycle;
mod modes;
mod recipe;
mod requests;
mod units;
mod workbench;
