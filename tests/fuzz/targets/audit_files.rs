//! What `audit files` looks into: any file, compressed, packed and encoded. A report is read again as it was written.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use anyrole::audit::files::{self, Progress, Request};
use anyrole::clock::{FixedClock, Timestamp};
use anyrole::env::Environment;
use libfuzzer_sys::fuzz_target;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| anyrole_fuzz::folder("audit_files"));

fuzz_target!(|input: &[u8]| {
    let path = FOLDER.join("input");
    std::fs::write(&path, input).expect("there is room");
    let request = Request { paths: vec![path], threads: Some(1), ..Request::default() };
    let env = Environment::given([("HOME", FOLDER.as_os_str())]);
    let clock = FixedClock(Timestamp::from_unix_seconds(1_795_449_600));
    let report = files::run(&request, &env, &clock, &Progress::default());
    let _ = (files::page(std::slice::from_ref(&report)), files::sarif(&report));
    let written = serde_json::to_string(&report).expect("a report is JSON");
    let read: files::Report = serde_json::from_str(&written).expect("what is written can be read");
    assert_eq!(serde_json::to_string(&read).expect("a report is JSON"), written);
});
