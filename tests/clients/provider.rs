//! A program with the AWS SDK for Rust and nothing of ours beside it: its credentials come from this crate, built without the program.

use std::process::{Command, Stdio};

use pki_test::simulator::{Operation, Verdict};

use super::client::clean;
use super::world::{ROLE_ARN, World};
use crate::support::components;
use crate::support::wait::wait_until;

/// Returns the program, or `None` after saying that it is missing.
fn program(world: &World) -> Option<Command> {
    let path = components::folder().join("rust/debug/provider");
    if !path.exists() {
        components::missing("the program with anyrole as a library");
        return None;
    }
    world.name_sessions(&[("client", ROLE_ARN)]);
    let mut command = clean(path);
    command.env("ANYROLE_CONFIG", world.anyrole_config());
    command.env("AWS_ENDPOINT_URL_STS", world.simulator.http_endpoint()).env("AWS_REGION", "us-east-1");
    Some(command)
}

#[test]
fn the_sdk_has_its_credentials_from_the_crate() {
    let world = World::start(|_| {});
    let Some(command) = program(&world) else { return };
    let output = world.run(command);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((stdout.trim_end(), &*stderr), (world.assumed_role_arn().as_str(), ""));
    let journal = world.simulator.journal();
    let operations: Vec<Operation> = journal.iter().map(|entry| entry.operation).collect();
    assert_eq!(operations, [Operation::CreateSession, Operation::SecurityTokenService]);
}

/// The SDK's own cache asks again before the expiry that it was told, and no call of the program meets an old session.
#[test]
fn the_sdk_renews_before_the_end() {
    let world = World::start(|settings| {
        settings.faults = vec!["session-length=6s".parse().expect("it is a fault")];
    });
    let Some(command) = program(&world) else { return };
    let mut command = world.settle(command, "file");
    command.arg("until-eof").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    wait_until(|| world.simulator.sessions_created() >= 2 || child.try_wait().unwrap().is_some());
    // Its standard input ends.
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(world.simulator.sessions_created() >= 2);
    assert!(world.simulator.journal().iter().all(|entry| entry.verdict == Verdict::Accepted));
}

#[test]
fn the_sdk_tells_our_explanation() {
    let world = World::start(|settings| {
        settings.faults = vec!["deny=untrusted-certificate".parse().expect("it is a fault")];
    });
    let Some(command) = program(&world) else { return };
    let output = world.run(command);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    for part in ["AWS refused to create the session", "Untrusted signing certificate", "hint: "] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
}
