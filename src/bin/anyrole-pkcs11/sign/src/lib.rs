//! `C_Sign` by itself, which the crate cryptoki does not offer.
//!
//! A key with `CKA_ALWAYS_AUTHENTICATE` wants a login between `C_SignInit` and `C_Sign` (PKCS#11 §5.13). cryptoki makes both calls in one
//! function, and lets no other come between. Where a token hashes, its functions for several parts do instead; a token that only signs a
//! hash, as SoftHSM does with ECDSA, has none of those. This crate is for that case, for the process that a module is loaded into, and for
//! nothing else; it is the one place of the project with unsafe code.
#![cfg(unix)]

use std::fmt;

/// The longest signature, in octets: RSA with 16384 bits.
const LONGEST: usize = 2048;

/// Why there is no signature.
#[derive(Debug)]
pub enum Failure {
    /// The module could not be reached once more.
    Unreachable(String),
    /// The module refused, with that value.
    Refused(u64),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "C_Sign cannot be called by itself: {why}"),
            Self::Refused(0x101) => f.write_str("C_Sign: CKR_USER_NOT_LOGGED_IN"),
            Self::Refused(value) => write!(f, "C_Sign: {value:#x}"),
        }
    }
}

impl std::error::Error for Failure {}

/// Signs `input` in a session of a loaded module, in which `C_SignInit` was called last but for a login.
///
/// `module` is the path that the module was loaded by; the loader gives the same module again. One that makes an instance of itself for
/// each caller (p11-kit's proxy) does not know the session, and refuses.
///
/// # Errors
///
/// Fails if the module refuses.
pub fn sign_initialised(
    module: &str,
    session: cryptoki_sys::CK_SESSION_HANDLE,
    input: &[u8],
) -> Result<Vec<u8>, Failure> {
    let unreachable = |why: &str| Failure::Unreachable(why.to_owned());
    let mut input = input.to_vec();
    let mut signature = vec![0_u8; LONGEST];
    let input_length = input.len().try_into().map_err(|_| unreachable("the input is too long"))?;
    let mut length = signature.len().try_into().map_err(|_| unreachable("the buffer is too long"))?;
    #[expect(unsafe_code, reason = "cryptoki has no function that calls C_Sign alone")]
    // SAFETY: the module is loaded already, so that loading it runs no code of it anew. It answers C_GetFunctionList with a list that lives
    // as long as it does, and stays loaded while `library` is. Both buffers are ours and as long as their lengths say. A session that the
    // module does not know is an error that it returns.
    let value = unsafe {
        let library = cryptoki_sys::Pkcs11::new(module).map_err(|error| unreachable(&error.to_string()))?;
        if library.C_GetFunctionList.is_err() {
            return Err(unreachable("it has no C_GetFunctionList"));
        }
        let mut list = std::ptr::null_mut();
        if library.C_GetFunctionList(&mut list) != cryptoki_sys::CKR_OK || list.is_null() {
            return Err(unreachable("C_GetFunctionList failed"));
        }
        let sign = (*list).C_Sign.ok_or_else(|| unreachable("it has no C_Sign"))?;
        sign(session, input.as_mut_ptr(), input_length, signature.as_mut_ptr(), &mut length)
    };
    if value != cryptoki_sys::CKR_OK {
        return Err(Failure::Refused(value));
    }
    signature.truncate(usize::try_from(length).unwrap_or(0));
    Ok(signature)
}
