//! Narrower sessions.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use pki_test::simulator::{Operation, ScopeLayer, SimulatorClock};
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::host::{
    ACTIONS, CONDITION, EXTERNAL_ID, FIRST_ROLE, Host, PROFILE, SECOND_ROLE, TRUST_ANCHOR, trust_policy,
};

const READ_ONLY: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [{ "Effect": "Allow", "Action": ["s3:Get*", "sts:GetScopedCredentials"], "Resource": "*" }]
}
"#;
const EU_ONLY: &str = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:RequestedRegion":"eu-*"}}}]}"#;

/// A host whose config file has the second hop `audit`, and these sessions.
fn host(sessions: &str) -> Host {
    let host = Host::new(trust_policy(ACTIONS, CONDITION));
    fs::write(host.path("read-only.json"), READ_ONLY).unwrap();
    fs::write(host.path("eu-only.json"), EU_ONLY).unwrap();
    let endpoint = host.simulator.http_endpoint();
    let sessions = sessions.replace("STS", &format!("sts_endpoint = \"{endpoint}\""));
    host.configure(&format!("external_id = \"{EXTERNAL_ID}\"\n\n{sessions}"));
    host
}

fn plan() -> Host {
    host("[session.plan]\nfrom = \"deploy\"\nscope_policy = \"read-only.json\"\nSTS\n")
}

/// How the last session that STS granted is narrowed.
fn layers(host: &Host) -> Vec<ScopeLayer> {
    host.entries(Operation::SecurityTokenService).pop().expect("STS was asked").scope_layers
}

fn lifetime(document: &Value) -> Duration {
    let expiration = document["Expiration"].as_str().unwrap();
    OffsetDateTime::parse(expiration, &Rfc3339).unwrap() - OffsetDateTime::now_utc()
}

#[test]
fn a_plan_gets_a_read_only_session_from_the_same_first_session() {
    let host = plan();
    let first = host.json(&["credential-process", "deploy"]);
    let narrow = host.json(&["credential-process", "plan"]);
    assert_eq!(host.requests(), (1, 1), "the first session came from the cache");
    assert_ne!(narrow["AccessKeyId"], first["AccessKeyId"]);
    assert_eq!(narrow["Expiration"], first["Expiration"]);
    assert_eq!(narrow["AccountId"], "111122223333");
    let sent = READ_ONLY.split_whitespace().collect::<String>();
    assert_eq!(layers(&host), [ScopeLayer { policy: Some(sent), ..ScopeLayer::default() }]);
    assert_eq!(host.json(&["credential-process", "plan"]), narrow);
    assert_eq!(host.json(&["credential-process", "deploy"]), first);
    let run =
        host.run(&["exec", "plan", "--mode", "env", "--", "/bin/sh", "-c", "printf %s $AWS_ACCESS_KEY_ID"]);
    assert_eq!(String::from_utf8(run.stdout).unwrap(), narrow["AccessKeyId"]);
    assert_eq!(host.requests(), (1, 1), "both are kept");

    let who =
        |name| host.json(&["whoami", name, "--json", "--sts-endpoint", &host.simulator.http_endpoint()]);
    let (of_first, of_narrow) = (who("deploy"), who("plan"));
    assert_eq!(of_first["data"]["arn"], of_narrow["data"]["arn"], "it is the same session");
    assert_eq!(of_first["data"].get("scope"), None);
    assert!(of_narrow["data"]["scope"].as_str().unwrap().starts_with("policy "));
    let told = String::from_utf8(host.run(&["whoami", "plan"]).stdout).unwrap();
    assert!(told.contains("\nnarrowed policy "), "{told}");
}

