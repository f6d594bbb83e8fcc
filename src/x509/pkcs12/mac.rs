//! Proves that a store is intact and the password right (RFC 7292 §4, RFC 9579).

use std::num::NonZeroU32;

use aws_lc_rs::{digest, hmac, pbkdf2};
use pkcs8::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use pkcs8::der::{Reader as _, SliceReader};
use pkcs8::pkcs5::pbes2::{Pbkdf2Params, Pbkdf2Prf};
use pkcs8::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::derivation::{Purpose, derive};
use super::{Budget, Passphrase, Pkcs12Error};

/// The key lengths that make sense, in octets.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;

/// The pseudorandom functions of PBKDF2.
const PRFS: [(Pbkdf2Prf, pbkdf2::Algorithm); 4] = [
    (Pbkdf2Prf::HmacWithSha1, pbkdf2::PBKDF2_HMAC_SHA1),
    (Pbkdf2Prf::HmacWithSha256, pbkdf2::PBKDF2_HMAC_SHA256),
    (Pbkdf2Prf::HmacWithSha384, pbkdf2::PBKDF2_HMAC_SHA384),
    (Pbkdf2Prf::HmacWithSha512, pbkdf2::PBKDF2_HMAC_SHA512),
];

/// A MAC, and how its key is derived from the password.
#[derive(Debug)]
pub(super) struct Mac<'a> {
    algorithm: AlgorithmIdentifierRef<'a>,
    value: &'a [u8],
    salt: &'a [u8],
    iterations: u32,
}

impl<'a> Mac<'a> {
    /// Reads `SEQUENCE { SEQUENCE { algorithm, OCTET STRING }, OCTET STRING salt, INTEGER iterations DEFAULT 1 }`.
    pub(super) fn read(body: &mut SliceReader<'a>) -> pkcs8::der::Result<Self> {
        body.sequence(|data| {
            let (algorithm, value) = data.sequence(|info| {
                let algorithm: AlgorithmIdentifierRef<'a> = info.decode()?;
                let value: &'a OctetStringRef = info.decode()?;
                Ok::<_, pkcs8::der::Error>((algorithm, value.as_bytes()))
            })?;
            let salt: &'a OctetStringRef = data.decode()?;
            let iterations = if data.is_finished() { 1 } else { data.decode()? };
            Ok(Self { algorithm, value, salt: salt.as_bytes(), iterations })
        })
    }

    /// Returns whether the MAC matches the content under a password.
    pub(super) fn fits(
        &self,
        content: &[u8],
        password: &Passphrase,
        budget: &mut Budget,
    ) -> Result<bool, Pkcs12Error> {
        let oid = self.algorithm.oid.to_string();
        let key = if oid == "1.2.840.113549.1.5.14" {
            modern_key(self.algorithm.parameters, password, budget)?
        } else {
            let (digest, algorithm) = hash(&self.algorithm.oid)
                .ok_or_else(|| Pkcs12Error::Unsupported(format!("its MAC {oid} is not supported")))?;
            budget.spend(self.iterations)?;
            let (salt, iterations) = (self.salt, self.iterations);
            let key = derive(digest, Purpose::Mac, password.wide(), salt, iterations, digest.output_len());
            hmac::Key::new(algorithm, &key)
        };
        Ok(hmac::verify(&key, content, self.value).is_ok())
    }
}

/// Derives the key of PBMAC1 (RFC 8018 §7.1, RFC 9579): `SEQUENCE { key derivation, message authentication }`.
fn modern_key(
    parameters: Option<AnyRef<'_>>,
    password: &Passphrase,
    budget: &mut Budget,
) -> Result<hmac::Key, Pkcs12Error> {
    let unreadable = || Pkcs12Error::Unsupported(String::from("its MAC is of a kind that is not supported"));
    let parts = parameters.and_then(|parameters| {
        let mut reader = SliceReader::new(parameters.value()).ok()?;
        let derivation: AlgorithmIdentifierRef<'_> = reader.decode().ok()?;
        let authentication: AlgorithmIdentifierRef<'_> = reader.decode().ok()?;
        Some((Pbkdf2Params::try_from(derivation.parameters?).ok()?, authentication.oid))
    });
    let (derivation, authentication) = parts.ok_or_else(unreadable)?;
    let algorithm = keyed_hash(&authentication).ok_or_else(unreadable)?;
    // RFC 9579 §4 requires the length; a larger one would only multiply the work.
    let length = derivation.key_length.map(usize::from).ok_or_else(unreadable)?;
    let prf = PRFS.iter().find(|(prf, _)| *prf == derivation.prf).map(|(_, prf)| *prf);
    let prf = prf.filter(|_| KEY_LENGTHS.contains(&length)).ok_or_else(unreadable)?;
    // No hash is shorter than 20 octets, and each block of output costs all iterations.
    budget.spend(derivation.iteration_count.saturating_mul(4))?;
    let iterations = NonZeroU32::new(derivation.iteration_count).ok_or_else(unreadable)?;
    let mut key = Zeroizing::new(vec![0; length]);
    pbkdf2::derive(prf, iterations, derivation.salt.as_ref(), password.utf8(), &mut key);
    Ok(hmac::Key::new(algorithm, &key))
}

/// Returns the hash of that name, and its MAC.
fn hash(oid: &ObjectIdentifier) -> Option<(&'static digest::Algorithm, hmac::Algorithm)> {
    Some(match oid.to_string().as_str() {
        "1.3.14.3.2.26" => (&digest::SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
        "2.16.840.1.101.3.4.2.1" => (&digest::SHA256, hmac::HMAC_SHA256),
        "2.16.840.1.101.3.4.2.2" => (&digest::SHA384, hmac::HMAC_SHA384),
        "2.16.840.1.101.3.4.2.3" => (&digest::SHA512, hmac::HMAC_SHA512),
        "2.16.840.1.101.3.4.2.4" => (&digest::SHA224, hmac::HMAC_SHA224),
        _ => return None,
    })
}

/// Returns the MAC of that name (`hmacWithSHA256`).
fn keyed_hash(oid: &ObjectIdentifier) -> Option<hmac::Algorithm> {
    Some(match oid.to_string().as_str() {
        "1.2.840.113549.2.7" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "1.2.840.113549.2.8" => hmac::HMAC_SHA224,
        "1.2.840.113549.2.9" => hmac::HMAC_SHA256,
        "1.2.840.113549.2.10" => hmac::HMAC_SHA384,
        "1.2.840.113549.2.11" => hmac::HMAC_SHA512,
        _ => return None,
    })
}
