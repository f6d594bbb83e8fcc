//! The second hop and `whoami`, as a user calls them: the program, a config file, and a simulator that judges by trust policies.
#![cfg(all(feature = "pki", unix))]
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test may stop at once, and writes files of its own"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use pki_test::simulator::{
    JournalEntry, Operation, Profile, Role, Simulator, SimulatorClock, SimulatorSettings, TrustPolicy,
    Verdict,
};
use pki_test::verifier::TrustAnchor;
use serde_json::Value;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

const TRUST_ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
const PROFILE: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000001";
const FIRST_ROLE: &str = "arn:aws:iam::111122223333:role/build";
const SECOND_ROLE: &str = "arn:aws:iam::444455556666:role/team/read-only";
const EXTERNAL_ID: &str = "canary:external/7";

/// All that a session of Roles Anywhere needs.
const ACTIONS: &str = r#""sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity""#;
/// The condition on the external id.
const CONDITION: &str = r#", "Condition": {"StringEquals": {"sts:ExternalId": "canary:external/7"}}"#;

fn trust_policy(actions: &str, condition: &str) -> TrustPolicy {
    let document = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow",
            "Principal": {{"AWS": "{FIRST_ROLE}"}}, "Action": [{actions}]{condition}}}]}}"#
    );
    TrustPolicy::parse(&document).expect("a policy that the simulator reads")
}

/// A host with a certificate and a config file, and a simulator that trusts it.
struct Host {
    folder: TempDir,
    simulator: Simulator,
}

impl Host {
    fn new(trust_policy: TrustPolicy) -> Self {
        Self::with(trust_policy, |_| {})
    }

