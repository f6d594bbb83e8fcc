//! The TOML file that says what exists.

#![expect(clippy::disallowed_methods, reason = "a test makes its files itself")]

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use pki_test::algorithm::KeyAlgorithm;
use pki_test::certificate::SerialNumber;
use pki_test::revocation::{RevocationListSpec, RevokedCertificate};
use pki_test::simulator::world::ResourceFault;
use pki_test::simulator::{Simulator, SimulatorSettings, WorldError};
use pki_test::verifier::Strictness;
use proptest::prelude::*;
use tempfile::TempDir;

use super::client::send;
use super::draft::Draft;
use super::identity::{Identity, Issuing, NOW, issuing_authority};
use super::vectors::{ANCHOR, PROFILE, ROLE};
use super::world::TestClock;

const MANUAL: &str = include_str!("../../../src/manual/simulator.md");

/// Returns the file that the manual shows.
fn example() -> &'static str {
    MANUAL.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0
}

/// A folder with the files that the manual's example names, and with which CA.
fn folder() -> (TempDir, Issuing) {
    let folder = tempfile::tempdir().unwrap();
    let issuing = issuing_authority(KeyAlgorithm::EcP256);
    let ca = folder.path().join("anyrole-pki/ca");
    fs::create_dir_all(&ca).unwrap();
    fs::write(ca.join("root.pem"), issuing.root.certificate_pem()).unwrap();
    fs::write(ca.join("root.der"), issuing.root.certificate_der()).unwrap();
    fs::write(ca.join("crl.pem"), list(&issuing, &[])).unwrap();
    let policy = r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}"#;
    fs::write(folder.path().join("trust-policy.json"), policy).unwrap();
    (folder, issuing)
}

fn list(issuing: &Issuing, serials: &[&[u8]]) -> String {
    let revoked = serials.iter().map(|serial| RevokedCertificate {
        serial: SerialNumber::new(serial).unwrap(),
        revoked_at: NOW,
        reason: None,
    });
    let spec = RevocationListSpec {
        number: 1,
        this_update: NOW,
        next_update: NOW + time::Duration::DAY,
        revoked: revoked.collect(),
    };
    issuing.root.revocation_list(&spec).unwrap().pem()
}

#[test]
fn the_manuals_example_is_a_world() {
    let (folder, issuing) = folder();
    let file = folder.path().join("world.toml");
    fs::write(&file, example()).unwrap();
    let mut settings = SimulatorSettings::from_file(&file).unwrap();
    assert_eq!((settings.region.as_str(), settings.rate_limit), ("eu-central-1", Some(10)));
    assert_eq!((settings.skew, settings.strictness), (Duration::from_secs(300), Strictness::Strict));
    assert!(settings.transitive_tags);
    let faults: Vec<String> = settings.faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults, ["throttle=1x1", "clock=+0ms"]);
    let profile = &settings.profiles[0];
    assert_eq!((profile.alias.as_deref(), profile.role_arns.len()), (Some("team/builders"), 2));
    assert!(profile.accept_role_session_name && profile.enabled);
    assert_eq!(settings.roles[0].max_session_duration, Duration::from_secs(7_200));

    settings.faults.clear();
    settings.clock = TestClock::at(NOW).shared();
    let simulator = Simulator::start(settings).unwrap();
    let ask = |common_name: &str, role: &str| {
        let identity = Identity::issued_by(&issuing, KeyAlgorithm::EcP256, common_name);
        let mut draft = Draft::create_session(&identity);
        draft.set_parameter("roleArn", &format!("arn:aws:iam::111122223333:role/{role}"));
        let answer = send(&simulator.http_endpoint(), &draft.sign(&identity)).unwrap();
        (answer.status, simulator.journal().pop().unwrap().render())
    };
    assert_eq!(ask("build-17", "build").0, 201);
    let (status, entry) = ask("laptop-3", "build");
    assert!(status == 403 && entry.contains("trust-policy/assume-role"), "{entry}");
    let (status, entry) = ask("build-17", "deploy");
    assert!(status == 403 && entry.contains("trust-policy/set-source-identity"), "{entry}");
}

