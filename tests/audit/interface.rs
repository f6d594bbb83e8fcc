//! What the command takes and gives: exit statuses, the ratchet, allow lists, SARIF, pages of several hosts.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::audit::corpus::{Random, write};
use crate::audit::{audit, data, run, told};

fn key(random: &mut Random) -> String {
    random.id("AKIA", 111_122_223_333)
}

fn code(root: &Path, arguments: &[&str]) -> Option<i32> {
    run(audit(root).args(arguments)).status.code()
}

#[test]
fn the_baseline_is_a_ratchet() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut random = Random::new(21);
    let (old, new) = (key(&mut random), key(&mut random));
    write(root, "host/a.env", format!("A={old}\n").as_bytes());
    write(root, "host/b.env", format!("A={old}\n").as_bytes());
    fs::write(root.join("known.json"), run(audit(root).args(["--json", "host"])).stdout).unwrap();
    assert_eq!(code(root, &["--baseline", "known.json", "host"]), Some(0));
    // A line that moves is no news; a key in another file is, and so is its secret.
    write(root, "host/a.env", format!("# more\n\nA={old}\n").as_bytes());
    assert_eq!(code(root, &["--baseline", "known.json", "host"]), Some(0));
    write(root, "host/c.env", format!("A={new}\n").as_bytes());
    let with_new = data(&run(audit(root).args(["--json", "--baseline", "known.json", "host"])));
    assert_eq!(
        (&with_new["findings"][0]["access_key_id"], with_new["findings"].as_array().unwrap().len()),
        (&Value::from(new), 1)
    );
    assert_eq!((&with_new["in_baseline"], &with_new["gone_from_baseline"]), (&2.into(), &0.into()));
    fs::remove_file(root.join("host/c.env")).unwrap();
    fs::remove_file(root.join("host/b.env")).unwrap();
    write(root, "host/a.env", format!("A={old}\nB={}\n", random.secret()).as_bytes());
    let output = run(audit(root).args(["--baseline", "known.json", "host"]));
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(table.contains("1 new access key was found") && table.contains("1 of it are gone"), "{table}");
}

#[test]
fn the_exit_status_follows_the_severity() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut random = Random::new(22);
    write(root, "id", key(&mut random).as_bytes());
    for (fail_on, status) in [("low", 1), ("medium", 1), ("high", 0), ("critical", 0), ("never", 0)] {
        assert_eq!(code(root, &["--fail-on", fail_on, "id"]), Some(status), "{fail_on}");
    }
    assert_eq!(code(root, &["--fail-on", "bad", "id"]), Some(2));
    // A session's key ends by itself, the sooner the older its file is.
    let session = format!("{}\n{}\n", random.id("ASIA", 111_122_223_333), random.secret());
    write(root, "session", session.as_bytes());
    assert_eq!(data(&run(audit(root).args(["--json", "session"])))["findings"][0]["severity"], "medium");
    let file = fs::File::options().write(true).open(root.join("session")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000))
        .unwrap();
    assert_eq!(data(&run(audit(root).args(["--json", "session"])))["findings"][0]["severity"], "low");
}

#[test]
fn keys_of_bedrock_are_named_and_not_shown() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut random = Random::new(23);
    let secret = random.secret();
    let long =
        format!("ABSK{}", STANDARD.encode(format!("BedrockAPIKey-ab12-at-111122223333:{secret}{secret}")));
    let session = random.id("ASIA", 111_122_223_333);
    let short = STANDARD.encode(format!("bedrock.amazonaws.com/?Action=CallWithBearerToken&X-Amz-Credential={session}%2F20261123%2Feu-central-1%2Fbedrock%2Faws4_request&X-Amz-Signature=abc"));
    write(
        root,
        "keys",
        format!("AWS_BEARER_TOKEN_BEDROCK={long}\nOTHER=bedrock-api-key-{short}\n").as_bytes(),
    );
    let output = run(audit(root).args(["--json", "keys"]));
    let found = data(&output);
    let of = |number: usize, name: &str| found["findings"][number][name].clone();
    assert_eq!(
        (of(0, "access_key_id"), of(0, "account")),
        ("BedrockAPIKey-ab12-at-111122223333".into(), "111122223333".into())
    );
    assert_eq!((of(1, "access_key_id"), of(1, "kind")), (session.into(), "bedrock-short-term".into()));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!said.contains(&long[4..40]) && !said.contains(&short[..40]));
}

#[test]
fn what_is_allowed_is_counted_until_its_day() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut random = Random::new(24);
    let id = key(&mut random);
    write(root, "host/a", format!("{id}\n").as_bytes());
    for (until, status) in [("2999-12-31", 0), ("2020-01-01", 1)] {
        write(root, "allow.toml", format!("version = 1\n[[allow]]\naccess_key_id = \"{id}\"\npath = \"host\"\nuntil = \"{until}\"\nreason = \"x\"\n").as_bytes());
        assert_eq!(code(root, &["--allow", "allow.toml", "host"]), Some(status), "{until}");
    }
    let ended = data(&run(audit(root).args(["--json", "--allow", "allow.toml", "host"])));
    assert_eq!(ended["findings"][0]["allowed_until"], "2020-01-01T23:59:59Z");
    for wrong in [
        "version = 1\n[[allow]]\nreason = \"x\"\n",
        "version = 2\n",
        "version = 1\n[[allow]]\npath = \"a\"\n",
        "version = 1\n[[allow]]\npath = \"a\"\nreason = \"x\"\nuntil = \"soon\"\n",
        "nonsense",
    ] {
        write(root, "wrong.toml", wrong.as_bytes());
        let output = run(audit(root).args(["--allow", "wrong.toml", "host"]));
        assert_eq!(output.status.code(), Some(2), "{wrong}");
        assert!(told(&output).contains("[audit-allow-list]"), "{}", told(&output));
    }
}

#[test]
fn sarif_has_what_code_hosts_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let id = key(&mut Random::new(25));
    write(root, "a b/#1.env", format!("\nKEY={id}\n").as_bytes());
    let output = run(audit(root).args(["--sarif", "."]));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let run = &document["runs"][0];
    assert_eq!(document["version"], "2.1.0");
    let result = &run["results"][0];
    let location = &result["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "./a%20b/%231.env");
    assert_eq!(location["region"]["startLine"], 2);
    let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], result["ruleId"]);
    assert!(
        run["tool"]["driver"]["rules"]
            .as_array()
            .unwrap()
            .iter()
            .all(|rule| rule["help"]["text"].as_str().is_some_and(|text| text.len() > 50))
    );
}

#[test]
fn reports_of_many_hosts_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let id = key(&mut Random::new(26));
    write(root, "a", format!("KEY={id}\n").as_bytes());
    let report = String::from_utf8(run(audit(root).args(["--json", "a"])).stdout).unwrap();
    let mut document: Value = serde_json::from_str(&report).unwrap();
    for host in ["web1", "web2"] {
        document["data"]["host"] = host.into();
        fs::write(root.join(format!("{host}.json")), document.to_string()).unwrap();
    }
    let output = run(audit(root).args(["--from", "web1.json", "--from", "web2.json", "--html", "keys.html"]));
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let page = fs::read_to_string(root.join("keys.html")).unwrap();
    assert!(page.contains("<td>web1, web2</td>") && page.matches(&id).count() == 3);
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("src="));
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(root.join("keys.html")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let wrong = run(audit(root).args(["--from", "a"]));
    assert_eq!(wrong.status.code(), Some(2));
    assert!(told(&wrong).contains("[audit-no-report]"), "{}", told(&wrong));
}