    fn with(trust_policy: TrustPolicy, change: impl FnOnce(&mut SimulatorSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = OffsetDateTime::now_utc();
        let validity = Validity::starting(now - Duration::days(1), Duration::days(90));
        let key = || KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
        let spec = AuthoritySpec::new("CN=TEST root".parse().unwrap(), validity);
        let root = Authority::root(&spec, key()).unwrap();
        let key_pair = key();
        let spec = EndEntitySpec::new("CN=TEST build-17".parse().unwrap(), validity);
        let issued = root.issue(&spec, key_pair.subject_public_key_info()).unwrap();
        fs::write(folder.path().join("host.pem"), issued.chain_pem()).unwrap();
        let key_file = folder.path().join("host.key");
        fs::write(&key_file, key_pair.to_pem(KeyForm::Pkcs8).unwrap().as_str()).unwrap();
        fs::set_permissions(key_file, fs::Permissions::from_mode(0o600)).unwrap();
        let anchor = TrustAnchor::new(TRUST_ANCHOR, &[root.certificate_der()]).unwrap();
        let roles = vec![
            Role::new(FIRST_ROLE).unwrap(),
            Role::new(SECOND_ROLE).unwrap().with_trust_policy(trust_policy),
        ];
        let profile = Profile::new(PROFILE, &[FIRST_ROLE]).unwrap();
        let mut settings = SimulatorSettings::new("eu-central-1", vec![anchor], vec![profile], roles);
        change(&mut settings);
        let simulator = Simulator::start(settings).unwrap();
        let host = Self { folder, simulator };
        host.configure(&format!("external_id = \"{EXTERNAL_ID}\""));
        host
    }

    /// Writes the config file: a first hop, `deploy`, and a second, `audit`, with these settings beside its role.
    fn configure(&self, second: &str) {
        let endpoint = self.simulator.http_endpoint();
        let text = format!(
            "version = 1\n[session.deploy]\ncertificate = \"host.pem\"\nprivate_key = \"host.key\"\n\
             trust_anchor_arn = \"{TRUST_ANCHOR}\"\nprofile_arn = \"{PROFILE}\"\nrole_arn = \"{FIRST_ROLE}\"\n\
             endpoint = \"{endpoint}\"\n\n[session.audit]\nfrom = \"deploy\"\nassume_role_arn = \"{SECOND_ROLE}\"\n\
             sts_endpoint = \"{endpoint}\"\n{second}\n"
        );
        fs::write(self.path("config.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_anyrole"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("ANYROLE_CONFIG", self.path("config.toml"))
            .env("ANYROLE_CACHE", "file")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output().unwrap();
        let everything = [&output.stdout[..], &output.stderr[..]].concat();
        assert!(!String::from_utf8_lossy(&everything).contains("canary"), "the external id is not shown");
        output
    }

    /// Runs a command that succeeds, and says nothing beside its JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && told.is_empty(), "{arguments:?}: {told}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs a command that fails with status 1; returns what it tells.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(output.stdout.is_empty());
        told
    }

    fn entries(&self, operation: Operation) -> Vec<JournalEntry> {
        let journal = self.simulator.journal();
        journal.into_iter().filter(|entry| entry.operation == operation).collect()
    }

    /// How many requests went to CreateSession, and how many to STS.
    fn requests(&self) -> (usize, usize) {
        (self.entries(Operation::CreateSession).len(), self.entries(Operation::SecurityTokenService).len())
    }

    /// What the journal says about the last request to STS.
    fn last_verdict(&self) -> Verdict {
        self.entries(Operation::SecurityTokenService).pop().expect("STS was asked").verdict
    }
}

#[test]
fn a_second_hop_leads_into_another_account() {
    let host = Host::new(trust_policy(ACTIONS, CONDITION));
    host.configure(&format!(
        "external_id = \"{EXTERNAL_ID}\"\nassume_role_tag = [\"team=red + blue\", \"stage=Prüfung\"]\n\
         assume_role_duration = \"15m\"\nassume_role_session_name = \"nightly@ci\""
    ));
    let document = host.json(&["credential-process", "audit"]);
    assert_eq!(document["Version"], 1);
    assert_eq!(document["AccountId"], "444455556666", "the second role's account");
    let entry = host.entries(Operation::SecurityTokenService).pop().unwrap();
    assert_eq!(entry.verdict, Verdict::Accepted, "{entry:?}");
    let who = host.json(&["whoami", "audit", "--json"]);
    assert_eq!((&who["anyrole"], &who["kind"]), (&Value::from(1), &Value::from("whoami")));
    assert_eq!(who["data"]["account"], "444455556666");
    assert_eq!(who["data"]["arn"], "arn:aws:sts::444455556666:assumed-role/read-only/nightly@ci");
    let text = String::from_utf8(host.run(&["whoami", "audit"]).stdout).unwrap();
    assert!(
        text.starts_with("account  444455556666\narn      arn:aws:sts::444455556666:assumed-role/"),
        "{text}"
    );
    let expiration = document["Expiration"].as_str().unwrap();
    let format = &time::format_description::well_known::Rfc3339;
    let left = OffsetDateTime::parse(expiration, format).unwrap() - OffsetDateTime::now_utc();
    assert!(left <= Duration::minutes(15) && left > Duration::minutes(13), "{left}");
}

#[test]
fn each_hop_has_its_own_entry_and_the_second_starts_from_the_first() {
    let host = Host::new(trust_policy(ACTIONS, CONDITION));
    let first = host.json(&["credential-process", "deploy"]);
    assert_eq!(host.requests(), (1, 0));
    let second = host.json(&["credential-process", "audit"]);
    assert_eq!(host.requests(), (1, 1), "the first hop came from the cache");
    assert_ne!(first["AccessKeyId"], second["AccessKeyId"]);
    assert_eq!(host.json(&["credential-process", "audit"]), second);
    assert_eq!(host.json(&["credential-process", "deploy"]), first);
    assert_eq!(host.requests(), (1, 1), "both are kept");
    // Another duration is another session of the second role, and the same one of the first.
    host.json(&["credential-process", "audit", "--assume-role-duration", "30m"]);
    assert_eq!(host.requests(), (1, 2));
    host.json(&["credential-process", "audit", "--no-cache"]);
    assert_eq!(host.requests(), (2, 3));
    let kept = fs::read_dir(host.path(".local/state/anyrole")).unwrap();
    for file in kept.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"canary"), "{}", file.display());
    }
}

