//! Trust policies: principals, actions, each condition operator, and what a client is told.

use pki_test::simulator::TrustPolicy;
use pki_test::simulator::trust_policy::{
    Caller, RequestContext, StatementFault, TrustAction, TrustPolicyError, TrustRefusal,
};
use pki_test::verifier::Arn;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::vectors::{ANCHOR, ROLE};
use super::world::World;

const ACTIONS: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

/// A policy of one statement that allows Roles Anywhere the three actions under a condition.
fn with_condition(condition: &Value) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "rolesanywhere.amazonaws.com" },
            "Action": ACTIONS,
            "Condition": condition,
        }],
    })
}

fn parse(document: &Value) -> TrustPolicy {
    TrustPolicy::parse(&document.to_string()).unwrap()
}

fn assume(document: &Value, context: &RequestContext) -> Result<(), TrustRefusal> {
    parse(document).decide(TrustAction::AssumeRole, Caller::RolesAnywhere, context)
}

/// What the conditions below are asked of.
fn context() -> RequestContext {
    let mut context = RequestContext::default();
    context.set("aws:SourceArn", ANCHOR);
    context.set("aws:PrincipalTag/x509Subject/CN", "build-17");
    context.set("aws:PrincipalTag/x509Issuer/CN", "TEST issuing");
    context.set("aws:PrincipalIsAWSService", "true");
    context.set("sts:SourceIdentity", "CN=build-17");
    context.set_all("aws:TagKeys", ["x509Subject/CN", "x509Issuer/CN"].map(str::to_owned));
    context
}

#[test]
fn each_operator_holds_and_fails_as_in_iam() {
    let cn = "aws:PrincipalTag/x509Subject/CN";
    let absent = "aws:PrincipalTag/x509Subject/OU";
    let keys = "aws:TagKeys";
    for (operator, key, value, expected) in [
        ("StringEquals", cn, json!("build-17"), true),
        ("StringEquals", cn, json!(["other", "build-17"]), true),
        ("StringEquals", cn, json!("Build-17"), false),
        ("StringEquals", cn, json!("build-*"), false),
        ("StringEquals", cn, json!([]), false),
        ("StringEquals", absent, json!("CI"), false),
        ("StringEqualsIfExists", absent, json!("CI"), true),
        ("StringEqualsIfExists", cn, json!("CI"), false),
        ("StringEquals", "AWS:principaltag/X509SUBJECT/cn", json!("build-17"), true),
        ("StringNotEquals", cn, json!("other"), true),
        ("StringNotEquals", cn, json!(["other", "build-17"]), false),
        ("StringNotEquals", absent, json!("CI"), true),
        ("StringNotEqualsIfExists", absent, json!("CI"), true),
        ("StringEqualsIgnoreCase", cn, json!("BUILD-17"), true),
        ("StringEqualsIgnoreCase", cn, json!("BUILD-18"), false),
        ("StringNotEqualsIgnoreCase", cn, json!("BUILD-17"), false),
        ("StringLike", cn, json!("build-*"), true),
        ("StringLike", cn, json!(["x", "build-??"]), true),
        ("StringLike", cn, json!("*-18"), false),
        ("StringLikeIfExists", absent, json!("*"), true),
        ("StringNotLike", cn, json!("build-*"), false),
        ("StringNotLike", cn, json!("host-*"), true),
        ("StringLike", cn, json!("${aws:PrincipalTag/x509Subject/CN}"), true),
        ("StringEquals", "sts:SourceIdentity", json!("CN=${aws:PrincipalTag/x509Subject/CN}"), true),
        ("StringEquals", cn, json!("${aws:PrincipalTag/nothing}"), false),
        ("StringLike", cn, json!("build-${*}"), false),
        ("ArnEquals", "aws:SourceArn", json!(ANCHOR), true),
        ("ArnEquals", "aws:SourceArn", json!([ANCHOR.replace("0001", "0009")]), false),
        ("ArnEquals", "aws:SourceArn", json!("arn:aws:rolesanywhere:*:111122223333:trust-anchor/*"), true),
        ("ArnLike", "aws:SourceArn", json!("arn:aws:rolesanywhere:eu-central-?:*:*"), true),
        ("ArnLike", "aws:SourceArn", json!("arn:aws:rolesanywhere:*"), false),
        ("ArnLike", "aws:SourceArn", json!("*"), false),
        ("ArnLike", absent, json!(ANCHOR), false),
        ("ArnLikeIfExists", absent, json!(ANCHOR), true),
        ("ArnNotEquals", "aws:SourceArn", json!(ANCHOR), false),
        ("ArnNotLike", "aws:SourceArn", json!("arn:aws:rolesanywhere:us-*:*:*"), true),
        ("ArnNotLike", absent, json!(ANCHOR), true),
        ("Bool", "aws:PrincipalIsAWSService", json!(true), true),
        ("Bool", "aws:PrincipalIsAWSService", json!("True"), true),
        ("Bool", "aws:PrincipalIsAWSService", json!(false), false),
        ("BoolIfExists", absent, json!("true"), true),
        ("Null", absent, json!("true"), true),
        ("Null", absent, json!(false), false),
        ("Null", cn, json!("false"), true),
        ("ForAllValues:StringLike", keys, json!(["x509*"]), true),
        ("ForAllValues:StringLike", keys, json!("x509Subject/*"), false),
        ("ForAllValues:StringEquals", absent, json!("x"), true),
        ("ForAllValues:StringNotLike", keys, json!("x509SAN/*"), true),
        ("ForAnyValue:StringEquals", keys, json!("x509Issuer/CN"), true),
        ("ForAnyValue:StringEquals", keys, json!("x509SAN/DNS"), false),
        ("ForAnyValue:StringEquals", absent, json!("x"), false),
        ("ForAnyValue:StringNotEquals", keys, json!("x509Issuer/CN"), true),
    ] {
        let document = with_condition(&json!({ operator: { key: value } }));
        let verdict = assume(&document, &context());
        assert_eq!(verdict.is_ok(), expected, "{operator} {key} {value}: {verdict:?}");
    }
}

