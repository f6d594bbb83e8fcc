//! Every defect gets the verdicts that it lists.

use pki_test::defect::{AwsMessage, AwsVerdict, Defect, Verdict};

use super::chain::{Evidence, NOW};
use super::openssl::Openssl;
use super::web_pki;

fn evidence(defect: Defect) -> Evidence {
    let identity = defect.make(NOW).expect("keys can be made");
    Evidence {
        trust_anchor: identity.trust_anchor_der,
        intermediates: identity.intermediates_der,
        end_entity: identity.end_entity_der,
    }
}

/// What openssl and webpki complain of, where they do; any other complaint would be of another defect.
const COMPLAINTS: [(Defect, Option<&str>, Option<&str>); 25] = [
    (Defect::CaTrue, None, Some("CaUsedAsEndEntity")),
    (Defect::DepthSix, None, None),
    (Defect::EmptySubject, None, None),
    (Defect::Expired, Some("error 10 at 0 depth"), Some("CertExpired")),
    (Defect::IntermediateExpired, Some("error 10 at 1 depth"), Some("CertExpired")),
    (Defect::IntermediateNotCa, Some("error 79 at 1 depth"), Some("EndEntityUsedAsCa")),
    (Defect::IntermediateSha1Signature, None, Some("UnsupportedSignatureAlgorithm")),
    (Defect::IntermediateVersion1, Some("error 79 at 1 depth"), Some("UnsupportedCertVersion")),
    (Defect::IntermediateWithoutKeyCertSign, Some("error 32 at 1 depth"), None),
    (Defect::MissingIntermediate, Some("error 20 at 0 depth"), Some("UnknownIssuer")),
    (Defect::NegativeSerial, None, None),
    (Defect::NoDigitalSignature, Some("error 26 at 0 depth"), None),
    (Defect::NoKeyUsage, None, None),
    (Defect::NotYetValid, Some("error 9 at 0 depth"), Some("CertNotValidYet")),
    (Defect::PathLengthExceeded, Some("error 25 at 2 depth"), Some("PathLenConstraintViolated")),
    (Defect::SelfSigned, Some("error 18 at 0 depth"), Some("UnknownIssuer")),
    (Defect::SerialTooLong, None, None),
    (Defect::ServerPurposeOnly, Some("error 26 at 0 depth"), Some("RequiredEkuNotFound")),
    (Defect::Sha1Signature, None, Some("UnsupportedSignatureAlgorithm")),
    (Defect::TamperedSignature, Some("error 7 at 0 depth"), Some("InvalidSignatureForPublicKey")),
    (Defect::TrustAnchorExpired, Some("error 10 at 1 depth"), None),
    (Defect::UnknownCriticalExtension, Some("error 34 at 0 depth"), Some("UnsupportedCriticalExtension")),
    (Defect::Version1, None, Some("UnsupportedCertVersion")),
    (Defect::WrongIssuer, Some("error 7 at 0 depth"), Some("InvalidSignatureForPublicKey")),
    (Defect::ZeroSerial, None, None),
];

/// Checks that a judge gives the verdict that is listed, and for the reason that is meant.
fn check(defect: Defect, listed: Verdict, complaint: Option<&str>, answer: Result<(), String>) {
    match (listed, complaint, answer) {
        (Verdict::Accepts, None, Ok(())) => {}
        (Verdict::Refuses, Some(complaint), Err(answer)) => {
            assert!(answer.contains(complaint), "{defect}: {answer}");
        }
        (_, _, answer) => panic!("{defect}: listed as {listed:?}, answered {answer:?}"),
    }
}

#[test]
fn every_defect_is_judged() {
    assert_eq!(COMPLAINTS.map(|(defect, _, _)| defect), Defect::ALL);
}

#[test]
fn openssl_says_what_is_listed() {
    let Some(openssl) = Openssl::find() else { return };
    for (defect, complaint, _) in COMPLAINTS {
        check(defect, defect.verdicts().openssl, complaint, openssl.verify(&evidence(defect)));
    }
}

#[test]
fn webpki_says_what_is_listed() {
    for (defect, _, complaint) in COMPLAINTS {
        let answer = web_pki::verify(&evidence(defect)).map_err(|error| format!("{error:?}"));
        check(defect, defect.verdicts().webpki, complaint, answer);
    }
}

#[test]
fn where_judges_differ_from_aws_the_reason_is_told() {
    for defect in Defect::ALL {
        let verdicts = defect.verdicts();
        assert!(!verdicts.reason.is_empty(), "{defect}");
        if verdicts.webpki == Verdict::Accepts && verdicts.openssl == Verdict::Accepts {
            let refused = matches!(verdicts.aws, AwsVerdict::Refuses { .. });
            assert!(refused, "{defect}: what every judge accepts is no defect");
        }
    }
    assert_eq!(AwsMessage::UntrustedSigningCertificate.text(), Some("Untrusted signing certificate"));
}
