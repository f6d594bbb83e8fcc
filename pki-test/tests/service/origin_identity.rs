//! Trusted identity propagation: the keys `aws:OriginIdentity/…` from the certificate to the last hop.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::end_entity::{EndEntitySpec, SubjectAlternativeName};
use pki_test::simulator::{
    AttributeMapping, Role, SubjectSource, SubjectType, TipConfiguration, TrustPolicy,
};
use serde_json::{Value, json};

use super::chaining::{allowing, assume, session_of};
use super::identity::{Identity, issuing_authority, validity};
use super::sts::{Session, refused};
use super::vectors::ROLE;
use super::world::World;

const ACTIONS: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
const NEXT: &str = "arn:aws:iam::444455556666:role/next";

fn service(condition: &Value) -> TrustPolicy {
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "rolesanywhere.amazonaws.com" },
            "Action": ACTIONS,
            "Condition": condition,
        }],
    });
    TrustPolicy::parse(&document.to_string()).unwrap()
}

fn identity(subject: &str, uri: Option<&str>) -> Identity {
    let spec = EndEntitySpec {
        subject_alternative_names: uri
            .map(|uri| SubjectAlternativeName::Uri(uri.to_owned()))
            .into_iter()
            .collect(),
        ..EndEntitySpec::new(subject.parse().unwrap(), validity())
    };
    Identity::specified(&issuing_authority(KeyAlgorithm::EcP256), KeyAlgorithm::EcP256, spec)
}

fn world(identity: Identity, tip: Option<TipConfiguration>, condition: &Value) -> World {
    World::of(identity, |settings| {
        settings.profiles[0].tip = tip;
        settings.roles[0].trust_policy = service(condition);
    })
}

const COMMON_NAME: TipConfiguration =
    TipConfiguration { subject_type: Some(SubjectType::Workload), subject_source: SubjectSource::CommonName };
const URI: TipConfiguration = TipConfiguration { subject_type: None, subject_source: SubjectSource::Uri };

#[test]
fn the_field_becomes_the_subject() {
    let build = || identity("CN=build-17", Some("spiffe://example/build/17"));
    let subject = |value: &str| json!({ "StringEquals": { "aws:OriginIdentity/Subject": value } });
    let workload = json!({ "StringEquals": { "aws:OriginIdentity/SubjectType": "workload" } });
    let untyped = json!({ "Null": { "aws:OriginIdentity/SubjectType": "true" } });
    let issued = json!({ "Null": { "aws:OriginIdentity/Issuer": "false" } });
    for (tip, condition, status) in [
        (Some(COMMON_NAME), subject("build-17"), 201),
        (Some(COMMON_NAME), subject("spiffe://example/build/17"), 403),
        (Some(COMMON_NAME), workload.clone(), 201),
        (Some(COMMON_NAME), issued, 403),
        (Some(URI), subject("spiffe://example/build/17"), 201),
        (Some(URI), workload, 403),
        (Some(URI), untyped, 201),
        (None, subject("build-17"), 403),
        (None, json!({}), 201),
    ] {
        let world = world(build(), tip, &condition);
        let answer = world.session();
        assert_eq!(answer.status, status, "{tip:?} {condition}: {}", world.last_entry().render());
    }
}

#[test]
fn a_certificate_without_the_field_gets_no_session() {
    for (identity, tip, mapped, rule) in [
        (identity("O=Example", None), COMMON_NAME, true, "origin-identity-missing"),
        (identity("CN=build-17", None), URI, true, "origin-identity-missing"),
        (identity("CN=build-17", Some("a:b?c")), URI, true, "origin-identity-missing"),
        (identity("CN=build-17", None), COMMON_NAME, false, "origin-identity-not-mapped"),
    ] {
        let world = World::of(identity, |settings| {
            settings.profiles[0].tip = Some(tip);
            if !mapped {
                settings.profiles[0].attribute_mappings =
                    vec![AttributeMapping::new("x509Subject", &["OU"]).unwrap()];
            }
        });
        let (code, message) = world.session().error();
        assert_eq!((code.as_str(), world.last_rule().as_str()), ("AccessDeniedException", rule));
        assert!(message.starts_with(&format!("Unable to assume role for {ROLE}")), "{message}");
    }
}

#[test]
fn the_next_hop_sees_the_origin_and_cannot_change_it() {
    let origin = json!({ "StringEquals": { "aws:OriginIdentity/Subject": "build-17" } });
    let start = |tip: Option<TipConfiguration>| {
        World::of(identity("CN=build-17", None), |settings| {
            settings.profiles[0].tip = tip;
            settings
                .roles
                .push(Role::new(NEXT).unwrap().with_trust_policy(allowing(ROLE, &ACTIONS, &origin)));
            let last = "arn:aws:iam::444455556666:role/path/last";
            let trusted = allowing(NEXT, &ACTIONS, &origin);
            settings.roles.push(Role::new(last).unwrap().with_trust_policy(trusted));
        })
    };
    let world = start(Some(COMMON_NAME));
    let next = session_of(&assume(&world, &Session::create(&world), NEXT, &[]));
    session_of(&assume(&world, &next, "arn:aws:iam::444455556666:role/path/last", &[]));
    // A session tag of that name is no origin identity.
    let world = start(None);
    let tag = ["Tags.member.1.Key=aws%3AOriginIdentity%2FSubject", "Tags.member.1.Value=build-17"];
    refused(&assume(&world, &Session::create(&world), NEXT, &tag), 403, "AccessDenied");
}
