//! One key of each algorithm for CAs and one for end entities, made once.
//!
//! Long RSA keys take seconds to make, so both share one.

use std::sync::OnceLock;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::key_pair::{KeyForm, KeyPair};
use zeroize::Zeroizing;

static AUTHORITY: [OnceLock<Zeroizing<Vec<u8>>>; 9] = [const { OnceLock::new() }; 9];
static END_ENTITY: [OnceLock<Zeroizing<Vec<u8>>>; 9] = [const { OnceLock::new() }; 9];

/// Returns the CA's key of this algorithm.
pub(super) fn authority(algorithm: KeyAlgorithm) -> KeyPair {
    made_once(&AUTHORITY, algorithm)
}

/// Returns the end entity's key of this algorithm.
pub(super) fn end_entity(algorithm: KeyAlgorithm) -> KeyPair {
    match algorithm {
        KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => made_once(&AUTHORITY, algorithm),
        KeyAlgorithm::EcP256
        | KeyAlgorithm::EcP384
        | KeyAlgorithm::EcP521
        | KeyAlgorithm::Rsa2048
        | KeyAlgorithm::MlDsa44
        | KeyAlgorithm::MlDsa65
        | KeyAlgorithm::MlDsa87 => made_once(&END_ENTITY, algorithm),
    }
}

fn made_once(kept: &[OnceLock<Zeroizing<Vec<u8>>>], algorithm: KeyAlgorithm) -> KeyPair {
    let position = KeyAlgorithm::ALL.iter().position(|other| *other == algorithm);
    let pkcs8 = kept[position.expect("all algorithms are listed")].get_or_init(|| {
        let key = KeyPair::generate(algorithm).expect("keys can be made");
        key.to_der(KeyForm::Pkcs8).expect("every key has this form")
    });
    KeyPair::from_pkcs8(pkcs8).expect("our own PKCS#8 is read")
}
