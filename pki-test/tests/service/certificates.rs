//! Every key algorithm is accepted, and every defect refused as its table says.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::Authority;
use pki_test::defect::{AwsMessage, AwsVerdict, Defect};
use pki_test::key_pair::KeyForm;
use pki_test::verifier::{Certificate, Denial, TrustAnchor, TrustAnchorError, Verifier};
use rcgen::{CertificateRevocationListParams, Issuer, KeyIdMethod, RevokedCertParams, SerialNumber};

use super::draft::Draft;
use super::identity::{Identity, NOW, issuing_authority};
use super::vectors::ANCHOR;

fn verifier(identity: &Identity) -> Verifier {
    let anchor = TrustAnchor::new(ANCHOR, &[&identity.anchor]).unwrap();
    Verifier::new("eu-central-1", vec![anchor])
}

#[test]
fn every_key_algorithm_is_accepted() {
    let issuing = issuing_authority(KeyAlgorithm::EcP256);
    for algorithm in KeyAlgorithm::ALL {
        let identity = Identity::issued_by(&issuing, algorithm, "build-17");
        let request = Draft::create_session(&identity).sign(&identity);
        let verified = verifier(&identity).verify(&request, NOW);
        assert!(verified.is_ok(), "{algorithm}: {:?}", verified.err());
    }
}

#[test]
fn every_kind_of_ca_is_accepted() {
    for algorithm in KeyAlgorithm::ALL {
        let issuing = issuing_authority(algorithm);
        let identity = Identity::issued_by(&issuing, KeyAlgorithm::EcP256, "build-17");
        let request = Draft::create_session(&identity).sign(&identity);
        let verified = verifier(&identity).verify(&request, NOW);
        assert!(verified.is_ok(), "{algorithm}: {:?}", verified.err());
    }
}

#[test]
fn every_defect_is_answered_as_its_table_says() {
    for defect in Defect::ALL {
        let identity = Identity::defective(defect.make(NOW).unwrap());
        let request = Draft::create_session(&identity).sign(&identity);
        let verdict = verifier(&identity).verify(&request, NOW);
        match defect.verdicts().aws {
            AwsVerdict::Accepts => assert!(verdict.is_ok(), "{defect}: {:?}", verdict.err()),
            AwsVerdict::Refuses { message, .. } => {
                let refusal = verdict.expect_err(defect.name());
                let expected = match message {
                    AwsMessage::InsufficientCertificate => Denial::InsufficientCertificate,
                    AwsMessage::MalformedChain => Denial::Validation,
                    AwsMessage::UntrustedSigningCertificate => Denial::UntrustedCertificate,
                };
                assert_eq!(refusal.denial(), expected, "{defect}: {refusal}");
                if let Some(text) = message.text() {
                    assert_eq!(refusal.denial().message("", ""), text);
                }
            }
        }
    }
}

#[test]
fn every_defect_breaks_the_rule_that_it_is_named_for() {
    for (defect, rule) in [
        (Defect::CaTrue, "end-entity/is-ca"),
        (Defect::DepthSix, "chain-too-long"),
        (Defect::EmptySubject, "end-entity/empty-subject"),
        (Defect::Expired, "end-entity/expired"),
        (Defect::IntermediateExpired, "issuer/expired"),
        (Defect::IntermediateNotCa, "issuer/not-ca"),
        (Defect::IntermediateSha1Signature, "issuer/signature-algorithm"),
        (Defect::IntermediateVersion1, "issuer/version"),
        (Defect::IntermediateWithoutKeyCertSign, "issuer/key-usage"),
        (Defect::MissingIntermediate, "issuer-not-found"),
        (Defect::NegativeSerial, "end-entity/serial-number"),
        (Defect::NoDigitalSignature, "end-entity/key-usage"),
        (Defect::NoKeyUsage, "end-entity/key-usage"),
        (Defect::NotYetValid, "end-entity/not-yet-valid"),
        (Defect::PathLengthExceeded, "path-length"),
        (Defect::SelfSigned, "issuer-not-found"),
        (Defect::SerialTooLong, "end-entity/serial-number"),
        (Defect::Sha1Signature, "end-entity/signature-algorithm"),
        (Defect::TamperedSignature, "certificate-signature"),
        (Defect::TrustAnchorExpired, "issuer/expired"),
        (Defect::UnknownCriticalExtension, "end-entity/critical-extension"),
        (Defect::Version1, "end-entity/version"),
        (Defect::WrongIssuer, "certificate-signature"),
        (Defect::ZeroSerial, "end-entity/serial-number"),
    ] {
        let identity = Identity::defective(defect.make(NOW).unwrap());
        let request = Draft::create_session(&identity).sign(&identity);
        let refusal = verifier(&identity).verify(&request, NOW).unwrap_err();
        assert_eq!(refusal.rule(), rule, "{defect}: {refusal}");
    }
}

