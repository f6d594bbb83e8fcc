//! Each kind of mismatch is named by the right check, and the simulator of the same account agrees.

use anyrole::doctor::{Verdict, cause};
use serde_json::json;

use super::account::{Account, List, PROFILE, ROLE, alias_arn, policy};

/// A change, and the check that is bad; empty where nothing is.
type Situation = (&'static str, fn(&mut Account), &'static str);

const SITUATIONS: &[Situation] = &[
    ("all fits", |_| {}, ""),
    (
        "by aliases",
        |account| {
            account.anchor_alias = Some("team/fleet");
            account.anchor_arn = alias_arn("trust-anchor", "team/fleet");
            account.profile_alias = Some("builders");
            account.profile_arn = alias_arn("profile", "builders");
        },
        "",
    ),
    ("the trust anchor is disabled", |account| account.anchor_enabled = false, "trust-anchor"),
    ("another CA of the same name", |account| account.own_ca = false, "trust-anchor-chain"),
    ("the root issued it", |account| account.with_intermediate = false, ""),
    ("revoked", |account| account.crl = Some(List { enabled: true, revokes: true }), "revocation"),
    (
        "in a list that is not enabled",
        |account| account.crl = Some(List { enabled: false, revokes: true }),
        "",
    ),
    ("no list", |account| account.crl = None, ""),
    ("the profile is disabled", |account| account.profile_enabled = false, "profile"),
    ("the profile lists no role", |account| account.roles = Vec::new(), "profile-role"),
    (
        "the profile lists the role without its path",
        |account| {
            account.roles = vec!["arn:aws:iam::111122223333:role/build".to_owned()];
        },
        "profile-role",
    ),
    (
        "a session name that is not accepted",
        |account| account.session_name = Some("nightly"),
        "profile-session-name",
    ),
    (
        "a session name that is accepted",
        |account| {
            account.session_name = Some("nightly");
            account.accepts_names = true;
            account.trust_policy = policy(json!({ "StringEquals": { "sts:RoleSessionName": "nightly" } }));
        },
        "",
    ),
    (
        "longer than the role allows",
        |account| {
            account.duration = 7200;
            account.profile_duration = 7200;
        },
        "profile-duration",
    ),
    ("the profile shortens it to what the role allows", |account| account.duration = 7200, ""),
    (
        "a common name that STS does not take",
        |account| {
            account.subject = "CN=build (17)";
            account.trust_policy = policy(json!({}));
        },
        "source-identity",
    ),
    ("another common name", |account| account.subject = "CN=laptop-3", "trust-policy-condition"),
    (
        "an attribute that is not mapped",
        |account| {
            account.mappings = Some(vec![("x509Subject", vec!["OU"])]);
        },
        "trust-policy-condition",
    ),
    (
        "mapped by its number",
        |account| {
            account.mappings = Some(vec![("x509Subject", vec!["2.5.4.3"])]);
            account.trust_policy =
                policy(json!({ "StringEquals": { "aws:PrincipalTag/x509Subject/2.5.4.3": "build-17" } }));
        },
        "",
    ),
    (
        "several values are one tag",
        |account| {
            account.subject = "CN=build-17,OU=b,OU=a";
            account.trust_policy =
                policy(json!({ "StringEquals": { "aws:PrincipalTag/x509Subject/OU": "a/b" } }));
        },
        "",
    ),
    (
        "the alias in the trust policy",
        |account| {
            account.anchor_alias = Some("fleet");
            account.trust_policy =
                policy(json!({ "ArnEquals": { "aws:SourceArn": alias_arn("trust-anchor", "fleet") } }));
        },
        "trust-policy-condition",
    ),
    (
        "sts:TagSession is missing",
        |account| {
            account.trust_policy["Statement"][0]["Action"] =
                json!(["sts:AssumeRole", "sts:SetSourceIdentity"]);
        },
        "trust-policy",
    ),
    (
        "sts:TagSession is missing and not needed",
        |account| {
            account.mappings = Some(vec![("x509SAN", vec!["DNS"])]);
            account.trust_policy = policy(json!({}));
            account.trust_policy["Statement"][0]["Action"] =
                json!(["sts:AssumeRole", "sts:SetSourceIdentity"]);
        },
        "",
    ),
    (
        "another service is trusted",
        |account| {
            account.trust_policy["Statement"][0]["Principal"] = json!({ "Service": "ec2.amazonaws.com" });
        },
        "trust-policy",
    ),
    (
        "a statement denies",
        |account| {
            account.trust_policy["Statement"] = json!([account.trust_policy["Statement"][0], {
                "Sid": "NotOutside",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sts:*",
                "Condition": { "StringNotLike": { "aws:PrincipalTag/x509SAN/URI": "spiffe://example/deploy/*" } },
            }]);
        },
        "trust-policy-condition",
    ),
    (
        "the second statement allows",
        |account| {
            let mut second = account.trust_policy["Statement"][0].clone();
            second["Condition"] =
                json!({ "StringEquals": { "aws:PrincipalTag/x509Subject/CN": "laptop-3" } });
            account.trust_policy["Statement"] = json!([second, account.trust_policy["Statement"][0]]);
        },
        "",
    ),
    (
        "the origin identity meets a condition",
        |account| {
            account.tip = Some((Some("workload"), None));
            account.trust_policy = policy(json!({ "StringEquals": {
            "aws:OriginIdentity/Subject": "build-17",
            "aws:OriginIdentity/SubjectType": "workload",
        } }));
        },
        "",
    ),
    (
        "a condition on the origin identity without it",
        |account| {
            account.trust_policy =
                policy(json!({ "StringEquals": { "aws:OriginIdentity/Subject": "build-17" } }));
        },
        "trust-policy-condition",
    ),
    (
        "the origin identity is missing",
        |account| {
            account.tip = Some((None, Some("x509SAN/URI")));
            account.uri = None;
        },
        "origin-identity",
    ),
    (
        "the origin identity is not mapped",
        |account| {
            account.tip = Some((None, Some("x509SAN/URI")));
            account.mappings = Some(vec![("x509Subject", vec!["*"])]);
        },
        "origin-identity",
    ),
];

