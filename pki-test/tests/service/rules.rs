//! Rules of the request that no captured vector can break: the signature holds, and what was signed is wrong.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use pki_test::algorithm::KeyAlgorithm;
use pki_test::verifier::{Denial, Refusal, Strictness, TrustAnchor, VerifiedRequest, Verifier};

use super::draft::Draft;
use super::identity::{Identity, NOW};
use super::vectors::{ANCHOR, PROFILE, ROLE};

struct Bench {
    identity: Identity,
    verifier: Verifier,
}

impl Bench {
    fn new() -> Self {
        let identity = Identity::sound(KeyAlgorithm::EcP256, "build-17");
        let anchor = TrustAnchor::new(ANCHOR, &[&identity.anchor]).unwrap().with_alias("fleet");
        Self { identity, verifier: Verifier::new("eu-central-1", vec![anchor]) }
    }

    fn judge(&self, change: impl FnOnce(&mut Draft)) -> Result<VerifiedRequest, Refusal> {
        let mut draft = Draft::create_session(&self.identity);
        change(&mut draft);
        self.verifier.verify(&draft.sign(&self.identity), NOW)
    }

    fn breaks(&self, rule: &str, denial: Denial, change: impl FnOnce(&mut Draft)) {
        let refusal = self.judge(change).expect_err(rule);
        assert_eq!((refusal.rule().as_str(), refusal.denial()), (rule, denial), "{refusal}");
    }
}

#[test]
fn a_sound_request_is_accepted_with_its_facts() {
    let bench = Bench::new();
    let verified = bench.judge(|_| {}).unwrap();
    assert_eq!(verified.end_entity.serial().to_string(), "2748");
    assert_eq!(verified.end_entity.common_name(), Some("build-17"));
    assert_eq!(verified.trust_anchor_arn.to_string(), ANCHOR);
    assert_eq!(verified.parameters.duration_seconds, Some(3600));
}

#[test]
fn the_scope_and_the_date_are_the_endpoints() {
    let bench = Bench::new();
    let signature = Denial::InvalidSignature;
    bench.breaks("scope-region", signature, |draft| draft.region = "eu-west-1".to_owned());
    bench.breaks("scope-service", signature, |draft| draft.service = "sts".to_owned());
    bench.breaks("scope-terminator", signature, |draft| draft.terminator = "aws4".to_owned());
    bench.breaks("scope-date", signature, |draft| draft.date = "20261122".to_owned());
    bench.breaks("clock-skew", signature, |draft| draft.set_time(NOW - time::Duration::minutes(6)));
    bench.breaks("clock-skew", signature, |draft| draft.set_time(NOW + time::Duration::minutes(6)));
    for date in ["2026-11-23T16:20:00Z", "20261123T162000", "20261123T162060Z", "20261323T162000Z", ""] {
        bench.breaks("header-malformed", Denial::Validation, |draft| draft.set_header("x-amz-date", date));
    }
}

#[test]
fn the_serial_number_is_plain_decimal() {
    let bench = Bench::new();
    for (credential, rule) in [
        ("2749", "serial-mismatch"),
        ("0", "serial-mismatch"),
        ("02748", "serial-form"),
        ("abc", "serial-form"),
        ("0xabc", "serial-form"),
        ("0a:bc", "serial-form"),
        ("-2748", "serial-form"),
        (" 2748", "serial-form"),
    ] {
        bench.breaks(rule, Denial::InvalidSignature, |draft| draft.credential = credential.to_owned());
    }
}

