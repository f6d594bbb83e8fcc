//! Looks for what should not be: static access keys on this host, and policies that allow too much.
//!
//! [`policy`] judges policies in files. [`files`] reads files, archives, histories and the environments of processes, and tells where access keys are. Nothing is
//! sent, nothing is changed, and no secret is kept: of a secret only is known that it was there.

pub mod files;
pub mod policy;
