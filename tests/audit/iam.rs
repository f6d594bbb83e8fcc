//! `audit iam` against generated accounts, hostile files, a real account of moto's, and a real browser.

#[path = "iam/generated.rs"]
mod generated;
#[path = "iam/plan.rs"]
mod plan;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyrole::audit::files::Severity;
use anyrole::audit::iam::{self, Limits, Operation, Request, Source};
use anyrole::clock::FixedClock;
use anyrole::diagnostic::Diagnostic as _;
use proptest::prelude::*;
use serde_json::Value;

use crate::audit::{audit, run, told};
use crate::support::components::have;
use generated::{Generated, NOW, Truth, generate};

/// Our program, as `audit iam`.
fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anyrole"));
    command.env_clear().env("HOME", folder).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.current_dir(folder).args(["audit", "iam"]);
    command
}

/// What `audit files` says of a host with these texts.
fn host(folder: &Path, texts: &[String]) -> Value {
    for (number, text) in texts.iter().enumerate() {
        crate::audit::corpus::write(folder, &format!("host/{number}/.env"), text.as_bytes());
    }
    serde_json::from_slice(&run(audit(folder).args(["--json", "host"])).stdout).unwrap()
}

fn account(folder: &Path, seed: u64) -> Generated {
    generate(folder, seed, &|texts| host(folder, texts))
}

fn request(generated: &Generated) -> Request {
    let source = |(flag, name): &(Option<&str>, String)| Source {
        path: generated.folder.join(name),
        holds: flag.map(|flag| match flag {
            "accessed" => Operation::Accessed,
            "details" => Operation::Details,
            "files" => Operation::Files,
            _ => Operation::LastUsed,
        }),
    };
    Request {
        report: generated.folder.join("report"),
        sources: generated.files.iter().map(source).collect(),
        owner_tags: Vec::new(),
        limits: Limits { max_age_days: 90, unused_days: 90 },
    }
}

#[test]
fn everything_that_is_wrong_is_found_and_nothing_else() {
    for seed in [3, 8] {
        let folder = tempfile::tempdir().unwrap();
        let generated = account(folder.path(), seed);
        let report = iam::run(&request(&generated), &FixedClock(NOW)).unwrap();
        let found: Truth = report
            .findings
            .iter()
            .map(|finding| {
                let key = finding.access_key_id.clone().unwrap_or_default();
                (finding.rule.to_owned(), finding.severity.as_str().to_owned(), finding.who().to_owned(), key)
            })
            .collect();
        let missed: Vec<_> = generated.truth.difference(&found).collect();
        let false_alarms: Vec<_> = found.difference(&generated.truth).collect();
        assert!(missed.is_empty() && false_alarms.is_empty(), "missed {missed:#?}\nfalse {false_alarms:#?}");
        assert_eq!(report.findings.len(), found.len());
        assert_eq!(
            (report.account.as_str(), report.counts.hosts, report.counts.users),
            ("111122223333", 4, 40)
        );

        // The key of this user stands on these four hosts, was last used there, may do this, and is theirs.
        let spread = report.findings.iter().find(|finding| finding.rule == "iam-key-on-host").unwrap();
        let hosts: BTreeSet<&str> = spread.places.iter().map(|place| place.host.as_str()).collect();
        assert_eq!(spread.access_key_id.as_ref(), Some(&generated.spread));
        assert_eq!(hosts.into_iter().collect::<Vec<_>>(), ["web1", "web2", "web3", "web4"]);
        assert_eq!(spread.places[0].line, 1);
        assert_eq!(spread.last_used.as_ref().unwrap().service.as_deref(), Some("s3"));
        assert_eq!(spread.reach.as_ref().unwrap().short(), "nothing");
        assert_eq!(spread.owner.as_deref(), Some("of on-hosts"));
        let group = report
            .findings
            .iter()
            .find(|finding| finding.severity == Severity::High && finding.rule == "iam-user-unused");
        let reach = group.unwrap().reach.as_ref().unwrap();
        assert_eq!(reach.short(), "can become administrator by iam:AttachUserPolicy");
        let unused = report.findings.iter().find(|finding| finding.role.as_deref() == Some("role-0"));
        assert_eq!(unused.unwrap().services, ["sqs"]);
        the_plan_is_in_order(&report, folder.path());
        let notes: Vec<&str> = report.notes.iter().map(|note| note.about.as_str()).collect();
        assert!(notes.contains(&"1 findings on hosts are no keys of users: temporary"), "{notes:?}");
    }
}

