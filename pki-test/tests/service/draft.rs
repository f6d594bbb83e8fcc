//! Requests signed by hand, from the specification.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki_test::verifier::ReceivedRequest;
use time::OffsetDateTime;
use time::macros::format_description;

use super::identity::{Identity, NOW};
use super::vectors::{ANCHOR, PROFILE, ROLE};

/// A request before it is signed. Each part can be made wrong.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) method: &'static str,
    pub(super) path: String,
    /// Parameters, sent in the order of their names.
    pub(super) query: BTreeMap<String, String>,
    /// Signed headers, lower-case names.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) unsigned: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) algorithm: String,
    pub(super) credential: String,
    pub(super) date: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) terminator: String,
}

pub(super) fn amz_date(time: OffsetDateTime) -> String {
    time.format(format_description!("[year][month][day]T[hour][minute][second]Z")).unwrap()
}

impl Draft {
    /// A sound CreateSession request at [`NOW`].
    pub(super) fn create_session(identity: &Identity) -> Self {
        let arns = [("trustAnchorArn", ANCHOR), ("profileArn", PROFILE), ("roleArn", ROLE)];
        let mut draft = Self {
            method: "POST",
            path: "/sessions".to_owned(),
            query: arns.map(|(name, arn)| (name.to_owned(), arn.to_owned())).into(),
            headers: BTreeMap::new(),
            unsigned: Vec::new(),
            body: br#"{"durationSeconds":3600}"#.to_vec(),
            algorithm: identity.algorithm.to_owned(),
            credential: identity.serial.clone(),
            date: String::new(),
            region: "eu-central-1".to_owned(),
            service: "rolesanywhere".to_owned(),
            terminator: "aws4_request".to_owned(),
        };
        draft.set_header("host", "127.0.0.1");
        draft.set_header("content-type", "application/json");
        draft.set_header("x-amz-x509", &STANDARD.encode(&identity.end_entity));
        if !identity.chain.is_empty() {
            let chain: Vec<String> = identity.chain.iter().map(|der| STANDARD.encode(der)).collect();
            draft.set_header("x-amz-x509-chain", &chain.join(","));
        }
        draft.set_time(NOW);
        draft
    }

    /// A sound request to STS at `time`.
    pub(super) fn sts(access_key_id: &str, session_token: &str, body: &str, time: OffsetDateTime) -> Self {
        let mut draft = Self {
            method: "POST",
            path: "/".to_owned(),
            query: BTreeMap::new(),
            headers: BTreeMap::new(),
            unsigned: Vec::new(),
            body: body.as_bytes().to_vec(),
            algorithm: "AWS4-HMAC-SHA256".to_owned(),
            credential: access_key_id.to_owned(),
            date: String::new(),
            region: "eu-central-1".to_owned(),
            service: "sts".to_owned(),
            terminator: "aws4_request".to_owned(),
        };
        draft.set_header("host", "127.0.0.1");
        draft.set_header("content-type", "application/x-www-form-urlencoded; charset=utf-8");
        draft.set_header("x-amz-security-token", session_token);
        draft.set_time(time);
        draft
    }

    pub(super) fn set_header(&mut self, name: &str, value: &str) {
        self.headers.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn set_time(&mut self, time: OffsetDateTime) {
        let date = amz_date(time);
        self.date = date[..8].to_owned();
        self.set_header("x-amz-date", &date);
    }

    pub(super) fn set_parameter(&mut self, name: &str, value: &str) {
        self.query.insert(name.to_owned(), value.to_owned());
    }

    /// Signs with a certificate's key.
    pub(super) fn sign(&self, identity: &Identity) -> ReceivedRequest {
        let to_sign = self.string_to_sign();
        self.finish(&identity.key.sign(identity.scheme, to_sign.as_bytes()).unwrap())
    }

    /// Signs with a secret access key.
    pub(super) fn sign_with_secret(&self, secret: &str) -> ReceivedRequest {
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [&self.date, &self.region, &self.service, &self.terminator] {
            key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
        }
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        self.finish(hmac::sign(&key, self.string_to_sign().as_bytes()).as_ref())
    }

    fn scope(&self) -> String {
        format!("{}/{}/{}/{}", self.date, self.region, self.service, self.terminator)
    }

    fn signed_headers(&self) -> String {
        self.headers.keys().cloned().collect::<Vec<_>>().join(";")
    }

    fn query_text(&self) -> String {
        let pairs: Vec<String> =
            self.query.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        pairs.join("&")
    }

    fn string_to_sign(&self) -> String {
        let mut canonical = format!("{}\n{}\n{}\n", self.method, self.path, self.query_text());
        for (name, value) in &self.headers {
            writeln!(canonical, "{name}:{value}").unwrap();
        }
        let body = hex::encode(digest(&SHA256, &self.body));
        write!(canonical, "\n{}\n{body}", self.signed_headers()).unwrap();
        let hash = hex::encode(digest(&SHA256, canonical.as_bytes()));
        let date = self.headers.get("x-amz-date").map_or("", String::as_str);
        format!("{}\n{date}\n{}\n{hash}", self.algorithm, self.scope())
    }

    fn finish(&self, signature: &[u8]) -> ReceivedRequest {
        let authorization = format!(
            "{} Credential={}/{}, SignedHeaders={}, Signature={}",
            self.algorithm,
            self.credential,
            self.scope(),
            self.signed_headers(),
            hex::encode(signature)
        );
        let query = self.query_text();
        let mark = if query.is_empty() { "" } else { "?" };
        let mut headers: Vec<(String, Vec<u8>)> = self
            .headers
            .iter()
            .chain(self.unsigned.iter().map(|(name, value)| (name, value)))
            .map(|(name, value)| (name.clone(), value.as_bytes().to_vec()))
            .collect();
        headers.push(("authorization".to_owned(), authorization.into_bytes()));
        ReceivedRequest {
            source_address: None,
            method: self.method.to_owned(),
            target: format!("{}{mark}{query}", self.path),
            headers,
            body: self.body.clone(),
        }
    }
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").unwrap();
        }
        escaped
    })
}
