//! Attributes of certificates as session tags: what is mapped, joined, left out and reported.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::{EndEntitySpec, SubjectAlternativeName};
use pki_test::simulator::attributes::{AttributeMapping, map_attributes};
use pki_test::simulator::{SimulatorSettings, TrustPolicy};
use pki_test::verifier::Certificate;
use proptest::prelude::*;

use super::identity::{Identity, issuing_authority_named, validity};
use super::vectors::ROLE;
use super::world::World;

const ISSUER: &str = "CN=TEST issuing,OU=Roles,O=Example";

fn name(text: &str) -> DistinguishedName {
    text.parse().unwrap()
}

fn identity(subject: &str, names: Vec<SubjectAlternativeName>) -> Identity {
    issued_by(ISSUER, subject, names)
}

fn issued_by(issuer: &str, subject: &str, names: Vec<SubjectAlternativeName>) -> Identity {
    let mut spec = EndEntitySpec::new(name(subject), validity());
    spec.subject_alternative_names = names;
    Identity::specified(&issuing_authority_named(KeyAlgorithm::EcP256, issuer), KeyAlgorithm::EcP256, spec)
}

fn dns(text: &str) -> SubjectAlternativeName {
    SubjectAlternativeName::Dns(text.to_owned())
}

fn uri(text: &str) -> SubjectAlternativeName {
    SubjectAlternativeName::Uri(text.to_owned())
}

/// Returns the tags as lines `key=value`, and what could not be mapped.
fn mapped(identity: &Identity, mappings: &[AttributeMapping]) -> (Vec<String>, String) {
    let certificate = Certificate::parse(&identity.end_entity).unwrap();
    let mapped = map_attributes(&certificate, mappings);
    let tags = mapped.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
    (tags, mapped.unmapped.to_string())
}

const NONE: &str = "Issuer: [  ]; Subject: [  ]; SAN: [  ]";

#[test]
fn by_default_everything_is_mapped_and_the_first_of_each_type_of_name() {
    let identity = identity(
        "CN=Alice",
        vec![
            dns("example.com"),
            dns("*.example.com"),
            uri("spiffe://example.com/workload/alice"),
            uri("spiffe://example.com/other"),
            SubjectAlternativeName::DirectoryName(name("CN=Alice,OU=CI")),
            SubjectAlternativeName::DirectoryName(name("CN=Bob")),
            SubjectAlternativeName::IpAddress([127, 0, 0, 1].into()),
        ],
    );
    let (tags, unmapped) = mapped(&identity, &AttributeMapping::defaults());
    let expected = [
        "x509Issuer/CN=TEST issuing",
        "x509Issuer/O=Example",
        "x509Issuer/OU=Roles",
        "x509SAN/DNS=example.com",
        "x509SAN/Name/CN=Alice",
        "x509SAN/Name/OU=CI",
        "x509SAN/URI=spiffe://example.com/workload/alice",
        "x509Subject/CN=Alice",
    ];
    assert_eq!((tags.as_slice(), unmapped.as_str()), (expected.map(str::to_owned).as_slice(), NONE));
}

#[test]
fn several_values_are_joined_in_the_certificates_order() {
    // RFC 4514 text is the other way round: the certificate begins with its end.
    let identity = identity("CN=alice,OU=Research,OU=Engineering,OU=Security", vec![]);
    let (tags, _) = mapped(&identity, &[AttributeMapping::new("x509Subject", &["OU"]).unwrap()]);
    assert_eq!(tags, ["x509Subject/OU=Security/Engineering/Research"]);
    let multi_valued = self::identity("CN=b+CN=a,O=x", vec![]);
    let (tags, _) = mapped(&multi_valued, &[AttributeMapping::new("x509Subject", &["CN"]).unwrap()]);
    assert_eq!(tags, ["x509Subject/CN=a/b"], "a set is in the order of its DER");
}

#[test]
fn specifiers_choose_what_is_mapped() {
    let names = vec![dns("a.example"), uri("urn:x"), SubjectAlternativeName::DirectoryName(name("CN=d,O=e"))];
    let identity = identity("CN=alice,OU=CI,UID=a17,1.2.3.4=own", names);
    let tags = |field, specifiers: &[&str]| {
        mapped(&identity, &[AttributeMapping::new(field, specifiers).unwrap()]).0
    };
    assert_eq!(tags("x509Subject", &["CN", "UID"]), ["x509Subject/CN=alice", "x509Subject/UID=a17"]);
    let every = ["x509Subject/CN=alice", "x509Subject/OU=CI", "x509Subject/UID=a17"];
    assert_eq!(tags("x509Subject", &["*"]), every, "only what has a short name");
    assert_eq!(tags("x509Subject", &["1.2.3.4"]), ["x509Subject/1.2.3.4=own"]);
    assert_eq!(tags("x509Subject", &["2.5.4.3"]), ["x509Subject/2.5.4.3=alice"]);
    assert_eq!(tags("x509Subject", &["L"]), [""; 0]);
    assert_eq!(tags("x509SAN", &["URI"]), ["x509SAN/URI=urn:x"]);
    assert_eq!(tags("x509SAN", &["Name/O"]), ["x509SAN/Name/O=e"]);
    for specifier in ["Name", "Name/", "Name/*"] {
        assert_eq!(tags("x509SAN", &[specifier]), ["x509SAN/Name/CN=d", "x509SAN/Name/O=e"]);
    }
    assert_eq!(mapped(&identity, &[]).0, [""; 0]);
}

