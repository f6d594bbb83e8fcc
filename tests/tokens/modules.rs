//! Modules that cannot be loaded, must not be, crash or hang; and the helper itself.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, Instant};

use pki_test::algorithm::KeyAlgorithm;

use crate::support::programs;
use crate::tokens::hsm::{Hsm, MODULE, PIN, Ran};

#[test]
fn a_module_that_misbehaves_is_named_in_time() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    let module = hsm.between();
    let certificate = hsm.identity("iamra", "host", "01", KeyAlgorithm::EcP256);
    let pin = hsm.pin_file();
    let run = |what: &str, more: &[&str]| {
        let fixed = ["--pkcs11-lib", &module, "--pkcs11-pin-file", &pin];
        let mut command = hsm.stage.credential_process_with(
            &certificate,
            Some("pkcs11:object=host"),
            &[&fixed[..], more].concat(),
        );
        command.arg("--no-cache").env("BETWEEN", what).stdout(std::process::Stdio::piped());
        Ran(hsm.with(&mut command).output().unwrap())
    };
    run("", &[]).succeeded();
    run("print", &[]).succeeded();
    run("slow-sign", &[]).succeeded();
    let named = format!("the PKCS#11 module '{module}'");
    for (what, id, told) in [
        ("crash-load", "pkcs11-module-crashed", "crashed while it was being loaded (SIGABRT, signal 6)"),
        ("crash-sign", "pkcs11-module-crashed", "crashed while it was signing (SIGSEGV, signal 11)"),
        ("wrong-sign", "pkcs11-module-failed", "made does not belong to the key"),
    ] {
        let said = run(what, &[]).refused(id);
        assert!(said.contains(&named) && said.contains(told), "{what}: {said}");
    }
    for (what, told) in [("hang-initialize", "it was being loaded"), ("hang-sign", "it was signing")] {
        let begun = Instant::now();
        let said = run(what, &["--timeout", "1s"]).refused("pkcs11-module-crashed");
        assert!(said.contains(&format!("{named} did not answer within 1 second while {told}")), "{said}");
        assert!(begun.elapsed() < Duration::from_secs(20), "the deadline counts");
    }
    // The last try is a person's, and a locked PIN is told before it is tried.
    let said = run("final-try", &[]).refused("pkcs11-pin-locked");
    assert!(said.contains("was not tried") && said.contains("the next wrong PIN locks it"), "{said}");
    assert!(run("locked", &[]).refused("pkcs11-pin-locked").contains("is locked"));
}

/// Nothing is looked for in a part of a token and taken for absent.
#[test]
fn more_objects_than_are_looked_at_are_told() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    let module = hsm.between();
    hsm.identity("iamra", "host", "01", KeyAlgorithm::EcP256);
    let read = |uri: &str| {
        let mut command = hsm.stage.anyrole(&["read-certificate-data", "--certificate", uri]);
        command.args(["--pkcs11-lib", &module]).env("BETWEEN", "endless");
        Ran(hsm.with(&mut command).stdout(std::process::Stdio::piped()).output().unwrap())
    };
    let told = read("pkcs11:token=iamra").refused("pkcs11-module-failed");
    assert!(told.contains("name one in the URI, by object or id"), "{told}");
    assert!(read("pkcs11:token=iamra;object=host").succeeded().contains("Subject: CN=host"));
}

#[test]
fn a_module_that_others_could_have_written_is_not_loaded() {
    let Some(hsm) = Hsm::empty() else { return };
    let sign =
        |uri: &str, more: &[&str]| hsm.anyrole(&[&["sign-string", "--private-key", uri], more].concat());
    let canary = hsm.path("canary.so");
    fs::write(&canary, "no module").unwrap();
    let told = sign("pkcs11:object=x", &["--pkcs11-lib", &canary]).refused("pkcs11-module");
    assert!(told.contains("invalid ELF header") || told.contains("file too short"), "{told}");
    let told = sign("pkcs11:object=x", &["--pkcs11-lib", "/nowhere/x.so"]).refused("pkcs11-module");
    assert!(told.contains("cannot load the PKCS#11 module '/nowhere/x.so': there is no such file"), "{told}");
    let told = sign("pkcs11:object=x?module-name=nowhere", &[]).refused("pkcs11-module");
    assert!(told.contains("'nowhere'") && told.contains("/usr/lib"), "{told}");
    // A library that is no module.
    let told = sign("pkcs11:object=x", &["--pkcs11-lib", "/lib/x86_64-linux-gnu/libc.so.6"]);
    if fs::exists("/lib/x86_64-linux-gnu/libc.so.6").unwrap() {
        assert!(told.refused("pkcs11-module").contains("it is no PKCS#11 module"));
    }
    // Written by anybody, or in a folder that anybody writes.
    let open = hsm.path("open");
    fs::create_dir(&open).unwrap();
    let inside = format!("{open}/libsofthsm2.so");
    fs::copy(MODULE, &inside).unwrap();
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
    let told = sign(&format!("pkcs11:object=x?module-path={inside}"), &[]).refused("pkcs11-module");
    assert!(told.contains("can be changed by other users"), "{told}");
    for wrong in
        ["module-path=./e.so", "module-name=..%2Fe", "module-name=../e", "pin-source=%7C./x", "pin-source=|x"]
    {
        sign(&format!("pkcs11:object=x?{wrong}"), &[]).refused("source-malformed");
    }
}

