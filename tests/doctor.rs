//! `doctor` on hosts with one fault each, and on hosts that are unusual and healthy: the right cause first, all good after the hint is carried out, and
//! no false alarm. The simulator plays AWS.
#![cfg(all(unix, feature = "pki"))]

mod configuration;
mod healthy;
mod host;
mod identities;
mod network;
mod refusals;
mod secrets;
mod terminal;
