//! Judges policies of IAM: what they allow, what never holds in them, and whom the trust policies of Roles Anywhere admit.
//!
//! ```text
//! read ──► Document ──► rules ──► report       a file, its policies, what is wrong with them
//! ```
//!
//! What stands in a file is looked at, and nothing is evaluated: what CloudFormation or Terraform will know later is unknown,
//! and where a verdict depends on it there is none, which is told.

mod actions;
mod document;
mod node;
mod reach;
mod read;

pub(crate) use document::Document;
pub(crate) use reach::{Path, Reach, reach, reach_of};
