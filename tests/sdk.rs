//! `anyrole::sdk` as a program uses it: against the simulator, beside the program itself, and in silence.
//!
//! What it does depends on the environment, so each use is a process of its own: this test program, started again to do what the
//! variables of `client` say.
#![cfg(all(unix, feature = "pki", feature = "sdk"))]

mod client;
mod public;

use std::process::{Child, Command, Stdio};

use crate::support::stage::{PROFILE, ROLE, Stage, TRUST_ANCHOR};
use client::{ASK, Client};

/// The configuration of a stage: the session `build`.
fn config(stage: &Stage, more: &str) -> String {
    let (certificate, private_key, endpoint) =
        (stage.certificate(), stage.private_key(), stage.http_endpoint());
    let text = format!(
        "version = 1\n[session.build]\ntrust_anchor_arn = \"{TRUST_ANCHOR}\"\nprofile_arn = \"{PROFILE}\"\nrole_arn = \"{ROLE}\"\n\
         certificate = \"{certificate}\"\nprivate_key = \"{private_key}\"\nendpoint = \"{endpoint}\"\ncache = \"file\"\n{more}"
    );
    stage.write("config.toml", &text)
}

/// The values of the session `build`, for the builder.
fn values(stage: &Stage) -> Vec<(&'static str, String)> {
    vec![
        ("trust_anchor_arn", TRUST_ANCHOR.to_owned()),
        ("profile_arn", PROFILE.to_owned()),
        ("role_arn", ROLE.to_owned()),
        ("certificate", stage.certificate().to_owned()),
        ("private_key", stage.private_key().to_owned()),
        ("endpoint", stage.http_endpoint()),
        ("cache", String::from("file")),
    ]
}

fn client<'a>(stage: &Stage, values: impl IntoIterator<Item = (&'a str, String)>) -> Client {
    Client::new(stage.bare(std::env::current_exe().expect("a path")), stage.folder(), values)
}

fn named(stage: &Stage, config: &str) -> Client {
    client(stage, [("config", config.to_owned())]).session("build")
}

