//! ripgrep and detect-secrets beside us over the generated host: what each finds, misses and takes for a key.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::audit::corpus::{Planted, Random, decoys, plant};
use crate::audit::{audit, data, run};
use crate::support::components::{self, have};

/// What a program said of a corpus: the files in which it found something.
struct Verdict {
    name: &'static str,
    files: BTreeSet<String>,
    seconds: f64,
}

impl Verdict {
    fn of(name: &'static str, call: impl FnOnce() -> BTreeSet<String>) -> Self {
        let begun = Instant::now();
        let files = call().into_iter().map(|file| file.trim_start_matches("./").to_owned()).collect();
        Self { name, files, seconds: begun.elapsed().as_secs_f64() }
    }

    fn counts(&self, planted: &[Planted]) -> (usize, usize, usize) {
        let found = planted.iter().filter(|key| self.files.contains(&key.path)).count();
        let alarms = self.files.iter().filter(|file| file.starts_with("decoys/")).count();
        (found, planted.len() - found, alarms)
    }
}

fn lines(output: &[u8]) -> BTreeSet<String> {
    String::from_utf8_lossy(output).lines().map(str::to_owned).collect()
}

#[test]
fn beside_ripgrep_and_detect_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let root: &Path = folder.path();
    let mut random = Random::new(41);
    let planted = plant(root, &mut random);
    decoys(root, &mut random);
    let mut verdicts = vec![Verdict::of("anyrole", || {
        let data = data(&run(audit(root).args(["--json", "."])));
        data["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| finding["path"].as_str().unwrap().to_owned())
            .collect()
    })];
    if have(&["rg"]) {
        verdicts.push(Verdict::of("ripgrep", || {
            let mut rg = Command::new("rg");
            rg.current_dir(root).args(["-uuu", "-z", "-l", r"\b(AKIA|ASIA)[A-Z2-7]{16}\b", "."]);
            lines(&rg.output().unwrap().stdout)
        }));
    }
    let detect_secrets = components::folder().join("audit/bin/detect-secrets");
    if have(&[detect_secrets.to_str().unwrap()]) {
        verdicts.push(Verdict::of("detect-secrets", || {
            let mut scan = Command::new(&detect_secrets);
            scan.current_dir(root).env("HOME", root).args(["scan", "--all-files", "--no-verify", "."]);
            let document: serde_json::Value = serde_json::from_slice(&scan.output().unwrap().stdout).unwrap();
            let of_aws = |secrets: &serde_json::Value| {
                secrets.as_array().unwrap().iter().any(|secret| secret["type"] == "AWS Access Key")
            };
            document["results"]
                .as_object()
                .unwrap()
                .iter()
                .filter(|(_, secrets)| of_aws(secrets))
                .map(|(file, _)| file.clone())
                .collect()
        }));
    }
    for verdict in &verdicts {
        let (found, missed, alarms) = verdict.counts(&planted);
        println!(
            "{:<15} found {found:>3}, missed {missed:>3}, false {alarms:>3}, {:.2} s",
            verdict.name, verdict.seconds
        );
    }
    assert_eq!(verdicts[0].counts(&planted), (planted.len(), 0, 0));
    for peer in &verdicts[1..] {
        let (_, missed, alarms) = peer.counts(&planted);
        assert!(missed > 0 && alarms > 0, "{} is as good: the comparison in the README is wrong", peer.name);
    }
}
