//! The line that `configure` writes, with a blank in the program's path, as each client starts it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::client::Client;
use super::world::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN, World};
use crate::support::programs;

/// A world whose program is in a folder with this name, and whose AWS config file is what `configure` makes of it.
fn configured(folder: &str) -> World {
    let world = World::start(|_| {});
    let program = world.home().join(folder).join("anyrole");
    fs::create_dir(program.parent().expect("it has a folder")).expect("the home is ours");
    programs::copy(env!("CARGO_BIN_EXE_anyrole"), &program);
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).expect("the file is ours");
    world.write("config", "# kept\n[profile other]\nregion = eu-west-1\n");
    let mut configure = Command::new(&program);
    configure.env_clear().args(["configure", "build", "--yes", "--profile", "default"]);
    configure.args([
        "--trust-anchor-arn",
        TRUST_ANCHOR_ARN,
        "--profile-arn",
        PROFILE_ARN,
        "--role-arn",
        ROLE_ARN,
    ]);
    configure.args(["--certificate", "host.pem", "--private-key", "host.key"]);
    configure.args(["--endpoint", &world.simulator.http_endpoint()]);
    let output = world.run(configure);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut check = Command::new(&program);
    check.env_clear().args(["configure", "--check"]);
    let output = world.run(check);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    world
}

fn asks(client: Client) {
    for folder in ["my programs", "it's $HOME \"here\""] {
        let world = configured(folder);
        let Some(command) = client.command(&world) else { return };
        let output = world.run(command);
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{client} in {folder}: {stderr}");
        assert_eq!(stdout.trim(), world.assumed_role_arn(), "{client} in {folder}");
    }
}

/// A line of AWS's helper, of which `configure` makes a session: boto3 gets the same identity.
#[test]
fn a_line_of_the_official_helper_is_taken_over() {
    let world = World::start(|_| {});
    let line = format!(
        "aws_signing_helper credential-process --certificate host.pem --private-key \"host.key\" --intermediates issuing.pem \
         --trust-anchor-arn={TRUST_ANCHOR_ARN} --profile-arn {PROFILE_ARN} --role-arn {ROLE_ARN} --session-duration 0x384 \
         --region us-east-1 --with-proxy --no-verify-ssl=false --endpoint {}",
        world.simulator.http_endpoint()
    );
    world.write("config", &format!("[default]\ncredential_process = {line}\nregion = us-east-1\n"));
    let mut configure = Command::new(env!("CARGO_BIN_EXE_anyrole"));
    configure.env_clear().args(["configure", "host", "--from-official", "default", "--yes"]);
    let output = world.run(configure);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let config = fs::read_to_string(world.home().join("config")).expect("it is there");
    assert!(config.ends_with(" credential-process host\nregion = us-east-1\n"), "{config}");
    let Some(command) = Client::Boto3.command(&world) else { return };
    let output = world.run(command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), world.assumed_role_arn());
}

#[test]
fn the_aws_cli_1_runs_it() {
    asks(Client::AwsCli1);
}

#[test]
fn the_aws_cli_2_runs_it() {
    asks(Client::AwsCli2);
}

#[test]
fn boto3_runs_it() {
    asks(Client::Boto3);
}

#[test]
fn javascript_runs_it() {
    asks(Client::JavaScript);
    asks(Client::JavaScriptProcess);
}

#[test]
fn rust_runs_it() {
    asks(Client::Rust);
}