#[test]
fn everything_that_matters_is_signed_or_an_anomaly() {
    let mut bench = Bench::new();
    let leave_out = |name: &'static str| {
        move |draft: &mut Draft| {
            let value = draft.headers.remove(name).unwrap();
            draft.unsigned.push((name.to_owned(), value));
        }
    };
    let names = ["content-type", "host", "x-amz-x509", "x-amz-x509-chain"];
    for name in names {
        bench.breaks("header-not-signed", Denial::InvalidSignature, leave_out(name));
    }
    let other_algorithm = |draft: &mut Draft| draft.algorithm = "AWS4-X509-RSA-SHA256".to_owned();
    bench.breaks("algorithm-mismatch", Denial::InvalidSignature, other_algorithm);
    bench.verifier.strictness = Strictness::AsTheService;
    for name in names {
        let verified = bench.judge(leave_out(name)).unwrap();
        assert_eq!(verified.anomalies, [Refusal::HeaderNotSigned { name: name.to_owned() }]);
    }
    assert_eq!(bench.judge(other_algorithm).unwrap().anomalies[0].rule(), "algorithm-mismatch");
    bench.breaks("algorithm-unknown", Denial::InvalidSignature, |draft| {
        draft.algorithm = "AWS4-X509-EDDSA".to_owned();
    });
}

#[test]
fn certificates_travel_in_strict_base64() {
    let bench = Bench::new();
    let der = bench.identity.end_entity.clone();
    let mut lines = STANDARD.encode(&der);
    lines.insert(64, ' ');
    let forms = [
        "AAAAAA".to_owned(),
        format!("{}=", STANDARD.encode(&der)),
        lines,
        format!("-----BEGIN CERTIFICATE-----{}", STANDARD.encode(&der)),
    ];
    for form in forms {
        bench.breaks("header-malformed", Denial::Validation, |draft| draft.set_header("x-amz-x509", &form));
    }
    bench.breaks("header-malformed", Denial::Validation, |draft| {
        draft.set_header("x-amz-x509", &URL_SAFE.encode([&[0xff, 0xef], der.as_slice()].concat()));
    });
    for der in [vec![], b"certificate".to_vec(), [der.as_slice(), b"more"].concat()] {
        bench.breaks("end-entity/malformed", Denial::InsufficientCertificate, |draft| {
            draft.set_header("x-amz-x509", &STANDARD.encode(&der));
        });
    }
    bench.breaks("header-malformed", Denial::Validation, |draft| {
        draft.set_header("x-amz-x509", &STANDARD.encode(vec![0; 20_000]));
    });
    let chain = STANDARD.encode(&bench.identity.chain[0]);
    for chain in [format!("{chain}, {chain}"), format!("{chain},"), String::new()] {
        bench.breaks("header-malformed", Denial::Validation, |draft| {
            draft.set_header("x-amz-x509-chain", &chain);
        });
    }
}

