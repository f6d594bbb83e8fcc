//! PINs: from where they come, who asks, and that none is tried twice.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use pki_test::algorithm::KeyAlgorithm;

use crate::support::components::have;
use crate::support::programs;
use crate::tokens::hsm::{Hsm, MODULE, PIN, Ran};

#[test]
fn a_pin_comes_from_many_places() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    hsm.identity("iamra", "host", "01", KeyAlgorithm::EcP256);
    let pin = hsm.pin_file();
    let sign = |uri: &str, more: &[&str], variables: &[(&str, &str)]| {
        let mut command = hsm.stage.anyrole(&["sign-string", "--pkcs11-lib", MODULE, "--private-key", uri]);
        command.args(more).envs(variables.iter().copied()).stdout(Stdio::piped());
        Ran(hsm.with(&mut command).output().unwrap())
    };
    let uri = "pkcs11:token=iamra;object=host";
    sign(&format!("{uri}?pin-value={PIN}"), &[], &[]).succeeded();
    sign(&format!("{uri}?pin-source=file:{pin}"), &[], &[]).succeeded();
    sign(uri, &["--pkcs11-pin-file", "env:MY_PIN"], &[("MY_PIN", PIN)]).succeeded();
    sign(uri, &[], &[("ANYROLE_PKCS11_PIN_FILE", &pin)]).succeeded();
    let credentials = hsm.path("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(format!("{credentials}/pkcs11-pin"), PIN).unwrap();
    sign(uri, &[], &[("CREDENTIALS_DIRECTORY", &credentials)]).succeeded();

    // A program prints it; it sees neither our variables nor our input, and no shell reads its name.
    let program = hsm.path("pinomatic");
    let seen = hsm.path("seen");
    let script = format!("#!/bin/sh\nenv > {seen}\ncat >> {seen}\necho \"$1\"\n");
    programs::script(&program, &script);
    let from_program = format!("{uri}?pin-source=%7C{program}%20{PIN}");
    sign(&from_program, &[], &[("ANYROLE_PKCS8_PASSWORD", "hidden")]).succeeded();
    assert!(!fs::read_to_string(&seen).unwrap().contains("hidden"));
    fs::remove_file(&seen).unwrap();
    // By a variable nobody has a program run, nor one that others can write.
    let mut by_variable = hsm.stage.anyrole(&["sign-string"]);
    by_variable.env("ANYROLE_PRIVATE_KEY", &from_program).stdout(Stdio::piped());
    let told = Ran(hsm.with(&mut by_variable).output().unwrap()).refused("setting-value");
    assert!(told.contains("ANYROLE_PRIVATE_KEY"), "{told}");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o777)).unwrap();
    let told = sign(&from_program, &[], &[]).refused("pkcs11-pin-missing");
    assert!(told.contains("can be changed by other users"), "{told}");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(!fs::exists(&seen).unwrap(), "neither ran");
    let told = sign(&format!("{uri}?pin-source=%7C/bin/false"), &[], &[]).refused("pkcs11-pin-missing");
    assert!(told.contains("'/bin/false' did not give it: exit status: 1"), "{told}");
    let told = sign(&format!("{uri}?pin-source=file:/nowhere/pin"), &[], &[]).refused("pkcs11-pin-missing");
    assert!(told.contains("/nowhere/pin"), "{told}");

    let told = sign(uri, &[], &[]).refused("pkcs11-pin-missing");
    assert!(told.contains("there is no terminal to ask on") && told.contains("--pkcs11-pin-file"), "{told}");
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(sign(uri, &["--pkcs11-pin-file", &pin], &[]).refused("pkcs11-pin-missing").contains("chmod"));
}

#[test]
fn a_wrong_pin_is_tried_once() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    let module = hsm.between();
    let certificate = hsm.identity("iamra", "host", "01", KeyAlgorithm::EcP256);
    let log = hsm.path("log");
    let wrong = hsm.stage.write("wrong", "canary9999\n");
    let run = |pin: &str| {
        let more = ["--pkcs11-lib", module.as_str(), "--pkcs11-pin-file", pin, "--no-cache"];
        let mut command = hsm.stage.credential_process_with(&certificate, Some("pkcs11:object=host"), &more);
        command.env("BETWEEN_LOG", &log).stdout(Stdio::piped());
        Ran(hsm.with(&mut command).output().unwrap())
    };
    let told = run(&wrong).refused("pkcs11-pin-wrong");
    assert!(told.contains("the PKCS#11 token 'iamra' refused the PIN"), "{told}");
    assert!(told.contains("C_Login: CKR_PIN_INCORRECT") && told.contains("tries left"), "{told}");
    assert!(!told.contains("canary9999"));
    assert_eq!(fs::read_to_string(&log).unwrap(), "login\n");
    // The file was corrected.
    run(&hsm.pin_file()).succeeded();
    assert_eq!(fs::read_to_string(&log).unwrap(), "login\nlogin\n");
}

