//! Every test of the program from outside, as one program: `cargo test --test all NAME` runs those whose path holds NAME, as
//! in `cli::` or `serve::access`.
//!
//! One, because forty programs took a minute to link, and each waited for its slowest test before the next one began.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may stop at once, has files and programs of its own, and says what it skips"
)]

mod audit;
mod cache;
mod cache_path;
mod cache_processes;
mod chaining;
mod cli;
mod clients;
mod components;
mod configure;
mod dependencies;
mod doctor;
mod exec;
mod facts;
mod floors;
mod homeless;
mod hosts;
mod identity;
mod limits;
mod mangled;
mod migrate;
mod no_secrets;
mod parsers;
mod pki;
mod policies;
mod process;
mod provider;
mod readme;
mod recipes;
mod renewal;
mod sdk;
mod serve;
mod session;
mod setup;
mod shells;
mod soak;
mod systemd;
mod telling;
mod texts;
mod tokens;
mod tpm;
mod transport;
mod update;
mod vectors;

/// What several of them need.
mod support {
    pub(crate) mod components;
    pub(crate) mod programs;
    #[cfg(all(unix, feature = "pki"))]
    pub(crate) mod signals;
    #[cfg(feature = "pki")]
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "those who need the rest of it need Linux")
    )]
    pub(crate) mod stage;
    #[cfg(unix)]
    pub(crate) mod wait;
}
