//! `migrate`: one static key to a profile that starts our program, and back: on a host's files, through interruptions, and with
//! Terraform in an account that checks every signature.
#![cfg(all(unix, feature = "pki"))]

mod host;

mod backup;
mod files;
mod interrupted;
mod refusals;
mod terraform;
