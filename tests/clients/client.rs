//! The clients: where each one is, and how it asks STS who it is.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::world::World;
use crate::support::components;

/// A client that asks STS for GetCallerIdentity and prints the ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    AwsCli1,
    AwsCli2,
    Boto3,
    JavaScript,
    /// The same with nothing but the profile's `credential_process`, instead of the default chain.
    JavaScriptProcess,
    Rust,
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AwsCli1 => "the AWS CLI 1",
            Self::AwsCli2 => "the AWS CLI 2",
            Self::Boto3 => "boto3",
            Self::JavaScript => "the AWS SDK for JavaScript",
            Self::JavaScriptProcess => "the AWS SDK for JavaScript (fromProcess)",
            Self::Rust => "the AWS SDK for Rust",
        })
    }
}

impl Client {
    /// Returns the client as a command, or `None` after saying that it is missing.
    pub(crate) fn command(self, world: &World) -> Option<Command> {
        let endpoint = world.simulator.http_endpoint();
        let cli = |mut command: Command| {
            // Older ones know no variable for the endpoint.
            let arguments = ["sts", "get-caller-identity", "--query=Arn", "--output=text", "--endpoint-url"];
            command.args(arguments).arg(&endpoint);
            command
        };
        let command = match self {
            // Both are called `aws`, so each is named by its own path.
            Self::AwsCli1 => python("import awscli").map(|mut python| {
                python.arg(components::folder().join("python/bin/aws"));
                cli(python)
            }),
            Self::AwsCli2 => aws_cli_2().map(clean).map(cli),
            Self::Boto3 => python("import boto3").map(|mut python| {
                python.arg(consumers().join("boto3/caller_identity.py"));
                python
            }),
            Self::JavaScript => javascript(),
            Self::JavaScriptProcess => javascript().map(|mut node| {
                node.arg("process");
                node
            }),
            Self::Rust => Some(components::folder().join("rust/debug/caller-identity"))
                .filter(|path| path.exists())
                .map(clean),
        };
        let Some(mut command) = command else {
            components::missing(&self.to_string());
            return None;
        };
        command.env("AWS_ENDPOINT_URL_STS", endpoint);
        Some(command)
    }
}

/// Returns the Python of `tests/components`, called by its own path so that it finds its packages, if `statement`
/// works in it.
pub(crate) fn python(statement: &str) -> Option<Command> {
    let path = components::folder().join("python/bin/python");
    let works = Command::new(&path).args(["-c", statement]).stderr(Stdio::null()).status();
    works.is_ok_and(|status| status.success()).then(|| {
        let mut python = clean(path);
        // No compiled files beside the sources.
        python.arg("-B");
        python
    })
}

/// Returns the program `terraform`, if there is a CLI configuration that tells where its providers are: without one it
/// would load them from its makers' host. `TF_CLI_CONFIG_FILE` names it, or `tests/components` has written one.
pub(crate) fn terraform() -> Option<Command> {
    let named = env::var_os("TF_CLI_CONFIG_FILE").map(PathBuf::from);
    let written = components::folder().join("terraform/cli.tfrc");
    let configuration = named.into_iter().chain([written]).find(|path| path.is_file())?;
    let path = program("terraform")?;
    let mut version = clean(&path);
    let version = version.arg("version").env("CHECKPOINT_DISABLE", "1").output();
    version.is_ok_and(|output| output.stdout.starts_with(b"Terraform v")).then(|| {
        let mut terraform = clean(path);
        // Terraform asks its makers for news otherwise.
        terraform.env("TF_CLI_CONFIG_FILE", configuration).env("CHECKPOINT_DISABLE", "1");
        terraform
    })
}

/// Returns node with the program that calls the SDK.
fn javascript() -> Option<Command> {
    let modules = components::folder().join("javascript/node_modules");
    let mut node = program("node").filter(|_| modules.join("@aws-sdk/client-sts").exists()).map(clean)?;
    // The warning is about node's own age, which is not ours to judge.
    node.env("NODE_PATH", modules).env("NODE_NO_WARNINGS", "1");
    node.arg(consumers().join("javascript/caller_identity.cjs"));
    Some(node)
}

/// Returns the folder of the programs that call the SDKs.
pub(crate) fn consumers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/consumers")
}

/// Returns the first AWS CLI of version 2 among those that are usually there.
fn aws_cli_2() -> Option<PathBuf> {
    let usual = ["/usr/bin/aws", "/usr/local/bin/aws"].map(PathBuf::from);
    usual.into_iter().chain(program("aws")).find(|path| {
        let version = Command::new(path).arg("--version").output();
        version.is_ok_and(|output| output.stdout.starts_with(b"aws-cli/2."))
    })
}

/// Returns the path of a program in `PATH`.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.exists())
}

/// A command without any of our environment.
pub(crate) fn clean(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command
}
