//! Histories of git: loose and packed objects, messages, and what no branch leads to.

use std::path::Path;
use std::process::Command;

use crate::audit::corpus::{Random, write};
use crate::audit::{audit, data, run};
use crate::support::components::have;

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.current_dir(folder).env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "x").env(format!("GIT_{who}_EMAIL"), "x@x.example");
    }
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn histories_are_looked_through() {
    if !have(&["git"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("work");
    std::fs::create_dir(&root).unwrap();
    let mut random = Random::new(3);
    let [packed, loose, message, lost] = std::array::from_fn(|_| random.id("AKIA", 111_122_223_333));
    git(&root, &["init", "-q", "-b", "main"]);
    write(
        &root,
        "config/app.ini",
        format!("[s3]\nkey = {packed}\nsecret = {}\n", random.secret()).as_bytes(),
    );
    git(&root, &["add", "."]);
    git(&root, &["commit", "-q", "-m", "first"]);
    let first = git(&root, &["rev-parse", "HEAD"]);
    git(&root, &["rm", "-q", "config/app.ini"]);
    git(&root, &["commit", "-q", "--allow-empty", "-m", "second"]);
    git(&root, &["gc", "-q"]);
    write(&root, "b.env", format!("KEY={loose}\n").as_bytes());
    git(&root, &["add", "."]);
    git(&root, &["commit", "-q", "-m", &format!("key is {message}")]);
    let third = git(&root, &["rev-parse", "HEAD"]);
    std::fs::remove_file(root.join("b.env")).unwrap();
    write(&root, "c", lost.as_bytes());
    git(&root, &["hash-object", "-w", "c"]);
    std::fs::remove_file(root.join("c")).unwrap();
    // What a repository of somebody else could make git run.
    let marker = folder.path().join("ran");
    git(&root, &["config", "core.fsmonitor", &format!("touch {}", marker.display())]);
    git(&root, &["config", "core.pager", &format!("touch {}", marker.display())]);
    git(&root, &["config", "diff.external", &format!("touch {}", marker.display())]);

    let without = data(&run(audit(folder.path()).args(["--json", "work"])));
    let ids = |data: &serde_json::Value| -> Vec<String> {
        let findings = data["findings"].as_array().unwrap().iter();
        findings.map(|finding| finding["access_key_id"].as_str().unwrap().to_owned()).collect()
    };
    // The message stands in a file of its own, as git leaves it.
    assert!(ids(&without).iter().all(|id| *id == message), "{without:#}");
    assert!(without["left_out"].to_string().contains("--git"));

    let with = data(&run(audit(folder.path()).args(["--git", "--json", "work"])));
    let finding = |id: &str| {
        let of_git =
            |finding: &&serde_json::Value| finding["access_key_id"] == id && !finding["git"].is_null();
        with["findings"].as_array().unwrap().iter().find(of_git).unwrap_or_else(|| panic!("{id}: {with:#}"))["git"].clone()
    };
    assert_eq!(
        (&finding(&packed)["commit"], &finding(&packed)["file"]),
        (&first.clone().into(), &"config/app.ini".into())
    );
    assert_eq!(
        (&finding(&loose)["commit"], &finding(&loose)["file"]),
        (&third.clone().into(), &"b.env".into())
    );
    assert_eq!(finding(&message)["commit"], third.as_str());
    assert!(finding(&lost)["commit"].is_null());
    assert!(!marker.exists());

    let blind = run(audit(folder.path()).env("PATH", "/nonexistent").args(["--git", "work"]));
    assert_eq!(blind.status.code(), Some(2));
    assert!(crate::audit::told(&blind).contains("git is not installed"), "{}", crate::audit::told(&blind));
}