/// Every item of the plan is TOML, and the unused keys come first.
fn the_plan_is_in_order(report: &iam::Report, folder: &Path) {
    let planned = iam::write_plan(report, &folder.join("plan"), false, 14, &FixedClock(NOW)).unwrap();
    let plan: toml::Table = fs::read_to_string(folder.join("plan/plan.toml")).unwrap().parse().unwrap();
    let items = plan["item"].as_array().unwrap();
    assert_eq!(items.len(), planned.unused + planned.inactive + planned.used);
    let phase = |item: &toml::Value| item["phase"].as_str().unwrap().to_owned();
    let mut phases: Vec<String> = items.iter().map(phase).collect();
    phases.dedup();
    assert_eq!(phases, ["unused", "inactive", "used"]);
    assert!(items.iter().all(|item| item["approved-by"].as_str() == Some("")));
    let of_four = items.iter().find(|item| item["hosts"].as_array().unwrap().len() == 4).unwrap();
    assert_eq!(
        (of_four["phase"].as_str(), of_four["hosts-moved"].as_str(), of_four["who-approves"].as_str()),
        (Some("used"), Some("YYYY-MM-DD"), Some("of on-hosts"))
    );
}

/// The same by the program: forms, exit statuses, and never a secret.
#[test]
fn the_program_reports_and_shows_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let generated = account(root, 5);
    let mut arguments = vec!["--report", "report"];
    let flags: Vec<(Option<String>, &str)> = generated
        .files
        .iter()
        .map(|(flag, name)| (flag.map(|flag| format!("--{flag}")), name.as_str()))
        .collect();
    for (flag, name) in &flags {
        arguments.extend(flag.as_deref());
        arguments.push(name);
    }
    let mut all = arguments.clone();
    all.extend(["--json", "--html", "page.html", "--plan", "plan"]);
    let output = run(command(root).args(&all));
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["anyrole"], &document["kind"]), (&Value::from(1), &Value::from("audit-iam")));
    assert!(document["data"]["findings"].as_array().unwrap().len() > 40);
    let table = run(command(root).args(&arguments));
    let text = String::from_utf8(table.stdout).unwrap();
    assert!(text.contains("    web3: host/0/.env:1, readable by everyone, with its secret\n"), "{text}");
    let mut shown = vec![String::from_utf8(output.stdout).unwrap(), text];
    for file in ["page.html", "plan/plan.toml", "plan/common.sh", "plan/1-deactivate.sh"] {
        let path = root.join(file);
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap()) & 0o777;
        assert_eq!(mode, if file.ends_with("e.sh") { 0o700 } else { 0o600 }, "{file}");
        shown.push(fs::read_to_string(path).unwrap());
    }
    for form in crate::audit::corpus::forms(&generated.secret) {
        assert!(shown.iter().all(|text| !text.contains(&form)));
    }
    for (fail_on, status) in [("critical", 1), ("never", 0)] {
        let mut arguments = arguments.clone();
        arguments.extend(["--fail-on", fail_on]);
        assert_eq!(run(command(root).args(&arguments)).status.code(), Some(status), "{fail_on}");
    }
    let again = run(command(root).args(["--report", "report", "--plan", "plan"]));
    assert_eq!(again.status.code(), Some(2));
    assert!(told(&again).contains("[iam-plan-exists]"), "{}", told(&again));
}

