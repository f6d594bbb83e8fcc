//! How it goes on: through renewals, failures and signals, and what it tells.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::support::signals::hangup_is_ignored;
use crate::support::wait::wait_until;

/// A running `update`, and what it has told so far.
struct Running {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let (told, stderr) = (Arc::clone(&lines), BufReader::new(child.stderr.take().unwrap()));
        std::thread::spawn(move || {
            for line in stderr.lines() {
                told.lock().unwrap().push(line.unwrap());
            }
        });
        Self { child, lines }
    }

    fn told(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    fn wait_for(&self, text: &str) {
        wait_until(|| self.told().contains(text));
    }

    fn signal(&self, signal: &str) {
        let sent =
            Command::new("kill").args([format!("-{signal}"), self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn end(mut self, signal: &str) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        self.signal(signal);
        (self.child.wait().unwrap(), begun.elapsed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only where a test fails does it still run.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn key_id(path: &Path) -> String {
    fs::read_to_string(path)
        .map_or_else(|_| String::new(), |content| value(&content, "default", "aws_access_key_id"))
}

/// U9: the official helper ends at the first failure, and asks 1,598 times in three seconds where a session is short.
#[test]
fn it_goes_on_through_renewals_and_failures() {
    if hangup_is_ignored() {
        return;
    }
    let stage = Stage::with(|settings| settings.faults.push("session-length=4s".parse().unwrap()));
    let path = kept_file(&stage);
    let running = Running::start(&mut update(&stage, &[]));
    let mut seen = vec![key_id(&path)];
    let mut next = || {
        wait_until(|| !seen.contains(&key_id(&path)));
        seen.push(key_id(&path));
    };
    next();
    next();
    // In no second twice. The simulator says when it was asked: this process may have looked at the file much later.
    let asked: Vec<_> = stage.journal().into_iter().map(|entry| entry.time[..19].to_owned()).collect();
    assert!(asked.len() > 1 && asked.windows(2).all(|pair| pair[0] != pair[1]), "{asked:?}");

    stage.play(&["deny=untrusted-certificate"]);
    running.wait_for("[aws-untrusted-certificate]");
    let before = fs::read_to_string(&path).unwrap();
    let asked = stage.journal().len();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(fs::read_to_string(&path).unwrap(), before, "a failure leaves the file as it is");
    assert!(stage.journal().len() <= asked + 1, "and is no reason to ask all the time");

    // Somebody has cured it, and says so.
    stage.play(&["session-length=1h"]);
    let cleared = stage.anyrole(&["cache", "clear", "--all"]).status().unwrap();
    assert!(cleared.success());
    running.signal("HUP");
    next();

    running.wait_for(&format!(": wrote {}", key_id(&path)));

    let told = running.told();
    let (status, _) = running.end("TERM");
    assert_eq!(status.code(), Some(0), "{told}");
    let content = fs::read_to_string(&path).unwrap();
    for key in ["aws_secret_access_key", "aws_session_token"] {
        assert!(!told.contains(&value(&content, "default", key)), "no secret is told");
    }
    let lines: Vec<&str> = told.lines().collect();
    let expected = [
        format!("anyrole: update: keeps the profile [default] of '{}' fresh", path.display()),
        format!("anyrole: update: wrote {}, which expires at 20", seen[1]),
    ];
    for (line, expected) in lines.iter().zip(expected) {
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.len() == 20 && time.ends_with('Z'), "{line}");
        assert!(rest.starts_with(&expected), "{line}");
    }
    assert!(
        lines[1]
            .ends_with("to the profile [default], in place of the static access key AKIAEXAMPLEEXAMPLE01"),
        "{told}"
    );
    assert_eq!(lines.iter().filter(|line| line.contains(": wrote ASIA")).count(), seen.len() - 1, "{told}");
    let failures: Vec<_> = lines.iter().filter(|line| line.contains(" anyrole: update: error: ")).collect();
    assert!(stage.journal().len() <= seen.len() + 2, "short sessions are no reason to ask all the time");
    assert!(failures.len() == 1 && failures[0].contains("; tried again in "), "{told}");
    assert_eq!(others(&content), others(&before));
}

#[test]
fn a_start_without_a_network_is_made_good() {
    let stage = Stage::with(|settings| settings.faults.push("status=503".parse().unwrap()));
    let path = kept_file(&stage);
    let log = stage.write("log", "");
    let update = update(&stage, &["--timeout", "1", "--log-file", &log]);
    let running = Running::start(&mut stage.with_usual_signals(&update));
    running.wait_for("; tried again in 5 seconds");
    assert_eq!(fs::read_to_string(&path).unwrap(), KEPT);
    assert!(fs::read_to_string(&log).unwrap().contains("] update (flags): error: "), "the log has it too");
    stage.play(&[]);
    running.wait_for(": wrote ASIA");
    assert!(key_id(&path).starts_with("ASIA"));
    assert_eq!(running.end("INT").0.code(), Some(0));
}

/// SECURITY A4: whom a session came from is told as often as one comes.
#[test]
fn a_server_that_nobody_verified_is_told_with_each_session() {
    let stage = Stage::set();
    let path = kept_file(&stage);
    let running =
        Running::start(&mut update(&stage, &["--endpoint", &stage.https_endpoint(), "--no-verify-ssl"]));
    running.wait_for("; warning: the server was not verified (no-verify-ssl)");
    assert!(key_id(&path).starts_with("ASIA"));
    assert_eq!(running.end("TERM").0.code(), Some(0));
}

#[test]
fn a_file_that_another_program_changed_holds_the_session_again() {
    if hangup_is_ignored() {
        return;
    }
    let stage = Stage::set();
    let path = kept_file(&stage);
    let running = Running::start(&mut update(&stage, &[]));
    running.wait_for(": wrote ASIA");
    let id = key_id(&path);
    fs::write(&path, "[mine]\nregion = x\n").unwrap();
    running.signal("HUP");
    wait_until(|| fs::read_to_string(&path).unwrap().contains("[default]"));
    let content = fs::read_to_string(&path).unwrap();
    assert!(content.starts_with("[mine]\nregion = x\n\n[default]\n"), "{content}");
    assert_eq!(key_id(&path), id);
    assert_eq!(stage.journal().len(), 1);
    assert_eq!(running.end("TERM").0.code(), Some(0));
}

#[test]
fn a_signal_ends_it_at_once_while_the_network_hangs() {
    let stage = Stage::with(|settings| settings.faults.push("hang".parse().unwrap()));
    let path = kept_file(&stage);
    for signal in ["TERM", "INT"] {
        let running = Running::start(&mut stage.with_usual_signals(&update(&stage, &["--no-cache"])));
        running.wait_for("keeps the profile");
        let asked = stage.journal().len();
        // It may be anywhere on its way; most often it hangs by then.
        std::thread::sleep(Duration::from_millis(200));
        let (status, took) = running.end(signal);
        assert_eq!(status.code(), Some(0), "{signal}, {asked}");
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), KEPT);
    }
}

/// Ended at any moment it writes whole or not at all, and leaves nothing beside the file.
#[test]
fn a_signal_waits_for_the_end_of_a_write() {
    let stage = Stage::set();
    let path = kept_file(&stage);
    let folder = path.parent().unwrap();
    for _ in 0..10 {
        fs::write(&path, KEPT).unwrap();
        let running = Running::start(&mut update(&stage, &["--no-cache"]));
        let writes = || names(folder).len() > 1;
        let begun = Instant::now();
        while !writes() && begun.elapsed() < Duration::from_secs(2) {}
        let (status, _) = running.end("TERM");
        assert_eq!(status.code(), Some(0));
        assert_eq!(names(folder), ["credentials"]);
        let content = fs::read_to_string(&path).unwrap();
        // A file that was changed just now is looked at again before it is exchanged.
        assert!(content == KEPT || value(&content, "default", "aws_session_token").len() > 20);
    }
}

#[test]
fn fail_fast_ends_at_the_first_failure() {
    let stage = Stage::with(|settings| settings.faults.push("session-length=4s".parse().unwrap()));
    let path = kept_file(&stage);
    let log = stage.write("log", "");
    let mut running = Running::start(&mut update(&stage, &["--fail-fast", "--log-file", &log]));
    running.wait_for(": wrote ASIA");
    stage.play(&["deny=untrusted-certificate"]);
    let status = running.child.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    running.wait_for("[aws-untrusted-certificate]");
    assert!(key_id(&path).starts_with("ASIA"));
    assert!(fs::read_to_string(&log).unwrap().contains("[aws-untrusted-certificate]"), "the log has it too");
}

/// Under nohup, and in the background of a script, where INT is ignored.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_is_ignored_stays_ignored() {
    // It looks more often where sessions are short.
    let stage = Stage::with(|settings| settings.faults.push("session-length=4s".parse().unwrap()));
    let path = kept_file(&stage);
    let of = update(&stage, &[]);
    let mut shell = stage.bare("/bin/sh");
    shell.args(["-c", "trap '' HUP INT; exec \"$@\"", "sh"]).arg(of.get_program()).args(of.get_args());
    let running = Running::start(shell.env("ANYROLE_CACHE", "file"));
    running.wait_for(": wrote ASIA");
    running.signal("INT");
    running.signal("HUP");
    fs::remove_file(&path).unwrap();
    // It still runs, and looks again by itself.
    wait_until(|| path.exists());
    assert_eq!(running.end("TERM").0.code(), Some(0));
}
