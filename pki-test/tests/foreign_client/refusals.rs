//! Where the client is wrong, the simulator refuses by the rule that is broken.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::simulator::Verdict;
use pki_test::verifier::Denial;

use super::script::{ROLE_ARN, send};

/// A wrong client, the rule that it breaks, the service's answer, and a part of what the journal says.
type Refused = (&'static str, &'static str, Denial, &'static str);

#[test]
fn a_wrong_scope() {
    use Denial::InvalidSignature as Denied;
    refused(
        KeyAlgorithm::EcP256,
        &[
            (
                "scope_of_another_region",
                "scope-region",
                Denied,
                "is 'us-west-2', and the endpoint's is eu-central-1",
            ),
            ("scope_of_sts", "scope-service", Denied, "is 'sts', and the endpoint's is rolesanywhere"),
            ("scope_of_yesterday", "scope-date", Denied, "the scope's date is '"),
            (
                "scope_without_terminator",
                "scope-terminator",
                Denied,
                "ends in 'x509_request' instead of aws4_request",
            ),
            (
                "scope_without_date",
                "authorization-malformed",
                Denied,
                "is not id/date/region/service/aws4_request",
            ),
        ],
    );
}

#[test]
fn a_wrong_time() {
    refused(
        KeyAlgorithm::EcP256,
        &[
            ("six_minutes_late", "clock-skew", Denial::InvalidSignature, "at most 300 s are allowed"),
            ("six_minutes_early", "clock-skew", Denial::InvalidSignature, "at most 300 s are allowed"),
            ("local_time", "clock-skew", Denial::InvalidSignature, "at most 300 s are allowed"),
            (
                "extended_date",
                "header-malformed",
                Denial::Validation,
                "is not a time of the form YYYYMMDDTHHMMSSZ",
            ),
        ],
    );
}

#[test]
fn a_wrong_credential() {
    use Denial::InvalidSignature as Denied;
    refused(
        KeyAlgorithm::EcP256,
        &[
            ("serial_in_hex", "serial-form", Denied, "'a0a1a2a3a4a5a6a7a8a9aaabacadaeaf' is not in decimal"),
            ("serial_in_colons", "serial-form", Denied, "'a0:a1:a2:"),
            ("serial_with_leading_zero", "serial-form", Denied, "without leading zeros"),
            ("serial_of_the_issuer", "serial-mismatch", Denied, "and the certificate's is 213515"),
        ],
    );
}

#[test]
fn a_wrong_algorithm() {
    use Denial::InvalidSignature as Denied;
    let other = |key| [("algorithm_of_another_key", "algorithm-mismatch", Denied, key)];
    refused(
        KeyAlgorithm::EcP256,
        &[(
            "algorithm_of_sigv4",
            "algorithm-unknown",
            Denied,
            "no signature algorithm 'AWS4-HMAC-SHA256' here",
        )],
    );
    refused(
        KeyAlgorithm::EcP384,
        &[("algorithm_named_after_the_curve", "algorithm-unknown", Denied, "'AWS4-X509-ECDSA-SHA384' here")],
    );
    refused(KeyAlgorithm::Rsa2048, &other("key (RSA 2048) signs with AWS4-X509-RSA-SHA256"));
    refused(KeyAlgorithm::EcP521, &other("key (EC P-521) signs with AWS4-X509-ECDSA-SHA256"));
    refused(KeyAlgorithm::MlDsa65, &other("key (ML-DSA-65) signs with AWS4-X509-MLDSA"));
}

#[test]
fn a_wrong_list_of_signed_headers() {
    use Denial::InvalidSignature as Denied;
    let order = "not in lower case, sorted, each once: ";
    refused(
        KeyAlgorithm::EcP256,
        &[
            ("host_not_signed", "header-not-signed", Denied, "the header host is not covered"),
            (
                "content_type_not_signed",
                "header-not-signed",
                Denied,
                "the header content-type is not covered",
            ),
            ("date_not_signed", "header-not-signed", Denied, "the header x-amz-date is not covered"),
            ("certificate_not_signed", "header-not-signed", Denied, "the header x-amz-x509 is not covered"),
            ("chain_not_signed", "header-not-signed", Denied, "the header x-amz-x509-chain is not covered"),
            ("signed_headers_unsorted", "signed-headers-form", Denied, order),
            ("signed_headers_capitalised", "signed-headers-form", Denied, order),
            ("signed_headers_repeated", "signed-headers-form", Denied, order),
            ("signed_headers_with_commas", "authorization-malformed", Denied, "a part has no equals sign"),
            ("signed_header_not_sent", "signed-header-absent", Denied, "'x-amz-security-token' was not sent"),
        ],
    );
}

#[test]
fn a_wrong_certificate_header() {
    use Denial::{InvalidSignature, UntrustedCertificate, Validation};
    let base64 = "the header x-amz-x509 is malformed: it is not standard base64 with padding";
    refused(
        KeyAlgorithm::Rsa2048,
        &[
            ("certificate_in_base64url", "header-malformed", Validation, base64),
            ("certificate_without_padding", "header-malformed", Validation, base64),
            ("certificate_as_pem", "header-malformed", Validation, base64),
            ("certificate_sent_twice", "header-repeated", InvalidSignature, "x-amz-x509 was sent 2 times"),
            ("certificate_left_out", "header-missing", InvalidSignature, "the header x-amz-x509 is missing"),
            ("chain_of_six", "chain-too-long", Validation, "has 6 certificates, and at most 5 are allowed"),
            ("chain_with_semicolons", "header-malformed", Validation, "x-amz-x509-chain is malformed"),
            (
                "chain_left_out",
                "issuer-not-found",
                UntrustedCertificate,
                "Example Issuing CA' of 'CN=build-17'",
            ),
        ],
    );
}

#[test]
fn a_wrong_canonical_request() {
    use Denial::{InvalidSignature, Validation};
    let differs = "the signature does not verify; the canonical request's SHA-256 is ";
    refused(
        KeyAlgorithm::EcP256,
        &[
            ("query_unsorted", "signature-mismatch", InvalidSignature, differs),
            ("query_with_plain_slashes", "signature-mismatch", InvalidSignature, differs),
            ("query_with_small_escapes", "signature-mismatch", InvalidSignature, differs),
            ("plus_for_plus", "query-malformed", Validation, "a plus sign must be sent as %2B"),
            ("headers_without_blank_line", "signature-mismatch", InvalidSignature, differs),
            ("body_not_hashed", "signature-mismatch", InvalidSignature, differs),
            (
                "body_hash_of_another_body",
                "content-hash",
                InvalidSignature,
                "X-Amz-Content-Sha256 is 'e3b0c442",
            ),
        ],
    );
}

#[test]
fn a_wrong_signature() {
    use Denial::InvalidSignature as Denied;
    let row = |client| (client, "signature-mismatch", Denied, "the signature does not verify");
    let any = [row("final_line_feed"), row("hashed_twice"), row("signature_of_another_key")];
    let ec = [row("signature_raw"), row("signature_with_hash_of_the_curve")];
    for algorithm in [KeyAlgorithm::EcP384, KeyAlgorithm::EcP521] {
        refused(algorithm, &[&any[..], &ec].concat());
    }
    refused(
        KeyAlgorithm::Rsa2048,
        &[&any[..], &[row("signature_pss"), row("signature_with_sha512")]].concat(),
    );
    refused(KeyAlgorithm::MlDsa65, &[&any[..], &[row("signature_with_context")]].concat());
    refused(
        KeyAlgorithm::EcP256,
        &[
            row("signature_raw"),
            ("signature_in_capitals", "signature-form", Denied, "is not lower-case hexadecimal"),
            ("signature_in_base64", "signature-form", Denied, "is not lower-case hexadecimal"),
        ],
    );
}

#[test]
fn a_request_changed_on_the_way() {
    use Denial::{InvalidSignature, UnknownOperation};
    let differs = "the signature does not verify";
    refused(
        KeyAlgorithm::EcP256,
        &[
            ("body_changed", "signature-mismatch", InvalidSignature, differs),
            ("role_changed", "signature-mismatch", InvalidSignature, differs),
            ("content_type_changed", "signature-mismatch", InvalidSignature, differs),
            ("another_operation", "operation-unknown", UnknownOperation, "no operation POST '/subjects'"),
        ],
    );
}

/// Lets each client send its request between two right ones, which must be granted as before.
fn refused(algorithm: KeyAlgorithm, rows: &[Refused]) {
    let names = rows.iter().flat_map(|(client, ..)| [*client, "right"]);
    let names: Vec<&str> = ["right"].into_iter().chain(names).collect();
    let Some(exchanges) = send(algorithm, &names) else { return };
    let (right, wrong): (Vec<_>, Vec<_>) =
        exchanges.into_iter().partition(|(answer, _)| answer.client == "right");
    assert!(right.iter().all(|(answer, _)| answer.status == 201), "{right:?}");
    for ((answer, entry), &(client, rule, denial, part)) in wrong.into_iter().zip(rows) {
        let Verdict::Refused { code, rule: broken, detail } = entry.verdict else {
            panic!("{algorithm} {client} was not refused: {entry:?}");
        };
        assert_eq!((answer.client.as_str(), broken.as_str()), (client, rule), "{algorithm}: {detail}");
        assert!(detail.contains(part), "{algorithm} {client}: {detail}");
        assert_eq!(
            (answer.status, answer.code.as_deref()),
            (denial.status(), Some(denial.code())),
            "{client}"
        );
        assert_eq!(code, denial.code(), "{client}");
        assert_eq!(answer.message, Some(denial.message(ROLE_ARN, &detail)), "{client}");
        assert_eq!(answer.assumed_role_arn, None, "{client}");
    }
}
