//! PyPI's `cryptography`, which verifies certificates signed with ML-DSA from version 49 on.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::key_pair::KeyForm;
use serde_json::{Value, json};

use super::chain::{self, Evidence, NOW};
use super::component::{missing, run, runs};
use super::keys;
use super::openssl::pem;

const SCRIPT: &str = include_str!("cryptography.py");

/// Returns what is wrong with each case, or `None` after saying that the judge is missing.
fn judge(cases: &[Value]) -> Option<Vec<Option<String>>> {
    let python = std::env::var("ANYROLE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let known = "import cryptography; assert int(cryptography.__version__.split('.')[0]) >= 49";
    if !runs(&python, &["-c", known]) {
        missing("a Python with cryptography 49 or later (ANYROLE_PYTHON)");
        return None;
    }
    let input = serde_json::to_vec(cases).expect("texts are JSON");
    let output = run(&python, &["-c", SCRIPT], &input);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaint}");
    Some(serde_json::from_slice(&output.stdout).expect("the script writes JSON"))
}

fn case(evidence: &Evidence, keys: &[(&str, Option<&str>)], expanded: &[&str]) -> Value {
    let mut certificates = vec![pem(&evidence.end_entity)];
    certificates.extend(evidence.intermediates.iter().map(|der| pem(der)));
    certificates.push(pem(&evidence.trust_anchor));
    let keys: Vec<Value> =
        keys.iter().map(|(pem, passphrase)| json!({"pem": pem, "passphrase": passphrase})).collect();
    let now = NOW.format(&time::format_description::well_known::Rfc3339).expect("a year of four digits");
    json!({"certificates": certificates, "keys": keys, "expanded": expanded, "now": now})
}

#[test]
fn chains_and_keys_of_every_algorithm_are_accepted() {
    let mut names = Vec::new();
    let mut cases = Vec::new();
    for algorithm in KeyAlgorithm::ALL {
        let key = keys::end_entity(algorithm);
        let (mut loaded, mut expanded) = (Vec::new(), Vec::new());
        for form in KeyForm::ALL {
            let Ok(pem) = key.to_pem(form) else { continue };
            match form {
                KeyForm::MlDsaExpanded | KeyForm::MlDsaBoth => expanded.push(pem),
                KeyForm::Pkcs8
                | KeyForm::Sec1
                | KeyForm::Sec1WithParameters
                | KeyForm::Pkcs1
                | KeyForm::MlDsaSeed => loaded.push(pem),
            }
        }
        let mut keys: Vec<(&str, Option<&str>)> = loaded.iter().map(|pem| (pem.as_str(), None)).collect();
        let encrypted = key.to_encrypted_pem("correct horse").expect("it can be encrypted");
        keys.push((encrypted.as_str(), Some("correct horse")));
        let expanded: Vec<&str> = expanded.iter().map(|pem| pem.as_str()).collect();
        cases.push(case(&chain::of_depth(algorithm, 2), &keys, &expanded));
        names.push(algorithm);
    }
    let Some(answers) = judge(&cases) else { return };
    assert_eq!(answers.len(), names.len());
    for (name, answer) in names.iter().zip(answers) {
        assert_eq!(answer, None, "{name}");
    }
}

#[test]
fn a_signature_of_another_key_is_refused() {
    let mut evidence = chain::of_depth(KeyAlgorithm::MlDsa65, 0);
    let last = evidence.end_entity.last_mut().expect("a certificate has octets");
    *last ^= 1;
    let Some(answers) = judge(&[case(&evidence, &[], &[])]) else { return };
    assert!(answers[0].as_ref().is_some_and(|answer| answer.contains("InvalidSignature")), "{answers:?}");
}
