//! Runs the Python client against a simulator.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::{SerialChoice, Validity};
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use pki_test::simulator::{JournalEntry, Profile, Role, Simulator, SimulatorSettings};
use pki_test::verifier::TrustAnchor;
use serde::Deserialize;
use serde_json::json;
use time::{Duration, OffsetDateTime};

pub(super) const REGION: &str = "eu-central-1";
pub(super) const ROLE_ARN: &str = "arn:aws:iam::111122223333:role/team+1/build";
const PROFILE_ARN: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000002";
const TRUST_ANCHOR_ARN: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";

/// What the script says of one request.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub(super) client: String,
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) assumed_role_arn: Option<String>,
}

/// Lets the named clients send CreateSession, each once, with a key of `algorithm`; returns the answer and the
/// journal's entry of each, or `None` after saying that there is no Python for it.
pub(super) fn send(algorithm: KeyAlgorithm, clients: &[&str]) -> Option<Vec<(Answer, JournalEntry)>> {
    let python = python()?;
    let (settings, mut input) = pki(algorithm);
    let simulator = Simulator::start(settings).expect("127.0.0.1 has a free port");
    input["clients"] = json!(clients);
    input["endpoint"] = json!(simulator.http_endpoint().trim_start_matches("http://"));
    let mut child = Command::new(python)
        .arg("-B")
        .arg(folder("tests/consumers/python"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python ran a moment ago");
    let mut stdin = child.stdin.take().expect("it is a pipe");
    stdin.write_all(input.to_string().as_bytes()).expect("the script reads its input to the end");
    drop(stdin);
    let output = child.wait_with_output().expect("the script ends by itself");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{complaint}");
    let answers: Vec<Answer> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is an answer"))
        .collect();
    let journal = simulator.journal();
    assert_eq!(answers.len(), clients.len());
    assert_eq!(journal.len(), clients.len(), "each client sends one request");
    Some(answers.into_iter().zip(journal).collect())
}

/// Makes a root, a CA below it and an end entity, for the simulator and for the script.
fn pki(algorithm: KeyAlgorithm) -> (SimulatorSettings, serde_json::Value) {
    let validity = Validity::starting(OffsetDateTime::now_utc() - Duration::hours(1), Duration::days(1));
    let name = |text| DistinguishedName::common_name(text).expect("it is a name");
    let key = |algorithm| KeyPair::generate(algorithm).expect("there is entropy");
    let root =
        Authority::root(&AuthoritySpec::new(name("Example Root"), validity), key(KeyAlgorithm::EcP256))
            .expect("a root can be made");
    let issuing = root
        .intermediate(&AuthoritySpec::new(name("Example Issuing CA"), validity), key(KeyAlgorithm::EcP256))
        .expect("a CA can be made");
    let key_pair = key(algorithm);
    let spec = EndEntitySpec {
        // As sixteen octets with the high bit set, the number has letters in hex, and 39 digits in decimal.
        serial: SerialChoice::Exact((0xa0..0xb0).collect()),
        ..EndEntitySpec::new(name("build-17"), validity)
    };
    let end_entity = issuing.issue(&spec, key_pair.subject_public_key_info()).expect("it can be issued");
    let pem = |key: &KeyPair| key.to_pem(KeyForm::Pkcs8).expect("every key has this form").to_string();
    let settings = SimulatorSettings::new(
        REGION,
        vec![TrustAnchor::new(TRUST_ANCHOR_ARN, &[root.certificate_der()]).expect("a root is an anchor")],
        vec![Profile::new(PROFILE_ARN, &[ROLE_ARN]).expect("these are ARNs")],
        vec![Role::new(ROLE_ARN).expect("it is an ARN")],
    );
    let input = json!({
        "region": REGION,
        "profileArn": PROFILE_ARN,
        "roleArn": ROLE_ARN,
        "trustAnchorArn": TRUST_ANCHOR_ARN,
        "chain": end_entity.chain_pem(),
        "private_key": pem(&key_pair),
        "other_private_key": pem(&key(algorithm)),
    });
    (settings, input)
}

/// Returns a Python with a `cryptography` that knows ML-DSA: `ANYROLE_PYTHON`, else what `tests/components` has
/// installed, else `python3`.
fn python() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test reads its settings")]
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let components = variable("ANYROLE_COMPONENTS").unwrap_or_else(|| folder("target/components"));
    let python = variable("ANYROLE_PYTHON")
        .or_else(|| Some(components.join("python/bin/python")).filter(|python| python.exists()))
        .unwrap_or_else(|| "python3".into());
    let known = "import cryptography.hazmat.primitives.asymmetric.mldsa";
    let runs = Command::new(&python).args(["-c", known]).stderr(Stdio::null()).status();
    if runs.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    let required = variable("ANYROLE_REQUIRE_COMPONENTS").is_some_and(|value| value.as_os_str() == "1");
    assert!(!required, "{} has no cryptography that knows ML-DSA: run tests/components", python.display());
    eprintln!("skipped: no Python with a cryptography that knows ML-DSA (run tests/components)");
    None
}

/// Returns a path of the repository.
fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}
