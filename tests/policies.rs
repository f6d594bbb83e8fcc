//! `anyrole audit policy` and `anyrole audit trust`: a corpus with other linters beside it, every form of input, trust policies of
//! Roles Anywhere, and inputs that nobody wrote.
#![cfg(all(unix, feature = "pki"))]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test may stop at once, writes files of its own, and skips loudly"
)]

#[path = "policies/corpus.rs"]
mod corpus;
#[path = "policies/forms.rs"]
mod forms;
#[path = "policies/hostile.rs"]
mod hostile;
#[path = "policies/stage.rs"]
mod stage;
#[path = "policies/trust.rs"]
mod trust;
