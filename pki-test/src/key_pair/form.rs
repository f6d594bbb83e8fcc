//! The formats for private keys.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::{AsBigEndian, AsDer, AsRawBytes, EcPrivateKeyBin};
use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair as _, PqdsaKeyPair};
use pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::{KeyPair, KeyPairError, PrivateKey};
use crate::algorithm::{EC_PUBLIC_KEY, Family};
use crate::{der, pem};

/// The octets of an ML-DSA seed (FIPS 204 §5.1) in every parameter set.
const SEED_OCTETS: usize = 32;

/// A format for an unencrypted private key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum KeyForm {
    /// `PRIVATE KEY`: PKCS#8 (RFC 5958), for every key. ML-DSA as its seed, if that is known.
    Pkcs8,
    /// `EC PRIVATE KEY` (RFC 5915), including the curve.
    Sec1,
    /// `EC PARAMETERS`, then `EC PRIVATE KEY`, like `openssl ecparam -genkey`. As DER the same as `Sec1`.
    Sec1WithParameters,
    /// `RSA PRIVATE KEY` (PKCS#1, RFC 8017 §A.1.2).
    Pkcs1,
    /// PKCS#8 with only the seed (RFC 9881 §6), which is what most programs write.
    MlDsaSeed,
    /// PKCS#8 with only the expanded key.
    MlDsaExpanded,
    /// PKCS#8 with both.
    MlDsaBoth,
}

impl KeyForm {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Pkcs8,
        Self::Sec1,
        Self::Sec1WithParameters,
        Self::Pkcs1,
        Self::MlDsaSeed,
        Self::MlDsaExpanded,
        Self::MlDsaBoth,
    ];

    /// Returns the name that [`FromStr`] reads, such as `sec1-with-parameters`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pkcs8 => "pkcs8",
            Self::Sec1 => "sec1",
            Self::Sec1WithParameters => "sec1-with-parameters",
            Self::Pkcs1 => "pkcs1",
            Self::MlDsaSeed => "ml-dsa-seed",
            Self::MlDsaExpanded => "ml-dsa-expanded",
            Self::MlDsaBoth => "ml-dsa-both",
        }
    }
}

impl fmt::Display for KeyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for KeyForm {
    type Err = UnknownKeyForm;

    fn from_str(text: &str) -> Result<Self, UnknownKeyForm> {
        Self::ALL.into_iter().find(|form| form.name() == text).ok_or(UnknownKeyForm)
    }
}

/// The text is not the name of a [`KeyForm`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "a key form is one of pkcs8, sec1, sec1-with-parameters, pkcs1, ml-dsa-seed, ml-dsa-expanded, ml-dsa-both"
)]
pub struct UnknownKeyForm;

impl KeyPair {
    /// Returns the private key as PEM.
    ///
    /// # Errors
    ///
    /// Fails if this type of key has no such form, or if the form needs the seed of an ML-DSA key that was loaded
    /// without it.
    ///
    /// # Security
    ///
    /// The text is not encrypted: see [`Self::to_encrypted_pem`].
    pub fn to_pem(&self, form: KeyForm) -> Result<Zeroizing<String>, KeyPairError> {
        let der = self.to_der(form)?;
        Ok(match form {
            KeyForm::Pkcs8 | KeyForm::MlDsaSeed | KeyForm::MlDsaExpanded | KeyForm::MlDsaBoth => {
                pem::render("PRIVATE KEY", &der)
            }
            KeyForm::Sec1 => pem::render("EC PRIVATE KEY", &der),
            KeyForm::Sec1WithParameters => {
                let parameters = pem::render("EC PARAMETERS", &self.curve(form)?);
                let key = pem::render("EC PRIVATE KEY", &der);
                Zeroizing::new([parameters.as_str(), &key].concat())
            }
            KeyForm::Pkcs1 => pem::render("RSA PRIVATE KEY", &der),
        })
    }

