//! Policies with our verdicts and those of parliament and cloudsplaining; where they differ, the corpus says who is right.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::stage::{Stage, told};
use crate::support::components;

fn corpus() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies/corpus.json");
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn texts(value: &Value) -> BTreeSet<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn each_policy_has_the_findings_that_the_corpus_says_and_no_other() {
    let stage = Stage::set();
    let corpus = corpus();
    let policies = corpus["policies"].as_array().unwrap();
    assert!(policies.len() >= 60);
    for entry in policies {
        let name = entry["name"].as_str().unwrap();
        stage.write(&format!("{name}.json"), &entry["policy"].to_string());
    }
    let (report, status) = stage.report("policy", &["."]);
    assert_eq!(status, 1);
    assert_eq!(report["looked_at"]["policies"], policies.len());
    let told = told(&report);
    let mut wrong = Vec::new();
    for entry in policies {
        let name = entry["name"].as_str().unwrap();
        let file = format!("./{name}.json");
        let found: BTreeSet<&str> =
            told.iter().filter(|one| one.file == file).map(|one| one.rule.as_str()).collect();
        let expected = texts(&entry["ours"]);
        if found != expected {
            wrong.push(format!("{name}: {found:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_corpus_says_who_is_right_wherever_a_judge_differs() {
    let corpus = corpus();
    for entry in corpus["policies"].as_array().unwrap() {
        let ours = texts(&entry["ours"]);
        let mut differs = BTreeSet::new();
        for pair in corpus["pairs"].as_array().unwrap() {
            let (judge, rule) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
            let theirs = texts(&entry[judge]).contains(rule);
            if theirs == texts(&pair[2]).is_disjoint(&ours) {
                differs.insert(format!("{judge} {rule}"));
            }
        }
        let written: BTreeSet<String> = texts(&entry["differs"]).into_iter().map(str::to_owned).collect();
        assert_eq!(differs, written, "{}", entry["name"]);
        assert_eq!(entry["who_is_right"].is_string(), !differs.is_empty(), "{}", entry["name"]);
    }
}

#[test]
fn the_judges_say_what_the_corpus_says_of_them() {
    let stage = Stage::set();
    let corpus = corpus();
    let asked: Vec<&Value> =
        corpus["policies"].as_array().unwrap().iter().filter(|entry| entry["recorded"].is_null()).collect();
    let file =
        stage.write("asked", &Value::from(asked.iter().copied().cloned().collect::<Vec<_>>()).to_string());
    // Both at once: each takes seconds to load what it knows of AWS.
    let judges = ["parliament", "cloudsplaining"].map(|judge| (judge, start(judge, &file)));
    for (judge, child) in judges {
        let Some(child) = child else { continue };
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{judge}: {}", String::from_utf8_lossy(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let rules: BTreeSet<&str> = corpus["pairs"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|pair| pair[0] == judge)
            .map(|pair| pair[1].as_str().unwrap())
            .collect();
        for entry in &asked {
            let name = entry["name"].as_str().unwrap();
            let same = |rule: &'_ str| corpus["same"][rule].as_str().unwrap_or(rule).to_owned();
            let said: BTreeSet<String> = texts(&said[name]).into_iter().map(same).collect();
            let said: BTreeSet<&str> =
                said.iter().map(String::as_str).filter(|rule| rules.contains(rule)).collect();
            let recorded: BTreeSet<&str> =
                texts(&entry[judge]).into_iter().filter(|rule| rules.contains(rule)).collect();
            assert_eq!(said, recorded, "{judge} of {name}");
        }
    }
}

fn start(judge: &str, file: &Path) -> Option<Child> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = if judge == "parliament" { "judges" } else { judge };
    let python = components::folder().join(folder).join("bin/python");
    if !python.exists() {
        components::missing(judge);
        return None;
    }
    let child = Command::new(python)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .arg("-B")
        .arg(here.join("tests/judges/policies.py"))
        .args([judge.as_ref(), file])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    Some(child.unwrap())
}