#[test]
fn what_cannot_be_read_is_told_with_the_next_command() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    account(root, 6);
    crate::audit::corpus::write(
        root,
        "bad",
        b"{\"UserDetailList\": [{\"UserName\": \"s3cret-text\"}],\n \"RoleDetailList\": 7}",
    );
    for (arguments, id, said) in [
        (vec![], "iam-report-missing", "aws iam get-account-authorization-details --output json"),
        (
            vec!["--report", "keys"],
            "iam-report-malformed",
            "JSON without Content, the answer of another command",
        ),
        (vec!["--report", "absent"], "file-unreadable", "no such file"),
        (
            vec!["--report", "report", "--details", "keys"],
            "iam-answer-other",
            "it holds: aws iam list-access-keys",
        ),
        (
            vec!["--report", "report", "--details", "bad"],
            "iam-file-malformed",
            "document 1: it is not what the command prints",
        ),
        (vec!["--report", "report", "page.html"], "file-unreadable", "page.html"),
        (vec!["--report", "report", "--unused-days", "x"], "flag-value", "--unused-days"),
        (vec!["--report", "report", "--wait-days", "0"], "flag-value", "from 1 to 3650"),
    ] {
        let output = run(command(root).args(&arguments));
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(
            output.stdout.is_empty() && told.contains(&format!("[{id}]")) && told.contains(said),
            "{arguments:?}: {told}"
        );
        assert!(!told.contains("s3cret"), "{told}");
    }
}

#[test]
fn the_page_filters_in_a_browser() {
    if !have(&["chromium"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let generated = account(folder.path(), 7);
    let mut report = iam::run(&request(&generated), &FixedClock(NOW)).unwrap();
    report.findings[0].owner = Some(String::from("<script>document.title='owned'</script>"));
    let all = report.findings.len();
    let of_host =
        report.findings.iter().filter(|finding| finding.places.iter().any(|place| place.host == "web3"));
    let of_host = of_host.count();
    // The page with a host chosen, which one row has among four.
    let page = iam::page(&report).replace("<option>web3</option>", "<option selected>web3</option>");
    fs::write(folder.path().join("page.html"), page).unwrap();
    let (seen, complaints) = crate::audit::browser::opened(folder.path(), "page.html");
    assert!(of_host > 0 && seen.contains(&format!("{of_host} of {all} findings")), "{complaints}\n{seen}");
    assert!(
        !complaints.contains("Content Security Policy") && !seen.contains("<title>owned"),
        "{complaints}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is changed in the files, there is a report or an error that names the file, and a plan that is TOML.
    #[test]
    fn changed_files_are_survived(
        seed in 1_u64..9,
        changes in prop::collection::vec((0_usize..8, any::<prop::sample::Index>(), any::<u8>(), 0_usize..30), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let empty = serde_json::json!({"anyrole": 1, "kind": "audit-files", "data": {"host": "h", "started_at": "", "version": "", "as_root": true,
            "by_default": true, "roots": [], "looked_at": {"files": 0, "bytes": 0, "members": 0, "processes": 0, "objects": 0},
            "could_not_look": [], "left_out": [], "passed_over": [], "in_baseline": null, "gone_from_baseline": null, "findings": []}});
        let generated = generate(folder.path(), seed, &|_| empty.clone());
        let mut names: Vec<&str> = generated.files.iter().map(|(_, name)| name.as_str()).collect();
        names.push("report");
        for (file, place, octet, cut) in changes {
            let path = folder.path().join(names[file % names.len()]);
            let mut bytes = fs::read(&path).unwrap();
            if bytes.is_empty() {
                continue;
            }
            let place = place.index(bytes.len());
            bytes[place] = octet;
            let end = (place + 1 + cut).min(bytes.len());
            bytes.drain(place + 1..end);
            fs::write(path, bytes).unwrap();
        }
        match iam::run(&request(&generated), &FixedClock(NOW)) {
            Ok(report) => {
                prop_assert!(iam::page(&report).ends_with("</html>\n"));
                if iam::write_plan(&report, &folder.path().join("plan"), false, 14, &FixedClock(NOW)).is_ok() {
                    let plan = fs::read_to_string(folder.path().join("plan/plan.toml")).unwrap();
                    prop_assert!(plan.parse::<toml::Table>().is_ok(), "{}", plan);
                }
            }
            Err(error) => prop_assert!(!error.to_string().is_empty() && !error.id().is_empty()),
        }
    }
}
