//! Files of any name and encoding, and those that are not what they should be.

use anyrole::doctor::{Check, Verdict, cause};
use serde_json::json;

use super::account::Account;

fn check<'a>(checks: &'a [Check], id: &str) -> &'a Check {
    checks.iter().find(|check| check.id == id).unwrap_or_else(|| panic!("{id}: {checks:#?}"))
}

#[test]
fn files_are_recognised_by_what_they_hold() {
    let stage = Account::good().set();
    let utf16 =
        |text: &str| [vec![0xff, 0xfe], text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    stage.write("facts/1.txt", utf16(&stage.anchor().to_string()));
    stage.write("facts/2", [&b"\xef\xbb\xbf"[..], stage.profile().to_string().as_bytes()].concat());
    // Two answers in one file, among a profile and a trust anchor of others.
    let other = stage.profile().to_string().replace("000000000002", "000000000009");
    stage.write("facts/3.json", format!("{other}\n{}\n{}", stage.role(), stage.crls()));
    stage.write("facts/4.json", stage.subject(true)["subject"].to_string());
    stage.write("facts/notes.md", "# Notes\n");
    stage.write("facts/.hidden", "nothing");
    let checks = stage.checks(&stage.path("facts"));
    assert_eq!(cause(&checks), None, "{checks:#?}");
    assert_eq!(check(&checks, "facts").verdict, Verdict::Good, "{checks:#?}");
    assert_eq!(check(&checks, "trust-policy").verdict, Verdict::Good);
    assert_eq!(check(&checks, "facts-file").verdict, Verdict::NotChecked, "the notes are none of the five");
    let subject = check(&checks, "subject");
    assert!(subject.verdict == Verdict::Doubtful && subject.text.contains("refused it then"), "{subject:#?}");
}

#[test]
fn lists_of_answers_are_taken_too() {
    let stage = Account::good().set();
    stage.write("facts/all.json", json!({ "profiles": [stage.profile()["profile"]] }).to_string());
    stage.write("facts/roles.json", json!({ "Roles": [stage.role()["Role"]] }).to_string());
    let anchors = json!({ "trustAnchors": [stage.anchor()["trustAnchor"]] });
    stage.write("facts/anchors.json", anchors.to_string());
    let checks = stage.checks(&stage.path("facts"));
    assert_eq!(check(&checks, "trust-anchor-chain").verdict, Verdict::Good);
    assert_eq!(check(&checks, "trust-policy").verdict, Verdict::Good);
    let lists = check(&checks, "revocation");
    assert!(
        lists.verdict == Verdict::NotChecked && lists.hint.as_ref().unwrap().contains("list-crls"),
        "{lists:#?}"
    );
}

#[test]
fn other_outputs_of_the_cli_are_named() {
    for (content, expected) in [
        ("profile:\n  enabled: true\n", "is YAML"),
        ("-----------------\n|  GetProfile   |\n", "is a table"),
        ("", "is empty"),
        ("{\"profile\": {\"enabled\"", "was cut off"),
        ("{\"profile\": {\"enabled\": true}}", "is not what the command prints"),
    ] {
        let stage = Account::good().set();
        let folder = stage.facts();
        stage.write("facts/get-profile.json", content);
        let checks = stage.checks(&folder);
        let cause = cause(&checks).unwrap();
        assert!(cause.id == "facts-file" && cause.text.contains(expected), "{expected}: {cause:#?}");
        assert!(cause.text.contains("get-profile.json") && cause.hint.is_some());
    }
}

#[test]
fn an_empty_folder_says_how_it_is_filled() {
    let stage = Account::good().set();
    let checks = stage.checks(&stage.path("my facts"));
    assert_eq!(cause(&checks), None);
    assert!(checks.iter().all(|check| check.verdict == Verdict::NotChecked), "{checks:#?}");
    let all = check(&checks, "facts").hint.as_ref().unwrap();
    for part in [
        "mkdir -p ",
        "get-trust-anchor --trust-anchor-id a1b2c3d4-0000-4000-8000-000000000001 --region eu-central-1",
        "get-profile --profile-id a1b2c3d4-0000-4000-8000-000000000002",
        "aws iam get-role --role-name build",
        "list-crls",
        "get-subject --subject-id",
        "rolesanywhere:GetSubject and iam:GetRole",
        "my facts/get-role.json'",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
}

#[test]
fn an_anchor_of_private_ca_needs_its_certificate() {
    let stage = Account::good().set();
    let folder = stage.facts();
    let mut anchor = stage.anchor();
    let arn = "arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/a1b2c3d4";
    anchor["trustAnchor"]["source"] =
        json!({ "sourceType": "AWS_ACM_PCA", "sourceData": { "acmPcaArn": arn } });
    let pem = stage.anchor()["trustAnchor"]["source"]["sourceData"]["x509CertificateData"].clone();
    stage.write("facts/get-trust-anchor.json", anchor.to_string());
    let checks = stage.checks(&folder);
    let chain = check(&checks, "trust-anchor-chain");
    assert!(
        chain.verdict == Verdict::NotChecked && chain.hint.as_ref().unwrap().contains("aws acm-pca "),
        "{chain:#?}"
    );
    stage.write("facts/ca.json", json!({ "Certificate": pem }).to_string());
    assert_eq!(check(&stage.checks(&folder), "trust-anchor-chain").verdict, Verdict::Good);
}

#[test]
fn the_command_predicts_and_sends_nothing() {
    let stage = Account::good().set();
    let folder = stage.facts();
    // Nobody listens there.
    let config = stage.config("http://127.0.0.1:1");
    let run = || {
        let mut command = stage.program();
        command.env("ANYROLE_CONFIG", &config).args(["doctor", "build", "--offline", "--json", "--facts"]);
        let output = command.arg(&folder).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), document["data"].clone())
    };
    let (status, data) = run();
    assert_eq!((status, &data["cause"]), (Some(0), &serde_json::Value::Null), "{data:#}");
    let ids: Vec<&str> =
        data["checks"].as_array().unwrap().iter().filter_map(|check| check["id"].as_str()).collect();
    assert!(ids.contains(&"trust-policy") && ids.contains(&"trust-anchor-chain"), "{ids:?}");

    let mut role = stage.role();
    role["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringLike"] =
        json!({ "aws:PrincipalTag/x509Subject/CN": "laptop-*" });
    stage.write("facts/get-role.json", role.to_string());
    let (status, data) = run();
    assert_eq!((status, data["cause"]["id"].as_str()), (Some(1), Some("trust-policy-condition")), "{data:#}");
    let text = data["cause"]["text"].as_str().unwrap();
    assert!(
        text.contains("StringLike aws:PrincipalTag/x509Subject/CN 'laptop-*': it is 'build-17'"),
        "{text}"
    );
}
