//! anyrole.

pub mod arn;
pub mod cache;
pub mod clock;
pub mod credentials;
pub mod diagnostic;
pub mod env;
pub mod identity;
pub mod secret;
pub mod signer;
pub mod text;
pub mod x509;
