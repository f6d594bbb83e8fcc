//! Identities from files: every container, arrangement and permission, and every refusal.
//!
//! Needs `openssl` on the path for an independent look at signatures, and root for foreign owners. What is missing
//! is skipped with a line on stderr; with `ANYROLE_REQUIRE_COMPONENTS=1` that is a failure.
#![cfg(unix)]

mod arrangements;
mod chains;
mod inspection;
mod mutations;
mod passwords;
mod permissions;
mod pkcs12;
mod refusals;
mod selection;
mod signatures;
mod sources;
mod support;
mod writing;
