//! The backup: what opens it, and that it is said before it is too late when something else is needed.

use std::fs;

use super::host::{Host, key_id, profile};

/// Gives the identity another private key, and keeps the old one in a file that is returned.
fn renew(host: &Host) -> String {
    let home = host.world.home();
    let old = home.join("old.key");
    fs::rename(home.join("host.key"), &old).unwrap();
    let made = std::process::Command::new("openssl")
        .args(["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"])
        .arg(home.join("host.key"))
        .output()
        .unwrap();
    assert!(made.status.success());
    old.to_str().unwrap().to_owned()
}

#[test]
fn after_a_renewal_the_former_key_opens_it() {
    let host = Host::new();
    host.write(None, Some(&profile("default", 1)));
    host.switch(&[]);
    let old = renew(&host);
    let status = host.status();
    assert_eq!(status["backup"]["identity_opens_it"], false);
    assert!(status["problems"][0].as_str().unwrap().contains("--backup-key"), "{status}");
    let run = host.migrate(&["rollback", "--no-verify"]);
    assert!(run.stderr.contains("[migrate-backup-closed]") && run.stderr.contains("--backup-key"), "{run:?}");
    host.must(&["rollback", "--no-verify", "--backup-key", &old]);
    assert_eq!(host.files()[1].as_deref(), Some(profile("default", 1).as_str()));
}

/// `pki renew` and `pki issue --replace` have both keys in their hands, and let the new one open what the old one does.
#[test]
fn a_new_key_of_the_pki_opens_it() {
    let host = Host::new();
    host.write(None, Some(&profile("default", 1)));
    let folder = host.world.home().join("pki");
    let pki = |arguments: &[&str]| {
        let mut command = host.command(&["pki"]);
        let run = host.run(command.args(arguments).arg("--folder").arg(&folder));
        assert!(run.status == 0 && run.stderr.is_empty(), "{arguments:?}: {run:?}");
        run.stdout
    };
    pki(&["init", "--no-passphrase"]);
    pki(&["issue", "host"]);
    for replaces in [&["renew", "host"][..], &["issue", "host", "--replace"]] {
        assert!(!pki(replaces).contains("backup"), "there is none");
    }
    let (new, own) = (folder.join("host/host.key"), host.world.home().join("host.key"));
    fs::copy(&own, &new).unwrap();
    host.switch(&[]);
    for replaces in [&["renew", "host"][..], &["issue", "host", "--replace"]] {
        let before = fs::read(&new).unwrap();
        let told = pki(replaces);
        assert!(told.contains(&format!("opens the backup of {} too", key_id(1))), "{told}");
        assert_ne!(fs::read(&new).unwrap(), before);
    }
    fs::copy(&new, &own).unwrap();
    assert_eq!(host.status()["backup"]["identity_opens_it"], true);
    host.must(&["rollback", "--no-verify"]);
    assert_eq!(host.files()[1].as_deref(), Some(profile("default", 1).as_str()));
}

#[test]
fn a_password_opens_it_too() {
    let host = Host::new();
    host.write(None, Some(&profile("default", 1)));
    let file = host.world.write("password", "correct horse\n");
    let password = ["--backup-password-file", file.to_str().unwrap()];
    host.switch(&password);
    fs::remove_file(renew(&host)).unwrap();
    assert_eq!(host.status()["problems"], serde_json::json!([]), "the password opens it");
    let wrong = host.world.write("wrong", "battery staple\n");
    let run = host.migrate(&["rollback", "--no-verify", "--backup-password-file", wrong.to_str().unwrap()]);
    assert!(run.stderr.contains("[migrate-backup-closed]"), "{run:?}");
    host.must(&[&["rollback", "--no-verify"], &password[..]].concat());
    assert_eq!(host.files()[1].as_deref(), Some(profile("default", 1).as_str()));
}

#[test]
fn without_a_backup_there_is_no_way_back_here() {
    let host = Host::new();
    host.write(None, Some(&profile("default", 1)));
    let told = host.switch(&["--no-backup"]);
    assert!(told.contains("there is no backup"), "{told}");
    let run = host.migrate(&["rollback", "--no-verify"]);
    assert!(run.stderr.contains("create-access-key"), "{run:?}");
    assert_eq!(fs::read_dir(host.state_folder().join(key_id(1))).unwrap().count(), 1);
}

#[test]
fn a_damaged_backup_is_told() {
    let host = Host::new();
    host.write(None, Some(&profile("default", 1)));
    host.switch(&[]);
    let status = host.status();
    let path = status["backup"]["path"].as_str().unwrap();
    let text = fs::read_to_string(path).unwrap();
    let at = text.find("\"sealed\":\"").unwrap() + 20;
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    fs::write(path, format!("{}{other}{}", &text[..at], &text[at + 1..])).unwrap();
    let run = host.migrate(&["rollback", "--no-verify"]);
    assert!(run.stderr.contains("[migrate-backup-damaged]") && run.stderr.contains("seal"), "{run:?}");
    assert!(!host.files()[1].as_ref().unwrap().contains(&key_id(1)));
}