#[test]
fn all_conditions_of_a_statement_must_hold() {
    let both = |other: &str| {
        json!({
            "ArnEquals": { "aws:SourceArn": ANCHOR },
            "StringEquals": {
                "aws:PrincipalTag/x509Subject/CN": "build-17",
                "aws:PrincipalTag/x509Issuer/CN": other,
            },
        })
    };
    assert!(assume(&with_condition(&both("TEST issuing")), &context()).is_ok());
    let refusal = assume(&with_condition(&both("Bob")), &context()).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the trust policy does not allow sts:AssumeRole: statement 1 asks for StringEquals \
         aws:PrincipalTag/x509Issuer/CN, and the value is 'TEST issuing'"
    );
    let absent = with_condition(&json!({ "StringEquals": { "aws:PrincipalTag/x509SAN/DNS": "a" } }));
    let refusal = assume(&absent, &context()).unwrap_err().to_string();
    assert!(refusal.ends_with("and the key has no value here"), "{refusal}");
}

#[test]
fn variables_belong_to_the_newer_version_of_policies() {
    let key = "aws:PrincipalTag/team";
    let mut document = with_condition(&json!({ "StringEquals": { key: "${aws:PrincipalTag/team}" } }));
    let mut context = RequestContext::default();
    context.set(key, "${aws:PrincipalTag/team}");
    document["Version"] = json!("2008-10-17");
    assert!(assume(&document, &context).is_ok(), "the text itself");
    document["Version"] = json!("2012-10-17");
    assert!(assume(&document, &context).is_ok(), "the variable's value");
    context.set(key, "other");
    document["Version"] = json!("2008-10-17");
    assert!(assume(&document, &context).is_err());
}

