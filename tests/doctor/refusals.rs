//! What AWS refuses, and what this host can say about it.

use std::time::Duration;

use pki_test::simulator::{Profile, SimulatorSettings};

use super::host::{Cure, Fault, Host, each_fault};
use crate::support::stage::PROFILE;

/// A fault at AWS.
const fn at_aws(
    name: &'static str,
    settings: fn(&mut SimulatorSettings),
    text: &'static str,
    hint: &'static str,
) -> Fault {
    Fault {
        name,
        settings: Some(settings),
        plant: |_| {},
        cause: ("create-session", text, hint),
        cure: Cure::AtAws,
    }
}

fn deny(settings: &mut SimulatorSettings, fault: &str) {
    settings.faults.push(fault.parse().unwrap());
}

const FAULTS: &[Fault] = &[
    at_aws(
        "a profile that is disabled",
        |settings| settings.profiles[0].enabled = false,
        "the profile is disabled, lists no role, or does not exist in region eu-central-1",
        "aws rolesanywhere enable-profile",
    ),
    at_aws(
        "a profile without the role",
        |settings| {
            settings.profiles =
                vec![Profile::new(PROFILE, &["arn:aws:iam::111122223333:role/other"]).unwrap()];
        },
        "the profile does not list arn:aws:iam::111122223333:role/build",
        "aws rolesanywhere update-profile",
    ),
    at_aws(
        "a trust anchor that is not there",
        |settings| deny(settings, "deny=trust-anchor-not-found"),
        "the trust anchor is disabled, or does not exist",
        "aws rolesanywhere enable-trust-anchor",
    ),
    at_aws(
        "a certificate that is revoked",
        |settings| deny(settings, "deny=certificate-revoked"),
        "is in a CRL that AWS asks",
        "issue a new certificate with a new key",
    ),
    at_aws(
        "a trust policy that does not let it in",
        |settings| deny(settings, "deny=unable-to-assume-role"),
        "the role's trust policy lacks one of sts:AssumeRole, sts:TagSession, sts:SetSourceIdentity",
        "allow rolesanywhere.amazonaws.com",
    ),
    Fault {
        name: "a session longer than the role allows",
        settings: Some(|settings| settings.profiles[0].duration = Duration::from_secs(43_200)),
        plant: |host| {
            host.session.insert("session_duration", String::from("\"2h\""));
        },
        cause: ("create-session", "is longer than the role's MaxSessionDuration", "--session-duration 3600"),
        cure: Cure::Here(|host| {
            host.session.insert("session_duration", String::from("3600"));
        }),
    },
    Fault {
        name: "a session name that the profile does not take",
        settings: None,
        plant: |host| host.say("role_session_name", "build-17"),
        cause: (
            "create-session",
            "the profile does not accept a role session name",
            "leave out --role-session-name",
        ),
        cure: Cure::Here(|host| {
            host.session.remove("role_session_name");
        }),
    },
    at_aws(
        "a service in trouble",
        |settings| deny(settings, "status=503"),
        "the service is in trouble, not this host",
        "try again later",
    ),
    at_aws(
        "too many calls",
        |settings| deny(settings, "throttle=1"),
        "more than 10 sessions a second",
        "keep the cache on",
    ),
    at_aws(
        "a page of a proxy",
        |settings| deny(settings, "html=403"),
        "something other than AWS answered (HTTP 403)",
        "NO_PROXY",
    ),
];

#[test]
fn faults_at_aws_with_one_request_each() {
    each_fault(FAULTS);
    for fault in ["status=503", "throttle=1", "deny=invalid-signature", "reset"] {
        let host = Host::with(|settings| settings.faults.push(fault.parse().unwrap()));
        host.doctor();
        assert_eq!(host.stage.simulator().sessions_requested(), 1, "{fault}");
    }
}

#[test]
fn a_refusal_that_keeps_the_others_waiting_is_told() {
    let mut host =
        Host::with(|settings| settings.faults.push("deny=unable-to-assume-rolex1".parse().unwrap()));
    host.say("endpoint", &host.stage.http_endpoint());
    assert_eq!(host.doctor().status, 1, "the one fault is played");
    host.stage.play(&["deny=unable-to-assume-role"]);
    let mut call = host.stage.anyrole(&["credential-process", "build"]);
    assert!(!call.envs(&host.env).stderr(std::process::Stdio::null()).status().unwrap().success());
    host.stage.play(&[]);
    let answer = host.doctor();
    assert_eq!(
        (answer.status, answer.check("back-off")["verdict"].as_str()),
        (0, Some("doubtful")),
        "{}",
        answer.text()
    );
    assert!(answer.check("back-off")["hint"].as_str().unwrap().contains("anyrole cache clear build"));
}
