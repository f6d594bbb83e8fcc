//! Users without a home, as Debian's system users, units of systemd, cron jobs and containers are: every process of such a user
//! shares one session, and `cache list` says where it is. And what somebody else may have put where it would be.
//!
//! Each arrangement is a mount namespace of its own, so that nothing of it stays and nothing of this machine decides.
#![cfg(all(target_os = "linux", feature = "pki"))]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::stage::Stage;

/// Where the stage's folder is seen in the namespace, so that `/tmp` can be whatever the arrangement says.
const STAGE: &str = "/mnt";

/// How a host gives its user no home.
struct Arrangement {
    /// What is done to the file systems, as root, in the shell. `/dev/shm` and `/tmp` are empty and open to all before it.
    prepare: &'static str,
    /// The environment of the calls.
    variables: &'static [&'static str],
    /// Whether the calls are in a PID namespace of their own, as containers are.
    contained: bool,
    /// Where the state folder then is; `UID` stands for the user.
    folder: &'static str,
}

const HOST: Arrangement =
    Arrangement { prepare: "", variables: &[], contained: false, folder: "/dev/shm/anyrole-UID" };

/// What came of an arrangement.
struct Outcome {
    sessions: usize,
    listed: String,
    told: String,
    /// What `status` says of the session.
    status: String,
    /// What is said of a name that no file defines.
    unknown: String,
}

