//! anyrole.

pub mod arn;
pub mod clock;
pub mod credential_process;
pub mod credentials;
pub mod diagnostic;
pub mod env;
pub mod http;
pub mod identity;
pub mod secret;
pub mod session;
pub mod signer;
pub mod signing;
pub mod sts;
pub mod text;
pub mod x509;
