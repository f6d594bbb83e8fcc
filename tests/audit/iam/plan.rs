//! The plan's scripts against a real account of moto's, by the AWS CLI: they do what is signed, and nothing else.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use super::command;
use crate::audit::run;
use crate::support::components::{self, have};

/// moto and the AWS CLI in one process, which ends with this.
struct Account {
    process: Child,
    folder: PathBuf,
    keys: Value,
}

impl Account {
    fn open(folder: &Path) -> Option<Self> {
        let python = components::folder().join("python/bin/python");
        if !have(&[python.to_str().unwrap()]) {
            return None;
        }
        let mut process = Command::new(python)
            .arg("-B")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit/iam/account.py"))
            .arg(folder)
            .env("HOME", "/nonexistent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let keys = serde_json::from_str(&line).expect("account.py says which keys there are");
        Some(Self { process, folder: folder.to_owned(), keys })
    }

    fn key(&self, user: &str) -> &str {
        self.keys[user].as_str().unwrap()
    }

    fn sh(&self, script: &str, keys: &[&str]) -> (Option<i32>, String) {
        let path = format!("{}:{}", self.folder.display(), std::env::var("PATH").unwrap());
        let script = self.folder.join("plan").join(script);
        let output = run(Command::new("sh").arg(script).args(keys).env("PATH", path));
        (output.status.code(), said(&output))
    }

    fn aws(&self, arguments: &[&str]) -> String {
        let output = run(Command::new(self.folder.join("aws")).args(arguments));
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        said(&output).trim().to_owned()
    }

    fn status(&self, user: &str) -> String {
        let query = "AccessKeyMetadata[].Status";
        self.aws(&["iam", "list-access-keys", "--user-name", user, "--output", "text", "--query", query])
    }

    fn edit(&self, file: &str, change: impl Fn(&str) -> String) {
        let path = self.folder.join("plan").join(file);
        fs::write(&path, change(&fs::read_to_string(&path).unwrap())).unwrap();
    }

    /// Signs an item, as a person does in an editor.
    fn sign(&self, user: &str, lines: &[(&str, &str)]) {
        let id = self.key(user).to_owned();
        self.edit("plan.toml", |plan| {
            let start = plan.find(&format!("access-key-id = \"{id}\"")).unwrap();
            let (before, item) = plan.split_at(start);
            let end = item.find("[[item]]").unwrap_or(item.len());
            let (item, after) = item.split_at(end);
            let signed = item.lines().map(|line| {
                let signature = lines.iter().find(|(name, _)| line.starts_with(&format!("{name} =")));
                signature.map_or_else(|| line.to_owned(), |(name, value)| format!("{name} = {value}"))
            });
            format!("{before}{}\n{after}", signed.collect::<Vec<_>>().join("\n"))
        });
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // It has nothing to lose.
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

const SIGNED: &[(&str, &str)] = &[("approved-by", "\"Ann O'Neil\""), ("until", "\"2999-12-31\"")];

#[test]
fn the_scripts_do_what_is_signed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let Some(account) = Account::open(root) else { return };
    let plan = |more: &[&str]| {
        let mut plan = command(root);
        plan.args([
            "--report",
            "report.json",
            "--details",
            "details.json",
            "--last-used",
            "used.json",
            "keys.json",
        ]);
        run(plan.args(["--plan", "plan"]).args(more))
    };
    assert_eq!(plan(&[]).status.code(), Some(1));
    let text = fs::read_to_string(root.join("plan/plan.toml")).unwrap();
    assert!(
        text.contains("who-approves = \"team-alice\"") && text.matches("[[item]]").count() == 5,
        "{text}"
    );
    let [alice, bob, carol, dave] =
        ["alice", "bob", "carol", "dave"].map(|user| account.key(user).to_owned());

    // Nothing is signed: nothing is done; and what is asked for by name is refused.
    let (status, told) = account.sh("1-deactivate.sh", &[]);
    assert!(status == Some(0) && told.matches("nobody has approved it").count() == 5, "{told}");
    let (status, told) = account.sh("1-deactivate.sh", &[&alice]);
    assert!(status == Some(1) && told.contains("nobody has approved it"), "{told}");
    let (status, told) = account.sh("1-deactivate.sh", &["AKIA'; true"]);
    assert!(status == Some(2) && told.contains("no access key id"), "{told}");

    // Signed items, one that has ended, one whose hosts are not moved, and one that was inactive before.
    account.sign("alice", SIGNED);
    account.sign("bob", &[("approved-by", "\"Ann\""), ("until", "\"2020-01-01\"")]);
    account.sign("carol", SIGNED);
    account.sign("dave", SIGNED);
    let (status, told) = account.sh("1-deactivate.sh", &[]);
    assert_eq!(status, Some(1), "{told}");
    for line in [
        format!("done     {alice} of alice: inactive; way back: sh reactivate.sh {alice}"),
        format!("refused  {bob} of bob: its approval ended on 2020-01-01"),
        format!("is so    {carol} of carol: inactive, waiting since "),
        format!("refused  {dave} of dave: its hosts are not moved: hosts-moved is 'YYYY-MM-DD'"),
    ] {
        assert!(told.contains(&line), "{line} is not in\n{told}");
    }
    assert_eq!(["alice", "bob", "dave"].map(|user| account.status(user)), ["Inactive", "Active", "Active"]);

    // Of a key in use the last use must be before its hosts were moved: it was used today.
    account.sign("dave", &[("hosts-moved", "\"2020-01-01\"")]);
    let (status, told) = account.sh("1-deactivate.sh", &[&dave]);
    assert!(status == Some(1) && told.contains("after its hosts were moved on 2020-01-01"), "{told}");
    account.sign("dave", &[("hosts-moved", "\"2999-01-01\"")]);
    assert_eq!(account.sh("1-deactivate.sh", &[&dave]).0, Some(1));
    assert_eq!(account.status("dave"), "Active");

    // A key that was not in use when the plan was made, and is now.
    account.sign("erin", SIGNED);
    account.aws(&["use", "erin"]);
    let (status, told) = account.sh("1-deactivate.sh", &[account.key("erin")]);
    assert!(status == Some(1) && told.contains("less than 90 days ago"), "{told}");

    // The way back, and again.
    let (status, told) = account.sh("reactivate.sh", &[&alice, &carol]);
    assert!(status == Some(1) && told.contains(&format!("done     {alice}")), "{told}");
    assert!(told.contains("it was inactive before this plan"), "{told}");
    assert_eq!(["alice", "carol"].map(|user| account.status(user)), ["Active", "Inactive"]);
    assert_eq!(account.sh("1-deactivate.sh", &[&alice]).0, Some(0));

    // Too early; then late enough, but used since; then late enough.
    let (status, told) = account.sh("3-delete.sh", &[&alice]);
    assert!(status == Some(1) && told.contains("waits 14 days"), "{told}");
    let (_, told) = account.sh("2-check.sh", &[]);
    assert!(told.contains(&format!("waiting  {alice} of alice: 14 days left; last used never")), "{told}");
    for user in ["alice", "carol"] {
        account.edit(&format!("state/{}", account.key(user)), |state| {
            state
                .lines()
                .map(|line| {
                    if line.starts_with("at=") {
                        "at=2020-02-29T12:00:00Z\n".to_owned()
                    } else {
                        format!("{line}\n")
                    }
                })
                .collect()
        });
    }
    account.aws(&["use", "carol"]);
    let (status, told) = account.sh("3-delete.sh", &[&alice, &carol, &bob]);
    assert_eq!(status, Some(1));
    assert!(told.contains(&format!("done     {alice} of alice: deleted")), "{told}");
    assert!(told.contains("after it was deactivated at 2020-02-29T12:00:00Z"), "{told}");
    assert!(told.contains("its approval ended"), "{told}");
    assert_eq!(["alice", "bob", "carol"].map(|user| account.status(user)), ["", "Active", "Inactive"]);
    assert_eq!(account.sh("3-delete.sh", &[&alice]).0, Some(0), "it may be run again");

    // Another account, and a plan that was changed; CRLF of an editor is no change.
    account.edit("plan.toml", |plan| plan.replace('\n', "\r\n"));
    assert!(account.sh("2-check.sh", &[&bob]).1.contains("active   "));
    account.edit("plan.toml", |plan| plan.replacen("phase = \"used\"", "phase = \"unused\"", 1));
    let (status, told) = account.sh("1-deactivate.sh", &[]);
    assert!(status == Some(2) && told.contains("plan.toml was changed"), "{told}");
    assert_eq!(plan(&[]).status.code(), Some(2));
    assert_eq!(plan(&["--replace"]).status.code(), Some(1));
    account.edit("common.sh", |script| script.replace("account=111122223333", "account=444455556666"));
    let (status, told) = account.sh("1-deactivate.sh", &[]);
    assert!(status == Some(2) && told.contains("this is account 111122223333"), "{told}");
    let kept = fs::read_dir(root.join("plan")).unwrap();
    assert!(kept.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("plan-until-")));
}

/// The scripts as they are written, read by shellcheck.
#[test]
fn shellcheck_reads_every_script() {
    if !have(&["shellcheck"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    super::account(folder.path(), 9);
    run(command(folder.path()).args(["--report", "report", "--plan", "plan", "keys", "used"]));
    let scripts = ["common.sh", "1-deactivate.sh", "2-check.sh", "3-delete.sh", "reactivate.sh"];
    let mut check = Command::new("shellcheck");
    let output = run(check.arg("-x").args(scripts).current_dir(folder.path().join("plan")));
    assert!(output.status.success(), "{}", said(&output));
}
