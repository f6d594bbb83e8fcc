//! Two parsers that know nothing of ours judge thousands of files before and after.

use std::io::Write as _;

use anyrole::ini::{self, Change, Section};

use super::*;
use crate::support::components;

/// For Python, and for Node, which takes its time.
const FILES: [usize; 2] = [4000, 1000];

const CHANGES: [(&str, Change<'static>); 3] = [
    ("aws_access_key_id", Change::Set("ASIANEW")),
    ("aws_session_token", Change::Set("new/token+=")),
    ("aws_security_token", Change::Remove),
];

/// Numbers that are the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn one_of<'a>(&mut self, choice: &[&'a str]) -> &'a str {
        choice[self.below(choice.len())]
    }
}

/// A file of sections as people and programs write them.
fn file(random: &mut Random) -> String {
    let ending = random.one_of(&["\n", "\n", "\r\n"]);
    let mut lines = Vec::new();
    let mut names = vec!["a", "b", "c d", "e-f"];
    for _ in 0..random.below(4) {
        lines.extend(
            (0..random.below(2))
                .map(|_| random.one_of(&["", "# comment", "; [a]", "  # aws_access_key_id = x"]).to_owned()),
        );
        let name = names.remove(random.below(names.len()));
        let header = random.one_of(&["[NAME]", "[NAME]", "[NAME] ", "[ NAME ]", "[NAME] # x"]);
        lines.push(header.replace("NAME", name));
        let indentation = random.one_of(&["", "", "", "  "]);
        let mut keys = vec![
            "aws_access_key_id",
            "aws_secret_access_key",
            "AWS_SESSION_TOKEN",
            "aws_security_token",
            "region",
            "s3",
        ];
        if !indentation.is_empty() {
            // What is indented below a block is the block's for the JavaScript SDK, whoever wrote it.
            keys.retain(|key| *key != "s3");
        }
        for _ in 0..random.below(keys.len()) {
            let key = keys.remove(random.below(keys.len()));
            let separator = random.one_of(&["=", " = ", " =  ", "\t="]);
            if key == "s3" {
                lines.push(format!("{indentation}s3{separator}"));
                lines.extend((0..random.below(3)).map(|index| format!("{indentation}  nested_{index} = 1")));
            } else {
                lines.push(format!("{indentation}{key}{separator}old/{}=", random.below(100)));
            }
            lines.extend((0..random.below(8) / 6).map(|_| random.one_of(&["", "# comment", ";"]).to_owned()));
        }
        lines.extend((0..random.below(3)).map(|_| String::new()));
    }
    let mut text = lines.join(ending);
    if random.below(4) > 0 && !text.is_empty() {
        text.push_str(ending);
    }
    text
}

/// The files before and after, as the judges read them.
fn cases(files: usize) -> Vec<u8> {
    let section = Section::plain("a").unwrap();
    let mut random = Random(815);
    let case = |before: String| {
        let after = ini::edited(before.as_bytes(), &section, &CHANGES).unwrap();
        let set = serde_json::json!({ "aws_access_key_id": "ASIANEW", "aws_session_token": "new/token+=" });
        serde_json::json!([before, str::from_utf8(&after).unwrap(), set, ["aws_security_token"]])
    };
    let cases: Vec<_> = (0..files).map(|_| case(file(&mut random))).collect();
    serde_json::to_vec(&cases).unwrap()
}

/// Runs a judge, and returns the number that it prints.
fn verdict(judge: &mut Command, files: usize) -> usize {
    let mut child = judge.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&cases(files)).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/update").join(name)
}

#[test]
fn python_reads_what_was_set_and_all_else_as_it_was() {
    let mut python = Command::new("python3");
    if !python.arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return components::missing("Python");
    }
    let readable = verdict(Command::new("python3").arg("-B").arg(script("judge.py")), FILES[0]);
    assert_eq!(readable, FILES[0], "all could be read before, and all of them afterwards");
}

#[test]
fn the_javascript_sdk_reads_what_was_set_and_all_else_as_it_was() {
    let modules = components::folder().join("javascript/node_modules");
    if !modules.join("@smithy/core").exists() {
        return components::missing("the AWS SDK for JavaScript");
    }
    let right = verdict(Command::new("node").arg(script("judge.cjs")).env("NODE_PATH", modules), FILES[1]);
    assert_eq!(right, FILES[1]);
}
