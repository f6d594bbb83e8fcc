//! Where the client is right, a session is granted.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::simulator::Verdict;

use super::script::{ROLE_ARN, send};

/// Requests that are right in more than one way.
const RIGHT: [&str; 6] = [
    "right",
    "arns_in_the_body",
    "query_in_another_order",
    "more_headers_signed",
    "end_entity_in_the_chain",
    "spaced_headers",
];

#[test]
fn every_type_of_key_gets_a_session() {
    for algorithm in [
        KeyAlgorithm::Rsa2048,
        KeyAlgorithm::EcP256,
        KeyAlgorithm::EcP384,
        KeyAlgorithm::EcP521,
        KeyAlgorithm::MlDsa65,
    ] {
        let Some(exchanges) = send(algorithm, &RIGHT) else { return };
        for (answer, entry) in exchanges {
            let client = &answer.client;
            assert_eq!(answer.status, 201, "{algorithm} {client}: {answer:?} {entry:?}");
            assert_eq!(entry.verdict, Verdict::Accepted, "{algorithm} {client}");
            assert_eq!(entry.anomalies, [""; 0], "{algorithm} {client}");
            assert_eq!(entry.role.as_deref(), Some(ROLE_ARN));
            assert_eq!(entry.duration_seconds, Some(900));
            let arn = answer.assumed_role_arn.expect("a session has one");
            assert_eq!(arn, "arn:aws:sts::111122223333:assumed-role/build/a0a1a2a3a4a5a6a7a8a9aaabacadaeaf");
        }
    }
}
