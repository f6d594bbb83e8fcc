//! What cannot be switched, and that nothing is changed then.

use std::fs;

use super::host::{Host, SECRET, key_id, profile};

/// Asserts that a switch is refused for this reason, and has changed nothing.
fn refused(host: &Host, more: &[&str], expected: &[&str]) {
    let before = host.files();
    let run = host.migrate(&[&["switch", "new", "--yes"], more].concat());
    assert_ne!(run.status, 0, "{run:?}");
    for part in expected {
        assert!(run.stderr.contains(part), "{part}: {run:?}");
    }
    assert_eq!(host.files(), before);
    assert!(fs::read_dir(host.state_folder()).map_or(0, Iterator::count) <= 1, "no state is left");
}

#[test]
fn what_is_no_static_key() {
    let host = Host::new();
    let temporary = profile("default", 1).replace("AKIA", "ASIA");
    host.write(None, Some(&temporary));
    refused(&host, &[], &["[migrate-temporary-key]", "ends by itself"]);
    host.write(None, Some("[default]\nregion = x\n"));
    refused(&host, &[], &["[migrate-no-key]", "profile 'default' holds no static key"]);
    refused(&host, &["--aws-profile", "none"], &["there is no profile 'none'", "anyrole audit files"]);
    host.write(None, Some(&profile("default", 1).replace(SECRET, "")));
    refused(&host, &[], &["without its secret"]);
    let role = format!("{}role_arn = arn:aws:iam::111122223333:role/x\n", profile("default", 1));
    host.write(None, Some(&role));
    refused(&host, &[], &["[migrate-profile-unsuitable]", "source_profile"]);
    host.write(None, Some(&format!("{0}{0}", profile("default", 1))));
    refused(&host, &[], &["[ini-section-twice]"]);
    host.write(None, None);
    let mut command = host.command(&["migrate", "switch", "new", "--yes"]);
    let run = host.run(command.env("AWS_ACCESS_KEY_ID", key_id(1)).env("AWS_SECRET_ACCESS_KEY", SECRET));
    assert!(run.stderr.contains("AWS_ACCESS_KEY_ID") && run.stderr.contains("anyrole exec"), "{run:?}");
    refused(&host, &["--key-id", "akia"], &["is no access key id"]);
}

#[test]
fn what_does_not_work_is_not_switched_to() {
    let host = Host::with(|settings| {
        settings.faults = vec!["deny=untrusted-certificate".parse().unwrap()];
    });
    host.write(None, Some(&profile("default", 1)));
    refused(&host, &[], &["AWS refused to create the session"]);
}

#[test]
fn a_session_of_another_account() {
    let host = Host::new();
    // The account 029608264753.
    let other = profile("default", 1).replace(&key_id(1), "AKIAQNZGKIQY56JQ7WML");
    host.write(None, Some(&other));
    refused(&host, &[], &["[migrate-other-account]", "029608264753", "111122223333"]);
    host.switch(&["--other-account"]);
    host.must(&["rollback", "--no-verify"]);
    assert_eq!(host.files()[1].as_deref(), Some(other.as_str()));
}

#[test]
fn a_file_that_cannot_be_written() {
    let host = Host::new();
    host.write(None, Some(&profile("default", 1)));
    let mut command = host.command(&["migrate", "switch", "new", "--yes"]);
    // For root too.
    let run = host.run(command.env("AWS_CONFIG_FILE", "/proc/sys/kernel/anyrole"));
    assert_eq!(run.status, 1, "{run:?}");
    assert_eq!(host.files()[1].as_deref(), Some(profile("default", 1).as_str()));
    // What had begun is undone.
    assert!(!host.state_folder().join(key_id(1)).exists() || host.status()["phase"] == "rolled-back");
    host.switch(&[]);
}

#[test]
fn without_a_person_or_yes_nothing_is_done() {
    let host = Host::new();
    host.write(None, Some(&profile("default", 1)));
    let before = host.files();
    let run = host.migrate(&["switch", "new"]);
    assert_eq!(run.status, 2);
    assert!(
        run.stderr.contains("[migrate-not-confirmed]") && run.stdout.contains("+credential_process"),
        "{run:?}"
    );
    assert_eq!(host.files(), before);
}

#[test]
fn steps_out_of_order() {
    let host = Host::new();
    let told = |arguments: &[&str]| host.migrate(arguments).stderr;
    assert!(told(&["verify"]).contains("[migrate-not-begun]"));
    assert!(told(&["rollback"]).contains("[migrate-not-begun]"));
    assert_eq!(host.must(&["status"]), "no key is being migrated here\n");
    host.write(None, Some(&format!("{}{}", profile("default", 1), profile("b", 2))));
    host.switch(&[]);
    assert!(told(&["deactivate"]).contains("[migrate-not-verified]"));
    host.switch(&["--aws-profile", "b"]);
    assert!(told(&["verify"]).contains("[migrate-which-key]"));
    host.must(&["rollback", "--no-verify", "--aws-profile", "b"]);
    let again = told(&["rollback", "--no-verify", "--aws-profile", "b"]);
    assert!(again.contains("[migrate-step]") && again.contains("is back in its files"), "{again}");
    assert!(told(&["verify", "--aws-profile", "b"]).contains("[migrate-step]"));
}
