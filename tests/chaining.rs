//! The hops after CreateSession and `whoami`, as a user calls them: the program, a config file, and a simulator that judges by
//! policies.
#![cfg(all(feature = "pki", unix))]
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test may stop at once, and writes files of its own"
)]

mod chaining {
    mod host;
    mod renewal;
    mod scope;
    mod second_hop;
}
