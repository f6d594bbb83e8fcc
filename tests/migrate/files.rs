//! AWS's files as hosts have them: what a switch makes of them, and that the way back ends where it began.

use std::fs;
use std::process::Command;

use super::host::{Host, SECRET, key_id, profile};

/// Returns the line that the switch writes.
fn line(host: &Host) -> String {
    let program = env!("CARGO_BIN_EXE_anyrole");
    let config = host.world.anyrole_config();
    format!("{program} credential-process new --config \"{}\"", config.display())
}

#[test]
fn a_key_goes_and_comes_back() {
    let host = Host::new();
    let before = [None, Some(format!("# mine\n{}\n[other]\nregion = eu-west-1\n", profile("default", 1)))];
    host.write(before[0].as_deref(), before[1].as_deref());
    let told = host.switch(&[]);
    assert!(
        told.contains("- aws_secret_access_key = …") || told.contains("-aws_secret_access_key"),
        "{told}"
    );
    assert!(told.contains(&format!("switched {} to session new: profile 'default'", key_id(1))), "{told}");
    let [config, credentials] = host.files();
    assert_eq!(
        config.unwrap(),
        format!("[default]\ncredential_process = {}\nregion = us-east-1\n", line(&host))
    );
    assert_eq!(credentials.unwrap(), "# mine\n[default]\n\n[other]\nregion = eu-west-1\n");
    host.assert_nothing_leaked();

    let status = host.status();
    assert_eq!(status["phase"], "switched");
    assert_eq!(status["account"], "111122223333");
    assert_eq!(status["profiles"], serde_json::json!([{"name": "default", "works": "new"}]));
    assert_eq!(status["backup"]["identity_opens_it"], true);
    assert_eq!(status["problems"], serde_json::json!([]));

    let told = host.must(&["verify"]);
    assert!(told.contains(":assumed-role/terraform/"), "{told}");
    assert!(host.status()["verified"]["arn"].as_str().unwrap().contains(":assumed-role/terraform/"));

    let told = host.must(&["rollback", "--no-verify"]);
    assert!(told.starts_with(&format!("rolled back {}", key_id(1))), "{told}");
    assert_eq!(host.files(), before);
    assert_eq!(host.status()["phase"], "rolled-back");
    host.assert_nothing_leaked();
    // And again: the backups do not pile up.
    host.switch(&[]);
    host.must(&["rollback", "--no-verify"]);
    host.switch(&[]);
    let names = fs::read_dir(host.state_folder().join(key_id(1))).unwrap();
    assert_eq!(names.count(), 2, "the state and one backup");
}

/// What is there before; each comes back octet for octet, and works in the new way meanwhile.
#[test]
fn every_kind_of_file() {
    let id = key_id(1);
    let host = Host::new();
    let in_config = format!(
        "\u{feff}# of the team\r\n[default]\r\noutput = json\r\naws_access_key_id = {id}\r\n; no, really\r\n\
         aws_secret_access_key={SECRET}\r\n\r\n[profile z]\r\nregion = eu-west-1"
    );
    let several = format!("{}\n{}", profile("default", 1), profile("ci", 1));
    let third = format!(
        "[profile third]\naws_access_key_id = {id}\naws_secret_access_key = {SECRET}\nregion = x-1\n"
    );
    let token = format!("{}aws_session_token = stale\n", profile("default", 1));
    let prefixed = "[profile default]\nregion = eu-west-3\n";
    for (case, config, credentials, profiles) in [
        ("in the config file, with CR LF", Some(in_config.as_str()), None, &["default"][..]),
        (
            "in several profiles of both files",
            Some(third.as_str()),
            Some(several.as_str()),
            &["default", "ci", "third"],
        ),
        ("with the token of a session that is over", None, Some(token.as_str()), &["default"]),
        ("as [profile default]", Some(prefixed), Some(token.as_str()), &["default"]),
        ("an empty config file", Some(""), Some(several.as_str()), &["default", "ci"]),
    ] {
        host.write(config, credentials);
        let before = host.files();
        host.switch(&[]);
        let [config, credentials] = host.files();
        for content in [&config, &credentials].into_iter().flatten() {
            assert!(!content.contains(SECRET) && !content.contains(&id), "{case}: {content}");
            assert!(!content.contains("session_token"), "{case}: {content}");
        }
        let config = config.unwrap();
        assert_eq!(config.matches(&line(&host)).count(), profiles.len(), "{case}: {config}");
        let status = host.status();
        let named: Vec<_> =
            status["profiles"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(named, profiles, "{case}");
        assert_eq!(status["problems"], serde_json::json!([]), "{case}");
        host.must(&["rollback", "--no-verify"]);
        assert_eq!(host.files(), before, "{case}");
    }
}

#[test]
fn a_link_stays_a_link() {
    let host = Host::new();
    let real = host.world.write("real", &profile("default", 1));
    super::host::settle(&real);
    let _ = fs::remove_file(host.credentials());
    std::os::unix::fs::symlink(&real, host.credentials()).unwrap();
    host.switch(&[]);
    assert!(fs::symlink_metadata(host.credentials()).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), "[default]\n");
    host.must(&["rollback", "--no-verify"]);
    assert!(fs::symlink_metadata(host.credentials()).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&real).unwrap(), profile("default", 1));
}

