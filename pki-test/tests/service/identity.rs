//! Identities of the test PKI, made at run time.

use std::time::Duration;

use num_bigint::BigUint;
use pki_test::algorithm::{KeyAlgorithm, SignatureAlgorithm};
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::{SerialChoice, Validity};
use pki_test::defect::DefectiveIdentity;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::KeyPair;
use pki_test::verifier::Certificate;
use time::OffsetDateTime;
use time::macros::datetime;

use super::vectors::private_key_pem;

/// The time of every test that makes its own certificates.
pub(super) const NOW: OffsetDateTime = datetime!(2026-11-23 16:20:00 UTC);

/// A chain, its trust anchor and the key.
pub(super) struct Identity {
    pub(super) anchor: Vec<u8>,
    pub(super) chain: Vec<Vec<u8>>,
    pub(super) end_entity: Vec<u8>,
    pub(super) key: KeyPair,
    pub(super) algorithm: &'static str,
    pub(super) scheme: SignatureAlgorithm,
    pub(super) serial: String,
}

impl Identity {
    /// Makes a sound identity: root, one intermediate, end entity.
    pub(super) fn sound(algorithm: KeyAlgorithm, common_name: &str) -> Self {
        let issuing = issuing_authority(KeyAlgorithm::EcP256);
        Self::issued_by(&issuing, algorithm, common_name)
    }

    /// Issues an end entity whose anchor is `issuing`'s root.
    pub(super) fn issued_by(issuing: &Issuing, algorithm: KeyAlgorithm, common_name: &str) -> Self {
        let subject = DistinguishedName::common_name(common_name).unwrap();
        Self::specified(issuing, algorithm, EndEntitySpec::new(subject, validity()))
    }

    /// Issues what `spec` says, with the usual serial number.
    pub(super) fn specified(issuing: &Issuing, algorithm: KeyAlgorithm, mut spec: EndEntitySpec) -> Self {
        let key = key_pair(algorithm);
        spec.serial = SerialChoice::Exact(vec![0x0a, 0xbc]);
        let end_entity = issuing.authority.issue(&spec, key.subject_public_key_info()).unwrap();
        Self {
            anchor: issuing.root.certificate_der().to_vec(),
            chain: end_entity.intermediates().to_vec(),
            end_entity: end_entity.certificate_der().to_vec(),
            serial: end_entity.serial().decimal(),
            ..Self::with_key(key)
        }
    }

    /// Takes an identity with a defect.
    pub(super) fn defective(identity: DefectiveIdentity) -> Self {
        let serial = Certificate::parse(&identity.end_entity_der).unwrap().serial();
        Self {
            anchor: identity.trust_anchor_der,
            chain: identity.intermediates_der,
            end_entity: identity.end_entity_der,
            serial: serial.to_string(),
            ..Self::with_key(identity.key_pair)
        }
    }

    fn with_key(key: KeyPair) -> Self {
        let (algorithm, scheme) = match key.algorithm() {
            KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 | KeyAlgorithm::EcP521 => {
                ("AWS4-X509-ECDSA-SHA256", SignatureAlgorithm::EcdsaSha256)
            }
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
                ("AWS4-X509-RSA-SHA256", SignatureAlgorithm::RsaSha256)
            }
            KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87 => {
                ("AWS4-X509-MLDSA", key.algorithm().signature_algorithm())
            }
        };
        Self {
            anchor: Vec::new(),
            chain: Vec::new(),
            end_entity: Vec::new(),
            key,
            algorithm,
            scheme,
            serial: BigUint::ZERO.to_string(),
        }
    }
}

/// Returns a key pair: a new one, or for the RSA sizes that the vectors have, theirs, since making one takes seconds.
fn key_pair(algorithm: KeyAlgorithm) -> KeyPair {
    if matches!(algorithm, KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa4096) {
        return KeyPair::from_pem(&private_key_pem(algorithm.name()), None).unwrap();
    }
    KeyPair::generate(algorithm).unwrap()
}

/// A root and the intermediate that issues.
pub(super) struct Issuing {
    pub(super) root: Authority,
    pub(super) authority: Authority,
}

pub(super) fn issuing_authority(algorithm: KeyAlgorithm) -> Issuing {
    issuing_authority_named(algorithm, "CN=TEST issuing")
}

/// Makes an issuing CA of this subject name (RFC 4514).
pub(super) fn issuing_authority_named(algorithm: KeyAlgorithm, subject: &str) -> Issuing {
    let name = |name: &str| -> DistinguishedName { name.parse().unwrap() };
    let key = || key_pair(algorithm);
    let root = Authority::root(&AuthoritySpec::new(name("CN=TEST root"), validity()), key()).unwrap();
    let authority = root.intermediate(&AuthoritySpec::new(name(subject), validity()), key()).unwrap();
    Issuing { root, authority }
}

pub(super) fn validity() -> Validity {
    Validity::starting(NOW - Duration::from_secs(86_400), Duration::from_secs(2 * 86_400).try_into().unwrap())
}
