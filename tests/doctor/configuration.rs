//! Faults of our own configuration, and of AWS's files and variables.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use super::host::{Fault, each_fault, fault};
use crate::support::components::missing;
use crate::support::stage::{PROFILE, ROLE, TRUST_ANCHOR};

const FAULTS: &[Fault] = &[
    fault(
        "a config file that others can change",
        |host| {
            host.write(".config/anyrole/config.toml", "", 0o666);
        },
        ("configuration", "can be changed by other users (mode 0666)", "writable by their owner alone"),
        |host| {
            let path = host.path(".config/anyrole/config.toml");
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        },
    ),
    fault(
        "a key that does not exist",
        |host| {
            host.session.insert("rolearn", format!("\"{ROLE}\""));
        },
        ("configuration", "rolearn", "role_arn"),
        |host| {
            host.session.remove("rolearn");
        },
    ),
    fault(
        "a session of another name",
        |host| host.title = "biuld",
        ("session", "no config file defines the session 'build'", "the nearest defined session is 'biuld'"),
        |host| host.title = "build",
    ),
    fault(
        "an ARN of something else",
        |host| host.say("profile_arn", TRUST_ANCHOR),
        ("session", "is not the ARN of a Roles Anywhere profile", ""),
        |host| host.say("profile_arn", PROFILE),
    ),
    fault(
        "a profile of another region",
        |host| host.say("profile_arn", &PROFILE.replace("eu-central-1", "eu-west-1")),
        (
            "session",
            "the trust anchor is in region eu-central-1 and the profile in eu-west-1",
            "in the trust anchor's region",
        ),
        |host| host.say("profile_arn", PROFILE),
    ),
    fault(
        "a role of another account",
        |host| host.say("role_arn", &ROLE.replace("111122223333", "444455556666")),
        (
            "session",
            "the role is in account 444455556666, and the trust anchor in 111122223333",
            "of one account",
        ),
        |host| host.say("role_arn", ROLE),
    ),
    fault(
        "an endpoint of another region",
        |host| host.say("endpoint", "https://rolesanywhere.us-east-1.amazonaws.com"),
        (
            "session",
            "the endpoint rolesanywhere.us-east-1.amazonaws.com is in us-east-1",
            "give one in eu-central-1",
        ),
        |host| host.well_again("endpoint"),
    ),
    fault(
        "a setting that is missing",
        |host| {
            host.session.remove("role_arn");
        },
        ("session", "role", "--role-arn"),
        |host| host.say("role_arn", ROLE),
    ),
    fault(
        "servers that nobody verifies",
        |host| {
            host.session.insert("no_verify_ssl", String::from("true"));
        },
        ("server-verification", "no_verify_ssl", "--extra-ca"),
        |host| {
            host.session.remove("no_verify_ssl");
        },
    ),
    fault(
        "a section that no SDK reads",
        |host| host.aws = host.aws.replace("[profile build]", "[build]"),
        ("aws-profile", "SDKs read no profile from [build]", "write [profile build]"),
        |host| host.aws = host.aws.replace("[build]", "[profile build]"),
    ),
    fault(
        "a program that is not there",
        |host| host.aws = host.aws.replace(env!("CARGO_BIN_EXE_anyrole"), "/nowhere/anyrole"),
        ("aws-profile", "there is no program '/nowhere/anyrole'", "command -v anyrole"),
        |host| host.aws = host.aws.replace("/nowhere/anyrole", env!("CARGO_BIN_EXE_anyrole")),
    ),
    fault(
        "a line that a shell would go on with",
        |host| host.aws = host.aws.replace(" credential-process", " \\\n  credential-process"),
        ("aws-profile", "goes on in the next line", "write it in one line"),
        |host| host.aws = host.aws.replace(" \\\n  credential-process", " credential-process"),
    ),
    fault(
        "a line that asks for another session",
        |host| host.aws = host.aws.replace("credential-process build", "credential-process biuld"),
        ("aws-profile", "no config file defines the session 'biuld'", "anyrole configure NAME"),
        |host| host.aws = host.aws.replace("credential-process biuld", "credential-process build"),
    ),
    fault(
        "a redirection, which only a shell understands",
        |host| {
            host.aws = host.aws.replace("credential-process build", "credential-process build 2>/dev/null")
        },
        ("aws-profile", "", "run the line by hand"),
        |host| host.aws = host.aws.replace(" 2>/dev/null", ""),
    ),
    fault(
        "a static key in the credentials file",
        |host| {
            host.write(
                ".aws/credentials",
                "[build]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = x\n",
                0o600,
            );
        },
        ("aws-profile", "every SDK takes these keys", "deactivate that key"),
        |host| {
            host.write(".aws/credentials", "", 0o600);
        },
    ),
    fault(
        "Identity Center in the same profile",
        |host| host.aws.push_str("sso_session = corp\n"),
        ("aws-profile", "sso_session stands beside credential_process", "take the sso_ keys"),
        |host| host.aws = host.aws.replace("sso_session = corp\n", ""),
    ),
    fault(
        "a file that the AWS CLI does not read",
        |host| host.aws.insert(0, '\u{feff}'),
        ("aws-config", "byte order mark", "write the file as UTF-8"),
        |host| host.aws = host.aws.replace('\u{feff}', ""),
    ),
    fault(
        "a line before the first section",
        |host| host.aws.insert_str(0, "region = eu-central-1\n"),
        ("aws-config", "line 1: it stands before the first section", "correct that line"),
        |host| host.aws = host.aws.replacen("region = eu-central-1\n", "", 1),
    ),
    fault(
        "static keys in variables",
        |host| {
            host.env.insert("AWS_ACCESS_KEY_ID", String::from("AKIAIOSFODNN7EXAMPLE"));
            host.env.insert("AWS_SECRET_ACCESS_KEY", String::from("secret"));
        },
        ("aws-variables", "to a static key", "unset AWS_ACCESS_KEY_ID"),
        |host| {
            host.env.remove("AWS_ACCESS_KEY_ID");
            host.env.remove("AWS_SECRET_ACCESS_KEY");
        },
    ),
    fault(
        "a session in variables that is over",
        |host| {
            for (name, value) in [
                ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("AWS_SESSION_TOKEN", "token"),
                ("AWS_CREDENTIAL_EXPIRATION", "2026-01-01T00:00:00Z"),
            ] {
                host.env.insert(name, String::from(value));
            }
        },
        ("aws-variables", "expired at 2026-01-01T00:00:00Z", "unset AWS_ACCESS_KEY_ID"),
        |host| host.env.retain(|name, _| !name.starts_with("AWS_")),
    ),
    fault(
        "a profile that does not exist",
        |host| {
            host.env.insert("AWS_PROFILE", String::from("biuld"));
        },
        ("aws-variables", "the AWS files have no such profile", "set AWS_PROFILE to 'build'"),
        |host| {
            host.env.insert("AWS_PROFILE", String::from("build"));
        },
    ),
    fault(
        "an endpoint on this host where nobody listens",
        |host| {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            host.env.insert("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://127.0.0.1:{port}"));
        },
        ("local-endpoint", "nobody listens there", "start anyrole serve, or unset"),
        |host| {
            host.env.remove("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        },
    ),
];

/// SECURITY.md, section 4, test 11: another user listens where the SDKs of this host are sent.
#[test]
fn another_user_who_listens_for_sdks_is_named() {
    let script = "import socket, sys, time\ns = socket.create_server(('127.0.0.1', 0))\nprint(s.getsockname()[1], flush=True)\ntime.sleep(60)";
    let mut listener = std::process::Command::new("setpriv");
    listener.args(["--reuid", "4242", "--clear-groups", "/usr/bin/python3", "-c", script]);
    let Ok(mut listener) =
        listener.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::null()).spawn()
    else {
        return missing("setpriv");
    };
    let mut port = String::new();
    let _ =
        std::io::BufRead::read_line(&mut std::io::BufReader::new(listener.stdout.take().unwrap()), &mut port);
    if port.is_empty() {
        eprintln!("skipped: another user is made by root only, with /usr/bin/python3");
        return;
    }
    let mut host = super::host::Host::set();
    host.env.insert("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://127.0.0.1:{}", port.trim()));
    let cause = host.doctor().data["cause"].clone();
    listener.kill().unwrap();
    listener.wait().unwrap();
    assert_eq!(cause["id"], "local-endpoint", "{cause}");
    assert!(cause["text"].as_str().unwrap().contains("a program of the user uid 4242 listens"), "{cause}");
}

#[test]
fn faults_of_the_configuration() {
    each_fault(FAULTS);
}
