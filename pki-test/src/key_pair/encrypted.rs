//! Encrypted PKCS#8: PBES2 of RFC 8018, with scrypt (RFC 7914) or PBKDF2.

use aws_lc_rs::rand;
use pkcs8::pkcs5::{EncryptionScheme, pbes2, scrypt};
use pkcs8::{EncryptedPrivateKeyInfoRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::{KeyForm, KeyPair, KeyPairError};
use crate::pem;

/// scrypt's `log2 N`, `r` and `p`: 16 MiB five times over, one of OWASP's recommended settings.
///
/// openssl refuses anything that needs more than 32 MiB. This takes a fifth of a second on an ordinary machine.
const SCRYPT: (u8, u32, u32) = (14, 8, 5);

/// The octets of salt: twice what RFC 8018 §4.1 requires.
const SALT_OCTETS: usize = 16;

/// The octets of an AES block.
const BLOCK_OCTETS: usize = 16;

/// Limits on the cost that a file may impose.
const MAX_SCRYPT_OCTETS: u64 = 64 * 1024 * 1024;
const MAX_SCRYPT_PARALLELIZATION: u16 = 16;
const MAX_PBKDF2_ROUNDS: u32 = 10_000_000;

impl KeyPair {
    /// Returns the private key as `ENCRYPTED PRIVATE KEY`: AES-256-CBC under a key derived from `passphrase` with
    /// scrypt.
    ///
    /// The passphrase is used as UTF-8; it may have any length. Takes about a fifth of a second.
    ///
    /// # Errors
    ///
    /// Fails if the cryptographic library fails.
    pub fn to_encrypted_pem(&self, passphrase: &str) -> Result<Zeroizing<String>, KeyPairError> {
        let pkcs8 = self.to_der(KeyForm::Pkcs8)?;
        let info = PrivateKeyInfoRef::try_from(pkcs8.as_slice()).map_err(|_| KeyPairError::Library)?;
        let mut salt = [0; SALT_OCTETS];
        let mut initialization_vector = [0; BLOCK_OCTETS];
        rand::fill(&mut salt)?;
        rand::fill(&mut initialization_vector)?;
        let (log_n, r, p) = SCRYPT;
        let cost = scrypt::Params::new(log_n, r, p).map_err(|_| KeyPairError::Library)?;
        let encrypted = pbes2::Parameters::generate_scrypt_aes256cbc(cost, &salt, initialization_vector)
            .map_err(|_| KeyPairError::Library)
            .and_then(|scheme| {
                info.encrypt_with_params(scheme, passphrase).map_err(|_| KeyPairError::Library)
            })?;
        Ok(pem::render("ENCRYPTED PRIVATE KEY", encrypted.as_bytes()))
    }

    pub(super) fn from_encrypted_pkcs8(encrypted: &[u8], passphrase: &str) -> Result<Self, KeyPairError> {
        // An unknown scheme does not parse either; to the user both are "not PBES2".
        let info = EncryptedPrivateKeyInfoRef::try_from(encrypted).map_err(|_| KeyPairError::Encryption)?;
        check_cost(&info.encryption_algorithm)?;
        let pkcs8 = info.decrypt(passphrase).map_err(|_| KeyPairError::PassphraseWrong)?;
        // One wrong passphrase in 256 leaves valid-looking padding, preceded by noise.
        PrivateKeyInfoRef::try_from(pkcs8.as_bytes()).map_err(|_| KeyPairError::PassphraseWrong)?;
        Self::from_pkcs8(pkcs8.as_bytes())
    }
}

fn check_cost(scheme: &EncryptionScheme) -> Result<(), KeyPairError> {
    let parameters = scheme.pbes2().ok_or(KeyPairError::Encryption)?;
    let bearable = match &parameters.kdf {
        pbes2::Kdf::Pbkdf2(pbkdf2) => pbkdf2.iteration_count <= MAX_PBKDF2_ROUNDS,
        pbes2::Kdf::Scrypt(scrypt) => {
            let octets =
                scrypt.cost_parameter.checked_mul(128).and_then(|n| n.checked_mul(scrypt.block_size.into()));
            octets.is_some_and(|octets| octets <= MAX_SCRYPT_OCTETS)
                && scrypt.parallelization <= MAX_SCRYPT_PARALLELIZATION
        }
        // The library's enum may grow; a scheme without a cost limit here is not run.
        _ => return Err(KeyPairError::Encryption),
    };
    if bearable { Ok(()) } else { Err(KeyPairError::KeyDerivationCost) }
}
