//! AWS4-X509 stage by stage: against texts made by a second program, against requests that the official helper sent, and
//! against the `aws-sigv4` crate.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyrole::clock::Timestamp;
use anyrole::credentials::SessionCredentials;
use anyrole::env::Environment;
use anyrole::identity::{self, Identity, IdentitySource, Input, PasswordSource};
use anyrole::secret::Secret;
use anyrole::session::{SessionRequest, wire};
use anyrole::signer::Signature;
use anyrole::signing::{
    Authorization, CanonicalRequest, Endpoint, Method, Request, Scope, StringToSign, sigv4, x509,
};
use anyrole::x509::public_key::VerifiedAlgorithm;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use num_bigint::BigUint;
use proptest::prelude::*;
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

fn cases(name: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(cases.len() > 10, "{name} holds too few cases to be the whole set");
    cases
}

fn time(amz_date: &str) -> Timestamp {
    let at = |range: std::ops::Range<usize>| &amz_date[range];
    let text = format!("{}-{}-{}T{}:{}:{}Z", at(0..4), at(4..6), at(6..8), at(9..11), at(11..13), at(13..15));
    Timestamp::parse_rfc3339(&text).unwrap()
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    value.as_array().unwrap().iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

#[test]
fn every_stage_is_as_the_second_program_has_it() {
    for case in cases("aws4-x509") {
        let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
        let given: Value = serde_json::from_str(&read("request.json")).unwrap();
        let text = |name: &str| given[name].as_str().unwrap().to_owned();
        let request = Request {
            method: Method::Post,
            endpoint: Endpoint::parse(&text("endpoint")).unwrap(),
            path: text("path"),
            query: pairs(&given["query"]),
            headers: pairs(&given["headers"]),
            body: text("body").into_bytes(),
        };
        let canonical_request = CanonicalRequest::of(&request);
        assert_eq!(canonical_request.as_str(), read("canonical-request.txt"), "{case:?}: canonical request");
        let algorithm = text("algorithm");
        let scope = Scope::new(time(&text("time")), text("region"), "rolesanywhere");
        let string_to_sign = StringToSign::new(&algorithm, &scope, &canonical_request);
        assert_eq!(string_to_sign.as_str(), read("string-to-sign.txt"), "{case:?}: string to sign");
        let serial_number = BigUint::parse_bytes(text("serial_hex").as_bytes(), 16).unwrap().to_string();
        let signature = Signature::new(hex::decode(text("signature")).unwrap());
        let authorization =
            Authorization::new(&algorithm, &serial_number, &scope, &canonical_request, &signature);
        assert_eq!(authorization.as_str(), read("authorization.txt"), "{case:?}: authorization");
        assert!(!format!("{authorization:?}").contains(&text("signature")));
    }
}

/// A request as it was seen on the wire.
struct Captured {
    target: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Captured {
    fn read(case: &Path) -> Self {
        let text = fs::read_to_string(case.join("request.http")).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let target = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        Self { target, headers: lines.map(header).collect(), body: body.to_owned() }
    }

    /// Returns a part of the Authorization header: what stands between `name=` and the next comma.
    fn authorization(&self, name: &str) -> &str {
        let (_, rest) = self.headers["authorization"].split_once(&format!("{name}=")).unwrap();
        rest.split(',').next().unwrap()
    }

    fn query(&self) -> Vec<(String, String)> {
        let (_, query) = self.target.split_once('?').unwrap();
        let decode =
            |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
        query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (decode(name), decode(value)))
            .collect()
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&format!("http://{}", self.headers["host"])).unwrap()
    }

    /// Returns the settings that lead to this request.
    fn session_request(&self) -> SessionRequest {
        let query: BTreeMap<_, _> = self.query().into_iter().collect();
        let body: Value = serde_json::from_str(&self.body).unwrap();
        SessionRequest::new(
            query["trustAnchorArn"].parse().unwrap(),
            query["profileArn"].parse().unwrap(),
            query["roleArn"].parse().unwrap(),
            None,
            body["durationSeconds"].as_u64().map(Duration::from_secs),
            body["roleSessionName"].as_str().map(str::to_owned),
        )
        .unwrap()
    }
}

fn identity(case: &Path) -> Identity {
    let chain_header = fs::read_to_string(case.join("case.json")).unwrap().contains("\"chain_header\": true");
    let source = IdentitySource {
        certificate: Input::file(case.join("end-entity.pem")),
        private_key: Some(Input::file(case.join("end-entity.key"))),
        intermediates: chain_header.then(|| Input::file(folder("wire").join("issuing-ca.pem"))),
        selection: identity::Selection::default(),
        password: PasswordSource::default(),
        tpm: None,
        allow_insecure_key_file: true,
    };
    identity::load(&source, &Environment::given::<&str, &str>([])).unwrap()
}