#[test]
fn principals_are_services_accounts_roles_and_sessions() {
    let role: Arn = ROLE.parse().unwrap();
    let session = "arn:aws:sts::111122223333:assumed-role/build+deploy/one";
    let by_session = Caller::RoleSession { role_arn: &role, session_arn: session };
    for (principal, service_may, session_may) in [
        (json!("*"), true, true),
        (json!({ "Service": "rolesanywhere.amazonaws.com" }), true, false),
        (json!({ "Service": ["ec2.amazonaws.com", "rolesanywhere.amazonaws.com"] }), true, false),
        (json!({ "Service": "ec2.amazonaws.com" }), false, false),
        (json!({ "AWS": "*" }), false, true),
        (json!({ "AWS": ROLE }), false, true),
        (json!({ "AWS": session }), false, true),
        (json!({ "AWS": ["444455556666", "111122223333"] }), false, true),
        (json!({ "AWS": "arn:aws:iam::111122223333:root" }), false, true),
        (json!({ "AWS": "arn:aws:iam::111122223333:role/*" }), false, false),
        (json!({ "AWS": "arn:aws:iam::444455556666:root" }), false, false),
        (json!({ "Federated": "accounts.google.com", "CanonicalUser": "79a5" }), false, false),
    ] {
        let policy = parse(&json!({
            "Statement": { "Effect": "Allow", "Principal": principal, "Action": "sts:*" },
        }));
        for (caller, expected) in [(Caller::RolesAnywhere, service_may), (by_session, session_may)] {
            let verdict = policy.decide(TrustAction::TagSession, caller, &RequestContext::default());
            assert_eq!(verdict.is_ok(), expected, "{principal} {caller:?}: {verdict:?}");
        }
    }
}

#[test]
fn a_denial_counts_for_more_than_any_permission() {
    let document = json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Principal": "*", "Action": "*" },
            {
                "Sid": "NotTheLaptops",
                "Effect": "Deny",
                "Principal": "*",
                "NotAction": "sts:TagSession",
                "Condition": { "StringLike": { "aws:PrincipalTag/x509Subject/CN": "laptop-*" } },
            },
        ],
    });
    assert!(assume(&document, &context()).is_ok());
    let mut laptop = context();
    laptop.set("aws:PrincipalTag/x509Subject/CN", "laptop-1");
    let refusal = assume(&document, &laptop).unwrap_err();
    assert_eq!(refusal.to_string(), "the trust policy's statement 2 ('NotTheLaptops') denies sts:AssumeRole");
    let policy = parse(&document);
    assert!(policy.decide(TrustAction::TagSession, Caller::RolesAnywhere, &laptop).is_ok());
}