#[test]
fn parameters_come_from_the_query_or_the_body() {
    let bench = Bench::new();
    let body = format!(r#"{{"trustAnchorArn":"{ANCHOR}","profileArn":"{PROFILE}","roleArn":"{ROLE}"}}"#);
    let verified = bench
        .judge(|draft| {
            draft.query.clear();
            draft.body = body.clone().into_bytes();
        })
        .unwrap();
    assert_eq!(verified.parameters.duration_seconds, None);
    assert!(bench.judge(|draft| draft.body = body.clone().into_bytes()).is_ok());
    assert!(bench.judge(|draft| draft.body.clear()).is_ok());
    bench.breaks("parameter-conflict", Denial::Validation, |draft| {
        draft.body = body.replace("role/team", "role/other").into_bytes();
    });
    for name in ["trustAnchorArn", "profileArn", "roleArn"] {
        bench.breaks("parameter-missing", Denial::Validation, |draft| {
            draft.query.remove(name);
        });
        bench.breaks("parameter-arn", Denial::Validation, |draft| draft.set_parameter(name, "build"));
    }
    let alias =
        ANCHOR.replace("trust-anchor/a1b2c3d4-0000-4000-8000-000000000001", "alias/trust-anchor/fleet");
    let verified = bench.judge(|draft| draft.set_parameter("trustAnchorArn", &alias)).unwrap();
    assert_eq!(verified.trust_anchor_arn.to_string(), ANCHOR);
}

#[test]
fn parameters_are_within_their_ranges() {
    let mut bench = Bench::new();
    let too_long = "x".repeat(65);
    for (member, rule) in [
        (r#""durationSeconds":899"#.to_owned(), "parameter-range"),
        (r#""durationSeconds":43201"#.to_owned(), "parameter-range"),
        (r#""durationSeconds":-1"#.to_owned(), "parameter-range"),
        (r#""durationSeconds":"3600""#.to_owned(), "body-malformed"),
        (r#""durationSeconds":3600.5"#.to_owned(), "body-malformed"),
        (r#""durationSeconds":900,"durationSeconds":901"#.to_owned(), "body-malformed"),
        (r#""roleSessionName":"x""#.to_owned(), "parameter-range"),
        (r#""roleSessionName":"a b""#.to_owned(), "parameter-range"),
        (r#""roleSessionName":"a/b""#.to_owned(), "parameter-range"),
        (format!(r#""roleSessionName":"{too_long}""#), "parameter-range"),
        (r#""instanceProperties":["a"]"#.to_owned(), "body-malformed"),
        (r#""duration":900"#.to_owned(), "parameter-unknown"),
        (r#""durationSeconds":900"#.to_owned() + "}", "body-malformed"),
    ] {
        bench.breaks(rule, Denial::Validation, |draft| draft.body = format!("{{{member}}}").into_bytes());
    }
    bench.breaks("parameter-unknown", Denial::Validation, |draft| draft.set_parameter("cert", "x"));
    for member in
        [r#""sessionName":"old""#, r#""instanceProperties":{"a":"b"}"#, r#""durationSeconds":43200"#]
    {
        assert!(bench.judge(|draft| draft.body = format!("{{{member}}}").into_bytes()).is_ok());
    }
    bench.verifier.strictness = Strictness::AsTheService;
    assert!(bench.judge(|draft| draft.body = br#"{"duration":900}"#.to_vec()).is_ok());
    assert!(bench.judge(|draft| draft.set_parameter("cert", "x")).is_ok());
}

#[test]
fn the_trust_anchor_is_found_enabled_and_here() {
    let mut bench = Bench::new();
    let missing = Denial::TrustAnchorNotFound;
    bench.breaks("trust-anchor-unknown", missing, |draft| {
        draft.set_parameter("trustAnchorArn", &ANCHOR.replace("0001", "0009"));
    });
    bench.breaks("trust-anchor-unknown", missing, |draft| {
        draft.set_parameter("trustAnchorArn", &ANCHOR.replace("111122223333", "444455556666"));
    });
    bench.breaks("trust-anchor-region", missing, |draft| {
        draft.set_parameter("trustAnchorArn", &ANCHOR.replace("eu-central-1", "eu-west-1"));
    });
    bench.verifier.trust_anchors[0] = bench.verifier.trust_anchors[0].clone().disabled();
    bench.breaks("trust-anchor-disabled", missing, |_| {});
}

#[test]
fn sizes_and_a_declared_body_hash_are_checked() {
    let bench = Bench::new();
    bench.breaks("headers-too-large", Denial::Validation, |draft| {
        draft.unsigned.push(("x-padding".to_owned(), "x".repeat(97 * 1024)));
    });
    bench.breaks("body-too-large", Denial::Validation, |draft| draft.body = vec![b' '; 64 * 1024 + 1]);
    bench.breaks("content-hash", Denial::InvalidSignature, |draft| {
        draft.set_header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    });
    assert!(
        bench
            .judge(|draft| {
                let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &draft.body);
                draft.set_header("x-amz-content-sha256", &hex::encode(hash));
            })
            .is_ok()
    );
    bench.breaks("header-missing", Denial::InvalidSignature, |draft| {
        draft.headers.remove("host");
    });
    bench.breaks("header-missing", Denial::InvalidSignature, |draft| {
        draft.headers.remove("x-amz-x509");
    });
}
