//! Looks for what should not be: static access keys on this host, and policies that allow too much.
//!
//! [`files`] reads files, archives, histories and the environments of processes, and tells where access keys are. Nothing is
//! sent, nothing is changed, and no secret is kept: of a secret only is known that it was there. [`iam`] looks at an account, from
//! files that the user brings, and joins both. [`policy`] judges policies in files.

pub mod files;
pub mod iam;
mod page;
pub mod policy;