#[test]
fn documents_that_are_no_trust_policy_are_refused_by_what_is_wrong() {
    let statement = |change: Value| {
        let mut document = with_condition(&json!({}));
        for (key, value) in change.as_object().unwrap() {
            document["Statement"][0][key] = value.clone();
        }
        TrustPolicy::parse(&document.to_string()).unwrap_err()
    };
    assert!(matches!(statement(json!({ "Resource": "*" })), TrustPolicyError::Malformed { .. }));
    assert!(matches!(statement(json!({ "NotPrincipal": "*" })), TrustPolicyError::Malformed { .. }));
    assert!(matches!(statement(json!({ "Effect": "allow" })), TrustPolicyError::Malformed { .. }));
    let fault = |change: Value| {
        let TrustPolicyError::Statement { statement, fault } = statement(change) else {
            panic!("the document is one, and its statement is wrong")
        };
        assert_eq!(statement, "statement 1");
        *fault
    };
    assert_eq!(fault(json!({ "Principal": "me" })), StatementFault::Principal { found: "me".to_owned() });
    assert!(matches!(
        fault(json!({ "Principal": { "Role": "x" } })),
        StatementFault::PrincipalKindUnknown { .. }
    ));
    assert_eq!(fault(json!({ "NotAction": "sts:*" })), StatementFault::Action);
    let operator = "NumericLessThan".to_owned();
    assert_eq!(
        fault(json!({ "Condition": { "NumericLessThan": { "aws:MultiFactorAuthAge": "1" } } })),
        StatementFault::OperatorNotEvaluated { operator }
    );
    let operator = "StringIs".to_owned();
    assert!(matches!(
        fault(json!({ "Condition": { "StringIs": { "aws:SourceArn": "1" } } })),
        StatementFault::OperatorUnknown { operator: found, .. } if found == operator
    ));
    assert_eq!(TrustPolicy::parse(r#"{"Statement":[]}"#).unwrap_err(), TrustPolicyError::Empty);
    let version = r#"{"Version":"2020-01-01","Statement":[]}"#;
    assert_eq!(TrustPolicy::parse(version).unwrap_err(), TrustPolicyError::Version);
    assert_eq!(TrustPolicy::parse(&" ".repeat(70_000)).unwrap_err(), TrustPolicyError::TooLong);
    assert!(matches!(TrustPolicy::parse("").unwrap_err(), TrustPolicyError::Malformed { .. }));
}

#[test]
fn an_unknown_word_is_told_with_its_statement_and_the_nearest_known_one() {
    let tell = |change: Value| {
        let mut document = with_condition(&json!({}));
        let mut second = document["Statement"][0].clone();
        second["Sid"] = json!("Hosts");
        for (key, value) in change.as_object().unwrap() {
            second[key] = value.clone();
        }
        document["Statement"].as_array_mut().unwrap().push(second);
        TrustPolicy::parse(&document.to_string()).unwrap_err().to_string()
    };
    let condition =
        |operator: &str, key: &str, value: Value| json!({ "Condition": { operator: { key: value } } });
    for (change, expected) in [
        (
            json!({ "Action": ["sts:AsumeRole"] }),
            "STS has no action 'sts:AsumeRole'; the nearest is 'sts:AssumeRole'",
        ),
        (json!({ "Action": "sts:Tag" }), "STS has no action 'sts:Tag'"),
        (
            json!({ "Action": ["sts:AssumeRole", "s3:GetObject"] }),
            "'s3:GetObject' is no action of STS, and a trust policy has no others; what the role may do is said in \
             its permissions policies",
        ),
        (
            json!({ "Principal": { "Service": "rolesanywere.amazonaws.com" } }),
            "no service principal 'rolesanywere.amazonaws.com' is known; the nearest is 'rolesanywhere.amazonaws.com'",
        ),
        (
            json!({ "Principal": { "Service": ["ec2.amazonaws.com", "*"] } }),
            "no service principal '*' is known; leave it out, here only 'rolesanywhere.amazonaws.com' assumes roles",
        ),
        (
            json!({ "Principal": { "Services": "x" } }),
            "there is no kind of principal 'Services'; the nearest is 'Service'",
        ),
        (
            condition("StringEqual", "aws:SourceArn", json!("x")),
            "there is no condition operator 'StringEqual'; the nearest is 'StringEquals'",
        ),
        (
            condition("NumericLessThen", "aws:MultiFactorAuthAge", json!(1)),
            "there is no condition operator 'NumericLessThen'; the nearest is 'NumericLessThan'",
        ),
        (
            condition("DateLessThan", "aws:CurrentTime", json!("x")),
            "the simulator does not evaluate the condition operator 'DateLessThan'",
        ),
        (
            condition("ArnEquals", "aws:SourceAnr", json!("x")),
            "there is no condition key 'aws:SourceAnr'; the nearest is 'aws:SourceArn'",
        ),
        (
            condition("StringEquals", "aws:PrincipleTag/x509Subject/CN", json!("x")),
            "there is no condition key 'aws:PrincipleTag/x509Subject/CN'; the nearest is \
             'aws:PrincipalTag/x509Subject/CN'",
        ),
        (
            condition("StringLike", "sts:SourceIdentity", json!("CN=${aws:PrincipalTg/x}")),
            "there is no condition key 'aws:PrincipalTg/x'; the nearest is 'aws:PrincipalTag/x'",
        ),
        (
            condition("IpAddress", "aws:SourceIp", json!(["10.0.0.0/8", "10.0.0.0/33"])),
            "IpAddress aws:SourceIp cannot be compared with '10.0.0.0/33': the number behind the slash is not one of \
             0 to 32",
        ),
        (
            condition("NotIpAddress", "aws:SourceIp", json!("10.0.0")),
            "NotIpAddress aws:SourceIp cannot be compared with '10.0.0': it is neither an IPv4 nor an IPv6 address, \
             nor a range such as 203.0.113.0/24 or 2001:db8::/32",
        ),
    ] {
        assert_eq!(tell(change), format!("in the trust policy, statement 2 ('Hosts'): {expected}"));
    }
}

#[test]
fn real_words_that_nobody_asks_for_are_no_errors() {
    for change in [
        json!({ "Action": ["sts:AssumeRoleWithSAML", "sts:GetCallerIdentity", "sts:Assume*", "STS:TAGSESSION"] }),
        json!({ "Principal": { "Service": ["lambda.amazonaws.com", "states.eu-central-1.amazonaws.com"] } }),
        json!({ "Condition": { "StringEquals": { "aws:SourceVpc": "vpc-1" } } }),
        json!({ "Condition": { "StringEquals": { "token.actions.githubusercontent.com:aud": "sts.amazonaws.com" } } }),
    ] {
        let mut document = with_condition(&json!({}));
        for (key, value) in change.as_object().unwrap() {
            document["Statement"][0][key] = value.clone();
        }
        assert!(TrustPolicy::parse(&document.to_string()).is_ok(), "{document}");
    }
}

#[test]
fn a_wrong_kind_of_value_is_told_in_words() {
    for (text, expected) in [
        ("[]", "an object with Version and Statement"),
        (r#"{"Statement": 1}"#, "invalid type: integer `1`, expected a statement: an object with"),
        (
            r#"{"Statement": [1]}"#,
            "statement 1: invalid type: integer `1`, expected a statement: an object with",
        ),
        (
            r#"{"Statement": [{"Effect": "Allow", "Principal": 7, "Action": "*"}]}"#,
            "statement 1: invalid type: integer `7`, expected \"*\" or an object of AWS, Service, Federated and",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Principal": {"AWS": true}, "Action": "*"}}"#,
            "invalid type: boolean `true`, expected a text or a list of texts",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": {}}}"#,
            "invalid type: map, expected a text or a list of texts",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": ["*", null]}}"#,
            "invalid type: null, expected a text or a list of texts",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Condition": {"Bool": {"x": null}}}}"#,
            "invalid type: null, expected a text, a number, true, false, or a list of them",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Acton": "*"}}"#,
            "unknown field `Acton`, expected one of",
        ),
        (
            r#"{"Statement": [{"Effect": "allow", "Principal": "*", "Action": "*"}]}"#,
            "statement 1: unknown variant `allow`, expected `Allow` or `Deny` at line 1 column",
        ),
    ] {
        let told = TrustPolicy::parse(text).unwrap_err().to_string();
        assert!(told.contains(expected), "{text}\n{told}");
        assert!(told.contains(" at line 1 column "), "{told}");
        assert_eq!(told.matches(" at line ").count(), 1, "{told}");
    }
}

#[test]
fn the_address_of_the_client_is_a_condition() {
    let range =
        |operator: &str, range: Value| with_condition(&json!({ operator: { "aws:SourceIp": range } }));
    for (document, status) in [
        (range("IpAddress", json!("127.0.0.0/8")), 201),
        (range("IpAddress", json!("127.0.0.1")), 201),
        (range("IpAddress", json!(["2001:db8::/32", "127.0.0.1/32"])), 201),
        (range("IpAddress", json!("10.0.0.0/8")), 403),
        (range("IpAddress", json!("::/0")), 403),
        (range("NotIpAddress", json!("10.0.0.0/8")), 201),
        (range("NotIpAddress", json!(["10.0.0.0/8", "127.0.0.1"])), 403),
        (range("StringEquals", json!("127.0.0.1")), 201),
    ] {
        let world = world(&document);
        assert_eq!(world.session().status, status, "{document}");
        if status == 403 {
            assert_eq!(world.last_rule(), "trust-policy/assume-role");
            let entry = world.last_entry().render();
            assert!(entry.contains("aws:SourceIp, and the value is '127.0.0.1'"), "{entry}");
        }
    }
    let mut by_ipv6 = range("IpAddress", json!("::1/128"));
    for status in [201, 403] {
        let world = World::start(|settings| {
            settings.http = "[::1]:0".parse().unwrap();
            settings.roles[0].trust_policy = parse(&by_ipv6);
        });
        assert_eq!(world.session().status, status);
        by_ipv6 = range("NotIpAddress", json!("::1"));
    }
    // Without an address only the negation holds.
    let empty = RequestContext::default();
    assert!(assume(&range("IpAddress", json!("0.0.0.0/0")), &empty).is_err());
    assert!(assume(&range("NotIpAddress", json!("0.0.0.0/0")), &empty).is_ok());
    assert!(assume(&range("IpAddressIfExists", json!("10.0.0.0/8")), &empty).is_ok());
}

/// Starts a simulator whose role has this trust policy.
fn world(document: &Value) -> World {
    World::start(|settings| settings.roles[0].trust_policy = parse(document))
}

#[test]
fn the_client_is_told_one_thing_and_the_journal_which_rule() {
    let unable = format!("Unable to assume role for {ROLE}");
    let mut cases = vec![
        (with_condition(&json!({ "StringEquals": { "aws:SourceAccount": "444455556666" } })), "assume-role"),
        (
            with_condition(&json!({ "ArnEquals": { "aws:SourceArn": ANCHOR.replace("0001", "0009") } })),
            "assume-role",
        ),
    ];
    for (missing, rule) in ACTIONS.into_iter().zip(["assume-role", "tag-session", "set-source-identity"]) {
        let mut document = with_condition(&json!({}));
        let others: Vec<&str> = ACTIONS.into_iter().filter(|action| *action != missing).collect();
        document["Statement"][0]["Action"] = json!(others);
        cases.push((document, rule));
    }
    for (document, rule) in cases {
        let world = world(&document);
        let answer = world.session();
        assert_eq!(answer.status, 403);
        assert_eq!(answer.error(), ("AccessDeniedException".to_owned(), unable.clone()), "{document}");
        assert_eq!(world.last_rule(), format!("trust-policy/{rule}"), "{document}");
    }
}

#[test]
fn the_guides_policies_let_the_right_certificate_in() {
    let world = world(&json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": { "Service": "rolesanywhere.amazonaws.com" },
                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                "Condition": {
                    "StringEquals": {
                        "aws:SourceAccount": "111122223333",
                        "aws:PrincipalTag/x509Subject/CN": "build-17",
                        "sts:SourceIdentity": ["CN=build-17"],
                        "sts:RoleSessionName": "0abc",
                    },
                    "ArnEquals": { "aws:SourceArn": [ANCHOR] },
                },
            },
            {
                "Effect": "Allow",
                "Principal": { "Service": "rolesanywhere.amazonaws.com" },
                "Action": ["sts:TagSession"],
                "Condition": {
                    "StringEquals": { "aws:RequestTag/x509Issuer/CN": "TEST issuing" },
                    "ForAllValues:StringLike": { "aws:TagKeys": "x509*" },
                },
            },
        ],
    }));
    assert_eq!(world.session().status, 201);
}

