//! The units of `packaging/systemd`, as systemd reads them.

use std::fs;

use super::workbench::Workbench;
use crate::support::components::have;

#[test]
fn the_renewal_units_are_sound_and_hardened() {
    if !have(&["systemd-analyze"]) {
        return;
    }
    let bench = Workbench::empty();
    let packaged = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/systemd");
    for unit in ["service", "timer"] {
        let text = fs::read_to_string(format!("{packaged}/anyrole-renew@.{unit}")).expect("it is packaged");
        // What systemd starts must be there, so that it can say that all else is right.
        let text = text.replace("/usr/bin/anyrole", env!("CARGO_BIN_EXE_anyrole"));
        bench.write(&format!("anyrole-renew@.{unit}"), &text);
        bench.write(&format!("anyrole-renew@host.{unit}"), &text);
    }
    let text = fs::read_to_string(format!("{packaged}/anyrole-renew-deploy.conf")).expect("it is packaged");
    bench.run("mkdir", "anyrole-renew@host.service.d").done();
    let text = text.replace("/usr/bin/anyrole", env!("CARGO_BIN_EXE_anyrole"));
    bench.write("anyrole-renew@host.service.d/deploy.conf", &text);
    let verified =
        bench.run("systemd-analyze", "verify ./anyrole-renew@host.service ./anyrole-renew@host.timer");
    assert!(verified.status == 0 && verified.stderr.is_empty(), "{verified:?}");
    // Of 100, where 0 is the least that a service can be exposed.
    let exposure = "security --offline=true --threshold=10 --no-pager ./anyrole-renew@host.service";
    let exposure = bench.run("systemd-analyze", exposure);
    assert_eq!(exposure.status, 0, "{exposure:?}");
}

#[test]
fn the_unit_of_update_is_sound_and_hardened() {
    if !have(&["systemd-analyze"]) {
        return;
    }
    let bench = Workbench::empty();
    let packaged = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/systemd/anyrole-update@.service");
    let text = fs::read_to_string(packaged).expect("it is packaged");
    let text = text.replace("/usr/bin/anyrole", env!("CARGO_BIN_EXE_anyrole"));
    bench.write("anyrole-update@build.service", &text);
    let verified = bench.run("systemd-analyze", "verify ./anyrole-update@build.service");
    assert!(verified.status == 0 && verified.stderr.is_empty(), "{verified:?}");
    // It has the network, and so twice what the renewal has.
    let exposure = "security --offline=true --threshold=20 --no-pager ./anyrole-update@build.service";
    let exposure = bench.run("systemd-analyze", exposure);
    assert_eq!(exposure.status, 0, "{exposure:?}");
}
