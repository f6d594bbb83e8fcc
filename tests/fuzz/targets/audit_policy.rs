//! What `audit policy` and `audit trust` read: JSON, YAML, templates, Terraform, plans, the AWS CLI's output. Each finding is on a line of
//! the file.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use anyrole::audit::policy::{self, Request, Subject};
use anyrole::clock::Timestamp;
use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| anyrole_fuzz::folder("audit_policy"));

fuzz_target!(|input: &[u8]| {
    let Some((which, content)) = input.split_first() else { return };
    let name = ["input.tf", "input.json", "input.yaml", "input.template"][usize::from(*which) % 4];
    let path = FOLDER.join(name);
    std::fs::write(&path, content).expect("there is room");
    let lines = 1 + content.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    for subject in [Subject::Permissions, Subject::Trust] {
        let paths = vec![path.to_str().expect("it is text").to_owned()];
        let now = Timestamp::from_unix_seconds(1_795_449_600);
        let report = policy::run(&Request { paths, subject, certificate: None, now });
        for finding in &report.findings {
            assert!((1..=lines).contains(&finding.line), "{finding:?}");
        }
        serde_json::to_string(&report).expect("a report is JSON");
    }
});
