//! The hops after CreateSession and `whoami`, as a user calls them: the program, a config file, and a simulator that judges by
//! policies.
#![cfg(all(feature = "pki", unix))]

mod host;
mod renewal;
mod scope;
mod second_hop;
