//! What the account has, laid beside what would be presented: every kind of mismatch by its name, the judge of trust
//! policies beside the simulator's, and the metrics of `status`.
#![cfg(feature = "pki")]

mod account;
mod evaluators;
mod files;
#[cfg(unix)]
mod metrics;
mod situations;