impl Arrangement {
    /// Makes three calls one after the other, and fifty at once; `None` where that cannot be tried here.
    fn run(&self, uid: u32) -> Option<Outcome> {
        if !is_root() {
            eprintln!("skipped: this test changes users and mounts, which needs root");
            return None;
        }
        let stage = Stage::set();
        let key = Path::new(stage.private_key());
        let folder = key.parent().unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        chown(key, Some(uid), Some(uid)).unwrap();
        fs::write(folder.join("anyrole"), "").unwrap();
        let call = stage.credential_process(stage.http_endpoint(), &[]);
        let seen = |text: &str| text.replace(folder.to_str().unwrap(), STAGE);
        let words: Vec<String> =
            call.get_args().map(|word| format!("'{}'", seen(word.to_str().unwrap()))).collect();
        let namespace =
            call.get_envs().find(|(name, _)| *name == "ANYROLE_CACHE_NAMESPACE").unwrap().1.unwrap();
        let calls = format!(
            "call() {{ {STAGE}/anyrole {} > /dev/null || echo failed >&2; }}\n\
             call; call; call\n\
             for n in $(seq 50); do call & done; wait\n\
             {STAGE}/anyrole cache list; echo ==; {STAGE}/anyrole status {}; echo ==\n\
             {STAGE}/anyrole credential-process no-such-name 2>&1; {STAGE}/anyrole cache clear --all",
            words.join(" "),
            words[1..].join(" "),
        );
        fs::write(folder.join("calls"), calls).unwrap();
        let prepare = format!(
            "set -e\nmount --bind {0} {STAGE}\nmount --bind {1} {STAGE}/anyrole\n\
             mount -t tmpfs -o mode=1777 none /dev/shm\nmount -t tmpfs -o mode=1777 none /tmp\n{2}\n\
             exec setpriv --reuid {uid} --regid {uid} --clear-groups env -i PATH=/usr/bin:/bin \
             ANYROLE_CACHE_NAMESPACE={3} {4} sh {STAGE}/calls",
            folder.display(),
            env!("CARGO_BIN_EXE_anyrole"),
            self.prepare.replace("UID", &uid.to_string()),
            namespace.to_str().unwrap(),
            self.variables.join(" "),
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private"]);
        if self.contained {
            command.args(["--pid", "--fork"]);
        }
        let done = command.args(["sh", "-c", &prepare]).stdin(Stdio::null()).output().unwrap();
        let told = String::from_utf8(done.stderr).unwrap();
        if told.contains("unshare failed") || told.contains("mount: ") {
            eprintln!("skipped: this test needs mount namespaces: {told}");
            return None;
        }
        assert!(done.status.success(), "{told}");
        let stdout = String::from_utf8(done.stdout).unwrap();
        let [listed, status, unknown] =
            stdout.split("==\n").map(str::to_owned).collect::<Vec<_>>().try_into().unwrap();
        Some(Outcome { sessions: stage.journal().len(), listed, told, status, unknown })
    }

    /// One session is made for all calls, and the state folder is where it should be.
    fn shares(&self, uid: u32) {
        let Some(Outcome { sessions, listed, told, .. }) = self.run(uid) else { return };
        assert!(told.is_empty(), "{told}");
        assert_eq!(sessions, 1, "{listed}");
        let folder = self.folder.replace("UID", &uid.to_string());
        assert!(listed.contains(&format!("; state folder '{folder}'\n")), "{listed}");
        assert!(!listed.contains("to have a cache"), "{listed}");
    }
}

fn is_root() -> bool {
    let found = Command::new("id").arg("-u").output().unwrap();
    found.stdout == b"0\n"
}

#[test]
fn home_is_not_set_and_the_user_has_an_account() {
    // Debian's `nobody`, whose home is /nonexistent.
    HOST.shares(65_534);
}

#[test]
fn home_is_not_set_and_the_user_has_no_account() {
    HOST.shares(61_001);
}

#[test]
fn home_does_not_exist() {
    Arrangement { variables: &["HOME=/nonexistent"], ..HOST }.shares(61_002);
}

#[test]
fn home_is_the_root_folder() {
    Arrangement { variables: &["HOME=/"], ..HOST }.shares(61_003);
}

#[test]
fn home_is_root_s() {
    Arrangement { variables: &["HOME=/root"], ..HOST }.shares(61_004);
}

#[test]
fn home_is_read_only() {
    let prepare = "mkdir /tmp/home && chown UID /tmp/home && mount --bind /tmp/home /tmp/home && \
                   mount -o remount,bind,ro /tmp/home";
    Arrangement { prepare, variables: &["HOME=/tmp/home"], ..HOST }.shares(61_005);
}

#[test]
fn home_became_read_only() {
    let prepare = "mkdir -p /tmp/home/.local/state/anyrole && chmod 700 /tmp/home/.local/state/anyrole && \
                   head -c 32 /dev/urandom > /tmp/home/.local/state/anyrole/sealing-key && \
                   chmod 600 /tmp/home/.local/state/anyrole/sealing-key && chown -R UID /tmp/home && \
                   mount --bind /tmp/home /tmp/home && mount -o remount,bind,ro /tmp/home";
    Arrangement { prepare, variables: &["HOME=/tmp/home"], ..HOST }.shares(61_006);
}

#[test]
fn home_is_full() {
    let prepare = "mkdir /tmp/home && mount -t tmpfs -o size=64k none /tmp/home && chown UID /tmp/home && \
                   (cat /dev/zero > /tmp/home/full 2> /dev/null || true)";
    Arrangement { prepare, variables: &["HOME=/tmp/home"], ..HOST }.shares(61_007);
}

#[test]
fn a_unit_with_a_dynamic_user_and_a_state_directory() {
    // What systemd does for DynamicUser=, ProtectHome=, ProtectSystem=strict and StateDirectory=.
    let prepare = "mkdir /tmp/state && chown UID /tmp/state && mount --bind /tmp/state /tmp/state && \
                   mount -o remount,bind,ro /";
    let variables = &["HOME=/", "STATE_DIRECTORY=/tmp/state"];
    Arrangement { prepare, variables, folder: "/tmp/state", ..HOST }.shares(61_008);
}

#[test]
fn a_unit_with_a_runtime_directory() {
    let prepare = "mkdir /tmp/run && chown UID /tmp/run && mount -o remount,bind,ro /";
    let variables = &["HOME=/nonexistent", "RUNTIME_DIRECTORY=/tmp/run"];
    Arrangement { prepare, variables, folder: "/tmp/run", ..HOST }.shares(61_009);
}

#[test]
fn a_unit_without_either() {
    let prepare = "mount -t tmpfs -o mode=000,ro none /home && mount -o remount,bind,ro /";
    Arrangement { prepare, variables: &["HOME=/home/service"], ..HOST }.shares(61_010);
}

#[test]
fn a_user_who_is_logged_in_and_whose_home_is_not_mounted() {
    let prepare = "mkdir -p /run/user && mount -t tmpfs none /run/user && mkdir -m 700 /run/user/UID && \
                   chown UID /run/user/UID";
    let folder = "/run/user/UID/anyrole";
    Arrangement { prepare, variables: &["HOME=/nonexistent"], folder, ..HOST }.shares(61_011);
}

#[test]
fn cron() {
    Arrangement { variables: &["HOME=/", "SHELL=/bin/sh", "LOGNAME=service"], ..HOST }.shares(61_012);
}

#[test]
fn a_container_with_a_read_only_root_and_one_tmpfs() {
    let prepare = "mount -o remount,ro /dev/shm && mount -o remount,bind,ro /";
    let folder = "/tmp/anyrole-UID";
    Arrangement { prepare, contained: true, folder, ..HOST }.shares(61_013);
}

/// Somebody else was first. The answer comes all the same, nothing of theirs is used or changed, and it is told by name.
#[test]
fn who_squats_on_the_folder_gets_nothing_and_costs_no_answer() {
    let squats = [
        ("mkdir -m 777 /dev/shm/anyrole-UID", "another user owns it"),
        ("touch /dev/shm/anyrole-UID", "it is a link, or no folder"),
        (
            "mkdir -m 700 /tmp/own && chown UID /tmp/own && ln -s /tmp/own /dev/shm/anyrole-UID",
            "it is a link",
        ),
        ("mkfifo /dev/shm/anyrole-UID", "it is a link, or no folder"),
        ("mkdir -m 770 /dev/shm/anyrole-UID && chown UID /dev/shm/anyrole-UID", "other users can get at it"),
        (
            "mkdir -m 700 /dev/shm/anyrole-UID && chown UID /dev/shm/anyrole-UID && chmod 777 /dev/shm",
            "all users can",
        ),
    ];
    for (squat, told) in squats {
        // With /tmp still free the calls share a session there.
        let arrangement = Arrangement { prepare: squat, folder: "/tmp/anyrole-UID", ..HOST };
        let Some(outcome) = arrangement.run(61_020) else { return };
        assert_eq!(outcome.sessions, 1, "{squat}: {}", outcome.listed);
        assert!(
            outcome.listed.contains("passed over: cannot use the state folder '/dev/shm/anyrole-61020': ")
        );
        assert!(outcome.listed.contains(told), "{squat}: {}", outcome.listed);
    }
    // With everything taken there is no cache, and that is said, with what gives one.
    let prepare = "touch /dev/shm/anyrole-UID /tmp/anyrole-UID";
    let Some(outcome) = (Arrangement { prepare, ..HOST }).run(61_021) else { return };
    assert_eq!((outcome.sessions, outcome.told.as_str()), (53, ""));
    assert!(outcome.listed.contains("new sessions are not kept: each call asks AWS\n"), "{}", outcome.listed);
    assert!(outcome.listed.contains("to have a cache: set ANYROLE_STATE_DIR"), "{}", outcome.listed);
}

/// `sudo` keeps `HOME`, and images set root's: the command line says everything, so the call succeeds, and the file that is not
/// read is told. Asked for by a name, the session is missed with the reason.
#[test]
fn a_configuration_in_somebody_else_s_home_is_passed_over_and_told() {
    let closed =
        "mkdir -p -m 700 /tmp/home/.config/anyrole && echo broken > /tmp/home/.config/anyrole/config.toml";
    let another = "mkdir -p /tmp/home/.config/anyrole && echo broken > /tmp/home/.config/anyrole/config.toml && \
                   chown -R 61031 /tmp/home";
    for (prepare, why) in [(closed, "ermission denied"), (another, "the home folder belongs to ")] {
        let arrangement = Arrangement { prepare, variables: &["HOME=/tmp/home"], ..HOST };
        let Some(outcome) = arrangement.run(61_030) else { return };
        assert_eq!((outcome.sessions, outcome.told.as_str()), (1, ""), "{prepare}");
        let not_read = "'/tmp/home/.config/anyrole/config.toml' is not read: ";
        assert!(outcome.status.contains(not_read) && outcome.status.contains(why), "{}", outcome.status);
        assert!(outcome.unknown.contains(&format!("  passed over: {not_read}")), "{}", outcome.unknown);
    }
}
