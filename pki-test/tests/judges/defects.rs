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

/// Returns the defects for which the judge does not do what is listed.
fn surprises<E: std::fmt::Debug>(
    listed: impl Fn(Defect) -> Verdict,
    judge: impl Fn(&Evidence) -> Result<(), E>,
) -> Vec<String> {
    let judged = Defect::ALL.into_iter().map(|defect| (defect, judge(&evidence(defect))));
    judged
        .filter(|(defect, answer)| match listed(*defect) {
            Verdict::Accepts => answer.is_err(),
            Verdict::Refuses => answer.is_ok(),
        })
        .map(|(defect, answer)| format!("{defect}: {answer:?}"))
        .collect()
}

#[test]
fn openssl_says_what_is_listed() {
    let Some(openssl) = Openssl::find() else { return };
    let surprises = surprises(|defect| defect.verdicts().openssl, |evidence| openssl.verify(evidence));
    assert!(surprises.is_empty(), "{surprises:#?}");
}

#[test]
fn webpki_says_what_is_listed() {
    let surprises = surprises(|defect| defect.verdicts().webpki, web_pki::verify);
    assert!(surprises.is_empty(), "{surprises:#?}");
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
