//! The native transport on real sockets: what is sent byte for byte, whom it trusts, which proxy it takes, and how each
//! failure is named.

mod failures;
mod proxies;
mod server;
mod trust;
mod wire;
