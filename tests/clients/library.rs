//! AWS's own Python library for Roles Anywhere, with certificates of our default PKI: a second client of the service that the
//! simulator must satisfy, and that what `pki init` makes must serve.

use std::process::Command;

use serde_json::json;

use super::client::{consumers, python};
use super::world::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN, World};
use crate::support::components::missing;

/// Returns the library's call, or `None` after saying that it is missing.
fn call(world: &World) -> Option<Command> {
    let Some(mut python) = python("import iam_rolesanywhere_session") else {
        missing("iam-rolesanywhere-session");
        return None;
    };
    let https = world.simulator.https_endpoint().expect("HTTPS is on");
    let authority = world.write("server-ca.pem", world.simulator.tls_ca_pem().expect("HTTPS is on"));
    let arguments = json!({
        "profile_arn": PROFILE_ARN,
        "role_arn": ROLE_ARN,
        "trust_anchor_arn": TRUST_ANCHOR_ARN,
        "certificate": world.home().join("host.pem"),
        "private_key": world.home().join("host.key"),
        "certificate_chain": world.home().join("issuing.pem"),
        "region": "us-east-1",
        "endpoint": https.trim_start_matches("https://"),
        "verify": authority,
        "sts_endpoint": https,
    });
    python.arg(consumers().join("rolesanywhere_session/session.py")).arg(arguments.to_string());
    Some(python)
}

#[test]
fn it_gets_a_session_and_renews_it() {
    let world = World::start(|settings| settings.https = Some(settings.http));
    let Some(call) = call(&world) else { return };
    let output = world.run(call);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    let expected = world.assumed_role_arn();
    assert_eq!(stdout.lines().collect::<Vec<_>>(), [expected.as_str(), expected.as_str()]);
    assert!(world.simulator.sessions_requested() >= 2, "it renews what has 15 minutes left");
}

#[test]
fn it_is_refused_as_aws_would() {
    let world = World::start(|settings| {
        settings.https = Some(settings.http);
        settings.faults = vec!["deny=untrusted-certificate".parse().expect("it is a fault")];
    });
    let Some(call) = call(&world) else { return };
    let output = world.run(call);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains("Untrusted signing certificate"), "{stderr}");
}