#[test]
fn flags_and_variables_narrow_too_and_each_way_is_an_entry_of_its_own() {
    let host = plan();
    let endpoint = host.simulator.http_endpoint();
    let narrow = |more: &[&str]| {
        let flags = ["credential-process", "deploy", "--sts-endpoint", &endpoint];
        host.json(&[&flags[..], more].concat())
    };
    let job = narrow(&["--scope-duration", "10m", "--scope-description", "job 4711"]);
    assert!(lifetime(&job) <= Duration::minutes(10) && lifetime(&job) > Duration::minutes(8));
    assert_eq!(
        layers(&host),
        [ScopeLayer {
            policy: None,
            duration_seconds: Some(600),
            description: Some(String::from("job 4711")),
        }]
    );
    let other = narrow(&["--scope-duration", "10m", "--scope-description", "job 4712"]);
    assert_ne!(other["AccessKeyId"], job["AccessKeyId"]);
    let by_file = narrow(&["--scope-policy", "read-only.json"]);
    assert_eq!(host.requests(), (1, 3));
    // Blanks make no other policy; a word does.
    fs::write(host.path("read-only.json"), READ_ONLY.replace('\n', "\r\n\t")).unwrap();
    assert_eq!(narrow(&["--scope-policy", "read-only.json"]), by_file);
    fs::write(host.path("read-only.json"), READ_ONLY.replace("s3:Get*", "s3:*")).unwrap();
    assert_ne!(narrow(&["--scope-policy", "read-only.json"])["AccessKeyId"], by_file["AccessKeyId"]);
    assert_eq!(host.requests(), (1, 4));

    let by_variable = |variables: &[(&str, &str)], arguments: &[&str]| -> Value {
        let mut command = host.command(&["credential-process"]);
        command.args(arguments).envs(variables.iter().copied()).env("AWS_ENDPOINT_URL_STS", &endpoint);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let session = ("ANYROLE_SESSION", "deploy");
    let held = by_variable(&[session, ("ANYROLE_SCOPE_POLICY", READ_ONLY)], &[]);
    assert_eq!(held, by_file, "a variable may hold the policy, as it may hold a key");
    let named = by_variable(&[session, ("ANYROLE_SCOPE_POLICY", "env:POLICY"), ("POLICY", READ_ONLY)], &[]);
    assert_eq!(named, by_file);
    let whole = by_variable(&[("ANYROLE_SCOPE_POLICY", "env:POLICY"), ("POLICY", READ_ONLY)], &["deploy"]);
    assert_eq!(whole, host.json(&["credential-process", "deploy"]), "no variable changes a named session");
}

#[test]
fn a_second_role_is_assumed_first_and_narrowed_then() {
    let host = host(
        "[session.audit-plan]\nfrom = \"audit\"\nscope_policy = \"read-only.json\"\nSTS\n\
         [session.audit-eu]\nfrom = \"audit-plan\"\nscope_policy = \"eu-only.json\"\nscope_duration = \"5m\"\nSTS\n",
    );
    let document = host.json(&["credential-process", "audit-eu"]);
    assert_eq!(document["AccountId"], "444455556666");
    assert!(lifetime(&document) <= Duration::minutes(5));
    let actions: Vec<_> = host
        .entries(Operation::SecurityTokenService)
        .into_iter()
        .map(|entry| entry.action.unwrap())
        .collect();
    assert_eq!(actions, ["AssumeRole", "GetScopedCredentials", "GetScopedCredentials"]);
    let layers = layers(&host);
    assert_eq!(layers.len(), 2);
    assert_eq!(layers[1].policy.as_deref(), Some(EU_ONLY));
    assert_eq!(layers[0].duration_seconds, None, "a duration is of the session that has it");
    for session in ["audit-plan", "audit", "deploy"] {
        host.json(&["credential-process", session]);
    }
    assert_eq!(host.requests(), (1, 3), "each hop is an entry of its own");
}

#[test]
fn the_first_session_lasts_as_long_as_what_is_made_from_it() {
    // A session of 15 minutes is kept until half of it is over; what is made of one must not end in seven.
    let host = host(
        "[session.short]\nfrom = \"deploy\"\nscope_duration = \"14m\"\nSTS\n\
         [session.late]\nfrom = \"deploy\"\nscope_policy = \"read-only.json\"\nSTS\n",
    );
    let text = fs::read_to_string(host.path("config.toml")).unwrap();
    let text = text.replace("[session.deploy]\n", "[session.deploy]\nsession_duration = \"15m\"\n");
    fs::write(host.path("config.toml"), text).unwrap();
    let first = host.json(&["credential-process", "deploy"]);
    let narrow = host.json(&["credential-process", "short"]);
    assert_eq!(host.requests(), (1, 1), "a new one is long enough");
    assert!(lifetime(&narrow) > Duration::minutes(12), "{}", lifetime(&narrow));
    assert!(lifetime(&narrow) <= lifetime(&first));
    let (document, told) = {
        let output = host.run(&["env", "late", "--format", "json", "--expect-duration", "20m"]);
        (output.stdout, String::from_utf8(output.stderr).unwrap())
    };
    assert!(!document.is_empty() && told.contains("less than the 20 minutes of --expect-duration"), "{told}");
    assert!(told.contains("the session that it is made from"), "{told}");
    assert_eq!(host.requests().0, 2, "a longer first session was asked for");
}

#[test]
fn refusals_are_explained_and_not_repeated() {
    let host = host(
        "[session.plan]\nfrom = \"deploy\"\nscope_policy = \"bad.json\"\nSTS\n\
         [session.closed]\nfrom = \"deploy\"\nscope_policy = \"closed.json\"\nSTS\n\
         [session.closed-eu]\nfrom = \"closed\"\nscope_policy = \"eu-only.json\"\nSTS\n",
    );
    fs::write(host.path("bad.json"), r#"{"Statement":{"Effect":"Allow","Action":"*"}}"#).unwrap();
    let told = host.refused(&["credential-process", "plan"]);
    assert!(
        told.starts_with(
            "anyrole: error: STS refused GetScopedCredentials (MalformedPolicyDocument) [sts-scope-policy-refused]\n  \
             AWS says: Policy statement must contain resources.\n  narrowed by: policy "
        ),
        "{told}"
    );
    let before = host.requests();
    let again = host.refused(&["credential-process", "plan"]);
    assert!(
        again.contains("[sts-scope-policy-refused]") && again.contains("anyrole cache clear plan"),
        "{again}"
    );
    assert_eq!(host.requests(), before, "nobody asks again for a while");
    let list = host.json(&["cache", "list", "--json"]);
    let wanted = list["data"]["failures"][0]["wanted"].as_str().unwrap();
    assert!(wanted.starts_with(&format!("{FIRST_ROLE}, narrowed by policy ")), "{wanted}");
    // Another policy is another session, and nothing holds it back.
    fs::write(host.path("bad.json"), EU_ONLY).unwrap();
    host.json(&["credential-process", "plan"]);

    let closed = r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    fs::write(host.path("closed.json"), closed).unwrap();
    host.json(&["credential-process", "closed"]);
    let told = host.refused(&["credential-process", "closed-eu"]);
    assert!(told.contains("[sts-scope-denied]"), "{told}");
    assert!(told.contains("allow the role sts:GetScopedCredentials"), "{told}");
}

#[test]
fn a_policy_that_others_can_write_is_not_used() {
    let host = plan();
    fs::set_permissions(host.path("read-only.json"), fs::Permissions::from_mode(0o666)).unwrap();
    let output = host.run(&["credential-process", "plan"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("[file-untrusted]") && told.contains("read-only.json"), "{told}");
    assert_eq!(host.requests(), (0, 0), "nothing was sent");
}

#[test]
fn what_is_kept_says_how_it_is_narrowed() {
    let host = host(
        "[session.plan]\nfrom = \"deploy\"\nscope_policy = \"read-only.json\"\nscope_duration = \"30m\"\n\
         scope_description = \"plan\"\nSTS\n",
    );
    host.json(&["credential-process", "plan"]);
    let text = String::from_utf8(host.run(&["status", "plan"]).stdout).unwrap();
    assert!(text.starts_with(&format!("plan: {FIRST_ROLE}\n  narrowed by: policy ")), "{text}");
    assert!(text.contains(", 30 minutes, 'plan'\n"), "{text}");
    let status = host.json(&["status", "plan", "--json"]);
    assert_eq!(status["data"][0]["requested_seconds"], 1800);
    assert!(status["data"][0]["scope"].as_str().unwrap().ends_with(", 30 minutes, 'plan'"));
    assert_eq!(host.json(&["status", "deploy", "--json"])["data"][0]["scope"], Value::Null);

    let mut command = host.command(&["credential-process", "plan", "--debug"]);
    let told = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(told.contains("setting scope_policy ("), "{told}");
    assert!(
        told.contains("read-only.json': 1") && told.contains("characters are sent, with SHA-256 "),
        "{told}"
    );
}

#[test]
fn a_wrong_clock_is_corrected_for_a_narrower_session_too() {
    let ahead = SimulatorClock(std::sync::Arc::new(|| OffsetDateTime::now_utc() + Duration::hours(3)));
    let host = Host::with(trust_policy(ACTIONS, CONDITION), |settings| settings.clock = ahead);
    let endpoint = host.simulator.http_endpoint();
    let flags = ["credential-process", "audit", "--scope-duration", "10m", "--sts-endpoint", &endpoint];
    let document = host.json(&flags);
    assert_eq!(document["AccountId"], SECOND_ROLE.split(':').nth(4).unwrap());
    assert_eq!(host.requests(), (2, 4), "each is asked a second time with the corrected time");
}

#[test]
fn what_the_page_shows_works() {
    let page = include_str!("../../src/manual/narrower.md");
    let block = |language: &str| {
        let (_, rest) = page.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("```").unwrap().0.to_owned()
    };
    let host = plan();
    let replaced = |text: &str, wanted: &str| {
        let line = text.lines().find(|line| line.starts_with(wanted)).unwrap().to_owned();
        let value = match wanted {
            "trust_anchor_arn" => TRUST_ANCHOR,
            "profile_arn" => PROFILE,
            other => panic!("{other} stands there as it is"),
        };
        text.replace(&line, &format!("{wanted} = \"{value}\""))
    };
    let config = replaced(&replaced(&block("toml"), "trust_anchor_arn"), "profile_arn");
    let config = config.replace("role/deploy", "role/build");
    fs::write(host.path("config.toml"), format!("version = 1\n{config}")).unwrap();
    fs::write(host.path("read-only.json"), block("json")).unwrap();
    let endpoint = host.simulator.http_endpoint();
    let mut count = 0;
    for line in page.lines().filter(|line| line.starts_with("anyrole ")) {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let arguments: Vec<&str> = match words.iter().position(|word| *word == "--") {
            Some(end) => [&words[..end], &["--", "true"]].concat(),
            None => words,
        };
        let mut command = host.command(&arguments);
        command.env("PATH", "/usr/bin:/bin").env("AWS_ENDPOINT_URL_ROLESANYWHERE", &endpoint);
        let output = command.env("AWS_ENDPOINT_URL_STS", &endpoint).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        count += 1;
    }
    assert_eq!((count, host.requests()), (4, (1, 3)), "three narrower sessions of one first session");
}

#[test]
fn many_at_once_make_one_of_each() {
    let host = plan();
    let started: Vec<_> = (0..12)
        .map(|_| {
            let mut command = host.command(&["credential-process", "plan"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut answers: Vec<_> = started.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    assert!(answers.iter().all(|output| output.status.success() && output.stderr.is_empty()));
    answers.dedup_by(|one, other| one.stdout == other.stdout);
    assert_eq!((answers.len(), host.requests()), (1, (1, 1)));
}
