//! An identity, a request, a transport that plays answers, and a clock that follows the runtime's.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use anyrole::clock::{Clock, Timestamp};
use anyrole::env::Environment;
use anyrole::http::{Limits, Peer, Response, Transport, TransportError};
use anyrole::identity::{self, Identity, IdentitySource, Input, PasswordSource};
use anyrole::session::{self, Session, SessionError, SessionRequest};
use anyrole::signing::{Endpoint, SignedRequest};
use http::{HeaderMap, HeaderName, HeaderValue};
use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use time::OffsetDateTime;
use tokio::time::Instant;
use zeroize::Zeroizing;

pub(super) const REGION: &str = "eu-central-1";
pub(super) const TRUST_ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
pub(super) const PROFILE: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000002";
pub(super) const ROLE: &str = "arn:aws:iam::111122223333:role/team/build+deploy";
pub(super) const REQUEST_ID: &str = "4c1f2d5e-0000-4000-8000-000000000003";

/// 2026-11-23T16:00:00Z
pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_449_600);

/// A root, an intermediate and an end entity, valid for a day around [`NOW`] unless said otherwise.
pub(super) struct Chain {
    pub(super) root_der: Vec<u8>,
    pub(super) end_entity_pem: String,
    pub(super) intermediates_pem: String,
    pub(super) key_pem: String,
}

impl Chain {
    pub(super) fn new(algorithm: KeyAlgorithm) -> Self {
        Self::valid(algorithm, NOW, Duration::from_secs(43_200))
    }

    /// Makes a chain whose end entity has this subject name.
    pub(super) fn of(subject: &str) -> Self {
        Self::made(subject, KeyAlgorithm::EcP256, NOW, Duration::from_secs(43_200))
    }

    /// Makes a chain that is valid for so long before and after a time.
    pub(super) fn valid(algorithm: KeyAlgorithm, middle: Timestamp, half: Duration) -> Self {
        Self::made("CN=TEST build-17", algorithm, middle, half)
    }

    fn made(subject: &str, algorithm: KeyAlgorithm, middle: Timestamp, half: Duration) -> Self {
        let time = |time: Timestamp| OffsetDateTime::from_unix_timestamp(time.unix_seconds()).unwrap();
        let validity = Validity { not_before: time(middle.minus(half)), not_after: time(middle.plus(half)) };
        let key = || KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
        let authority = |name: &str| AuthoritySpec::new(name.parse().unwrap(), validity);
        let root = Authority::root(&authority("CN=TEST root"), key()).unwrap();
        let issuing = root.intermediate(&authority("CN=TEST issuing"), key()).unwrap();
        let key_pair = KeyPair::generate(algorithm).unwrap();
        let spec = EndEntitySpec::new(subject.parse().unwrap(), validity);
        let end_entity = issuing.issue(&spec, key_pair.subject_public_key_info()).unwrap();
        Self {
            root_der: root.certificate_der().to_vec(),
            end_entity_pem: end_entity.certificate_pem(),
            intermediates_pem: end_entity.intermediates_pem(),
            key_pem: key_pair.to_pem(KeyForm::Pkcs8).unwrap().to_string(),
        }
    }

    pub(super) fn identity(&self) -> Identity {
        self.load(&self.intermediates_pem)
    }

    pub(super) fn without_intermediates(&self) -> Identity {
        self.load("")
    }

    fn load(&self, intermediates: &str) -> Identity {
        let env = Environment::given([
            ("CERTIFICATE", format!("{}{intermediates}", self.end_entity_pem)),
            ("KEY", self.key_pem.clone()),
        ]);
        let source = IdentitySource {
            certificate: Input::Variable(String::from("CERTIFICATE")),
            private_key: Some(Input::Variable(String::from("KEY"))),
            intermediates: None,
            selection: identity::Selection::default(),
            password: PasswordSource::default(),
            tpm: None,
            allow_insecure_key_file: false,
        };
        identity::load(&source, &env).unwrap()
    }
}

pub(super) fn identity() -> Identity {
    Chain::new(KeyAlgorithm::EcP256).identity()
}

pub(super) fn request() -> SessionRequest {
    request_for(TRUST_ANCHOR, PROFILE, ROLE)
}

pub(super) fn request_for(trust_anchor: &str, profile: &str, role: &str) -> SessionRequest {
    let (trust_anchor, profile) = (trust_anchor.parse().unwrap(), profile.parse().unwrap());
    let duration = Some(Duration::from_secs(3600));
    SessionRequest::new(trust_anchor, profile, role.parse().unwrap(), None, duration, None).unwrap()
}

