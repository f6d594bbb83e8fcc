//! What `audit policy` and `audit trust` read: JSON, YAML, templates, Terraform, plans, the AWS CLI's output; one file or, after a
//! zero, more, which are one configuration if they are Terraform's. Each finding is on a line of its file.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use anyrole::audit::policy::{self, Request, Subject};
use anyrole::clock::Timestamp;
use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| anyrole_fuzz::folder("audit_policy"));

fuzz_target!(|input: &[u8]| {
    let Some((which, content)) = input.split_first() else { return };
    let ending = ["tf", "json", "yaml", "template"][usize::from(*which) % 4];
    let mut files = Vec::new();
    for (number, content) in content.splitn(3, |byte| *byte == 0).enumerate() {
        let path = FOLDER.join(format!("{number}.{ending}"));
        std::fs::write(&path, content).expect("there is room");
        let lines = 1 + content.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
        files.push((path.to_str().expect("it is text").to_owned(), lines));
    }
    for subject in [Subject::Permissions, Subject::Trust] {
        let paths = files.iter().map(|(path, _)| path.clone()).collect();
        let now = Timestamp::from_unix_seconds(1_795_449_600);
        let report = policy::run(&Request { paths, subject, certificate: None, now });
        for finding in &report.findings {
            let lines = files.iter().find(|(path, _)| *path == finding.path).map(|(_, lines)| *lines);
            assert!((1..=lines.expect("it is in a file")).contains(&finding.line), "{finding:?}");
        }
        serde_json::to_string(&report).expect("a report is JSON");
    }
});
