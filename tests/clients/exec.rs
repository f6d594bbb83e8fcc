//! Every client gets its session from the endpoint of `exec`, as from a container's.

use std::process::Command;

use super::client::Client;
use super::identity::is_the_assumed_role_by;
use super::world::{ROLE_ARN, World};

/// The client under `exec`, with nothing in its config file but the region.
pub(super) fn under_exec(world: &World, client: Command) -> Command {
    world.name_sessions(&[("terraform", ROLE_ARN)]);
    world.write("config", "[default]\nregion = us-east-1\n");
    let mut exec = Command::new(env!("CARGO_BIN_EXE_anyrole"));
    exec.args(["exec", "terraform", "--"]).arg(client.get_program()).args(client.get_args()).env_clear();
    exec.envs(client.get_envs().filter_map(|(name, value)| Some((name, value?))));
    exec.env("ANYROLE_CONFIG", world.anyrole_config());
    // The token must not go to a proxy, and nothing of this world may.
    exec.env("HTTP_PROXY", "http://127.0.0.1:9").env("http_proxy", "http://127.0.0.1:9");
    // A shadow that is taken away.
    exec.env("AWS_PROFILE", "no-such-profile");
    exec
}

fn is_the_assumed_role(client: Client) {
    is_the_assumed_role_by(client, under_exec);
}

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
fn rust() {
    is_the_assumed_role(Client::Rust);
}
