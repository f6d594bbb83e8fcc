//! GNOME Keyring on a bus of its own: unlocked, locked, and absent.
//!
//! The kernel's keyring is denied in the driver, so that the choice goes on to the Secret Service.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::cache::driver::Drive;
use crate::support::components::have;
use crate::support::programs;

const UNLOCK: &str =
    "printf pw | gnome-keyring-daemon --daemonize --unlock --components=secrets >/dev/null 2>&1";
const LOCK: &str = "gdbus call --session -d org.freedesktop.secrets -o /org/freedesktop/secrets \
    -m org.freedesktop.Secret.Service.Lock \"['/org/freedesktop/secrets/collection/login']\" >/dev/null";

/// How long a call may take that finds nobody: the bound is 300 milliseconds, and the machine may be busy.
const SOON: Duration = Duration::from_secs(10);

struct Desktop {
    home: TempDir,
}

impl Desktop {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        for folder in ["run", "data"] {
            fs::create_dir(home.path().join(folder)).unwrap();
            let private = fs::Permissions::from_mode(0o700);
            fs::set_permissions(home.path().join(folder), private).unwrap();
        }
        Self { home }
    }

    /// Runs the driver on a new bus, after some commands.
    fn drive(&self, commands: &[&str]) -> Drive {
        let script = self.home.path().join("script");
        let home = self.home.path().display();
        let text = format!(
            "#!/bin/sh\nexport HOME={home} XDG_RUNTIME_DIR={home}/run XDG_DATA_HOME={home}/data\n{}\nexec \"$@\"\n",
            commands.join("\n")
        );
        programs::script(&script, &text);
        Drive::new().under(&format!("dbus-run-session -- {}", script.display())).step("kernel deny").open(
            "keyring",
            &self.home.path().join("state"),
            "v1",
        )
    }
}

fn patiently(drive: Drive, steps: &[&str]) -> Drive {
    steps.iter().fold(drive, |drive, step| drive.step(format!("patiently {step}")))
}

#[test]
fn an_unlocked_collection_keeps_an_entry_over_logins_and_a_locked_one_is_left_alone() {
    if !have(&["dbus-run-session", "gnome-keyring-daemon", "gdbus"]) {
        return;
    }
    let desktop = Desktop::new();
    let works = "kernel-keyring:cache-unavailable secret-service:works";
    let steps = ["survey", "put aa 3600 4000", "get aa", "get bb", "put aa 3600 0", "put cc 3600 0", "list"];
    let first = patiently(desktop.drive(&[UNLOCK]), &steps).run();
    let both = "aa:secret-service cc:secret-service";
    assert_eq!(first, ["denied", works, "stored", "ASIAEXAMPLEAA", "miss", "stored", "stored", both]);

    let begin = Instant::now();
    let locked = patiently(desktop.drive(&[UNLOCK, LOCK]), &["survey"]);
    let locked = locked.step("get aa").step("put aa 3600 0").run();
    let survey = "kernel-keyring:cache-unavailable secret-service:cache-locked";
    // The first store's reason is told.
    assert_eq!(locked, ["denied", survey, "error cache-unavailable", "error cache-unavailable"]);
    assert!(begin.elapsed() < SOON);

    let steps = ["get aa", "list", "clear", "get aa"];
    let again = patiently(desktop.drive(&[UNLOCK]), &steps).run();
    assert_eq!(again, ["denied", "ASIAEXAMPLEAA", both, "removed 2", "miss"]);
}

#[test]
fn an_absent_service_is_not_started_and_an_absent_bus_is_not_waited_for() {
    if !have(&["dbus-run-session", "gnome-keyring-daemon"]) {
        return;
    }
    let survey = "kernel-keyring:cache-unavailable secret-service:cache-unavailable";
    for commands in [&[][..], &["export DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent/bus"]] {
        let desktop = Desktop::new();
        let begin = Instant::now();
        let seen = desktop.drive(commands).step("survey").step("put aa 3600 0").run();
        assert_eq!(seen, ["denied", survey, "error cache-unavailable"]);
        assert!(begin.elapsed() < SOON);
        assert!(!desktop.home.path().join("run/keyring").exists(), "the service was started");
    }
}