#[test]
fn what_others_wrote_since_stays() {
    let host = Host::new();
    host.write(None, Some(&profile("default", 1)));
    host.switch(&[]);
    let [config, credentials] = host.files().map(Option::unwrap);
    let config = format!("{config}\n[profile theirs]\nregion = eu-west-1\n");
    let credentials = format!("{credentials}\n[theirs]\naws_access_key_id = {}\n", key_id(2));
    host.write(Some(&config), Some(&credentials));
    host.must(&["rollback", "--no-verify"]);
    let [config, credentials] = host.files().map(Option::unwrap);
    assert_eq!(config.trim_start(), "[profile theirs]\nregion = eu-west-1\n");
    let theirs = format!("\n[theirs]\naws_access_key_id = {}\n", key_id(2));
    assert_eq!(credentials, profile("default", 1) + &theirs);
}

#[test]
fn who_assumes_a_role_with_it_is_told() {
    let host = Host::new();
    let config = "[profile prod]\nrole_arn = arn:aws:iam::111122223333:role/prod\nsource_profile = ci\n";
    host.write(Some(config), Some(&profile("ci", 1)));
    let told = host.switch(&["--aws-profile", "ci"]);
    assert!(told.contains("note: profile 'prod' assumes 'arn:aws:iam::111122223333:role/prod'"), "{told}");
    let by_id = host.must(&["rollback", "--no-verify", "--key-id", &key_id(1)]);
    assert!(by_id.starts_with("rolled back"), "{by_id}");
}

/// A key that is gone: refused, deleted after a while, and a summary that openssl verifies.
#[test]
fn to_the_end() {
    let host = Host::new();
    host.write(None, Some(&profile("default", 1)));
    host.switch(&[]);
    host.must(&["verify", "--", "true"]);
    let failed = host.migrate(&["verify", "--", "sh", "-c", "exit 7"]);
    assert_eq!(failed.status, 7, "{failed:?}");
    // The simulator knows no key of a user, as AWS knows no inactive one.
    let told = host.must(&["deactivate"]);
    assert!(told.contains("is inactive: AWS refuses it"), "{told}");
    let early = host.migrate(&["delete", "--yes"]);
    assert!(
        early.stderr.contains("[migrate-too-early]") && early.stderr.contains("after 14 days"),
        "{early:?}"
    );
    let printed = host.must(&["delete", "--after-days", "0"]);
    assert!(printed.contains("aws iam delete-access-key"), "{printed}");
    let told = host.must(&["delete", "--after-days", "0", "--done", "--destroy-backup"]);
    assert!(told.contains("is deleted, and so is the backup"), "{told}");
    let back = host.migrate(&["rollback"]);
    assert!(back.stderr.contains("[migrate-step]") && back.stderr.contains("create-access-key"), "{back:?}");

    let file = host.world.home().join("keys.json");
    host.must(&["summary", "--output", file.to_str().unwrap()]);
    let summary: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(summary["kind"], "migrate-summary");
    let key = &summary["data"]["keys"][0];
    assert_eq!((&key["access_key_id"], &key["fate"]), (&key_id(1).into(), &"gone".into()), "{summary}");
    assert_eq!(key["profiles_start_the_session"], true);
    let ran = key["workloads"].as_array().unwrap();
    assert_eq!(ran.len(), 1, "those that succeeded: {ran:?}");
    assert_eq!(ran[0]["program"], "true");
    let check = "openssl x509 -in keys.json.pem -pubkey -noout >key.pub && \
                 openssl dgst -sha256 -verify key.pub -signature keys.json.sig keys.json";
    let verified = || Command::new("sh").args(["-c", check]).current_dir(host.world.home()).output().unwrap();
    let output = verified();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(&file).unwrap().replace("gone", "done");
    fs::write(&file, text).unwrap();
    assert!(!verified().status.success());
}

/// A plan finds the key where a switch does not reach, and leaves out of the policy what nobody used.
#[test]
fn a_plan_changes_nothing() {
    let host = Host::new();
    host.write(None, Some(&profile("default", 1)));
    let before = host.files();
    let home = host.world.home();
    let env = host
        .world
        .write("job.env", &format!("AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={SECRET}\n", key_id(1)));
    host.world
        .write("other.env", &format!("AWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY={SECRET}\n", key_id(2)));
    let details = r#"{"UserDetailList": [{"UserName": "ci", "UserPolicyList": [{"PolicyName": "p", "PolicyDocument":
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "ec2:*"], "Resource": "*"}]}}]}]}"#;
    let accessed = r#"{"JobStatus": "COMPLETED", "ServicesLastAccessed": [
        {"ServiceNamespace": "s3", "LastAuthenticated": "2026-11-01T00:00:00Z"}, {"ServiceNamespace": "ec2"}]}"#;
    let details = host.world.write("details.json", details);
    let accessed = host.world.write("accessed.json", accessed);
    let policy = home.join("policy.json");
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let arguments = [
        "plan",
        "later",
        "--look",
        &text(&home),
        "--user",
        "ci",
        "--details",
        &text(&details),
        "--accessed",
        &text(&accessed),
        "--policy-output",
        &text(&policy),
    ];
    let told = host.must(&arguments);
    for part in [
        "of account 111122223333",
        "profile 'default'",
        &format!("{}, line 1", env.display()),
        "left out, never used: ec2:* of p of user ci",
        "anyrole setup later --ca ca.pem",
        "anyrole configure later",
        &format!("anyrole migrate switch later --key-id {}", key_id(1)),
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains("other.env"), "{told}");
    let policy: serde_json::Value = serde_json::from_slice(&fs::read(policy).unwrap()).unwrap();
    assert_eq!(policy["Statement"][0]["Action"], serde_json::json!(["s3:GetObject"]));
    assert_eq!(host.files(), before);
    assert!(!host.state_folder().exists());
}
