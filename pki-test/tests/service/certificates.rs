//! Every key algorithm is accepted, and every defect refused as its table says.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::defect::{AwsMessage, AwsVerdict, Defect};
use pki_test::verifier::{Denial, TrustAnchor, TrustAnchorError, Verifier};

use super::draft::Draft;
use super::identity::{Identity, NOW, issuing_authority_with};
use super::vectors::ANCHOR;

fn verifier(identity: &Identity) -> Verifier {
    let anchor = TrustAnchor::new(ANCHOR, &[&identity.anchor]).unwrap();
    Verifier::new("eu-central-1", vec![anchor])
}

#[test]
fn every_key_algorithm_is_accepted_under_every_kind_of_ca() {
    for authority in
        [KeyAlgorithm::EcP384, KeyAlgorithm::EcP521, KeyAlgorithm::Rsa3072, KeyAlgorithm::MlDsa65]
    {
        let issuing = issuing_authority_with(authority);
        for algorithm in KeyAlgorithm::ALL {
            let identity = Identity::issued_by(&issuing, algorithm, "build-17");
            let request = Draft::create_session(&identity).sign(&identity);
            let verified = verifier(&identity).verify(&request, NOW);
            assert!(verified.is_ok(), "{algorithm} under {authority}: {:?}", verified.err());
        }
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
