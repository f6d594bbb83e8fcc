//! The judge of trust policies and the simulator's, from the same pages of IAM, over generated policies.

use anyrole::policy::{Caller, Context, ROLES_ANYWHERE, TrustPolicy, Truth};
use pki_test::simulator::TrustPolicy as Simulated;
use pki_test::simulator::trust_policy::{Caller as SimulatedCaller, RequestContext, TrustAction};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Keys with the values that a request has; the last one it has not.
const KEYS: [(&str, &[&str]); 8] = [
    ("aws:SourceArn", &["arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1"]),
    ("aws:PrincipalTag/x509Subject/CN", &["build-17"]),
    ("aws:PrincipalTag/x509Subject/OU", &["Build/Team*"]),
    ("aws:PrincipalIsAWSService", &["true"]),
    ("aws:SourceIp", &["203.0.113.7"]),
    ("aws:TagKeys", &["x509Subject/CN", "x509Subject/OU"]),
    ("aws:OriginIdentity/Subject", &["build-17"]),
    ("aws:PrincipalTag/team", &[]),
];

const OPERATORS: [&str; 14] = [
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Bool",
    "IpAddress",
    "NotIpAddress",
    "Null",
    "StringEquals",
    "StringEqualsIgnoreCase",
    "StringLike",
    "StringNotEquals",
    "StringNotEqualsIgnoreCase",
    "StringNotLike",
];

const VALUES: [&str; 22] = [
    "",
    "*",
    "true",
    "false",
    "build-17",
    "Build-17",
    "build-*",
    "b?ild-1?",
    "*17*",
    "Build/Team*",
    "Build/Team${*}",
    "x509Subject/*",
    "x509Subject/CN",
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1",
    "arn:aws:rolesanywhere:*:111122223333:trust-anchor/*",
    "arn:*:a1",
    "${aws:PrincipalTag/x509Subject/CN}",
    "${aws:OriginIdentity/Subject}*",
    "${aws:PrincipalTag/team}",
    "${aws:PrincipalTag/team, 'build-17'}",
    "${aws:TagKeys}",
    "a${",
];

const RANGES: [&str; 5] = ["203.0.113.0/24", "203.0.113.7", "0.0.0.0/0", "::/0", "198.51.100.0/25"];

fn condition() -> impl Strategy<Value = Value> {
    let operator = (0..OPERATORS.len(), 0..3_usize, any::<bool>());
    let values = (prop::collection::vec(0..VALUES.len(), 1..4), prop::collection::vec(0..RANGES.len(), 1..3));
    (operator, 0..KEYS.len(), values, any::<bool>()).prop_map(
        |((operator, quantifier, if_exists), key, (values, ranges), folded)| {
            let bare = OPERATORS[operator];
            let quantifier = ["", "ForAllValues:", "ForAnyValue:"][quantifier];
            let suffix = if if_exists && bare != "Null" { "IfExists" } else { "" };
            let key = if folded { KEYS[key].0.to_lowercase() } else { KEYS[key].0.to_owned() };
            let values: Vec<&str> = match bare {
                "IpAddress" | "NotIpAddress" => ranges.into_iter().map(|index| RANGES[index]).collect(),
                _ => values.into_iter().map(|index| VALUES[index]).collect(),
            };
            json!({ format!("{quantifier}{bare}{suffix}"): { key: values } })
        },
    )
}