#[test]
fn signatures_of_the_official_helper_verify_over_our_string_to_sign() {
    for case in cases("wire") {
        let captured = Captured::read(&case);
        let signed: Vec<&str> = captured.authorization("SignedHeaders").split(';').collect();
        let headers =
            captured.headers.iter().filter(|(name, _)| *name != "host" && signed.contains(&name.as_str()));
        let request = Request {
            method: Method::Post,
            endpoint: captured.endpoint(),
            path: captured.target.split('?').next().unwrap().to_owned(),
            query: captured.query(),
            headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect(),
            body: captured.body.clone().into_bytes(),
        };
        let canonical_request = CanonicalRequest::of(&request);
        assert_eq!(canonical_request.signed_headers(), signed.join(";"), "{case:?}");
        let identity = identity(&case);
        let serial_number = identity.end_entity().serial_number().decimal();
        let scope =
            Scope::new(time(&captured.headers["x-amz-date"]), String::from("eu-central-1"), "rolesanywhere");
        assert_eq!(captured.authorization("Credential"), format!("{serial_number}/{scope}"), "{case:?}");
        let algorithm = identity.signature_algorithm().authorization_name();
        assert!(captured.headers["authorization"].starts_with(&format!("{algorithm} ")), "{case:?}");
        let string_to_sign = StringToSign::new(algorithm, &scope, &canonical_request);
        let signature = hex::decode(captured.authorization("Signature")).unwrap();
        let key = identity.end_entity().public_key();
        assert!(
            key.verifies(VerifiedAlgorithm::Own, string_to_sign.as_str().as_bytes(), &signature),
            "{case:?}: the string to sign is not the one that was signed\n{}",
            canonical_request.as_str()
        );
    }
}

#[test]
fn our_requests_are_those_of_the_official_helper() {
    for case in cases("wire") {
        let captured = Captured::read(&case);
        let mut identity = identity(&case);
        let now = time(&captured.headers["x-amz-date"]);
        let session_request = captured.session_request();
        let endpoint = captured.endpoint();
        let request = wire::request(&session_request, &endpoint);
        let ours = x509::sign(request, &mut identity, &session_request.region, now).unwrap();
        assert_eq!(ours.url(), format!("{endpoint}{}", captured.target), "{case:?}");
        assert_eq!(ours.body(), captured.body.as_bytes(), "{case:?}");
        for name in ["host", "content-type", "x-amz-date", "x-amz-x509", "x-amz-x509-chain"] {
            let value = ours.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(value.as_ref(), captured.headers.get(name), "{case:?}: {name}");
        }
        let authorization = ours.headers()["authorization"].to_str().unwrap();
        let credential = captured.authorization("Credential");
        let chain = if captured.headers.contains_key("x-amz-x509-chain") { ";x-amz-x509-chain" } else { "" };
        assert!(
            authorization.contains(&format!(
                " Credential={credential}, SignedHeaders=content-type;host;x-amz-date;x-amz-x509{chain}, Signature="
            )),
            "{case:?}"
        );
        assert!(ours.headers()["authorization"].is_sensitive());
        let shown = format!("{ours:?}");
        assert!(shown.contains(ours.url()), "{shown}");
        assert!(!shown.contains("Signature"), "{case:?}: a signature is shown");
    }
}

const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn credentials() -> SessionCredentials {
    SessionCredentials {
        access_key_id: String::from("ASIAEXAMPLEEXAMPLE00"),
        secret_access_key: Secret::new(String::from(SECRET_ACCESS_KEY)),
        session_token: Secret::new(String::from("to/ken+=")),
        expiration: Timestamp::MAX,
    }
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,12}", "[a-zA-Z0-9._~-]{0,8}", "\\PC{0,6}"]
}

proptest! {
    /// Our canonical request, signed by the crate's public HMAC, is the crate's own signature.
    #[test]
    fn canonical_requests_are_those_of_the_crate(
        query in prop::collection::vec((texts(), texts()), 0..6),
        headers in prop::collection::btree_map("x-[a-z]{1,8}", "[!-~]([ -~]{0,20}[!-~])?", 0..5),
        base in prop::collection::vec("[A-Za-z0-9_~-]{1,6}(%20|\\+|=|:)?", 0..3),
        body in prop::collection::vec(any::<u8>(), 0..40),
        seconds in 0_i64..4_000_000_000,
    ) {
        let base: String = base.iter().map(|segment| format!("/{segment}")).collect();
        let now = Timestamp::from_unix_seconds(seconds);
        let request = Request {
            method: Method::Post,
            endpoint: Endpoint::parse(&format!("https://sts.example:8443{base}")).unwrap(),
            path: String::from("/x"),
            query,
            headers: headers.into_iter().collect(),
            body,
        };
        let theirs = sigv4::sign(request.clone(), &credentials(), "sts", "eu-west-1", now).unwrap();
        let theirs = theirs.headers()["authorization"].to_str().unwrap();
        let mut request = request;
        request.headers.push((String::from("x-amz-date"), now.amz_date()));
        request.headers.push((String::from("x-amz-security-token"), String::from("to/ken+=")));
        let canonical_request = CanonicalRequest::of(&request);
        let scope = Scope::new(now, String::from("eu-west-1"), "sts");
        let string_to_sign = StringToSign::new("AWS4-HMAC-SHA256", &scope, &canonical_request);
        let system_time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs());
        let key = generate_signing_key(SECRET_ACCESS_KEY, system_time, "eu-west-1", "sts");
        let signature = calculate_signature(key, string_to_sign.as_str().as_bytes());
        prop_assert!(
            theirs.ends_with(&format!("SignedHeaders={}, Signature={signature}", canonical_request.signed_headers())),
            "{theirs}\n{}", canonical_request.as_str()
        );
    }
}
