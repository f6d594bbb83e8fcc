//! Where AWS refuses the session, the clients show the words of our binary.

use super::client::Client;
use super::world::World;

/// What a user of the client learns.
#[derive(Clone, Copy)]
enum Shown {
    /// Our error, AWS's message and our hint.
    All,
    /// The client's own sentence only, which names no cause.
    Nothing(&'static str),
}

#[test]
fn aws_cli_1() {
    is_refused(Client::AwsCli1, Shown::All, 1);
}

#[test]
fn aws_cli_2() {
    is_refused(Client::AwsCli2, Shown::All, 1);
}

#[test]
fn boto3() {
    is_refused(Client::Boto3, Shown::All, 1);
}

/// The default chain meets the profile twice, goes on to the next provider each time, and forgets why.
#[test]
fn javascript() {
    let own = "CredentialsProviderError: Could not load credentials from any providers\n";
    is_refused(Client::JavaScript, Shown::Nothing(own), 2);
}

#[test]
fn javascript_from_the_process_only() {
    is_refused(Client::JavaScriptProcess, Shown::All, 1);
}

#[test]
fn rust() {
    is_refused(Client::Rust, Shown::All, 1);
}

/// `sessions` is how often the client asks us, and so how often we ask AWS.
fn is_refused(client: Client, shown: Shown, sessions: u64) {
    let world = World::start(|settings| {
        settings.faults = vec!["deny=untrusted-certificate".parse().expect("it is a fault")];
    });
    let Some(command) = client.command(&world) else { return };
    let output = world.run(command);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "{client}: {stdout}");
    assert_eq!(stdout, "", "{client}");
    match shown {
        // Some clients escape the line ends of a message, none its words.
        Shown::All => {
            for part in [
                "anyrole: error: AWS refused to create the session (AccessDeniedException)",
                "Untrusted signing certificate",
                "anyrole: hint: ",
            ] {
                assert!(stderr.contains(part), "{client} does not show '{part}': {stderr}");
            }
        }
        Shown::Nothing(own) => assert_eq!(stderr, own, "{client}"),
    }
    assert_eq!(world.simulator.sessions_requested(), sessions, "{client}");
}
