//! Every client gets a session through us, and STS knows it as the assumed role.

use std::process::Command;

use pki_test::simulator::{Operation, Verdict};

use super::client::Client;
use super::world::World;

#[test]
fn aws_cli_1() {
    is_the_assumed_role(Client::AwsCli1);
}

#[test]
fn aws_cli_2() {
    is_the_assumed_role(Client::AwsCli2);
}

#[test]
fn boto3() {
    is_the_assumed_role(Client::Boto3);
}

#[test]
fn javascript() {
    is_the_assumed_role(Client::JavaScript);
}

#[test]
fn javascript_from_the_process_only() {
    is_the_assumed_role(Client::JavaScriptProcess);
}

#[test]
fn rust() {
    is_the_assumed_role(Client::Rust);
}

fn is_the_assumed_role(client: Client) {
    is_the_assumed_role_by(client, |_, command| command);
}

/// One run of the client, as `started` starts it, is one CreateSession and one GetCallerIdentity, and nobody writes to stderr.
pub(super) fn is_the_assumed_role_by(client: Client, started: impl FnOnce(&World, Command) -> Command) {
    let world = World::start(|_| {});
    let Some(command) = client.command(&world) else { return };
    let output = world.run(started(&world, command));
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{client}: {stderr}");
    assert_eq!(stdout.trim_end(), world.assumed_role_arn(), "{client}");
    assert_eq!(stderr, "", "{client}");
    let journal = world.simulator.journal();
    let operations: Vec<Operation> = journal.iter().map(|entry| entry.operation).collect();
    assert_eq!(operations, [Operation::CreateSession, Operation::SecurityTokenService], "{client}");
    assert!(journal.iter().all(|entry| entry.verdict == Verdict::Accepted), "{client}: {journal:?}");
    let sender = journal[0].user_agent.as_deref().unwrap_or_default();
    assert!(sender.starts_with("anyrole/"), "{client}: {sender}");
}