/// Thirty runs at once: one asks for the PIN, and the others wait for its session.
#[test]
fn many_runs_ask_once() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    let certificate = hsm.identity("iamra", "host", "01", KeyAlgorithm::EcP256);
    let (program, asked) = (hsm.path("pinomatic"), hsm.path("asked"));
    // As slow as a person, so that all of them are there before it answers.
    programs::script(&program, &format!("#!/bin/sh\necho asked >> {asked}\nsleep 2\necho {PIN}\n"));
    let uri = format!("pkcs11:token=iamra;object=host?pin-source=%7C{program}");
    let runs: Vec<_> = (0..30)
        .map(|_| {
            let more = ["--pkcs11-lib", MODULE];
            let mut command = hsm.stage.credential_process_with(&certificate, Some(&uri), &more);
            hsm.with(&mut command).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let answers: Vec<String> =
        runs.into_iter().map(|run| Ran(run.wait_with_output().unwrap()).succeeded()).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(fs::read_to_string(&asked).unwrap(), "asked\n");
    assert_eq!(hsm.stage.journal().len(), 1);
}

/// A wrong PIN is refused once for all that wait.
#[test]
fn many_runs_lose_one_try() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    let module = hsm.between();
    let certificate = hsm.identity("iamra", "host", "01", KeyAlgorithm::EcP256);
    let (program, log) = (hsm.path("pinomatic"), hsm.path("log"));
    programs::script(&program, "#!/bin/sh\nsleep 2\necho canary9999\n");
    let uri = format!("pkcs11:token=iamra;object=host?pin-source=%7C{program}");
    let runs: Vec<_> = (0..8)
        .map(|_| {
            let mut command =
                hsm.stage.credential_process_with(&certificate, Some(&uri), &["--pkcs11-lib", &module]);
            command.env("BETWEEN_LOG", &log).stdout(Stdio::piped()).stderr(Stdio::piped());
            hsm.with(&mut command).spawn().unwrap()
        })
        .collect();
    for run in runs {
        Ran(run.wait_with_output().unwrap()).refused("pkcs11-pin-wrong");
    }
    assert_eq!(fs::read_to_string(&log).unwrap(), "login\n");
}

/// At a terminal a person is asked, once, and told to touch a token that takes its time.
#[test]
fn a_person_is_asked_at_the_terminal() {
    let Some(hsm) = Hsm::new("iamra") else { return };
    let module = hsm.between();
    if !have(&["script"]) {
        return;
    }
    hsm.identity("iamra", "host", "01", KeyAlgorithm::EcP256);
    let typed = |answer: &str, between: &str| {
        let program = env!("CARGO_BIN_EXE_anyrole");
        let call = format!(
            "{program} sign-string --private-key pkcs11:token=iamra\\;object=host --pkcs11-lib {module} --format text"
        );
        let script = format!("printf '%s\\n' '{answer}' | script -qec \"{call}\" /dev/null");
        let mut shell = hsm.stage.bare("sh");
        shell.args(["-c", &script]).env("BETWEEN", between).stdout(Stdio::piped());
        let output = hsm.with(&mut shell).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let told = typed(PIN, "slow-sign");
    assert!(told.contains("PIN of the PKCS#11 token 'iamra': "), "{told}");
    assert!(
        told.contains("touch it") && told.trim_end().ends_with(|c: char| c.is_ascii_hexdigit()),
        "{told}"
    );
    assert!(typed("", "").contains("[pkcs11-pin-missing]"), "an empty line is no try");
    let told = typed("canary9999", "");
    assert!(told.contains("[pkcs11-pin-wrong]"), "{told}");
    assert!(typed(PIN, "").contains("(a wrong one was entered before): "));
}
