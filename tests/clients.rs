//! Real consumers: AWS clients whose `credential_process` is our binary, against the simulator.
//!
//! The AWS CLI 1 and 2, boto3, the SDKs for JavaScript and Rust, and Terraform's core. Each runs with an environment of
//! its own and a private home, so that only the config file leads it to us. `tests/components` installs them; one that
//! is missing is skipped with a line on stderr, and is a failure where `ANYROLE_REQUIRE_COMPONENTS` is 1.

#![cfg(unix)] // the clients are installed there only
#![expect(clippy::disallowed_methods, reason = "tests write into private folders and read their settings")]
#![expect(clippy::print_stderr, reason = "a client that is missing is skipped loudly")]

mod clients {
    mod client;
    mod identity;
    mod refusal;
    mod terraform;
    mod world;
}
