//! CreateSession and STS: every rule of attempts, clock and answers, against a transport that plays answers and against
//! the simulator over HTTP and HTTPS.

mod answers;
mod attempts;
mod clocks;
#[cfg(unix)]
mod containers;
mod explanations;
mod refusals;
mod scope;
mod second_hop;
mod simulated;
mod sts;
mod support;