#[test]
fn the_second_session_is_named_after_the_first() {
    let host = Host::new(trust_policy(ACTIONS, CONDITION));
    let first = host.json(&["whoami", "deploy", "--json", "--sts-endpoint", &host.simulator.http_endpoint()]);
    let second = host.json(&["whoami", "audit", "--json"]);
    let name = |who: &Value| who["data"]["arn"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(name(&first), name(&second));
    assert_eq!(first["data"]["account"], "111122223333");
    assert_eq!(host.requests().0, 1);
}

#[test]
fn flags_and_variables_make_a_second_hop_too() {
    let host = Host::new(trust_policy(ACTIONS, CONDITION));
    let endpoint = host.simulator.http_endpoint();
    let flags = [
        "credential-process",
        "deploy",
        "--assume-role-arn",
        SECOND_ROLE,
        "--external-id",
        EXTERNAL_ID,
        "--assume-role-tag=team=blue",
        "--assume-role-tag=stage=test",
        "--sts-endpoint",
        &endpoint,
    ];
    assert_eq!(host.json(&flags)["AccountId"], "444455556666");
    let variables = [
        ("ANYROLE_ASSUME_ROLE_ARN", SECOND_ROLE),
        ("ANYROLE_EXTERNAL_ID", EXTERNAL_ID),
        ("AWS_ENDPOINT_URL_STS", &endpoint),
    ];
    let account = |arguments: &[&str], session: &[(&str, &str)]| -> Value {
        let mut command = host.command(arguments);
        let output = command.envs(variables).envs(session.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["AccountId"].clone()
    };
    assert_eq!(account(&["credential-process"], &[("ANYROLE_SESSION", "deploy")]), "444455556666");
    let named = account(&["credential-process", "deploy"], &[]);
    assert_eq!(named, "111122223333", "no variable turns a named session into another account");
}

#[test]
fn what_the_trust_policy_lacks_is_told() {
    let host = Host::new(trust_policy(r#""sts:AssumeRole", "sts:SetSourceIdentity""#, ""));
    let told = host.refused(&["credential-process", "audit"]);
    assert!(
        told.starts_with("anyrole: error: STS refused AssumeRole (AccessDenied) [sts-assume-role-denied]\n"),
        "{told}"
    );
    assert!(told.contains("sts:TagSession") && told.contains(SECOND_ROLE), "{told}");
    assert!(told.lines().count() <= 6, "{told}");

    let host = Host::new(trust_policy(r#""sts:AssumeRole", "sts:TagSession""#, ""));
    let told = host.refused(&["credential-process", "audit"]);
    assert!(told.contains("[sts-assume-role-denied]") && told.contains("sts:SetSourceIdentity"), "{told}");

    let host = Host::new(trust_policy(ACTIONS, CONDITION));
    host.configure("");
    let told = host.refused(&["credential-process", "audit"]);
    assert!(told.contains("an ExternalId condition needs --external-id"), "{told}");
    host.configure("external_id = \"canary:another\"");
    let told = host.refused(&["credential-process", "audit"]);
    assert!(told.contains("with this external id"), "{told}");
    // After a refusal nobody asks again for a while, but a first hop is still to be had.
    let before = host.requests();
    host.refused(&["credential-process", "audit"]);
    assert_eq!(host.requests(), before);
    host.json(&["credential-process", "deploy"]);
    assert_eq!(host.requests(), before);
}

#[test]
fn tags_of_the_certificate_cannot_be_changed() {
    let host = Host::new(trust_policy(ACTIONS, CONDITION));
    let told = host.refused(&["credential-process", "audit", "--assume-role-tag", "x509Subject/CN=other"]);
    assert!(told.contains("STS refused AssumeRole"), "{told}: {:?}", host.last_verdict());
    assert!(told.contains("[sts-tags-refused]"), "{told}: {:?}", host.last_verdict());
}

#[test]
fn a_wrong_clock_is_corrected_for_each_hop() {
    let ahead = SimulatorClock(std::sync::Arc::new(|| OffsetDateTime::now_utc() + Duration::hours(3)));
    let host = Host::with(trust_policy(ACTIONS, CONDITION), |settings| settings.clock = ahead);
    let document = host.json(&["credential-process", "audit", "--no-cache"]);
    assert_eq!(document["AccountId"], "444455556666");
    assert_eq!(host.requests(), (2, 2), "each is asked a second time with the corrected time");
}
