//! Keys in a TPM 2.0, spoken to without any other program or library.
//!
//! A key is a file that only its TPM can open ([`KeyFile`]), or is at a handle in the TPM. It is loaded for each signature and given back
//! after it, since a TPM has room for three; the kernel's resource manager (`/dev/tpmrm0`) makes that room everybody's own. A password
//! proves itself by HMAC in a salted session and never crosses the bus.
//!
//! Specification: TPM 2.0 Library, Trusted Computing Group, parts 1 to 3.

mod code;
#[cfg(all(unix, feature = "tpm"))]
mod connection;
mod create;
mod device;
mod error;
mod key;
mod key_file;
#[cfg(not(all(unix, feature = "tpm")))]
mod no_connection;
mod place;
mod public;
mod session;
mod unlock;
mod way;
mod wire;

pub use code::ResponseCode;
pub use create::create;
pub use error::{Guarded, IDS, TpmError, Tries};
pub use key::{TpmKey, TpmKeySource, TpmPublicKey};
pub use key_file::{KeyFile, Parent};
pub use place::{TpmPlace, TpmPlaceError};
pub use public::NewKeyKind;
pub use unlock::Passwords;

#[cfg(all(unix, feature = "tpm"))]
use connection::Connection;
#[cfg(not(all(unix, feature = "tpm")))]
use no_connection::Connection;

#[cfg(test)]
mod tests;
