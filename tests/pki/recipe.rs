//! The lines of `packaging/README.md` that bring a pair to another user's service, run by a shell as they stand there.
//!
//! Below a private root, and with stand-ins for what would change this machine: a `systemctl` that runs what the installed units
//! say, as the user that they say; a `systemd-creds` that keeps the passphrase; a `useradd` of users that are numbers here.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use super::workbench::Workbench;
use crate::support::components::have;
use crate::support::programs;

/// The user of the PKI and the service's, who have no accounts.
const OWNER: &str = "61400";
const SERVICE: &str = "61500";

/// Needs `ROOT`, `OWNER` and `NAME`.
const STAND_INS: &str = r#"
useradd() { :; }
systemctl() {
  echo "$*" >> "$ROOT/journal"
  [ "$1" = start ] || return 0
  units="$ROOT/etc/systemd/system"
  install -d -m 755 "$ROOT/credentials"
  install -m 600 -o "$OWNER" "$ROOT/etc/anyrole/renew-passphrase.cred" "$ROOT/credentials/passphrase"
  specifiers="s|%i|$NAME|g; s|%d|$ROOT/credentials|g"
  setpriv --reuid="$OWNER" --regid="$OWNER" --clear-groups \
    $(sed -n "s/^ExecStart=//; T; $specifiers; p" "$units/anyrole-renew@.service") || return
  $(sed -n "s/^ExecStartPost=+//; T; $specifiers; p" "$units/anyrole-renew@$NAME.service.d/deploy.conf")
}
"#;

/// A name that no function of a shell can have.
const CREDENTIALS: &str = r#"#!/bin/sh
[ "$1 $2" = "encrypt --name=passphrase" ] && cp "$3" "$4"
"#;

/// The lines under the heading, without their first two, which are the reader's.
fn lines() -> String {
    let readme = include_str!("../../packaging/README.md");
    let section = readme.split("## A service of another user, from nothing\n").nth(1).expect("the heading");
    let block = section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the lines");
    let rest = block.strip_prefix("NAME=build-17\nSERVICE=jenkins\n").expect("the reader's lines");
    rest.to_owned()
}

#[test]
fn the_recipe_for_a_service_of_another_user_works_as_written() {
    if !rustix::process::geteuid().is_root() || !have(&["setpriv"]) {
        eprintln!("skipped: this test gives files to another user, which needs root");
        return;
    }
    let bench = Workbench::empty();
    bench.run("chmod", "755 .").done();
    bench.run("mkdir", "-p -m 755 systemd root/usr/bin root/etc/systemd/system root/var/lib").done();
    bench.run("chmod", "755 root root/usr root/etc root/var root/etc/systemd").done();
    let root = bench.path("root").canonicalize().expect("it is there");
    let root = root.to_str().expect("UTF-8");
    programs::copy(env!("CARGO_BIN_EXE_anyrole"), bench.path("root/usr/bin/anyrole"));
    // Only paths change, and users to their numbers.
    let placed = |text: &str| {
        ["/var/lib/anyrole", "/etc/anyrole", "/etc/systemd/system", "/usr/bin/anyrole"]
            .iter()
            .fold(text.to_owned(), |text, path| text.replace(path, &format!("{root}{path}")))
    };
    let packaged = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/systemd");
    for unit in ["anyrole-renew@.service", "anyrole-renew@.timer", "anyrole-renew-deploy.conf"] {
        let text = fs::read_to_string(format!("{packaged}/{unit}")).expect("it is packaged");
        bench.write(&format!("systemd/{unit}"), &placed(&text));
    }
    let users = lines()
        .replace("-o anyrole -g anyrole", &format!("-o {OWNER} -g {OWNER}"))
        .replace("--reuid=anyrole --regid=anyrole", &format!("--reuid={OWNER} --regid={OWNER}"));
    bench.run("mkdir", "stand-ins").done();
    bench.write("stand-ins/systemd-creds", CREDENTIALS);
    bench.run("chmod", "755 stand-ins/systemd-creds").done();
    let given = format!(
        "set -e; PATH=$PWD/stand-ins:$PATH; ROOT={root} OWNER={OWNER} NAME=build-17 SERVICE={SERVICE}\n{STAND_INS}"
    );
    bench.write("recipe", &format!("{given}{}", placed(&users)));
    bench.write("again", &format!("{given}systemctl start anyrole-renew@$NAME.service\n"));

    let told = bench.run("sh", "recipe").done();
    assert!(told.contains("deployed build-17: valid until"), "{told}");
    let journal = bench.read("root/journal");
    assert_eq!(
        journal.lines().collect::<Vec<_>>(),
        [
            "daemon-reload",
            "start anyrole-renew@build-17.service",
            "enable --now anyrole-renew@build-17.timer"
        ]
    );
    let pair = ["pem", "key"].map(|kind| format!("root/etc/anyrole/identity/build-17/build-17.{kind}"));
    for file in &pair {
        let found = fs::metadata(bench.path(file)).expect("it was deployed");
        assert_eq!((found.uid().to_string().as_str(), found.mode() & 0o7777), (SERVICE, 0o600), "{file}");
    }
    assert!(!bench.path("root/var/lib/anyrole/passphrase").exists());
    fs::copy(bench.path("root/var/lib/anyrole/pki/ca/root.pem"), bench.path("root.pem")).expect("ours");
    let simulator = bench.simulator("root.pem");
    bench.session_as(&simulator, SERVICE, &pair[0], &pair[1]).done();
    let told = bench.run("sh", "again").done();
    assert!(told.contains("already there, nothing done: build-17"), "{told}");
}