fn statement() -> impl Strategy<Value = Value> {
    let principals = [
        json!("*"),
        json!({ "Service": "rolesanywhere.amazonaws.com" }),
        json!({ "Service": ["ec2.amazonaws.com", "rolesanywhere.amazonaws.com"] }),
        json!({ "Service": "ec2.amazonaws.com" }),
        json!({ "AWS": "*" }),
        json!({ "AWS": "111122223333" }),
        json!({ "AWS": "arn:aws:iam::111122223333:root" }),
        json!({ "AWS": "arn:aws:iam::111122223333:role/first", "Service": "rolesanywhere.amazonaws.com" }),
        json!({ "AWS": "arn:aws:sts::111122223333:assumed-role/first/session" }),
    ];
    let actions = [
        json!({ "Action": "sts:AssumeRole" }),
        json!({ "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"] }),
        json!({ "Action": "sts:*" }),
        json!({ "Action": "STS:assume*" }),
        json!({ "NotAction": "sts:TagSession" }),
    ];
    let conditions = prop::collection::vec(condition(), 0..3);
    (0..principals.len(), 0..actions.len(), any::<bool>(), any::<u8>(), conditions).prop_map(
        move |(principal, action, has_sid, deny, conditions)| {
            let mut statement = actions[action].clone();
            statement["Effect"] = json!(if deny % 4 == 0 { "Deny" } else { "Allow" });
            statement["Principal"] = principals[principal].clone();
            if has_sid {
                statement["Sid"] = json!("a");
            }
            let mut joined = serde_json::Map::new();
            for condition in conditions {
                joined.extend(condition.as_object().unwrap().clone());
            }
            if !joined.is_empty() {
                statement["Condition"] = Value::Object(joined);
            }
            statement
        },
    )
}

fn policy() -> impl Strategy<Value = Value> {
    (prop::collection::vec(statement(), 1..4), any::<bool>()).prop_map(|(statements, is_new)| {
        let mut policy = json!({ "Statement": statements });
        if is_new {
            policy["Version"] = json!("2012-10-17");
        }
        policy
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_judges_decide_alike(document in policy()) {
        let ours = TrustPolicy::read(&document).unwrap();
        let theirs = Simulated::parse(&document.to_string()).unwrap();
        let (mut context, mut simulated) = (Context::closed(), RequestContext::default());
        for (key, values) in KEYS {
            context.set_all(key, values.iter().map(|value| (*value).to_owned()));
            simulated.set_all(key, values.iter().map(|value| (*value).to_owned()));
        }
        let role = "arn:aws:iam::111122223333:role/first".parse().unwrap();
        let session_arn = "arn:aws:sts::111122223333:assumed-role/first/session";
        let callers = [
            (Caller::Service(ROLES_ANYWHERE), SimulatedCaller::RolesAnywhere),
            (
                Caller::RoleSession { role_arn: "arn:aws:iam::111122223333:role/first", session_arn },
                SimulatedCaller::RoleSession { role_arn: &role, session_arn },
            ),
        ];
        for (caller, simulated_caller) in callers {
            for action in [TrustAction::AssumeRole, TrustAction::TagSession, TrustAction::SetSourceIdentity] {
                let decided = ours.decide(action.name(), caller, &context);
                let told = theirs.decide(action, simulated_caller, &simulated);
                prop_assert_ne!(decided.allowed, Truth::Unknown);
                prop_assert_eq!(
                    decided.allowed == Truth::Yes,
                    told.is_ok(),
                    "{} {:?}: {:#?} {:?} {:#}", action.name(), caller, decided, told, document
                );
            }
        }
    }

    #[test]
    fn what_is_not_known_never_contradicts_what_is(document in policy(), known in any::<u8>()) {
        let ours = TrustPolicy::read(&document).unwrap();
        let (mut closed, mut open) = (Context::closed(), Context::open());
        for (index, (key, values)) in KEYS.into_iter().enumerate() {
            let values = || values.iter().map(|value| (*value).to_owned());
            closed.set_all(key, values());
            if known & (1 << index) != 0 {
                open.set_all(key, values());
            }
        }
        let caller = Caller::Service(ROLES_ANYWHERE);
        let all = ours.decide("sts:AssumeRole", caller, &closed).allowed;
        let some = ours.decide("sts:AssumeRole", caller, &open).allowed;
        prop_assert!(some == Truth::Unknown || some == all, "{:?} {:?} {:#}", some, all, document);
    }
}