#[test]
fn values_that_no_tag_can_carry_are_left_out_and_named() {
    let identity = issued_by(
        "CN=R&D,O=Example",
        "CN=alice,OU=a\\,b,OU=fine",
        vec![dns("*.example.com"), dns("example.com"), uri("urn:a?b")],
    );
    let (tags, unmapped) = mapped(&identity, &AttributeMapping::defaults());
    assert_eq!(tags, ["x509Issuer/O=Example", "x509Subject/CN=alice"]);
    assert_eq!(unmapped, "Issuer: [ CN ]; Subject: [ OU ]; SAN: [ DNS/2, URI/6 ]");
    let long = self::identity(&format!("CN=alice,OU={}", "x".repeat(257)), vec![]);
    assert_eq!(mapped(&long, &AttributeMapping::defaults()).1, "Issuer: [  ]; Subject: [ OU ]; SAN: [  ]");
    let (_, unmapped) = mapped(&identity, &[AttributeMapping::new("x509Subject", &["CN"]).unwrap()]);
    assert_eq!(unmapped, NONE, "what is not mapped is not missed");
}

fn trusting(condition: &'static str) -> impl FnOnce(&mut SimulatorSettings) {
    move |settings| {
        settings.roles[0].trust_policy = TrustPolicy::parse(&format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{
                "Effect": "Allow", "Principal": {{"Service": "rolesanywhere.amazonaws.com"}},
                "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
                "Condition": {condition}}}]}}"#
        ))
        .unwrap();
    }
}

#[test]
fn what_is_left_out_is_silent_until_a_condition_needs_it() {
    let wildcard = || identity("CN=build-17", vec![dns("*.example.com")]);
    let world = World::of(wildcard(), |_| {});
    assert_eq!(world.session().status, 201);
    let entry = world.last_entry();
    assert_eq!(entry.session_tags["x509Subject/CN"], "build-17");
    assert!(!entry.session_tags.contains_key("x509SAN/DNS"));
    assert_eq!(entry.unmapped_attributes.unwrap().to_string(), "Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]");
    assert_eq!(entry.source_identity.as_deref(), Some("CN=build-17"));
    let condition = r#"{"StringLike": {"aws:PrincipalTag/x509SAN/DNS": "*example.com"}}"#;
    let world = World::of(wildcard(), trusting(condition));
    let message = format!(
        "Unable to assume role for {ROLE}. Some attributes failed to be mapped into session tags. \
         Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]"
    );
    let answer = world.session();
    assert_eq!((answer.status, answer.error()), (403, ("AccessDeniedException".to_owned(), message)));
    assert_eq!(world.last_rule(), "trust-policy/assume-role");
    let line: serde_json::Value = serde_json::from_str(&world.last_entry().render()).unwrap();
    assert_eq!(line["unmapped_attributes"], serde_json::json!({ "x509SAN": ["DNS/2"] }));
}

#[test]
fn an_unmapped_attribute_fails_equality_and_passes_inequality() {
    let start = |condition| {
        World::of(identity("CN=build-17", vec![]), |settings| {
            trusting(condition)(settings);
            settings.profiles[0].attribute_mappings =
                vec![AttributeMapping::new("x509Issuer", &["O"]).unwrap()];
        })
    };
    let equals = start(r#"{"StringEquals": {"aws:PrincipalTag/x509Issuer/CN": "TEST issuing"}}"#);
    let answer = equals.session();
    assert_eq!(answer.error().1, format!("Unable to assume role for {ROLE}"));
    let differs = start(r#"{"StringNotEquals": {"aws:PrincipalTag/x509Issuer/CN": "TEST issuing"}}"#);
    assert_eq!(differs.session().status, 201);
    let mapped = start(r#"{"StringEquals": {"aws:PrincipalTag/x509Issuer/O": "Example"}}"#);
    assert_eq!(mapped.session().status, 201);
}

#[test]
fn a_profile_that_maps_nothing_needs_no_permission_to_tag() {
    let world = World::start(|settings| {
        settings.profiles[0].attribute_mappings.clear();
        settings.roles[0].trust_policy = TrustPolicy::parse(
            r#"{"Statement": {"Effect": "Allow", "Principal": "*",
                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}}"#,
        )
        .unwrap();
    });
    assert_eq!(world.session().status, 201);
    assert!(world.last_entry().session_tags.is_empty());
}

#[test]
fn a_common_name_that_sts_does_not_take_ends_in_the_message_about_attributes() {
    let world = World::of(identity("CN=John Smith (17)", vec![]), |_| {});
    let message = format!(
        "Unable to assume role for {ROLE}. Some attributes failed to be mapped into session tags. \
         Issuer: [  ]; Subject: [ CN ]; SAN: [  ]"
    );
    assert_eq!(world.session().error(), ("AccessDeniedException".to_owned(), message));
    assert_eq!(world.last_rule(), "source-identity");
}

#[test]
fn more_tags_than_a_session_can_have_are_refused() {
    let attributes: Vec<String> = (1..=51).map(|number| format!("1.2.3.{number}=x")).collect();
    let specifiers: Vec<String> = (1..=51).map(|number| format!("1.2.3.{number}")).collect();
    let of = |count: usize| {
        let subject = format!("CN=build-17,{}", attributes.join(","));
        World::of(identity(&subject, vec![]), |settings| {
            settings.profiles[0].attribute_mappings =
                vec![AttributeMapping::new("x509Subject", &specifiers[..count]).unwrap()];
        })
    };
    assert_eq!(of(50).session().status, 201);
    let world = of(51);
    assert_eq!(world.session().error().1, format!("Unable to assume role for {ROLE}"));
    assert_eq!(world.last_rule(), "tags-too-many");
}

proptest! {
    #[test]
    fn no_text_makes_a_mapping_panic(field in "x509(SAN|Subject|Issuer)|.*", specifier in any::<String>()) {
        let _verdict = AttributeMapping::new(&field, &[specifier]);
    }
}