#[test]
fn the_manual_names_every_fault_denial_and_resource() {
    for denial in pki_test::verifier::Denial::ALL {
        assert!(MANUAL.contains(&format!("`{}`", denial.id())), "{}", denial.id());
    }
    let faults = "nothing".parse::<pki_test::simulator::Fault>().unwrap_err().to_string();
    let names = faults.split_once("known are ").unwrap().1.replace(" and ", ", ");
    for name in names.split(", ") {
        assert!(MANUAL.contains(&format!("| `{name}")), "{name}");
    }
    for resource in ["faults", "clock", "journal", "counters", "revocation-lists"] {
        assert!(MANUAL.contains(&format!("| `{resource}` |")), "{resource}");
    }
}

/// A file of one trust anchor, one profile and one role; `{…}` are filled in by the tests.
fn minimal() -> String {
    format!(
        r#"version = 1
region = "eu-central-1"
[[trust_anchor]]
arn = "{ANCHOR}"
certificates = ["anyrole-pki/ca/root.pem"]
[[profile]]
arn = "{PROFILE}"
roles = ["{ROLE}"]
[[role]]
arn = "{ROLE}"
"#
    )
}

#[test]
fn a_file_needs_little_and_the_rest_is_as_at_aws() {
    let (folder, _) = folder();
    let settings = SimulatorSettings::from_toml(&minimal(), folder.path()).unwrap();
    let usual = SimulatorSettings::new(
        "eu-central-1",
        settings.trust_anchors.clone(),
        vec![pki_test::simulator::Profile::new(PROFILE, &[ROLE]).unwrap()],
        vec![pki_test::simulator::Role::new(ROLE).unwrap()],
    );
    assert_eq!((&settings.profiles, &settings.roles), (&usual.profiles, &usual.roles));
    assert_eq!((settings.rate_limit, settings.skew), (usual.rate_limit, usual.skew));
    let der = minimal().replace("root.pem", "root.der");
    let der = SimulatorSettings::from_toml(&der, folder.path()).unwrap();
    assert_eq!(der.trust_anchors, settings.trust_anchors);
    let disabled = minimal().replace("[[profile]]", "enabled = false\n[[profile]]\nenabled = false");
    let disabled = SimulatorSettings::from_toml(&disabled, folder.path()).unwrap();
    assert!(!disabled.trust_anchors[0].is_enabled() && !disabled.profiles[0].enabled);
    let like_aws = format!("service_like = true\ntransitive_tags = false\n{}", minimal());
    let like_aws = SimulatorSettings::from_toml(&like_aws, folder.path()).unwrap();
    assert_eq!((like_aws.strictness, like_aws.transitive_tags), (Strictness::AsTheService, false));
    let unmapped = minimal().replace("[[role]]", "attribute_mapping = []\n[[role]]");
    let unmapped = SimulatorSettings::from_toml(&unmapped, folder.path()).unwrap();
    assert!(unmapped.profiles[0].attribute_mappings.is_empty());
}

#[test]
fn a_list_in_the_file_revokes() {
    let (folder, issuing) = folder();
    let intermediate = pki_test::verifier::Certificate::parse(issuing.authority.certificate_der()).unwrap();
    let revoked = list(&issuing, &[&intermediate.serial().to_bytes_be()]);
    fs::write(folder.path().join("anyrole-pki/ca/crl.pem"), revoked).unwrap();
    let toml = minimal().replace("[[profile]]", "revocation_lists = ['anyrole-pki/ca/crl.pem']\n[[profile]]");
    let status = |toml: &str| {
        let mut settings = SimulatorSettings::from_toml(toml, folder.path()).unwrap();
        settings.clock = TestClock::at(NOW).shared();
        let simulator = Simulator::start(settings).unwrap();
        let identity = Identity::issued_by(&issuing, KeyAlgorithm::EcP256, "build-17");
        let request = Draft::create_session(&identity).sign(&identity);
        send(&simulator.http_endpoint(), &request).unwrap().status
    };
    assert_eq!((status(&minimal()), status(&toml)), (201, 403));
}