#[test]
fn the_helper_is_found_and_judged() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    let list = |program: &str, helper: Option<&str>| {
        let mut command = hsm.stage.bare(program);
        command.args([
            "read-certificate-data",
            "--certificate",
            "pkcs11:token=iamra",
            "--pkcs11-lib",
            MODULE,
        ]);
        hsm.with(&mut command).env_remove("ANYROLE_PKCS11_HELPER").stdout(std::process::Stdio::piped());
        command.args(helper.into_iter().flat_map(|helper| ["--pkcs11-helper", helper]));
        Ran(command.output().unwrap())
    };
    let prefix = hsm.path("prefix");
    fs::create_dir_all(format!("{prefix}/bin")).unwrap();
    fs::create_dir_all(format!("{prefix}/libexec/anyrole")).unwrap();
    let program = format!("{prefix}/bin/anyrole");
    programs::copy(env!("CARGO_BIN_EXE_anyrole"), &program);
    let told = list(&program, None).refused("pkcs11-helper");
    assert!(told.contains("install the package anyrole-pkcs11"), "{told}");
    assert!(told.contains(&format!("looked for: '{prefix}/libexec/anyrole/anyrole-pkcs11'")), "{told}");
    let elsewhere = format!("{prefix}/libexec/anyrole/anyrole-pkcs11");
    fs::copy(hsm.helper(), &elsewhere).unwrap();
    assert_eq!(list(&program, None).succeeded(), "No matching identities\n");
    symlink(hsm.helper(), format!("{prefix}/bin/anyrole-pkcs11")).unwrap();
    assert_eq!(list(&program, None).succeeded(), "No matching identities\n");
    fs::set_permissions(hsm.helper(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(list(&program, None).refused("pkcs11-helper").contains("can be changed by other users"));
    assert!(
        list(&program, Some("/bin/true"))
            .refused("pkcs11-helper")
            .contains("it does not answer (exit status 0)")
    );
    assert!(list(&program, Some("/bin/echo")).refused("pkcs11-helper").contains("'/bin/echo'"));
    assert_eq!(list(&program, Some(&elsewhere)).succeeded(), "No matching identities\n");
}

/// The PIN and the keys of the caller are in neither the arguments nor the environment of the helper, which nobody can look into.
#[test]
fn the_helper_knows_no_secret_that_it_was_not_sent() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    let module = hsm.between();
    hsm.identity("iamra", "host", "01", KeyAlgorithm::EcP256);
    let mut command = hsm.stage.anyrole(&["sign-string", "--private-key", "pkcs11:object=host"]);
    command.args(["--pkcs11-lib", &module, "--pkcs11-pin-file", "env:MY_PIN"]);
    command.env("MY_PIN", PIN).env("ANYROLE_PKCS8_PASSWORD", PIN).env("BETWEEN", "hang-sign");
    let log = hsm.path("log");
    command.env("BETWEEN_LOG", &log).stderr(std::process::Stdio::null());
    let mut running = hsm.with(&mut command).spawn().unwrap();
    // It was logged in, so it has the PIN; and hangs.
    let begun = Instant::now();
    while !fs::exists(&log).unwrap() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(10));
    }
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", running.id())).unwrap();
    let helper: u32 = children.split_whitespace().next().unwrap().parse().unwrap();
    for process in [helper, running.id()] {
        let arguments = fs::read(format!("/proc/{process}/cmdline")).unwrap();
        assert!(!String::from_utf8_lossy(&arguments).contains(PIN), "the arguments of {process}");
    }
    assert_eq!(
        fs::read(format!("/proc/{helper}/cmdline")).unwrap(),
        format!("{}\0", hsm.helper()).as_bytes()
    );
    if let Ok(variables) = fs::read(format!("/proc/{helper}/environ")) {
        let variables = String::from_utf8_lossy(&variables).into_owned();
        assert!(variables.contains("SOFTHSM2_CONF=") && !variables.contains(PIN), "{variables}");
        assert!(!variables.contains("ANYROLE_"), "{variables}");
    }
    let status = fs::read_to_string(format!("/proc/{helper}/limits")).unwrap();
    let core = status.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert!(core.split_whitespace().nth(4) == Some("0"), "{core}");
    // The helper ends with its caller, although its module hangs and ignores signals.
    running.kill().unwrap();
    running.wait().unwrap();
    let begun = Instant::now();
    let is_over = || {
        let stat = fs::read_to_string(format!("/proc/{helper}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    };
    while !is_over() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the helper outlives its caller");
        std::thread::sleep(Duration::from_millis(10));
    }
}
