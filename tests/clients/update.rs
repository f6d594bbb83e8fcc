//! Every client reads the session that `update` has put into a credentials file which others keep too.

use std::fs;
use std::process::Command;

use super::client::Client;
use super::identity::is_the_assumed_role_by;
use super::world::{ROLE_ARN, World};

/// What stood there before: each client would go wrong by some of it, if it stayed.
const BEFORE: &str = "# by hand\r\n[other]\r\naws_access_key_id = AKIAOTHER\r\n\r\n[ default ] # mine\nAWS_ACCESS_KEY_ID = AKIAOLD\n\
                      aws_secret_access_key: old\naws_security_token = older\n  and its second line\naws_account_id = 444455556666\n\n[last]\nregion = x";

/// The client with a home that has the file, and nothing in its config file but the region.
fn from_the_file(world: &World, client: Command) -> Command {
    world.name_sessions(&[("terraform", ROLE_ARN)]);
    world.write("config", "[default]\nregion = us-east-1\n");
    fs::create_dir(world.home().join(".aws")).expect("the folder is ours");
    world.write(".aws/credentials", BEFORE);
    let mut update = Command::new(env!("CARGO_BIN_EXE_anyrole"));
    update.args(["update", "terraform", "--profile", "default", "--once"]).env_clear();
    update.env("ANYROLE_CONFIG", world.anyrole_config());
    let output = world.run(update);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    client
}

fn is_the_assumed_role(client: Client) {
    is_the_assumed_role_by(client, from_the_file);
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
