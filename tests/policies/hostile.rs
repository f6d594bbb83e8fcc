//! Inputs that nobody wrote: whatever a file holds, the answer is a report.

use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::stage::Stage;

const SEEDS: [&str; 4] = [
    r#"{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Principal":{"Service":["rolesanywhere.amazonaws.com"]},"Action":["sts:AssumeRole"],"Condition":{"StringLike":{"aws:PrincipalTag/x509Subject/CN":["build-*","${aws:username}"]},"ArnEquals":{"aws:SourceArn":"arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/x"}}}]}"#,
    "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: &d\n        Statement:\n          - {Effect: Allow, Principal: \"*\", Action: !Sub \"sts:${X}\", Resource: *d}\n",
    "resource \"aws_iam_policy\" \"a\" {\n  policy = jsonencode({ Statement = [{ Effect = \"Allow\", Action = \"iam:${var.x}\", Resource = \"*\" }] })\n}\n",
    "resource \"aws_iam_policy\" \"a\" {\n  policy = <<-EOF\n    {\"Statement\": ${jsonencode(var.x)}, \"Id\": \"$${a}\"}\n  EOF\n}\ndata \"aws_iam_policy_document\" \"d\" {\n  statement {\n    actions = [\"*\"]\n  }\n}\n",
];

/// A seed with a few characters taken out, doubled or put in.
fn mutated() -> impl Strategy<Value = String> {
    let edits = prop::collection::vec(
        (any::<prop::sample::Index>(), 0..4u8, "[\\PC]|[{}\\[\\]\":,!&*$<>%\n\t-]"),
        0..12,
    );
    (0..SEEDS.len(), edits).prop_map(|(seed, edits)| {
        let mut text: Vec<char> = SEEDS[seed].chars().collect();
        for (index, what, put) in edits {
            if text.is_empty() {
                break;
            }
            let at = index.index(text.len());
            match what {
                0 => {
                    text.remove(at);
                }
                1 => text.insert(at, text[at]),
                2 => text.splice(at..at, put.chars()).for_each(drop),
                _ => text.truncate(at.max(1)),
            }
        }
        text.into_iter().collect()
    })
}

#[test]
fn no_input_makes_it_panic_or_hang() {
    let stage = Stage::set();
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new(config);
    // Many files a run: a process for each would take most of the time.
    let result = runner.run(&prop::collection::vec(mutated(), 20), |texts| {
        for (index, text) in texts.iter().enumerate() {
            fs::write(stage.path(&format!("{index}.json")), text).unwrap();
        }
        for which in ["policy", "trust"] {
            let output = stage.anyrole(&["audit", which, "."], None);
            let told = String::from_utf8_lossy(&output.stderr);
            prop_assert!(matches!(output.status.code(), Some(0..=2)), "{told}");
            prop_assert!(!told.contains("panic"), "{told}");
        }
        Ok(())
    });
    result.unwrap();
}

#[test]
fn deep_and_large_inputs_end_soon() {
    let stage = Stage::set();
    let deep = |open: &str, close: &str| open.repeat(50_000) + &close.repeat(50_000);
    let statement = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"},"#;
    // Each joins ten of the next, eight times, and the last one itself.
    let documents = (0..9).map(|level| {
        let next = format!("data.aws_iam_policy_document.d{}.json, ", (level + 1).min(8));
        format!(
            "data \"aws_iam_policy_document\" \"d{level}\" {{\n source_policy_documents = [{}]\n}}\n",
            next.repeat(10)
        )
    });
    let documents: String = documents.collect();
    let inputs = [
        ("deep.json", deep("[", "]")),
        ("objects.json", deep("{\"a\":", "}")),
        ("deep.yaml", deep("[", "]")),
        ("blocks.yaml", (0..2000).map(|level| format!("{}a:\n", " ".repeat(level))).collect()),
        ("deep.tf", format!("a = {}", deep("[", "]"))),
        ("parens.tf", format!("a = {}", deep("(", ")"))),
        ("unary.tf", format!("a = {}true", "!".repeat(100_000))),
        ("sums.tf", format!("a = 1{}", " + 1".repeat(100_000))),
        ("template.tf", format!("a = \"{}\"", deep("${\"", "\"}"))),
        ("choice.tf", format!("a = {}1", "a ? b : ".repeat(20_000))),
        ("documents.tf", documents),
        ("calls.tf", format!("a = {}", deep("f(", ")"))),
        (
            "many.json",
            format!(
                "{{\"Version\":\"2012-10-17\",\"Statement\":[{}]}}",
                statement.repeat(5_000).trim_end_matches(',')
            ),
        ),
        (
            "stars.json",
            format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"iam:{}x","Resource":"*"}}]}}"#,
                "*a".repeat(2_000)
            ),
        ),
    ];
    for (name, text) in &inputs {
        stage.write(name, text);
        let output = stage.anyrole(&["audit", "policy", name], None);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0..=2)), "{name}: {:?}: {told}", output.status);
    }
}

/// What is too large to be read together is judged file by file, and that is said.
#[test]
fn a_configuration_that_is_too_large_is_judged_by_its_files() {
    let stage = Stage::set();
    let document = "data \"aws_iam_policy_document\" \"d\" {\n  statement {\n    actions   = [local.all]\n    resources = [\"*\"]\n  }\n}\n";
    let locals = "locals {\n  all = \"*\"\n}\n";
    let padding = format!("# {}\n", "-".repeat(78)).repeat(30_000);
    stage.write("small/a.tf", document);
    stage.write("small/b.tf", locals);
    stage.write("large/a.tf", &format!("{document}{padding}"));
    stage.write("large/b.tf", &format!("{locals}{padding}"));
    let is_told = |folder: &str| {
        let (report, _) = stage.report("policy", &[folder]);
        let found = report["findings"].to_string().contains("policy-admin");
        (found, report["not_judged"].to_string().contains("without the other files of its folder"))
    };
    assert_eq!((is_told("small"), is_told("large")), ((true, false), (false, true)));
}
