//! What is told beyond the six lines: every step with `--debug`, and a line in a log for callers that show nothing.
#![cfg(all(unix, feature = "pki"))]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::components::have;
use crate::support::stage::Stage;

fn run(command: &mut Command) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn folder(stage: &Stage) -> PathBuf {
    Path::new(stage.private_key()).parent().unwrap().to_owned()
}

#[test]
fn debug_tells_each_setting_step_and_cause_and_leaves_the_answer_alone() {
    let stage = Stage::set();
    let call = |more: &[&str]| run(&mut stage.credential_process(stage.http_endpoint(), more));
    let granted = call(&["--cache", "file", "--debug"]);
    assert!(granted.status.success());
    assert!(granted.stdout.starts_with(br#"{"Version":1,"#) && granted.stdout.ends_with(b"}"));
    let steps = told(&granted);
    for step in [
        "setting --role-arn = 'arn:aws:iam::",
        "setting --cache = 'file'",
        "cache: cache file does not have it",
        "no session is kept that works: a new one is needed",
        "lock: taken",
        "identity: subject 'CN=bench', valid until ",
        "request to 127.0.0.1:",
        "attempt 1: HTTP 201, request id ",
        "cache: kept in cache file",
    ] {
        assert!(steps.contains(step), "{step} is not among\n{steps}");
    }
    assert!(
        steps.lines().all(|line| line.starts_with("anyrole: debug: ") && line.contains(" ms  ")),
        "{steps}"
    );
    assert!(told(&call(&["--cache", "file", "--debug"])).contains("cache: cache file has it until "));
    assert!(told(&call(&["--cache", "file"])).is_empty(), "of that run only");
}

#[test]
fn debug_tells_every_cause_of_a_refusal_and_each_attempt() {
    let refusing =
        Stage::with(|settings| settings.faults.push("deny=untrusted-certificate".parse().unwrap()));
    let call = |stage: &Stage| {
        told(&run(&mut stage.credential_process(stage.http_endpoint(), &["--no-cache", "--debug"])))
    };
    let steps = call(&refusing);
    assert!(steps.contains("attempt 1: HTTP 403, request id ") && steps.contains(" cause: "), "{steps}");
    assert!(steps.contains("; check: ") && steps.contains("; then: "), "{steps}");
    let failing = Stage::with(|settings| settings.faults.push("status=503".parse().unwrap()));
    let steps = call(&failing);
    for step in ["attempt 1: HTTP 503", "waiting ", "attempt 2: HTTP 503", "attempt 3: HTTP 503"] {
        assert!(steps.contains(step), "{step} is not among\n{steps}");
    }
}

#[test]
fn each_failure_is_a_line_in_the_log_and_a_success_is_none() {
    let stage = Stage::with(|settings| settings.faults.push("deny=certificate-revoked".parse().unwrap()));
    let log = folder(&stage).join("failures.log");
    for expected in 1..=2 {
        let refused = run(stage
            .credential_process(stage.http_endpoint(), &["--no-cache"])
            .env("ANYROLE_LOG_FILE", &log));
        assert_eq!(refused.status.code(), Some(1));
        let text = fs::read_to_string(&log).unwrap();
        assert_eq!(text.lines().count(), expected, "{text}");
        let line = text.lines().last().unwrap();
        assert!(
            line.contains("credential-process (flags): error: ")
                && line.contains("[aws-certificate-revoked]")
        );
        assert!(line.contains("; AWS says: ") && line.contains("; hint: "), "{line}");
    }
    assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
    // A command line that cannot be understood further is a failure too.
    let wrong = run(stage.anyrole(&["credential-process", "--log-file"]).arg(&log));
    assert_eq!(wrong.status.code(), Some(2));
    assert!(fs::read_to_string(&log).unwrap().contains("[setting-missing]"));

    let granting = Stage::set();
    let log = folder(&granting).join("failures.log");
    assert!(
        run(granting.credential_process(granting.http_endpoint(), &[]).env("ANYROLE_LOG_FILE", &log))
            .status
            .success()
    );
    assert!(!log.exists());
}

#[test]
fn a_log_that_cannot_be_written_changes_nothing_and_a_long_one_begins_anew() {
    let stage = Stage::with(|settings| settings.faults.push("deny=certificate-revoked".parse().unwrap()));
    let call = |log: &Path, more: &[&str]| {
        let mut more = more.to_vec();
        more.push("--no-cache");
        run(stage.credential_process(stage.http_endpoint(), &more).env("ANYROLE_LOG_FILE", log))
    };
    let victim = folder(&stage).join("victim");
    fs::write(&victim, "as before").unwrap();
    let link = folder(&stage).join("link.log");
    symlink(&victim, &link).unwrap();
    for log in [link.as_path(), Path::new("/nonexistent/x.log"), Path::new("/dev/full"), Path::new("/")] {
        let refused = call(log, &["--debug"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(told(&refused).contains("the failure was not logged: "), "{}", told(&refused));
        assert!(!told(&call(log, &[])).contains("logged"));
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "as before");

    let long = folder(&stage).join("long.log");
    fs::write(&long, vec![b'x'; 1024 * 1024 + 1]).unwrap();
    call(&long, &[]);
    assert_eq!(fs::read_to_string(&long).unwrap().lines().count(), 1);
    assert_eq!(fs::metadata(folder(&stage).join("long.log.1")).unwrap().len(), 1024 * 1024 + 1);
}

/// A person at a terminal gets a line of its own, and is told what was shown; an SDK gets neither.
#[test]
fn at_a_terminal_the_answer_ends_with_a_line_and_a_warning() {
    if !have(&["script"]) {
        return;
    }
    let stage = Stage::set();
    let call = stage.credential_process(stage.http_endpoint(), &["--no-cache"]);
    let words: Vec<String> = std::iter::once(call.get_program())
        .chain(call.get_args())
        .map(|word| format!("'{}'", word.to_str().unwrap()))
        .collect();
    let mut terminal = stage.bare("script");
    let seen = run(terminal.args(["-qec", &words.join(" "), "/dev/null"]));
    let seen = String::from_utf8(seen.stdout).unwrap();
    assert!(seen.starts_with("anyrole: these are secrets"), "{seen}");
    assert!(seen.ends_with("\"}\r\n"), "{seen}");
}

/// What a person reads fits the terminal; what a program reads stays as it is.
#[test]
fn at_a_narrow_terminal_lines_are_broken_between_words() {
    let stage = Stage::set();
    if !have(&["script"]) {
        return;
    }
    assert!(
        run(&mut stage.named_credential_process_of(env!("CARGO_BIN_EXE_anyrole").as_ref())).status.success()
    );
    let config = folder(&stage).join("config.toml");
    let seen = |words: &str| {
        let line = format!("stty cols 40; {} {words}", env!("CARGO_BIN_EXE_anyrole"));
        let mut terminal = stage.bare("script");
        terminal.env("ANYROLE_CONFIG", &config).env("ANYROLE_CACHE", "keyring");
        String::from_utf8(run(terminal.args(["-qec", &line, "/dev/null"])).stdout).unwrap()
    };
    for words in ["status", "cache list", "inspect build"] {
        let text = seen(words);
        let one_word = |line: &str| line.split_whitespace().count() == 1 || line.contains('\'');
        let wide: Vec<&str> =
            text.lines().filter(|line| line.chars().count() > 40 && !one_word(line)).collect();
        assert!(wide.is_empty() && text.contains("\n    "), "{words}: {wide:?} {text}");
    }
    let piped =
        run(stage.anyrole(&["status"]).env("ANYROLE_CONFIG", &config).env("ANYROLE_CACHE", "keyring"));
    assert!(String::from_utf8(piped.stdout).unwrap().lines().any(|line| line.len() > 40));
}
