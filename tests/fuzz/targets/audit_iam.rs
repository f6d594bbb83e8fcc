//! What `audit iam` is given: a credential report, and after a line `---` other answers of the AWS CLI.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use anyrole::audit::iam::{self, Limits, Request, Source};
use anyrole::clock::{FixedClock, Timestamp};
use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| anyrole_fuzz::folder("audit_iam"));
const BETWEEN: &[u8] = b"\n---\n";

fuzz_target!(|input: &[u8]| {
    let between = input.windows(BETWEEN.len()).position(|window| window == BETWEEN);
    let (report, answers) = match between {
        Some(at) => (&input[..at], Some(&input[at + BETWEEN.len()..])),
        None => (input, None),
    };
    let [report_path, answers_path] = ["report", "answers"].map(|name| FOLDER.join(name));
    std::fs::write(&report_path, report).expect("there is room");
    std::fs::write(&answers_path, answers.unwrap_or_default()).expect("there is room");
    let request = Request {
        report: report_path,
        sources: answers.map(|_| Source { path: answers_path, holds: None }).into_iter().collect(),
        owner_tags: Vec::new(),
        limits: Limits { max_age_days: 90, unused_days: 45 },
    };
    let Ok(report) = iam::run(&request, &FixedClock(Timestamp::from_unix_seconds(1_795_449_600))) else { return };
    let _ = (iam::page(&report), serde_json::to_string(&report).expect("a report is JSON"));
});