/// Any JSON, with the words of policies among its texts and keys.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("Statement"),
        Just("Effect"),
        Just("Allow"),
        Just("Deny"),
        Just("Principal"),
        Just("Service"),
        Just("AWS"),
        Just("*"),
        Just("Action"),
        Just("NotAction"),
        Just("Condition"),
        Just("StringLike"),
        Just("ArnLikeIfExists"),
        Just("ForAllValues:StringLike"),
        Just("Null"),
        Just("2012-10-17"),
        Just("Version"),
        Just("sts:AssumeRole"),
        Just("${a"),
        Just("${a}*"),
        Just("é:?:*"),
    ]
    .prop_map(str::to_owned);
    let leaf = prop_oneof![
        word.clone().prop_map(Value::String),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::String),
        Just(Value::Null),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map(word.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_document_makes_the_parser_panic(json in any_json(), text in any::<String>()) {
        let _verdict = TrustPolicy::parse(&json.to_string());
        let _verdict = TrustPolicy::parse(&text);
    }

    #[test]
    fn no_condition_makes_the_evaluation_panic(
        condition in any_json(), value in any::<String>(), pattern in "[a*?:$\\{\\}é]{0,40}"
    ) {
        let mut context = context();
        context.set("aws:PrincipalTag/a", value.as_str());
        context.set("aws:SourceArn", value);
        let document = with_condition(&condition);
        if let Ok(policy) = TrustPolicy::parse(&document.to_string()) {
            let _verdict = policy.decide(TrustAction::TagSession, Caller::RolesAnywhere, &context);
        }
        let keys = json!({ "aws:PrincipalTag/a": pattern, "aws:SourceArn": pattern });
        for operator in ["StringLike", "ArnNotLikeIfExists", "ForAllValues:StringEqualsIgnoreCase", "Null"] {
            let document = with_condition(&json!({ operator: keys }));
            // A variable of an unknown key is refused.
            if let Ok(policy) = TrustPolicy::parse(&document.to_string()) {
                let _verdict = policy.decide(TrustAction::AssumeRole, Caller::RolesAnywhere, &context);
            }
        }
    }
}
