//! Answers to CreateSession: credentials, refusals, pages of proxies, in any state. What is taken is what AWS can have sent.
#![no_main]

#[path = "answered.rs"]
mod answered;

use std::cell::RefCell;
use std::time::Duration;

use anyrole::clock::FixedClock;
use anyrole::diagnostic::Diagnostic as _;
use anyrole::env::Environment;
use anyrole::http::Limits;
use anyrole::identity::{self, Identity, IdentitySource, Input, PasswordSource};
use anyrole::session::{self, SessionRequest};
use anyrole::signing::Endpoint;
use answered::{Answered, NOW, REGION, ROLE, run};
use libfuzzer_sys::fuzz_target;
use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};

fn identity() -> Identity {
    let start = time::OffsetDateTime::from_unix_timestamp(NOW.unix_seconds()).expect("a time") - time::Duration::HOUR;
    let validity = Validity::starting(start, time::Duration::DAY);
    let key = || KeyPair::generate(KeyAlgorithm::EcP256).expect("a key");
    let root = Authority::root(&AuthoritySpec::new("CN=TEST root".parse().expect("a name"), validity), key());
    let key = key();
    let spec = EndEntitySpec::new("CN=build-17".parse().expect("a name"), validity);
    let end_entity = root.expect("a root").issue(&spec, key.subject_public_key_info()).expect("a certificate");
    let env = Environment::given([
        ("CERTIFICATE", end_entity.certificate_pem()),
        ("KEY", key.to_pem(KeyForm::Pkcs8).expect("PKCS#8").to_string()),
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
    identity::load(&source, &env).expect("an identity")
}

fn request() -> SessionRequest {
    let arn = |rest: &str| format!("arn:aws:rolesanywhere:{REGION}:111122223333:{rest}");
    let anchor = arn("trust-anchor/a1b2c3d4-0000-4000-8000-000000000001").parse().expect("an ARN");
    let profile = arn("profile/a1b2c3d4-0000-4000-8000-000000000002").parse().expect("an ARN");
    let role = ROLE.parse().expect("an ARN");
    SessionRequest::new(anchor, profile, role, None, Some(Duration::from_secs(3600)), None).expect("a request")
}

struct World {
    identity: Identity,
    request: SessionRequest,
    endpoint: Endpoint,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World {
        identity: identity(),
        request: request(),
        endpoint: Endpoint::parse("https://rolesanywhere.eu-central-1.amazonaws.com").expect("an endpoint"),
    });
}

fuzz_target!(|input: &[u8]| {
    let Some(answered) = Answered::of(input) else { return };
    WORLD.with_borrow_mut(|World { identity, request, endpoint }| {
        let call = session::create(&answered, identity, request, endpoint, Limits::default(), &FixedClock(NOW));
        match run(call) {
            Ok(session) => {
                assert_eq!(session.credential_set.role_arn.to_string(), ROLE);
                assert!(session.credential_set.credentials.access_key_id.len() >= 16);
            }
            Err(error) => drop((error.to_string(), error.id(), error.facts(), error.hint())),
        }
    });
});
