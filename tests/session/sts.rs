//! STS: who the credentials are, and a second role by means of the first.

use std::time::Duration;

use anyrole::clock::{Clock as _, SystemClock};
use anyrole::credentials::CredentialSet;
use anyrole::diagnostic::Diagnostic as _;
use anyrole::http::{Limits, NativeTransport, ServerTrust};
use anyrole::secret::Secret;
use anyrole::session;
use anyrole::signing::Endpoint;
use anyrole::sts::xml::Document;
use anyrole::sts::{AssumeRole, Sts};
use pki_test::simulator::Role;
use proptest::prelude::*;

use super::simulated::{World, block_on, transport};
use super::support::{REGION, ROLE, request};

const SECOND_ROLE: &str = "arn:aws:iam::111122223333:role/read-only";

pub(super) fn session_of(world: &World, transport: &NativeTransport) -> CredentialSet {
    let mut identity = world.chain.identity();
    let (request, endpoint) = (request(), world.endpoint());
    let call =
        session::create(transport, &mut identity, &request, &endpoint, Limits::default(), &SystemClock);
    block_on(call).unwrap().credential_set
}

pub(super) fn world() -> World {
    World::start(|settings| settings.roles.push(Role::new(SECOND_ROLE).unwrap()))
}

/// STS at an endpoint, by the system's clock and an offset.
pub(super) fn sts<'a>(
    transport: &'a NativeTransport,
    endpoint: &'a Endpoint,
    clock_offset: i64,
) -> Sts<'a, NativeTransport> {
    Sts { transport, endpoint, region: REGION, limits: Limits::default(), clock: &SystemClock, clock_offset }
}

fn second_role() -> AssumeRole {
    AssumeRole::new(
        SECOND_ROLE.parse().unwrap(),
        Some(String::from("audit")),
        Some(Duration::from_secs(900)),
        Some(Secret::new(String::from("external/canary+1"))),
        vec![(String::from("team"), String::from("red + blue"))],
    )
    .unwrap()
}

#[test]
fn credentials_are_known_to_sts() {
    let world = world();
    let transport = transport(ServerTrust::Anybody, Duration::from_secs(5));
    let first = session_of(&world, &transport);
    let endpoint = world.endpoint();
    let sts = sts(&transport, &endpoint, 0);
    let caller = block_on(sts.caller_identity(&first.credentials)).unwrap();
    assert_eq!(caller.account, "111122223333");
    let role_name = ROLE.rsplit('/').next().unwrap();
    assert!(caller.arn.as_str().contains(&format!(":assumed-role/{role_name}/")), "{}", caller.arn);
    assert!(caller.user_id.starts_with("AROA"), "{}", caller.user_id);

    let second = block_on(sts.assume_role(&first, &second_role())).unwrap().credential_set;
    assert_eq!(second.role_arn.to_string(), SECOND_ROLE);
    assert_ne!(second.credentials.access_key_id, first.credentials.access_key_id);
    let left = second.credentials.expiration.since(SystemClock.now());
    assert!(left <= Duration::from_secs(900) && left > Duration::from_secs(840));
    let caller = block_on(sts.caller_identity(&second.credentials)).unwrap();
    assert!(caller.arn.as_str().ends_with(":assumed-role/read-only/audit"), "{}", caller.arn);
}

#[test]
fn a_refusal_of_sts_is_passed_on() {
    let world = world();
    let transport = transport(ServerTrust::Anybody, Duration::from_secs(5));
    let mut credentials = session_of(&world, &transport).credentials;
    let endpoint = world.endpoint();
    let sts = |clock_offset| sts(&transport, &endpoint, clock_offset);
    assert!(block_on(sts(7200).caller_identity(&credentials)).is_ok(), "the offset is corrected");
    credentials.secret_access_key = Secret::new(String::from("canary"));
    let error = block_on(sts(0).caller_identity(&credentials)).unwrap_err();
    assert_eq!(error.id(), "sts-refused");
    assert!(error.to_string().starts_with("STS refused GetCallerIdentity ("), "{error}");
    assert!(error.facts().iter().any(|fact| fact.name == "AWS says"));
    assert!(!format!("{error} {error:?} {:?}", second_role()).contains("canary"));
}

#[test]
fn a_foreign_page_is_not_sts() {
    let world = World::start(|_| {});
    let transport = transport(ServerTrust::Anybody, Duration::from_secs(5));
    let credentials = session_of(&world, &transport).credentials;
    // The Roles Anywhere side of the simulator answers JSON, which is not STS.
    let elsewhere = format!("{}/sessions", world.simulator.http_endpoint());
    let endpoint = Endpoint::parse(&elsewhere).unwrap();
    assert_eq!(
        block_on(sts(&transport, &endpoint, 0).caller_identity(&credentials)).unwrap_err().id(),
        "proxy-answered"
    );
}

proptest! {
    #[test]
    fn arbitrary_xml_does_no_harm(text in "(<|</|A|B|>|/|&|;|#|x|amp|9| ){0,40}") {
        let document = Document::parse(text.as_bytes()).unwrap();
        let _ = document.inside("A").and_then(|inside| inside.text("B"));
        let _ = document.text("A");
        let _ = document.plain("A");
    }
}
