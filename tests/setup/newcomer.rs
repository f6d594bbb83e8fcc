//! From nothing to a session, with nothing but what the commands print.

use super::stage::{ACCOUNT, Stage};
use super::trust::world;

/// The command in a printed text that begins so, as the shell would run it.
fn printed<'a>(text: &'a str, start: &str) -> &'a str {
    let found = text.lines().map(str::trim).find(|line| line.starts_with(start));
    found.unwrap_or_else(|| panic!("no line begins with {start}: {text}"))
}

#[test]
fn a_newcomer_has_a_session() {
    let stage = Stage::set();
    // What a shell knows of our program.
    stage.write("passphrase", "correct horse battery staple\n");
    let program = env!("CARGO_BIN_EXE_anyrole");
    let run = |command: &str, set: &[(&str, &str)]| {
        let script = format!("anyrole() {{ '{program}' \"$@\"; }}\n{command}\n");
        let mut shell = stage.command("/bin/sh");
        shell.args(["-euc", &script]).envs(set.iter().copied());
        let output = shell.output().unwrap();
        let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && err.is_empty(), "{command}: {err}{out}");
        out
    };
    let passphrase = [("ANYROLE_PASSPHRASE_FILE", "passphrase")];
    let init = run("anyrole pki init --folder pki --passphrase-file passphrase", &passphrase);
    let issue = printed(&init, "anyrole pki issue");
    let issued = run(&format!("{issue} --passphrase-file passphrase"), &[]);
    // The two that only the reader knows.
    let setup =
        printed(&issued, "anyrole setup").replace("ACCOUNT", ACCOUNT).replace("REGION", "eu-central-1");
    let script = run(&setup, &[]);
    let (calls, told) = stage.run(&script, &[]);
    let simulator = world(&calls, false);
    let configure = printed(&told, "anyrole configure");
    assert!(!configure.contains("PRIVATE.key"), "{configure}");
    // Where the simulator is, only this test knows.
    let endpoint = simulator.http_endpoint();
    run(&format!("{configure} --endpoint {endpoint} --yes"), &[]);
    let session = run("anyrole credential-process build-17", &[]);
    assert!(session.contains("\"AccessKeyId\":\"ASIA"), "no session");
}
