//! Completions in the real shells, and manual pages before a real judge.
//!
//! `tests/components` installs what is needed. A shell that is missing is skipped with a line on stderr, and is a
//! failure where `ANYROLE_REQUIRE_COMPONENTS=1` says that it must be there.
#![cfg(unix)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::components::have;

fn anyrole(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_anyrole")).args(arguments).env_clear().output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

/// A folder with the completions of a shell.
fn completions(shell: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("completions"), anyrole(&["completions", shell])).unwrap();
    folder
}

/// Runs a script with a shell in the folder of its completions; returns what it prints.
fn run(shell: &[&str], script: &str, folder: &Path) -> String {
    let mut child = Command::new("timeout")
        .arg("60")
        .args(shell)
        .current_dir(folder)
        .env("HOME", folder)
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.is_empty(), "{shell:?}: {told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What is typed up to the tabulator, and what is offered.
const OFFERS: &[(&[&str], &[&str])] = &[
    (&["who"], &["whoami"]),
    (&["pki", "i"], &["init", "install", "issue"]),
    (
        &["credential-process", "--assume-role-"],
        &["--assume-role-arn", "--assume-role-duration", "--assume-role-session-name", "--assume-role-tag"],
    ),
    (&["whoami", "--cache", ""], &["auto", "file", "keyring", "none"]),
    (&["explain", "sts-as"], &["sts-assume-role-denied"]),
    (&["man", "credential"], &["credential-process"]),
];

#[test]
fn bash_completes() {
    if !have(&["bash"]) {
        return;
    }
    let folder = completions("bash");
    for (typed, offered) in OFFERS {
        let words = typed.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let script = format!(
            "source ./completions\nCOMP_WORDS=(anyrole {words}); COMP_CWORD={}\n\
             _anyrole anyrole \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            typed.len()
        );
        let output = run(&["bash", "--norc"], &script, folder.path());
        let mut words: Vec<_> = output.lines().collect();
        words.sort_unstable();
        assert_eq!(words, *offered, "{typed:?}");
    }
}

#[test]
fn fish_completes() {
    if !have(&["fish"]) {
        return;
    }
    let folder = completions("fish");
    for (typed, offered) in OFFERS {
        let line = typed.join(" ");
        let script = format!("source completions\ncomplete -C 'anyrole {line}'\n");
        let output = run(&["fish", "--no-config"], &script, folder.path());
        let mut words: Vec<_> = output.lines().filter_map(|line| line.split('\t').next()).collect();
        words.sort_unstable();
        assert_eq!(words, *offered, "{typed:?}");
    }
}

/// A tabulator is pressed in an interactive shell on a terminal of its own.
#[test]
fn zsh_completes() {
    if !have(&["zsh"]) {
        return;
    }
    let folder = completions("zsh");
    let script = r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PROMPT=; autoload -U compinit; compinit -u -d ./dump; source ./completions; compdef _anyrole anyrole; echo REA''DY'
zpty -r shell text '*READY*'
zpty -w -n shell $'anyrole credential-process --assume-role-\t\t'
zpty -r shell text '*--assume-role-arn*--assume-role-duration*--assume-role-session-name*--assume-role-tag*'
zpty -w -n shell $'\C-uanyrole who\t\n'
zpty -r shell text '*anyrole whoami*'
zpty -d shell
echo complete
"#;
    assert_eq!(run(&["zsh", "-f"], script, folder.path()), "complete\n");
}

#[test]
fn powershell_has_its_own() {
    let script = anyrole(&["completions", "powershell"]);
    assert!(script.contains("Register-ArgumentCompleter -Native -CommandName 'anyrole'"));
    assert!(script.contains("'anyrole;pki;init'"));
    assert_eq!(
        anyrole(&["completion", "bash"]),
        anyrole(&["completions", "bash"]),
        "the official helper's name"
    );
}

#[test]
fn every_page_is_a_manual_page() {
    let has_judge = have(&["mandoc"]);
    let folder = tempfile::tempdir().unwrap();
    let names = anyrole(&["man", "--list"]);
    assert!(names.lines().count() > 15 && names.contains("anyrole-pki-init\n"));
    for name in names.lines() {
        let path = folder.path().join(format!("{name}.1"));
        let page = anyrole(&["man", name]);
        assert!(
            page.starts_with(&format!(".TH \"{}\" 1 ", name.to_uppercase().replace('-', "\\-"))),
            "{page}"
        );
        fs::write(&path, page).unwrap();
        if has_judge {
            let judged =
                Command::new("mandoc").args(["-Tlint", "-W", "warning"]).arg(&path).output().unwrap();
            assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
        }
    }
    assert_eq!(anyrole(&["man", "pki", "init"]), anyrole(&["man", "anyrole-pki-init"]));
    assert_eq!(anyrole(&["man"]), anyrole(&["man", "anyrole"]));
    let page = anyrole(&["man", "credential-process"]);
    for told in ["ANYROLE_EXTERNAL_ID", "external_id", "AWS_ENDPOINT_URL_STS"] {
        assert!(page.contains(told), "{told}");
    }
}
