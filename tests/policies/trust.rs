//! Trust policies of Roles Anywhere: what is wrong with them, and whom they admit.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::KeyPair;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::stage::{Stage, rules, told};

const ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
const OTHER: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000009";

/// A statement for Roles Anywhere with these conditions.
fn statement(conditions: &Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": {"Service": "rolesanywhere.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        "Condition": conditions,
    })
}

fn policy(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn of(conditions: Value) -> Value {
    policy(&[statement(&conditions)])
}

fn good() -> Value {
    statement(&json!({
        "ArnEquals": {"aws:SourceArn": ANCHOR},
        "StringEquals": {"aws:PrincipalTag/x509Subject/CN": "build-17"},
    }))
}

/// A policy with another condition on the subject, the trust anchor being right.
fn subject(operator: &str, key: &str, value: Value) -> Value {
    of(json!({"ArnEquals": {"aws:SourceArn": ANCHOR}, operator: {key: value}}))
}

/// A good policy with another principal beside it.
fn beside(principal: Value, actions: Value) -> Value {
    policy(&[good(), json!({"Effect": "Allow", "Principal": principal, "Action": actions})])
}

#[test]
fn each_rule_finds_what_it_is_for_and_nothing_else() {
    const CN: &str = "aws:PrincipalTag/x509Subject/CN";
    let source =
        |value: Value| of(json!({"ArnLike": {"aws:SourceArn": value}, "StringEquals": {CN: "build-17"}}));
    let mut no_tagging = good();
    no_tagging["Action"] = json!(["sts:AssumeRole", "sts:SetSourceIdentity"]);
    let mut split = good();
    split["Action"] = json!("sts:AssumeRole");
    let mut rest = good();
    rest["Action"] = json!(["sts:TagSession", "sts:SetSourceIdentity"]);
    let account = json!({"AWS": "arn:aws:iam::111122223333:root"});
    let cases: Vec<(Value, &[&str])> = vec![
        (policy(&[good()]), &[]),
        (policy(&[split, rest]), &[]),
        (subject("StringEquals", "aws:OriginIdentity/Subject", json!("build-17")), &[]),
        (subject("StringEquals", "aws:PrincipalTag/x509SAN/URI", json!("spiffe://example.org/ci")), &[]),
        (subject("StringEquals", "aws:principaltag/x509subject/cn", json!("build-17")), &[]),
        (subject("StringEquals", "sts:SourceIdentity", json!("CN=build-17")), &[]),
        (of(json!({"StringEquals": {CN: "build-17"}})), &["trust-no-source-arn"]),
        (
            of(json!({"StringEquals": {CN: "build-17", "aws:SourceAccount": "111122223333"}})),
            &["trust-no-source-arn"],
        ),
        (source(json!("*")), &["trust-source-arn"]),
        (
            source(json!("arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/*")),
            &["trust-source-arn"],
        ),
        (
            source(json!(
                "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000002"
            )),
            &["trust-source-arn"],
        ),
        (
            source(json!("arn:aws:rolesanywhere:eu-central-1:111122223333:alias/trust-anchor/build")),
            &["trust-source-arn"],
        ),
        (source(json!([ANCHOR, OTHER])), &["trust-several-anchors"]),
        (of(json!({"ArnEquals": {"aws:SourceArn": ANCHOR}})), &["trust-no-subject"]),
        (
            subject("StringEquals", "aws:PrincipalTag/x509Issuer/CN", json!("Example CA")),
            &["trust-no-subject"],
        ),
        (subject("StringNotEquals", CN, json!("printer")), &["trust-no-subject"]),
        (subject("StringEqualsIfExists", CN, json!("build-17")), &["trust-no-subject"]),
        (subject("StringLike", CN, json!("build-*")), &["trust-wildcard"]),
        (subject("StringLike", CN, json!("*")), &["trust-wildcard"]),
        (subject("StringEquals", CN, json!("build-*")), &["policy-literal-wildcard"]),
        (
            subject("StringEquals", "aws:PrincipalTag/x509Subject/CommonName", json!("build-17")),
            &["trust-not-mapped"],
        ),
        (
            subject("StringEquals", "aws:PrincipalTag/x509SAN/Email", json!("a@example.org")),
            &["trust-not-mapped"],
        ),
        (
            subject("StringEquals", "aws:PrincipalTag/x509Subjct/CN", json!("build-17")),
            &["trust-no-subject", "trust-not-mapped"],
        ),
        (
            subject("StringEquals", "aws:PrincipalTags/x509Subject/CN", json!("build-17")),
            &["policy-key-unknown", "trust-no-subject"],
        ),
        (
            subject("StringEquals", "aws:PrincipalTag/x509Subject/O", json!("Example, Inc.")),
            &["trust-value-unfit"],
        ),
        (policy(&[no_tagging]), &["trust-missing-action"]),
        (beside(account.clone(), json!("sts:AssumeRole")), &["trust-shared"]),
        (
            beside(account.clone(), json!(["sts:AssumeRole", "sts:TagSession"])),
            &["trust-shared", "trust-taggable"],
        ),
        (
            beside(
                json!({"Federated": "arn:aws:iam::111122223333:saml-provider/idp"}),
                json!("sts:AssumeRoleWithSAML"),
            ),
            &["trust-shared"],
        ),
        (beside(json!({"Service": "ec2.amazonaws.com"}), json!("sts:AssumeRole")), &["trust-shared"]),
        (beside(json!("*"), json!("sts:AssumeRole")), &["trust-any-principal"]),
        // A second role, which trusts the tags of a certificate in sessions of anybody of the account.
        (
            policy(&[json!({"Effect": "Allow", "Principal": account, "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {CN: "build-17"}}})]),
            &["trust-taggable"],
        ),
        (
            policy(&[
                json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/build"},
                "Action": ["sts:AssumeRole", "sts:TagSession"], "Condition": {"StringEquals": {CN: "build-17"}}}),
            ]),
            &[],
        ),
        // Other roles are none of Roles Anywhere's.
        (
            policy(&[
                json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}),
            ]),
            &[],
        ),
        (
            policy(&[json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}})]),
            &[],
        ),
        (
            policy(&[
                json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole", "Resource": "*"}),
            ]),
            &["policy-malformed"],
        ),
    ];
    let stage = Stage::set();
    for (index, (policy, _)) in cases.iter().enumerate() {
        stage.write(&format!("{index:02}.json"), &policy.to_string());
    }
    let found = stage.findings("trust", &["."]);
    for (index, (policy, expected)) in cases.iter().enumerate() {
        let file = format!("./{index:02}.json");
        let of_file: Vec<_> = found.iter().filter(|one| one.file == file).cloned().collect();
        assert_eq!(rules(&of_file), *expected, "{policy}");
    }
}

