//! anyrole.

pub mod arn;
pub mod cli;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod diagnostic;
pub mod env;
pub mod identity;
pub mod manual;
pub mod process;
pub mod secret;
pub mod signer;
pub mod text;
pub mod x509;
