//! Keys and certificates on PKCS#11 tokens, through a process of its own that alone loads modules.
//!
//! - `uri`: which object is meant (RFC 7512).
//! - `modules`: which modules may have it.
//! - `program`: the helper `anyrole-pkcs11`, and `wire`, what is said to it. A module that crashes or hangs is an error that names it.
//! - `tokens`: finds tokens and certificates; `key`: finds the private key, and signs with it.
//! - `pin`: PINs, none of which is tried twice.

mod encoding;
pub mod error;
pub mod key;
mod modules;
pub mod pin;
mod program;
pub mod tokens;
pub mod uri;
pub mod wire;

pub use error::{IDS, Pkcs11Error};
pub use key::{Hint, Opening, Pkcs11Key, open};
pub use pin::{Answer, Ask, NoPin, Question, Remembered};
pub use program::NAME as HELPER;
pub use tokens::{Access, TokenCertificate, TokenCertificates, Tokens};
pub use uri::Pkcs11Uri;