    /// Returns the private key as DER.
    ///
    /// # Errors
    ///
    /// As [`Self::to_pem`].
    ///
    /// # Security
    ///
    /// The bytes are not encrypted.
    pub fn to_der(&self, form: KeyForm) -> Result<Zeroizing<Vec<u8>>, KeyPairError> {
        let no_such_form = KeyPairError::Form { algorithm: self.algorithm, form };
        match (&self.private, form) {
            (PrivateKey::Ec(key), KeyForm::Pkcs8) => {
                let algorithm = der::sequence(&[&der::oid(&EC_PUBLIC_KEY), &self.curve(form)?]);
                // The curve is already in the algorithm, so RFC 5915 §3 leaves it out of the key.
                Ok(private_key_info(&algorithm, &ec_private_key(key, &[])?))
            }
            (PrivateKey::Ec(key), KeyForm::Sec1 | KeyForm::Sec1WithParameters) => {
                ec_private_key(key, &der::element(der::context_constructed(0), &[&self.curve(form)?]))
            }
            (PrivateKey::Rsa(key), KeyForm::Pkcs8) => Ok(Zeroizing::new(key.as_der()?.as_ref().to_vec())),
            (PrivateKey::Rsa(key), KeyForm::Pkcs1) => inner_private_key(key.as_der()?.as_ref()),
            (PrivateKey::MlDsa(key), KeyForm::Pkcs8) => match seed(key)? {
                Some(_) => self.to_der(KeyForm::MlDsaSeed),
                None => self.to_der(KeyForm::MlDsaExpanded),
            },
            (PrivateKey::MlDsa(key), KeyForm::MlDsaSeed) => {
                let seed = seed(key)?.ok_or(no_such_form)?;
                Ok(self.ml_dsa(&Zeroizing::new(der::element(der::context(0), &[&seed[..]]))))
            }
            (PrivateKey::MlDsa(key), KeyForm::MlDsaExpanded) => Ok(self.ml_dsa(&expanded(key)?)),
            (PrivateKey::MlDsa(key), KeyForm::MlDsaBoth) => {
                let seed = seed(key)?.ok_or(no_such_form)?;
                let seed = Zeroizing::new(der::element(der::OCTET_STRING, &[&seed[..]]));
                Ok(self.ml_dsa(&Zeroizing::new(der::sequence(&[&seed, &expanded(key)?]))))
            }
            (PrivateKey::Ec(_) | PrivateKey::MlDsa(_) | PrivateKey::Rsa(_), _) => Err(no_such_form),
        }
    }

    /// Returns the OBJECT IDENTIFIER of the curve.
    fn curve(&self, form: KeyForm) -> Result<Vec<u8>, KeyPairError> {
        match self.algorithm.family() {
            Family::Ec(curve) => Ok(der::oid(&curve.oid)),
            Family::MlDsa(_) | Family::Rsa(_) => Err(KeyPairError::Form { algorithm: self.algorithm, form }),
        }
    }

    fn ml_dsa(&self, private_key: &[u8]) -> Zeroizing<Vec<u8>> {
        // The key's and the signature's AlgorithmIdentifier are the same (RFC 9881 §2).
        private_key_info(&self.algorithm.signature_algorithm().identifier(), private_key)
    }
}

/// `PrivateKeyInfo = SEQUENCE { version 0, algorithm, OCTET STRING private_key }` (RFC 5958 §2)
fn private_key_info(algorithm: &[u8], private_key: &[u8]) -> Zeroizing<Vec<u8>> {
    let private_key = Zeroizing::new(der::element(der::OCTET_STRING, &[private_key]));
    Zeroizing::new(der::sequence(&[&der::element(der::INTEGER, &[&[0]]), algorithm, &private_key]))
}

/// `ECPrivateKey = SEQUENCE { version 1, OCTET STRING scalar, [0] curve, [1] BIT STRING point }` (RFC 5915 §3)
fn ec_private_key(key: &EcdsaKeyPair, parameters: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyPairError> {
    let scalar: EcPrivateKeyBin<'_> = key.private_key().as_be_bytes()?;
    let scalar = Zeroizing::new(der::element(der::OCTET_STRING, &[scalar.as_ref()]));
    let point = der::element(der::context_constructed(1), &[&der::bit_string(key.public_key().as_ref())]);
    Ok(Zeroizing::new(der::sequence(&[&der::element(der::INTEGER, &[&[1]]), &scalar, parameters, &point])))
}

/// Returns the key that PKCS#8 wraps.
fn inner_private_key(pkcs8: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyPairError> {
    let info = PrivateKeyInfoRef::try_from(pkcs8).map_err(|_| KeyPairError::Library)?;
    Ok(Zeroizing::new(info.private_key.as_bytes().to_vec()))
}

/// Returns the seed, or `None` if only the expanded key was loaded.
fn seed(key: &PqdsaKeyPair) -> Result<Option<Zeroizing<[u8; SEED_OCTETS]>>, KeyPairError> {
    // The library writes only seeds, `[0] IMPLICIT OCTET STRING (SIZE (32))`, and fails without one.
    let Ok(pkcs8) = key.to_pkcs8v1() else { return Ok(None) };
    let inner = inner_private_key(pkcs8.as_ref())?;
    let seed = inner.last_chunk().filter(|_| inner.len() == 2 + SEED_OCTETS);
    Ok(Some(Zeroizing::new(*seed.ok_or(KeyPairError::Library)?)))
}

/// Returns the expanded key as an OCTET STRING.
fn expanded(key: &PqdsaKeyPair) -> Result<Zeroizing<Vec<u8>>, KeyPairError> {
    let raw = key.private_key().as_raw_bytes()?;
    Ok(Zeroizing::new(der::element(der::OCTET_STRING, &[raw.as_ref()])))
}