#[test]
fn profiles_and_attached_policies_count() {
    let stage = Stage::set();
    let role = |name: &str, extra: Value| {
        let mut role = json!({"RoleName": name, "Arn": format!("arn:aws:iam::111122223333:role/{name}"),
            "AssumeRolePolicyDocument": subject("StringEquals", "aws:PrincipalTag/x509Subject/OU", json!("build"))});
        role.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        role
    };
    let admin = json!({"AttachedManagedPolicies": [{"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]});
    let profile = |name: &str, rest: Value| {
        let mut profile = json!({"profileArn": format!("arn:aws:rolesanywhere:eu-central-1:111122223333:profile/{name}"), "name": name,
            "roleArns": [format!("arn:aws:iam::111122223333:role/{name}")]});
        profile.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        json!({"profile": profile})
    };
    stage.write("roles.json", &json!({"RoleDetailList": [role("open", admin.clone()), role("narrow", admin), role("plain", json!({}))]}).to_string());
    let narrows = json!({"sessionPolicy": policy(&[json!({"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"})]).to_string()});
    stage.write("open.json", &profile("open", json!({})).to_string());
    stage.write("narrow.json", &profile("narrow", narrows).to_string());
    let maps = json!({"attributeMappings": [{"certificateField": "x509Subject", "mappingRules": [{"specifier": "CN"}]}]});
    stage.write("plain.json", &profile("plain", maps).to_string());
    let found = stage.findings("trust", &["."]);
    let short: Vec<(&str, &str)> =
        found.iter().map(|one| (one.rule.as_str(), one.resource.as_str())).collect();
    assert_eq!(short, [("trust-admin-role", "open"), ("trust-not-mapped", "plain")]);
}

#[test]
fn a_certificate_is_admitted_or_not_and_the_others_are_spelled_out() {
    let stage = Stage::set();
    certificate(&stage, "build.pem", "CN=build-17,OU=build,O=Example");
    stage.write("exact.json", &policy(&[good()]).to_string());
    stage.write(
        "like.json",
        &subject("StringLike", "aws:PrincipalTag/x509Subject/CN", json!("build-*")).to_string(),
    );
    stage.write("all.json", &of(json!({"ArnEquals": {"aws:SourceArn": ANCHOR}})).to_string());
    stage.write(
        "other.json",
        &subject("StringEquals", "aws:PrincipalTag/x509Subject/CN", json!("web-1")).to_string(),
    );
    stage.write(
        "unknown.json",
        &subject("StringEquals", "aws:PrincipalOrgID", json!("o-abcdefghij")).to_string(),
    );
    stage.write(
        "template.yaml",
        "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument:\n        Version: 2012-10-17\n        Statement:\n          - Effect: Allow\n            Principal: {Service: rolesanywhere.amazonaws.com}\n            Action: [sts:AssumeRole, sts:TagSession, sts:SetSourceIdentity]\n            Condition:\n              ArnEquals: {aws:SourceArn: !Ref Anchor}\n              StringEquals: {aws:PrincipalTag/x509Subject/CN: !Ref Name}\n",
    );
    let (report, status) = stage.report("trust", &["--certificate", "build.pem", "."]);
    assert_eq!(status, 1);
    let said = |file: &str| {
        let all = report["admissions"].as_array().unwrap();
        let one = all.iter().find(|one| one["path"] == format!("./{file}")).unwrap();
        (
            one["admitted"].as_bool(),
            one["reason"].as_str().unwrap().to_owned(),
            one["admits"][0].as_str().unwrap().to_owned(),
        )
    };
    let expect = |file: &str, admitted: Option<bool>, reason: &str, admits: &str| {
        let (found, why, whom) = said(file);
        assert_eq!(found, admitted, "{file}: {why}");
        assert!(why.contains(reason) && whom.contains(admits), "{file}: {why}: {whom}");
    };
    expect("exact.json", Some(true), "holds", "whose common name is 'build-17'");
    expect("like.json", Some(true), "holds", "begins with 'build-', also 'build-evil.example'");
    expect("all.json", Some(true), "holds", "every certificate of the trust anchor that it names");
    expect("other.json", Some(false), "web-1", "is 'web-1'");
    expect("unknown.json", None, "aws:PrincipalOrgID", "every certificate");
    expect("template.yaml", None, "x509Subject/CN", "${…}");
    assert!(told(&report).iter().all(|one| one.file != "./exact.json"));
    let good = stage.anyrole(&["audit", "trust", "--certificate", "build.pem", "exact.json"], None);
    assert_eq!(good.status.code(), Some(0));
    let shown = String::from_utf8(good.stdout).unwrap();
    assert!(shown.starts_with("admitted  exact.json:1\n"), "{shown}");
}

#[test]
fn what_setup_prints_is_clean() {
    let stage = Stage::set();
    let root = certificate(&stage, "build.pem", "CN=build-17,O=Example");
    stage.write("ca.pem", &root);
    stage.write(
        "policy.json",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::state/*"}]}"#,
    );
    let common = [
        "setup",
        "deploy",
        "--ca",
        "ca.pem",
        "--certificate",
        "build.pem",
        "--account",
        "111122223333",
        "--region",
        "eu-central-1",
        "--policy",
        "policy.json",
    ];
    for (format, file) in [("terraform", "setup.tf"), ("cloudformation", "setup.yaml")] {
        let flags: [&[&str]; 3] =
            [&[], &["--egress-cidr", "203.0.113.0/24"], &["--mapping", "x509Subject=CN,O"]];
        for more in flags {
            let arguments = [&common[..], &["--format", format], more].concat();
            let output = stage.anyrole(&arguments, None);
            assert!(output.status.success(), "{more:?}: {}", String::from_utf8_lossy(&output.stderr));
            stage.write(file, &String::from_utf8(output.stdout).unwrap());
            for which in ["policy", "trust"] {
                let (report, status) = stage.report(which, &[file]);
                assert_eq!((status, told(&report)), (0, Vec::new()), "{format} {more:?}: {report}");
            }
        }
    }
}

/// Issues a certificate, and returns that of its CA.
fn certificate(stage: &Stage, file: &str, subject: &str) -> String {
    let validity = Validity::starting(OffsetDateTime::now_utc() - Duration::minutes(1), Duration::DAY);
    let key = || KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
    let root =
        Authority::root(&AuthoritySpec::new("CN=TEST root".parse().unwrap(), validity), key()).unwrap();
    let issued =
        root.issue(&EndEntitySpec::new(subject.parse().unwrap(), validity), key().subject_public_key_info());
    stage.write(file, &issued.unwrap().chain_pem());
    root.certificate_pem()
}