#[test]
fn an_intermediate_may_be_the_anchor_and_the_chain_may_hold_too_much() {
    let mut identity = Identity::sound(KeyAlgorithm::EcP256, "build-17");
    let (root, issuing) = (identity.anchor.clone(), identity.chain[0].clone());
    for (anchors, chain) in [
        (vec![issuing.clone()], vec![]),
        (vec![issuing.clone()], vec![issuing.clone()]),
        (vec![root.clone()], vec![root.clone(), issuing.clone()]),
        (vec![root.clone()], vec![identity.end_entity.clone(), issuing.clone(), root.clone()]),
        (vec![root.clone(), issuing.clone()], vec![]),
        (vec![root], vec![issuing.clone(), issuing.clone(), issuing.clone(), issuing]),
    ] {
        identity.chain = chain;
        let anchor = TrustAnchor::new(ANCHOR, &anchors).unwrap();
        let request = Draft::create_session(&identity).sign(&identity);
        let verdict = Verifier::new("eu-central-1", vec![anchor]).verify(&request, NOW);
        assert!(verdict.is_ok(), "{:?}", verdict.err());
    }
}

#[test]
fn a_foreign_anchor_of_the_same_name_is_refused() {
    let identity = Identity::sound(KeyAlgorithm::EcP256, "build-17");
    let other = Identity::sound(KeyAlgorithm::EcP256, "build-17");
    let request = Draft::create_session(&identity).sign(&identity);
    let refusal = verifier(&other).verify(&request, NOW).unwrap_err();
    assert_eq!(
        (refusal.rule().as_str(), refusal.denial()),
        ("certificate-signature", Denial::UntrustedCertificate)
    );
}

#[test]
fn a_trust_anchor_is_one_or_two_ca_certificates() {
    let identity = Identity::sound(KeyAlgorithm::EcP256, "build-17");
    let (root, leaf) = (&identity.anchor, &identity.end_entity);
    assert!(matches!(TrustAnchor::new(ANCHOR, &[leaf]).unwrap_err(), TrustAnchorError::Certificate(_)));
    for certificates in [vec![], vec![root, root, root]] {
        let found = certificates.len();
        assert_eq!(
            TrustAnchor::new(ANCHOR, &certificates).unwrap_err(),
            TrustAnchorError::CertificateCount { found }
        );
    }
    let profile = super::vectors::PROFILE;
    assert_eq!(TrustAnchor::new(profile, &[root]).unwrap_err(), TrustAnchorError::NotATrustAnchor);
    assert!(matches!(TrustAnchor::new("anchor", &[root]).unwrap_err(), TrustAnchorError::Arn(_)));
}

/// Makes a certificate revocation list of `authority` that holds one serial number.
fn revocation_list(authority: &Authority, serial: &[u8]) -> Vec<u8> {
    let key = authority.key_pair().to_der(KeyForm::Pkcs8).unwrap();
    let key = rcgen::KeyPair::try_from(key.as_slice()).unwrap();
    let issuer = Issuer::from_ca_cert_der(&authority.certificate_der().into(), key).unwrap();
    let list = CertificateRevocationListParams {
        this_update: NOW,
        next_update: NOW + time::Duration::DAY,
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: NOW,
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(&issuer).unwrap().der().to_vec()
}

#[test]
fn a_revoked_certificate_is_refused_by_its_serial_number() {
    let issuing = issuing_authority(KeyAlgorithm::EcP256);
    let identity = Identity::issued_by(&issuing, KeyAlgorithm::EcP256, "build-17");
    let request = Draft::create_session(&identity).sign(&identity);
    let judge = |authority: &Authority, serial: &[u8]| {
        let anchor = TrustAnchor::new(ANCHOR, &[authority.certificate_der()])
            .unwrap()
            .with_revocation_list(&revocation_list(authority, serial))
            .unwrap();
        Verifier::new("eu-central-1", vec![anchor]).verify(&request, NOW)
    };
    assert!(judge(&issuing.authority, &[0x0a, 0xbd]).is_ok());
    let refusal = judge(&issuing.authority, &[0x0a, 0xbc]).unwrap_err();
    assert_eq!((refusal.rule().as_str(), refusal.denial()), ("revoked", Denial::CertificateRevoked));
    // The number of the end entity in the root's list is another certificate's.
    assert!(judge(&issuing.root, &[0x0a, 0xbc]).is_ok());
    let intermediate = Certificate::parse(issuing.authority.certificate_der()).unwrap();
    let refusal = judge(&issuing.root, &intermediate.serial().to_bytes_be()).unwrap_err();
    assert_eq!(refusal.rule(), "revoked");
}

#[test]
fn a_revocation_list_is_signed_by_the_trust_anchor() {
    let issuing = issuing_authority(KeyAlgorithm::EcP256);
    let anchor = || TrustAnchor::new(ANCHOR, &[issuing.root.certificate_der()]).unwrap();
    let refused = |list: &[u8]| anchor().with_revocation_list(list).unwrap_err();
    let other = issuing_authority(KeyAlgorithm::EcP256);
    for foreign in [&issuing.authority, &other.root] {
        assert_eq!(refused(&revocation_list(foreign, &[1])), TrustAnchorError::RevocationListSignature);
    }
    assert_eq!(refused(b"list"), TrustAnchorError::RevocationListMalformed);
    let own = revocation_list(&issuing.root, &[1]);
    assert_eq!(refused(&[own.as_slice(), b"more"].concat()), TrustAnchorError::RevocationListMalformed);
    let full = anchor().with_revocation_list(&own).unwrap().with_revocation_list(&own).unwrap();
    assert_eq!(full.with_revocation_list(&own).unwrap_err(), TrustAnchorError::RevocationListLimit);
}