/// The program, asked for the same session.
fn program(stage: &Stage, config: &str) -> Command {
    let mut command = stage.anyrole(&["credential-process", "build"]);
    command.env("ANYROLE_CONFIG", config).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn access_key(child: Child) -> String {
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("the document");
    document["AccessKeyId"].as_str().expect("a text").to_owned()
}

#[test]
fn program_and_library_share_one_session_whoever_comes_first() {
    let stage = Stage::set();
    let config = config(&stage, "");
    let first = access_key(program(&stage, &config).spawn().expect("it starts"));
    let told = named(&stage, &config).tasks(20).run();
    assert_eq!(told.len(), 20);
    for line in &told {
        let answer = line.answer();
        assert_eq!((answer.access_key.as_str(), answer.account.as_str()), (first.as_str(), "111122223333"));
        assert!((3500..=3600).contains(&answer.seconds_left), "{}", answer.seconds_left);
    }
    let told = client(&stage, values(&stage)).run();
    assert_eq!(told[0].answer().access_key, first, "the values of a builder are the same session");
    assert_eq!(stage.simulator().sessions_requested(), 1);

    assert!(
        stage.anyrole(&["cache", "clear", "--all", "--cache", "file"]).status().expect("it runs").success()
    );
    let second = client(&stage, values(&stage)).run()[0].answer().access_key.clone();
    assert_ne!(second, first);
    assert_eq!(access_key(program(&stage, &config).spawn().expect("it starts")), second);
    assert_eq!(stage.simulator().sessions_requested(), 2);
}

#[test]
fn twenty_processes_of_both_kinds_make_one_call() {
    let stage = Stage::set();
    stage.play(&["latency=300ms"]);
    let config = config(&stage, "");
    let programs: Vec<Child> =
        (0..10).map(|_| program(&stage, &config).spawn().expect("it starts")).collect();
    let libraries: Vec<_> = (0..10).map(|_| named(&stage, &config).tasks(4).start()).collect();
    let mut keys: Vec<String> = programs.into_iter().map(access_key).collect();
    for library in libraries {
        keys.extend(library.finish().iter().map(|line| line.answer().access_key.clone()));
    }
    assert_eq!(keys.len(), 50);
    assert!(keys.iter().all(|key| *key == keys[0]));
    assert_eq!((stage.simulator().sessions_requested(), stage.simulator().sessions_created()), (1, 1));
}

/// Without a cache the tasks of one program still share what they ask for at once.
#[test]
fn twenty_tasks_make_one_call_where_nothing_is_kept() {
    let stage = Stage::set();
    stage.play(&["latency=1s"]);
    let told = named(&stage, &config(&stage, "")).setting("cache", "none").tasks(20).run();
    assert!(told.iter().all(|line| line.answer().access_key == told[0].answer().access_key));
    assert_eq!(stage.simulator().sessions_requested(), 1);
}

#[test]
fn who_stops_waiting_loses_nothing() {
    let stage = Stage::set();
    stage.play(&["latency=1s"]);
    let told = named(&stage, &config(&stage, "")).doing("leave").run();
    assert_eq!(told[0].text(), "left, and there is nothing to fall back to");
    told[1].answer();
    assert_eq!(told[2].text(), "the fallback is the same");
    assert_eq!(stage.simulator().sessions_requested(), 1);
}

#[test]
fn a_session_is_renewed_before_it_ends() {
    let stage = Stage::set();
    stage.play(&["session-length=6s"]);
    let told = named(&stage, &config(&stage, "")).doing("until another").run();
    let (first, last) = (told[0].answer(), told[1].answer());
    assert_ne!(first.access_key, last.access_key);
    assert!(told[1].answer().seconds_left > 0);
    assert_eq!(stage.simulator().sessions_requested(), 2);
}

#[test]
fn failures_are_told_with_their_cause_and_their_cure() {
    let stage = Stage::set();
    let config = config(&stage, "[session.bare]\ncertificate = \"x.pem\"\n");
    let refusal = |client: Client| client.run()[0].refusal();

    let unknown = refusal(named(&stage, &config).session("biuld"));
    assert_eq!(unknown.kind, "unknown-session");
    assert!(
        unknown.text.contains("'biuld'")
            && unknown.text.contains("hint: the nearest defined session is 'build'")
    );

    let nothing = refusal(client(&stage, []));
    assert_eq!(
        nothing.text,
        "trust_anchor_arn is not given; hint: call Builder::trust_anchor_arn, or Builder::session with a session of the config file \
         [setting-missing]"
    );
    let mistyped = refusal(client(&stage, values(&stage)).setting("rolearn", "x"));
    assert!(
        mistyped.text.contains("cannot be 'rolearn'") && mistyped.text.contains("the nearest is role_arn"),
        "{}",
        mistyped.text
    );
    let no_arn = refusal(client(&stage, values(&stage)).setting("role_arn", "build"));
    assert!(
        no_arn.text.starts_with("role_arn (sdk::Builder) is not the ARN of an IAM role"),
        "{}",
        no_arn.text
    );
    // A config file or a server's list is not a setting of one session.
    for key in ["from", "debug", "allow_user", "log_file", "pkcs8-password"] {
        assert_eq!(refusal(client(&stage, values(&stage)).setting(key, "x")).kind, "setting-value", "{key}");
    }

    let gone = refusal(client(&stage, values(&stage)).setting("certificate", "/nowhere/host.pem"));
    assert_eq!(gone.kind, "ProviderError");
    assert!(
        gone.text.contains("/nowhere/host.pem") && gone.text.contains("certificate (sdk::Builder)"),
        "{}",
        gone.text
    );
    assert_eq!(stage.simulator().sessions_requested(), 0);

    stage.play(&["deny=untrusted-certificate"]);
    let denied = refusal(named(&stage, &config));
    assert_eq!(denied.kind, "ProviderError");
    for part in ["AWS refused to create the session", "Untrusted signing certificate", "hint: "] {
        assert!(denied.text.contains(part), "{part}: {}", denied.text);
    }
    // The program and the library back off together.
    let again = refusal(named(&stage, &config));
    assert!(
        again.text.contains("'anyrole cache clear build' lets the next call ask at once"),
        "{}",
        again.text
    );
    assert_eq!(stage.simulator().sessions_requested(), 1);
}

#[test]
fn a_variable_of_the_program_changes_nothing_where_the_values_are_given() {
    let stage = Stage::set();
    let told = client(&stage, values(&stage))
        .variable("ANYROLE_ROLE_ARN", "arn:aws:iam::111122223333:role/leaked")
        .variable("ANYROLE_REGION", "us-east-1")
        .variable("ANYROLE_SESSION", "leaked")
        .variable("ANYROLE_CONFIG", "/nowhere/config.toml")
        .run();
    told[0].answer();
}

#[test]
fn nobody_is_asked_and_no_secret_is_told() {
    let stage = Stage::set();
    let encrypted = stage.write("encrypted.key", &stage.encrypted_key("canary-right"));
    let locked = || client(&stage, values(&stage)).setting("private_key", &encrypted);
    let unasked = locked().run()[0].refusal();
    assert_eq!(unasked.kind, "ProviderError");
    assert!(unasked.text.contains("nobody is asked for its password here"), "{}", unasked.text);
    let wrong = locked().setting("pkcs8_password", "canary-wrong").run()[0].refusal();
    assert!(!format!("{}{}", wrong.text, wrong.debug).contains("canary"), "{}", wrong.debug);
    let told = locked().setting("pkcs8_password", "canary-right").doing("debug").run();
    let shown = told[0].text();
    assert!(shown.contains(ROLE) && !shown.contains("canary") && !shown.contains("ASIA"), "{shown}");
    let password = stage.write("password", "canary-right\n");
    locked().setting("pkcs8_password_file", &password).run()[0].answer();
}

#[test]
fn the_example_is_a_program() {
    let stage = Stage::set();
    config(&stage, "");
    let mut command = stage.bare(std::env::current_exe().expect("a path"));
    command
        .args(["build", "--exact", "--nocapture", "sdk::the_example_itself", "--include-ignored"])
        .env(ASK, "example");
    command.env("ANYROLE_CONFIG", stage.folder().join("config.toml")).stdout(Stdio::piped());
    let output = command.output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains(" of account 111122223333 until Some(SystemTime"), "{told}");
    assert_eq!(stage.simulator().sessions_created(), 1);
}

mod example;

#[test]
fn the_example_itself() {
    if std::env::var_os(ASK).is_some_and(|ask| ask == "example") {
        example::main().expect("it has a session");
    }
}
