//! Loads private keys from PEM.

use aws_lc_rs::signature::{EcdsaKeyPair, PqdsaKeyPair, RsaKeyPair};
use pkcs8::PrivateKeyInfoRef;

use super::{KeyPair, KeyPairError, PrivateKey};
use crate::algorithm::{EC_PUBLIC_KEY, Family, KeyAlgorithm, RSA_ENCRYPTION};
use crate::pem;

impl KeyPair {
    /// Loads the first private key of a PEM text, in any of the forms of [`super::KeyForm`] or encrypted.
    ///
    /// Other blocks, such as certificates, are ignored. Encrypted PKCS#8 must be PBES2 with scrypt or PBKDF2. A
    /// passphrase for an unencrypted key is ignored.
    ///
    /// # Errors
    ///
    /// Fails if there is no key, if it is damaged, of another type or size, or encrypted in another way, or if the
    /// passphrase is missing or wrong.
    pub fn from_pem(text: &str, passphrase: Option<&str>) -> Result<Self, KeyPairError> {
        if text.contains("\nProc-Type: 4,ENCRYPTED") {
            return Err(KeyPairError::Encryption);
        }
        for block in pem::parse(text)? {
            match block.label {
                "PRIVATE KEY" => return Self::from_pkcs8(&block.der),
                "ENCRYPTED PRIVATE KEY" => {
                    let passphrase = passphrase.ok_or(KeyPairError::PassphraseMissing)?;
                    return Self::from_encrypted_pkcs8(&block.der, passphrase);
                }
                "EC PRIVATE KEY" => return Self::from_sec1(&block.der),
                "RSA PRIVATE KEY" => {
                    return Self::from_rsa(
                        RsaKeyPair::from_der(&block.der).map_err(|_| KeyPairError::Malformed)?,
                    );
                }
                _ => {}
            }
        }
        Err(KeyPairError::Missing)
    }

    /// Loads unencrypted PKCS#8 as DER.
    ///
    /// # Errors
    ///
    /// Fails if the key is damaged, or its type or size is not in [`KeyAlgorithm::ALL`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyPairError> {
        let info = PrivateKeyInfoRef::try_from(pkcs8).map_err(|_| KeyPairError::Malformed)?;
        if info.algorithm.oid == RSA_ENCRYPTION {
            return Self::from_rsa(RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyPairError::Malformed)?);
        }
        let algorithm = KeyAlgorithm::ALL
            .into_iter()
            .find(|algorithm| match algorithm.family() {
                Family::Ec(curve) => {
                    info.algorithm.oid == EC_PUBLIC_KEY && info.algorithm.parameters_oid() == Ok(curve.oid)
                }
                Family::MlDsa(_) => info.algorithm.oid == algorithm.signature_algorithm().oid(),
                Family::Rsa(_) => false,
            })
            .ok_or(KeyPairError::Unsupported)?;
        let private = match algorithm.family() {
            Family::Ec(curve) => EcdsaKeyPair::from_private_key_der(curve.signing, pkcs8).map(PrivateKey::Ec),
            Family::MlDsa(signing) => PqdsaKeyPair::from_pkcs8(signing, pkcs8).map(PrivateKey::MlDsa),
            Family::Rsa(_) => return Err(KeyPairError::Unsupported),
        };
        Self::new(algorithm, private.map_err(|_| KeyPairError::Malformed)?)
    }

    /// An ECPrivateKey may omit its curve, so each is tried; a key fits only its own curve.
    fn from_sec1(sec1: &[u8]) -> Result<Self, KeyPairError> {
        for algorithm in KeyAlgorithm::ALL {
            let Family::Ec(curve) = algorithm.family() else { continue };
            if let Ok(key) = EcdsaKeyPair::from_private_key_der(curve.signing, sec1) {
                return Self::new(algorithm, PrivateKey::Ec(key));
            }
        }
        Err(KeyPairError::Unsupported)
    }

    fn from_rsa(key: RsaKeyPair) -> Result<Self, KeyPairError> {
        let algorithm = KeyAlgorithm::ALL
            .into_iter()
            .find(
                |algorithm| matches!(algorithm.family(), Family::Rsa(size) if size.len() == key.public_modulus_len()),
            )
            .ok_or(KeyPairError::Unsupported)?;
        Self::new(algorithm, PrivateKey::Rsa(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key_pair::KeyForm;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_damage_panics(
            algorithm in prop::sample::select(&[KeyAlgorithm::EcP256, KeyAlgorithm::EcP521, KeyAlgorithm::MlDsa44][..]),
            form in prop::sample::select(&KeyForm::ALL[..]),
            position in any::<prop::sample::Index>(),
            octet in any::<u8>(),
        ) {
            let key = KeyPair::generate(algorithm).expect("keys can be made");
            if let Ok(mut der) = key.to_der(form) {
                let position = position.index(der.len());
                der[position] = octet;
                let _ = KeyPair::from_pkcs8(&der);
                let _ = KeyPair::from_sec1(&der);
                let _ = KeyPair::from_encrypted_pkcs8(&der, "");
                der.truncate(position);
                let _ = KeyPair::from_pkcs8(&der);
            }
        }
    }
}