pub(super) fn endpoint() -> Endpoint {
    Endpoint::parse("https://rolesanywhere.eu-central-1.amazonaws.com").unwrap()
}

/// A clock that starts at a time and goes with the runtime's, paused or not.
#[derive(Debug)]
pub(super) struct RuntimeClock {
    start: Instant,
    at: Timestamp,
}

impl RuntimeClock {
    pub(super) fn at(at: Timestamp) -> Self {
        Self { start: Instant::now(), at }
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        self.at.plus(self.start.elapsed())
    }
}

/// What one request meets.
pub(super) enum Play {
    Answer(Answer),
    Fail(TransportError),
    Hang,
}

/// An answer to be played.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
    pub(super) peer: Peer,
}

impl Answer {
    pub(super) fn new(status: u16, body: &str) -> Self {
        let headers = vec![
            ("content-type", String::from("application/json")),
            ("x-amzn-requestid", String::from(REQUEST_ID)),
        ];
        Self { status, headers, body: body.to_owned(), peer: Peer::Verified }
    }

    /// Returns the service's grant of an hour from a time on.
    pub(super) fn granted(now: Timestamp) -> Self {
        Self::new(201, &granted_body(now.plus(Duration::from_secs(3600))))
    }

    pub(super) fn refusal(status: u16, code: &str, message: &str) -> Self {
        Self::new(status, &format!(r#"{{"message":"{message}"}}"#)).with("x-amzn-errortype", code)
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    fn response(self) -> Response {
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap());
        }
        Response::new(self.status, headers, Zeroizing::new(self.body.into_bytes()), self.peer)
    }
}

pub(super) fn granted_body(expiration: Timestamp) -> String {
    format!(
        r#"{{"credentialSet":[{{"assumedRoleUser":{{"arn":"arn:aws:sts::111122223333:assumed-role/build+deploy/42",
"assumedRoleId":"AROAEXAMPLE:42"}},"credentials":{{"accessKeyId":"ASIAEXAMPLEEXAMPLE00","expiration":"{expiration}",
"secretAccessKey":"secret/canary+AAAA","sessionToken":"token/canary+AAAA=="}},"packedPolicySize":46,
"roleArn":"{ROLE}","sourceIdentity":"CN=build-17"}}],"subjectArn":"arn:aws:rolesanywhere:eu-central-1:111122223333:subject/1"}}"#
    )
}

/// Plays answers in order, the last one for ever, and keeps what was sent.
pub(super) struct Played {
    plays: Mutex<VecDeque<Play>>,
    sent: Mutex<Vec<Sent>>,
}

/// One request: its `X-Amz-Date` and the time since the first.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) amz_date: String,
    pub(super) authorization: String,
    pub(super) at: Instant,
}

impl Played {
    pub(super) fn new(plays: impl IntoIterator<Item = Play>) -> Self {
        Self { plays: Mutex::new(plays.into_iter().collect()), sent: Mutex::default() }
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    fn next(&self, request: &SignedRequest) -> Play {
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        let sent = Sent {
            amz_date: header("x-amz-date"),
            authorization: header("authorization"),
            at: Instant::now(),
        };
        self.sent.lock().unwrap().push(sent);
        self.plays.lock().unwrap().pop_front().expect("an answer for every request")
    }
}

impl Transport for Played {
    async fn send(&self, request: SignedRequest) -> Result<Response, TransportError> {
        match self.next(&request) {
            Play::Answer(answer) => Ok(answer.response()),
            Play::Fail(error) => Err(error),
            Play::Hang => std::future::pending().await,
        }
    }
}

/// Creates a session with a clock that shows a time at the start.
pub(super) async fn create(transport: &Played, clock: Timestamp) -> Result<Session, SessionError> {
    create_as(transport, &mut identity(), clock).await
}

pub(super) async fn create_as(
    transport: &Played,
    identity: &mut Identity,
    clock: Timestamp,
) -> Result<Session, SessionError> {
    let clock = RuntimeClock::at(clock);
    session::create(transport, identity, &request(), &endpoint(), Limits::default(), &clock).await
}

pub(super) fn http_date(time: Timestamp) -> String {
    const FORMAT: &[time::format_description::FormatItem<'_>] = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    OffsetDateTime::from_unix_timestamp(time.unix_seconds()).unwrap().format(FORMAT).unwrap()
}

pub(super) fn connection_lost() -> TransportError {
    TransportError::ConnectionLost { host: String::from("rolesanywhere.eu-central-1.amazonaws.com") }
}
