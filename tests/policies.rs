//! `anyrole audit policy` and `anyrole audit trust`: a corpus with other linters beside it, every form of input, trust policies of
//! Roles Anywhere, and inputs that nobody wrote.
#![cfg(all(unix, feature = "pki"))]

mod corpus;
mod forms;
mod hostile;
mod stage;
mod trust;
