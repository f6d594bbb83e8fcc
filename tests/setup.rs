//! `anyrole setup`: what it prints is read by those who would read it, and the trust policy admits whom it should. `anyrole advise`,
//! on hosts of every kind.
#![cfg(all(unix, feature = "pki"))]

mod advise;
mod judges;
mod newcomer;
mod revoke;
mod stage;
mod texts;
mod trust;
