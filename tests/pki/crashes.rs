//! Killed at any moment, or run at the same time: certificate and key belong together, and the register is whole.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyrole::env::Environment;
use anyrole::identity::{self, IdentityError, IdentitySource, Input, PasswordSource};
use pki_test::revocation::RevocationList;

use super::workbench::Workbench;

/// Loads certificate and key as a session does.
fn load(bench: &Workbench, name: &str) -> Result<String, IdentityError> {
    let file = |extension: &str| Input::file(bench.path(&format!("anyrole-pki/{name}/{name}.{extension}")));
    let source = IdentitySource {
        certificate: file("pem"),
        private_key: Some(file("key")),
        intermediates: None,
        selection: identity::Selection::default(),
        password: PasswordSource::Prompt,
        allow_insecure_key_file: false,
    };
    let environment = Environment::given::<String, String>([]);
    identity::load(&source, &environment)
        .map(|identity| identity.end_entity().serial_number().hex().to_owned())
}

/// Returns the serial numbers of the register.
fn register(bench: &Workbench) -> BTreeSet<String> {
    let register: serde_json::Value =
        serde_json::from_str(&bench.read("anyrole-pki/ca/issued.json")).expect("the register is whole");
    let certificates = register["certificates"].as_array().expect("a list").iter();
    certificates.map(|record| record["serial"].as_str().expect("a text").to_owned()).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("it is not there yet");
    for entry in fs::read_dir(from).expect("a folder of ours") {
        let entry = entry.expect("readable");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("the folder is ours");
    }
}

fn leftovers(bench: &Workbench) -> Vec<String> {
    let entries = fs::read_dir(bench.path("anyrole-pki")).expect("a folder of ours");
    let names = entries.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"));
    names.filter(|name| name.starts_with('.') && name != ".lock").collect()
}

#[test]
fn every_state_that_a_crash_can_leave_is_recovered_from() {
    let bench = Workbench::with_root();
    bench.pki("issue a").done();
    let pki = bench.path("anyrole-pki");
    let (place, staged, aside) = (pki.join("a"), pki.join(".a.new"), pki.join(".a.old"));
    let old = bench.path("old");
    copy(&place, &old);
    let old_serial = load(&bench, "a").expect("a pair");
    bench.pki("renew a").done();
    let new = bench.path("new");
    copy(&place, &new);
    let new_serial = load(&bench, "a").expect("a pair");

    // What is in the three places after the crash, and which pair must be there after the next command.
    let half = bench.path("half");
    fs::create_dir(&half).expect("the folder is ours");
    fs::copy(new.join("a.pem"), half.join("a.pem")).expect("the folder is ours");
    type Place<'a> = Option<&'a Path>;
    let states: [(&str, Place<'_>, Place<'_>, Place<'_>, &str); 7] = [
        ("while the new files were written", Some(&old), Some(&half), None, &old_serial),
        ("before the exchange", Some(&old), Some(&new), None, &old_serial),
        ("after the exchange", Some(&new), Some(&old), None, &new_serial),
        ("without exchange: the old pair is aside", None, Some(&new), Some(&old), &old_serial),
        ("without exchange: both are in place", Some(&new), None, Some(&old), &new_serial),
        ("while the old pair was removed", Some(&new), None, Some(&half), &new_serial),
        ("the same after an exchange", Some(&new), Some(&half), None, &new_serial),
    ];
    for (state, in_place, in_staged, in_aside, serial) in states {
        for (folder, content) in [(&place, in_place), (&staged, in_staged), (&aside, in_aside)] {
            let _ = fs::remove_dir_all(folder);
            if let Some(content) = content {
                copy(content, folder);
            }
        }
        bench.pki("revoke 0x01").refused(2, "pki-unknown-certificate");
        assert_eq!(load(&bench, "a").expect(state), serial, "{state}");
        assert_eq!(leftovers(&bench), Vec::<String>::new(), "{state}");
        bench.pki("renew a").done();
        let renewed = load(&bench, "a").expect(state);
        assert!(renewed != old_serial && renewed != new_serial, "{state}");
    }
}

#[test]
fn a_renewal_killed_at_any_moment_leaves_one_pair_and_a_whole_register() {
    let bench = Workbench::with_root();
    bench.pki("issue a").done();
    let mut completed = 0;
    let mut delay = Duration::ZERO;
    // Each run is killed a little later than the one before, until it is done before that.
    while completed < 3 && delay < Duration::from_secs(10) {
        let mut command = bench.program();
        command.args(["pki", "renew", "a"]).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program was built");
        std::thread::sleep(delay);
        // Killing fails only where the process has ended.
        let _ = child.kill();
        if child.wait().expect("a child can be waited for").success() {
            completed += 1;
        }
        let serial = load(&bench, "a").expect("a pair that belongs together");
        assert!(register(&bench).contains(&serial), "whoever is out there can be revoked");
        delay += Duration::from_micros(300);
    }
    assert_eq!(completed, 3, "the program ends by itself");
    bench.pki("renew a").done();
    assert_eq!(leftovers(&bench), Vec::<String>::new());
    load(&bench, "a").expect("a pair");
}

#[test]
fn readers_see_a_pair_while_it_is_replaced() {
    let bench = Workbench::with_root();
    bench.pki("issue a").done();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut serials = BTreeSet::new();
                    while !done.load(Ordering::Relaxed) {
                        serials.insert(load(&bench, "a").expect("a pair that belongs together"));
                    }
                    serials.len()
                })
            })
            .collect();
        for _ in 0..25 {
            bench.pki("renew a").done();
        }
        done.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().expect("no reader failed") > 1, "the pair was replaced under its eyes");
        }
    });
}

#[test]
fn processes_at_the_same_time_lose_nothing() {
    let bench = Workbench::with_root();
    bench.pki("issue shared").done();
    let start = |arguments: String| {
        let mut command = bench.program();
        command.arg("pki").args(arguments.split_whitespace()).stdout(Stdio::piped());
        command.spawn().expect("the program was built")
    };
    let mut running: Vec<_> = (0..6).map(|number| start(format!("issue host-{number}"))).collect();
    running.extend((0..4).map(|_| start(String::from("renew shared"))));
    running.extend((0..4).map(|_| start(String::from("crl"))));
    let mut numbers = BTreeSet::new();
    for child in running {
        let output = child.wait_with_output().expect("a child can be waited for");
        assert!(output.status.success());
        let told = String::from_utf8(output.stdout).expect("UTF-8");
        if let Some(rest) = told.split(": number ").nth(1) {
            numbers.insert(rest.split(',').next().expect("a number").to_owned());
        }
    }
    assert_eq!(numbers, ["1", "2", "3", "4"].map(String::from).into(), "each list has its own number");
    assert_eq!(register(&bench).len(), 1 + 6 + 4);
    load(&bench, "shared").expect("a pair");
    let list = RevocationList::parse(bench.read("anyrole-pki/ca/crl.pem").as_bytes()).expect("our own list");
    assert_eq!(list.number(), Some(4), "the last one is the one that stays");
}
