//! Every client gets its session from a server: as on an instance, and as in a container.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::client::Client;
use super::identity::is_the_assumed_role_by;
use super::world::{ROLE_ARN, World};

/// How a client is led to the server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Instance,
    Container,
    /// At the address that every SDK knows, in a network of this test's own.
    #[cfg(target_os = "linux")]
    InstanceAddress,
}

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_the_assumed_role(client: Client, way: Way) {
    let mut server = None;
    is_the_assumed_role_by(client, |world, command| {
        let (started, variables) = serve(world, way);
        server = Some(started);
        world.write("config", "[default]\nregion = us-east-1\n");
        led(client, command, way, &variables)
    });
}

fn serve(world: &World, way: Way) -> (Server, Vec<String>) {
    world.name_sessions(&[("terraform", ROLE_ARN)]);
    let mut serve = Command::new(env!("CARGO_BIN_EXE_anyrole"));
    serve.args(["serve", "terraform"]).stdout(Stdio::piped()).stderr(Stdio::null());
    match way {
        Way::Instance | Way::Container => serve.args(["--port", "0"]),
        #[cfg(target_os = "linux")]
        Way::InstanceAddress => serve.args(["--bind", "169.254.169.254", "--port", "80"]),
    };
    let mut serve = world.settle(serve, "file");
    serve.env("ANYROLE_CONFIG", world.anyrole_config());
    let mut child = serve.spawn().expect("our program starts");
    let lines = BufReader::new(child.stdout.as_mut().expect("it is ours")).lines();
    let variables = lines.take(3).map(|line| line.expect("it is text")).collect();
    (Server(child), variables)
}

/// The client with what leads it there, and nothing else.
fn led(client: Client, command: Command, way: Way, variables: &[String]) -> Command {
    let mut env = Command::new("/usr/bin/env");
    for variable in variables {
        if variable.starts_with("AWS_CONTAINER_") == (way == Way::Container) {
            env.arg(variable);
        }
    }
    match way {
        Way::Container if client == Client::AwsCli2 => {
            // Debian's is so old that it knows the token itself, and no file of it.
            let file = variables
                .iter()
                .find_map(|variable| variable.strip_prefix("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="));
            let token = std::fs::read_to_string(file.expect("it is among them")).expect("it is there");
            env.arg(format!("AWS_CONTAINER_AUTHORIZATION_TOKEN={token}"));
        }
        Way::Container => {}
        Way::Instance => {
            env.arg("AWS_EC2_METADATA_DISABLED=false");
        }
        #[cfg(target_os = "linux")]
        Way::InstanceAddress => {
            // Each of them knows the address by itself.
            env = Command::new("/usr/bin/env");
            env.arg("AWS_EC2_METADATA_DISABLED=false");
        }
    }
    env.arg(command.get_program()).args(command.get_args()).env_clear();
    env.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    env
}

macro_rules! every_client {
    ($($name:ident: $client:ident),+ $(,)?) => {
        mod instance {
            use super::*;
            $(#[test] fn $name() { is_the_assumed_role(Client::$client, Way::Instance); })+
        }
        mod container {
            use super::*;
            $(#[test] fn $name() { is_the_assumed_role(Client::$client, Way::Container); })+
        }
        #[cfg(target_os = "linux")]
        mod instance_address {
            use super::*;
            $(#[test] fn $name() {
                if in_a_network_of_its_own() {
                    is_the_assumed_role(Client::$client, Way::InstanceAddress);
                }
            })+
        }
    };
}

every_client! {
    aws_cli_1: AwsCli1,
    aws_cli_2: AwsCli2,
    boto3: Boto3,
    javascript: JavaScript,
    rust: Rust,
}

/// Moves this thread, and all that it starts, into a network that has the address of the metadata service on its loopback interface.
#[cfg(target_os = "linux")]
fn in_a_network_of_its_own() -> bool {
    if nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).is_err() {
        eprintln!("skipped: a network namespace is made by root only");
        return false;
    }
    let ip =
        |arguments: &[&str]| Command::new("ip").args(arguments).status().is_ok_and(|status| status.success());
    let made = ip(&["link", "set", "lo", "up"]) && ip(&["address", "add", "169.254.169.254/32", "dev", "lo"]);
    if !made {
        eprintln!("skipped: there is no program ip (iproute2)");
    }
    made
}
