//! The captured requests of the official helper.

use std::fs;
use std::path::{Path, PathBuf};

use pki_test::simulator::{Profile, Role};
use pki_test::verifier::{ReceivedRequest, TrustAnchor, Verifier};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

pub(super) const ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
pub(super) const PROFILE: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000002";
pub(super) const ROLE: &str = "arn:aws:iam::111122223333:role/team/build+deploy";

pub(super) const CASES: [&str; 13] = [
    "ec-p256",
    "ec-p384",
    "ec-p521",
    "ml-dsa-44",
    "ml-dsa-65",
    "ml-dsa-87",
    "no-chain",
    "rsa-2048",
    "rsa-4096",
    "serial-20-octets",
    "serial-high-bit",
    "serial-one",
    "session-name-and-duration",
];

/// One captured request and what it takes to judge it.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) request: ReceivedRequest,
    pub(super) time: OffsetDateTime,
    pub(super) verifier: Verifier,
}

impl Case {
    pub(super) fn load(name: &'static str) -> Self {
        let folder = wire().join(name);
        let json: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.join("case.json")).unwrap()).unwrap();
        let bytes = fs::read(folder.join("request.http")).unwrap();
        let request = parse_request(&bytes);
        let anchor = certificate(&wire().join(json["anchor"].as_str().unwrap()));
        let anchor = TrustAnchor::new(ANCHOR, &[anchor]).unwrap();
        assert_eq!(
            json["chain_header"].as_bool().unwrap(),
            request.header_values("x-amz-x509-chain").next().is_some()
        );
        let verifier = Verifier::new(json["region"].as_str().unwrap(), vec![anchor]);
        Self { name, time: date_of(&request), bytes, request, verifier }
    }

    pub(super) fn all() -> impl Iterator<Item = Self> {
        CASES.into_iter().map(Self::load)
    }

    pub(super) fn profile() -> Profile {
        let mut profile = Profile::new(PROFILE, &[ROLE]).unwrap();
        profile.accept_role_session_name = true;
        profile
    }

    pub(super) fn role() -> Role {
        Role::new(ROLE).unwrap()
    }
}

/// Returns the throw-away private key of a case.
pub(super) fn private_key_pem(case: &str) -> String {
    fs::read_to_string(wire().join(case).join("end-entity.key")).unwrap()
}

fn wire() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/wire")
}

fn certificate(path: &Path) -> Vec<u8> {
    CertificateDer::from_pem_file(path).unwrap().to_vec()
}

fn parse_request(bytes: &[u8]) -> ReceivedRequest {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    ReceivedRequest {
        source_address: None,
        method: first.next().unwrap().to_owned(),
        target: first.next().unwrap().to_owned(),
        headers: lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: bytes[end + 4..].to_vec(),
    }
}

fn date_of(request: &ReceivedRequest) -> OffsetDateTime {
    let text = str::from_utf8(request.header_values("x-amz-date").next().unwrap()).unwrap();
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    PrimitiveDateTime::parse(text, format).unwrap().assume_utc()
}
