//! Real consumers: AWS clients whose `credential_process` is our binary, or that run under its `exec`, against the simulator.
//!
//! The AWS CLI 1 and 2, boto3, the SDKs for JavaScript and Rust, Terraform's core, and Terraform with its AWS provider. Each
//! runs with an environment of its own and a private home, so that only that leads it to us. `tests/components`
//! installs them, all but the AWS provider; one that is missing is skipped with a line on stderr, and is a failure where
//! `ANYROLE_REQUIRE_COMPONENTS` is 1.

#![cfg(unix)] // the clients are installed there only

pub(crate) mod account;
mod aws_provider;
pub(crate) mod client;
mod configure;
mod exec;
mod identity;
mod library;
mod provider;
mod refusal;
mod scoped;
mod serve;
mod terraform;
mod update;
pub(crate) mod world;
