//! A renewal under our feet: certificate and key are truncated and written anew, one after the other, while calls are made. None fails.
//!
//! `ANYROLE_TEST_RENEWAL_CALLS` makes it longer than a few seconds: so many calls each.
#![cfg(all(unix, feature = "pki"))]

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::stage::Stage;

fn calls() -> u32 {
    let calls = std::env::var("ANYROLE_TEST_RENEWAL_CALLS").ok();
    calls.map_or(60, |calls| calls.parse().unwrap())
}

/// Writes a file as a program does that is slow about it: empty, half, whole.
fn slowly(path: &str, content: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).truncate(true).open(path).unwrap();
    for part in content.chunks(content.len().div_ceil(2)) {
        thread::sleep(Duration::from_millis(2));
        file.write_all(part).unwrap();
    }
}

/// Makes calls while `disturb` is done again and again; returns what the failed ones said.
fn failures_while(stage: &Stage, more: &[&str], disturb: impl Fn() + Sync) -> Vec<String> {
    let (ended, left) = (AtomicBool::new(false), AtomicU32::new(calls()));
    let take = |left: u32| left.checked_sub(1);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                disturb();
            }
        });
        let caller = || {
            let mut failures = Vec::new();
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                let mut call = stage.credential_process(stage.http_endpoint(), more);
                let done = call.stdout(Stdio::piped()).output().unwrap();
                if !done.status.success() {
                    failures.push(String::from_utf8(done.stderr).unwrap());
                }
            }
            failures
        };
        let callers: Vec<_> = (0..2).map(|_| scope.spawn(caller)).collect();
        let failures = callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect();
        ended.store(true, Ordering::Relaxed);
        failures
    })
}

/// New pairs, as fast as they can be made: every call meets another certificate than the one before.
#[test]
fn no_call_fails_while_both_files_are_rewritten() {
    let stage = Stage::set();
    for more in [&["--no-cache"][..], &[]] {
        let renewals = AtomicU32::new(0);
        let failures = failures_while(&stage, more, || {
            stage.renew();
            // A program that never pauses leaves no pair for longer than a disk takes to empty a file.
            thread::sleep(Duration::from_millis(1));
            renewals.fetch_add(1, Ordering::Relaxed);
        });
        eprintln!("{more:?}: {} calls beside {} renewals", calls(), renewals.into_inner());
        assert!(failures.is_empty(), "{} failed: {}", failures.len(), failures[0]);
    }
}

/// The same pair, written slowly: for most of the time a file is empty or half.
#[test]
fn no_call_fails_while_both_files_are_written_slowly() {
    let stage = Stage::set();
    let (certificate, key) = (fs::read(stage.certificate()).unwrap(), fs::read(stage.private_key()).unwrap());
    for more in [&["--no-cache"][..], &[]] {
        let failures = failures_while(&stage, more, || {
            slowly(stage.private_key(), &key);
            slowly(stage.certificate(), &certificate);
            thread::sleep(Duration::from_millis(2));
        });
        assert!(failures.is_empty(), "{} failed: {}", failures.len(), failures[0]);
    }
}

/// A kept session is the answer once the file is whole again: nothing is sent, and the private key is not looked for.
#[test]
fn a_half_written_certificate_costs_no_kept_session() {
    let stage = Stage::set();
    let certificate = fs::read(stage.certificate()).unwrap();
    let mut first = stage.credential_process(stage.http_endpoint(), &[]);
    if !first.env("ANYROLE_CACHE", "keyring").status().unwrap().success() {
        eprintln!("skipped: no keyring of the kernel");
        return;
    }
    fs::remove_file(stage.private_key()).unwrap();
    let sessions = stage.journal().len();
    let failures = failures_while(&stage, &["--cache", "keyring"], || {
        slowly(stage.certificate(), &certificate);
        thread::sleep(Duration::from_millis(2));
    });
    assert!(failures.is_empty(), "{} failed: {}", failures.len(), failures[0]);
    assert_eq!(stage.journal().len(), sessions);
}

/// What does not pass is told, and soon.
#[test]
fn a_file_that_stays_cut_off_is_an_error() {
    let stage = Stage::set();
    let certificate = fs::read(stage.certificate()).unwrap();
    assert!(stage.credential_process(stage.http_endpoint(), &[]).status().unwrap().success());
    fs::write(stage.certificate(), &certificate[..certificate.len() / 3]).unwrap();
    let mut call = stage.credential_process(stage.http_endpoint(), &[]);
    let done = call.stdout(Stdio::piped()).output().unwrap();
    let told = String::from_utf8(done.stderr).unwrap();
    assert_eq!((done.status.code(), done.stdout.len()), (Some(1), 0), "{told}");
    assert!(told.contains("[certificate-not-pem]"), "{told}");
}