/// Returns an error with its causes, joined by ": ".
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[test]
fn trust_anchors_of_several_regions_live_in_one_file() {
    let (folder, issuing) = folder();
    let west = |arn: &str| arn.replace("eu-central-1", "eu-west-1");
    let toml = format!(
        "{}[[trust_anchor]]\narn = '{}'\ncertificates = ['anyrole-pki/ca/root.pem']\n[[profile]]\narn = '{}'\n\
         roles = ['{ROLE}']\naccept_role_session_name = true\n",
        minimal(),
        west(ANCHOR),
        west(PROFILE),
    );
    let mut settings = SimulatorSettings::from_toml(&toml, folder.path()).unwrap();
    assert_eq!(settings.regions(), ["eu-central-1", "eu-west-1"]);
    settings.profiles[0].accept_role_session_name = true;
    settings.clock = TestClock::at(NOW).shared();
    let simulator = Simulator::start(settings).unwrap();
    let identity = Identity::issued_by(&issuing, KeyAlgorithm::EcP256, "build-17");
    // The region of the signature is the endpoint's at AWS, which knows the trust anchors of no other region.
    for (scope, anchor, profile, status) in [
        ("eu-central-1", ANCHOR, PROFILE, 201),
        ("eu-west-1", &west(ANCHOR), &west(PROFILE), 201),
        ("eu-central-1", &west(ANCHOR), &west(PROFILE), 404),
        ("eu-west-1", &west(ANCHOR), PROFILE, 403),
        ("eu-west-2", ANCHOR, PROFILE, 403),
    ] {
        let mut draft = Draft::create_session(&identity);
        draft.region = scope.to_owned();
        draft.set_parameter("trustAnchorArn", anchor);
        draft.set_parameter("profileArn", profile);
        let answer = send(&simulator.http_endpoint(), &draft.sign(&identity)).unwrap();
        let entry = simulator.journal().pop().unwrap().render();
        assert_eq!(answer.status, status, "{scope} {anchor} {profile}: {entry}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let (folder, issuing) = folder();
    let path = folder.path();
    fs::write(path.join("foreign.pem"), issuing_authority(KeyAlgorithm::EcP256).root.certificate_pem())
        .unwrap();
    fs::write(path.join("text.pem"), "nothing").unwrap();
    fs::write(path.join("broken.pem"), "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
        .unwrap();
    fs::write(path.join("large.pem"), vec![b' '; 1024 * 1024 + 1]).unwrap();
    let anchor = |key: &str| minimal().replace("[[profile]]", &format!("{key}\n[[profile]]"));
    let profile = |key: &str| minimal().replace("[[role]]", &format!("{key}\n[[role]]"));
    let role = |key: &str| format!("{}{key}\n", minimal());
    let top = |key: &str| format!("{key}\n{}", minimal());
    let certificate = |file: &str| minimal().replace("anyrole-pki/ca/root.pem", file);
    for (toml, expected) in [
        (top("colour = 1"), "line 1: unknown field `colour`"),
        (anchor("colour = 1"), "unknown field `colour`"),
        (profile("colour = 1"), "unknown field `colour`"),
        (role("colour = 1"), "unknown field `colour`"),
        ("version = ".to_owned(), "line 1: "),
        (minimal().replace("version = 1", "version = 2"), "the version is 2"),
        (minimal().replace("version = 1", ""), "missing field `version`"),
        (top("skew = 'soon'"), "skew is not a duration"),
        (top("faults = ['hangs']"), "the fault 'hangs' cannot be played: there is no such fault"),
        (top("clock = 'x'"), "the fault 'clock=x' cannot be played"),
        (certificate("missing.pem"), "cannot read '"),
        (certificate("text.pem"), "text.pem' holds no certificate"),
        (certificate("broken.pem"), "broken.pem' is damaged: the block that begins on line 1 is not base64"),
        (certificate("large.pem"), "large.pem' has more than 1048576 bytes"),
        (anchor("revocation_lists = ['text.pem']"), "text.pem' cannot be imported"),
        (
            anchor("revocation_lists = ['anyrole-pki/ca/crl.pem']").replace("ca/root.pem", "../foreign.pem"),
            "was not signed by the trust anchor",
        ),
        (minimal().replace(":trust-anchor/", ":anchor/"), "the ARN is not that of a trust anchor"),
        (minimal().replace(":profile/", ":profiles/"), "whose resource begins with profile/"),
        (minimal().replace("iam::", "sts::"), "not an ARN of the service iam"),
        (
            minimal().replace(
                "rolesanywhere:eu-central-1:111122223333:profile",
                "rolesanywhere:eu-west-1:111122223333:profile",
            ),
            "it is in region 'eu-west-1', where no trust anchor is; this file's regions are eu-central-1",
        ),
        (minimal().replace("111122223333:role", "1:role"), "the account is not twelve decimal digits"),
        (anchor("alias = '1fleet'"), "'1fleet' is no alias"),
        (profile("alias = 'a//b'"), "'a//b' is no alias"),
        (profile("alias = 'AWS/b'"), "'AWS/b' is no alias"),
        (anchor("crl_unavailable = 'perhaps'"), "expected `admit` or `refuse`"),
        (profile("tip = { status = 'on' }"), "expected `ENABLED` or `DISABLED`"),
        (profile("tip = { subject_type = 'user' }"), "missing field `status`"),
        (
            profile("tip = { status = 'ENABLED', subject_source = 'x509SAN/DNS' }"),
            "expected `x509Subject/CN` or `x509SAN/URI`",
        ),
        (profile("duration = '10m'"), "the duration is not one of 900 to 43200 seconds"),
        (profile("duration = '13h'"), "the duration is not one of 900 to 43200 seconds"),
        (profile("attribute_mapping = [{field = 'x509SAN', specifiers = ['CN']}]"), "a specifier of x509SAN"),
        (profile("attribute_mapping = [{field = 'SAN', specifiers = []}]"), "a mapping's field is"),
        (role("max_session_duration = '30m'"), "the duration is not one of 3600 to 43200 seconds"),
        (role("trust_policy = 'x'"), "it is no trust policy"),
        (
            role(
                r#"trust_policy = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AsumeRole"}}'"#,
            ),
            "build+deploy' cannot be simulated: in the trust policy, statement 1: STS has no action 'sts:AsumeRole'; \
             the nearest is 'sts:AssumeRole'",
        ),
        (role("trust_policy_file = 'missing.json'"), "cannot read '"),
        (role("trust_policy = '{}'\ntrust_policy_file = 'x'"), "both trust_policy and trust_policy_file"),
        (role(&format!("[[role]]\narn = '{ROLE}'")), "it occurs twice"),
    ] {
        let error = SimulatorSettings::from_toml(&toml, path).unwrap_err();
        let text = chain(&error);
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let error = SimulatorSettings::from_file(Path::new("/nowhere/world.toml")).unwrap_err();
    assert!(matches!(error, WorldError::Unreadable { .. }));
    let twice = role(&format!("[[role]]\narn = '{ROLE}'"));
    let error = SimulatorSettings::from_toml(&twice, path).unwrap_err();
    assert!(matches!(error, WorldError::Resource { reason: ResourceFault::Twice, .. }));
    drop(issuing);
}

proptest! {
    #[test]
    fn no_text_makes_the_file_panic(text in any::<String>(), at in any::<prop::sample::Index>(), other in any::<char>()) {
        let folder = Path::new("/nowhere");
        let _verdict = SimulatorSettings::from_toml(&text, folder);
        let mut mutated: Vec<char> = example().chars().collect();
        let place = at.index(mutated.len());
        mutated[place] = other;
        let _verdict = SimulatorSettings::from_toml(&mutated.iter().collect::<String>(), folder);
        mutated.truncate(place);
        let _verdict = SimulatorSettings::from_toml(&mutated.iter().collect::<String>(), folder);
    }
}