#[test]
fn every_mismatch_is_named_and_the_simulator_agrees() {
    for (name, change, expected) in SITUATIONS {
        let mut account = Account::good();
        change(&mut account);
        let stage = account.set();
        let checks = stage.checks(&stage.facts());
        let found = cause(&checks).map_or("", |check| check.id);
        assert_eq!(found, *expected, "{name}: {checks:#?}");
        let granted = stage.ask(&stage.simulator());
        let told = String::from_utf8_lossy(&granted.stderr);
        assert_eq!(granted.status.success(), expected.is_empty(), "{name}: {told}");
    }
}

#[test]
fn where_all_fits_everything_is_good() {
    let stage = Account::good().set();
    let checks = stage.checks(&stage.facts());
    for check in &checks {
        assert_eq!(check.verdict, Verdict::Good, "{check:#?}");
    }
    for id in [
        "facts",
        "trust-anchor",
        "trust-anchor-chain",
        "revocation",
        "profile",
        "profile-role",
        "profile-duration",
        "profile-tags",
        "source-identity",
        "role",
        "trust-policy-condition",
        "trust-policy",
        "subject",
    ] {
        assert!(checks.iter().any(|check| check.id == id), "{id}");
    }
    let tags = &checks.iter().find(|check| check.id == "profile-tags").unwrap().text;
    assert!(
        tags.contains("x509Subject/CN=build-17") && tags.contains("x509SAN/URI=spiffe://example/build/17"),
        "{tags}"
    );
}

#[test]
fn what_only_aws_knows_is_not_judged() {
    let mut account = Account::good();
    account.trust_policy = policy(json!({ "StringEquals": { "aws:SourceOrgID": "o-example" } }));
    let stage = account.set();
    let checks = stage.checks(&stage.facts());
    let verdict = |id: &str| checks.iter().find(|check| check.id == id).unwrap().verdict;
    assert_eq!(verdict("trust-policy-condition"), Verdict::NotChecked);
    assert_eq!(verdict("trust-policy"), Verdict::NotChecked);
    assert_eq!(cause(&checks), None);
    account.trust_policy["Statement"][0]["Condition"]["StringEquals"]["aws:PrincipalTag/x509Subject/CN"] =
        json!("x");
    let stage = account.set();
    let checks = stage.checks(&stage.facts());
    assert_eq!(cause(&checks).unwrap().id, "trust-policy-condition", "one condition that fails is enough");
}

#[test]
fn weak_spots_are_doubtful() {
    let doubtful = |change: fn(&mut Account), id: &str| {
        let mut account = Account::good();
        change(&mut account);
        let stage = account.set();
        let checks = stage.checks(&stage.facts());
        let found = checks.iter().find(|check| check.id == id && check.verdict == Verdict::Doubtful);
        assert!(found.is_some() && cause(&checks).is_none(), "{id}: {checks:#?}");
    };
    doubtful(|account| account.trust_policy = policy(json!({})), "trust-policy-anchor");
    doubtful(|account| account.duration = 7200, "profile-duration");
    doubtful(|account| account.crl = Some(List { enabled: false, revokes: true }), "revocation");
    doubtful(|account| account.subject = "CN=build-17,OU=R&D", "profile-tags");
}

#[test]
fn lists_that_certificates_name_are_looked_into_where_they_are_asked() {
    let mut account = Account::good();
    account.crl = Some(List { enabled: false, revokes: true });
    let stage = account.set();
    let folder = stage.facts();
    let mut anchor = stage.anchor();
    anchor["trustAnchor"]["crlDpRevocationEnabled"] = json!(true);
    stage.write("facts/get-trust-anchor.json", anchor.to_string());
    let found = |id: &str| stage.checks(&folder).into_iter().find(|check| check.id == id).unwrap();
    let silent = found("crl-distribution-points");
    assert!(silent.verdict == Verdict::Doubtful && silent.text.contains("names none"), "{silent:#?}");
    // As it was fetched from the URL.
    stage.write("facts/list.crl", std::fs::read(stage.path("crl.pem")).unwrap());
    let listed = found("crl-distribution-points");
    assert!(listed.verdict == Verdict::Bad && listed.text.contains("CN=TEST issuing"), "{listed:#?}");
}

#[test]
fn answers_of_others_are_not_taken_for_ours() {
    let stage = Account::good().set();
    let folder = stage.facts();
    let other =
        |answer: &serde_json::Value, arn: &str| answer.to_string().replace(arn, &format!("{arn}-other"));
    stage.write("facts/get-profile.json", other(&stage.profile(), PROFILE));
    stage.write("facts/get-role.json", other(&stage.role(), ROLE));
    let checks = stage.checks(&folder);
    for (id, command) in
        [("profile", "aws rolesanywhere get-profile"), ("role", "aws iam get-role --role-name build")]
    {
        let check = checks.iter().find(|check| check.id == id).unwrap();
        assert_eq!(check.verdict, Verdict::NotChecked);
        assert!(check.hint.as_ref().unwrap().starts_with(command), "{check:#?}");
    }
}
