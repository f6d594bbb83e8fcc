//! anyrole.

pub mod arn;
pub mod clock;
pub mod credentials;
pub mod diagnostic;
pub mod env;
pub mod identity;
pub mod private_file;
pub mod prompt;
pub mod secret;
pub mod signer;
pub mod text;
pub mod x509;
