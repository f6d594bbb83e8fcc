//! Texts from certificates and files stay texts, in each of the languages: real parsers read them back.

use std::process::Command;

use serde_json::{Value, json};

use super::stage::{ACCOUNT, Stage, argument, judges, terraform};

const BASE: &[&str] = &["deploy", "--ca", "ca.pem", "--account", ACCOUNT, "--region", "eu-central-1"];

/// What ends a text somewhere, or begins something in it.
const PIECES: &[&str] = &[
    "\"",
    "'",
    "\\",
    "\n",
    "\r\n",
    "\r",
    "\t",
    "${",
    "$${",
    "$$${",
    "%{",
    "%%{",
    "}",
    "$(",
    "`",
    "#",
    ": ",
    "- ",
    "*",
    "?",
    "<<EOT\n",
    "\nEOT\n",
    "{{",
    "!Ref X",
    "&a",
    "*a",
    "|",
    ">",
    "@",
    "%",
    "~",
    "null",
    "yes",
    "0x10",
    "1:30",
    " ",
    "\u{0}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{202e}",
    "é",
    "東京",
    "\u{1f600}",
    "\u{fffd}",
    "/*",
    "//",
    "\u{1}",
    "<!--",
    "a",
    "Z9",
    "_",
    ".",
    "-- ",
    "\\u0041",
    "\\n",
    "''",
    "\"'\"",
    "$IFS",
    "!",
    "~/",
    "[",
    "]",
    ",",
];

/// Texts of these pieces: each of them, and many in a row, always the same ones.
fn nasty() -> Vec<String> {
    let mut texts: Vec<String> = PIECES.iter().map(|piece| (*piece).to_owned()).collect();
    texts.extend(PIECES.iter().map(|piece| format!("{piece}{piece}")));
    let mut state: u64 = 0x2545_f491_4f6c_dd1d;
    for _ in 0..200 {
        let mut text = String::new();
        for _ in 0..6 {
            // A generator of Marsaglia's (xorshift): any sequence would do.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let index = usize::try_from(state % u64::try_from(PIECES.len()).unwrap()).unwrap();
            text.push_str(PIECES[index]);
        }
        texts.push(text);
    }
    texts
}

/// A policy that holds texts wherever a policy of IAM can: as values, and as the key of a tag.
fn policy(texts: &[String]) -> Value {
    let keys =
        texts.iter().enumerate().map(|(index, text)| (format!("aws:RequestTag/{index}{text}"), json!(text)));
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "s3:GetObject",
        "Resource": texts.iter().map(|text| format!("arn:aws:s3:::{text}")).collect::<Vec<_>>(),
        "Condition": {"StringEquals": keys.collect::<serde_json::Map<_, _>>()},
    }]})
}

/// Parts of the texts, since IAM takes no longer policies.
fn policies() -> Vec<Value> {
    nasty().chunks(60).map(policy).collect()
}

/// The same without what IAM takes in the escaped form alone, which setup refuses in a language that cannot choose it.
fn plain_policies() -> Vec<Value> {
    let plain: Vec<String> = nasty()
        .into_iter()
        .map(|text| text.chars().filter(|character| *character <= '\u{ff}').collect())
        .collect();
    plain.chunks(60).map(policy).collect()
}

fn stage() -> Stage {
    let stage = Stage::set();
    // A name that would end a comment, a text and a block; of it nothing becomes a condition.
    let organization = "a\n}\nresource \"x\" \"y\" {}\r\u{2028}${x}'\"`$(y)*?";
    let name = pki_test::distinguished_name::DistinguishedName::new(vec![
        vec![attribute("O", organization)],
        vec![attribute("CN", "build-17")],
    ]);
    stage.issue("host", name.unwrap(), None);
    stage
}

fn attribute(kind: &str, value: &str) -> pki_test::distinguished_name::Attribute {
    use pki_test::distinguished_name::{Attribute, AttributeType};
    let kind = if kind == "O" { AttributeType::Organization } else { AttributeType::CommonName };
    Attribute::new(kind, value).unwrap()
}

fn document(stage: &Stage, policy: &Value, format: &str) -> String {
    stage.write("policy.json", &policy.to_string());
    stage.setup(
        &[BASE, &["--certificate", "host.pem", "--policy", "policy.json", "--format", format]].concat(),
    )
}

#[test]
fn the_shell_reads_them_back() {
    let stage = stage();
    for policy in policies() {
        let (calls, _) = stage.run(&document(&stage, &policy, "cli"), &[]);
        let found = argument(&calls, "put-role-policy", "--policy-document");
        assert_eq!(serde_json::from_str::<Value>(found).unwrap(), policy);
    }
}

#[test]
fn what_only_an_escape_can_write_is_refused_elsewhere() {
    let stage = stage();
    stage.write("policy.json", &policy(&[String::from("東京")]).to_string());
    for format in ["terraform", "cloudformation"] {
        let flags = ["--certificate", "host.pem", "--policy", "policy.json", "--format", format];
        let output = stage.anyrole(&[&["setup"], BASE, &flags].concat());
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && told.contains("'東'"), "{told}");
    }
}

#[test]
fn yaml_reads_them_back() {
    let stage = stage();
    let Some(judges) = judges() else { return };
    // Not cfn-lint's own reader, but that of YAML: another judge, and a quick one.
    let read = "import json, sys, yaml\n\
        yaml.SafeLoader.add_multi_constructor('!', lambda loader, tag, node: str(node.value))\n\
        for path in sys.argv[1:]:\n    \
            document = yaml.load(open(path, encoding='utf-8'), yaml.SafeLoader)\n    \
            role = document['Resources']['Role']['Properties']\n    \
            print(json.dumps([role['Policies'][0]['PolicyDocument'], role['AssumeRolePolicyDocument']]))\n";
    let mut python = Command::new(judges.get_program());
    python.env_clear().args(["-B", "-c", read]);
    let policies = plain_policies();
    for (index, policy) in policies.iter().enumerate() {
        python.arg(stage.write(&format!("{index}.yaml"), &document(&stage, policy, "cloudformation")));
    }
    let output = python.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = String::from_utf8(output.stdout).unwrap();
    let found: Vec<[Value; 2]> = found.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    // The trust policy is the script's, but for the way in which the trust anchor is named.
    let (calls, _) = stage.run(&document(&stage, &policies[0], "cli"), &[]);
    let arn =
        "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
    let trust = argument(&calls, "create-role", "--assume-role-policy-document")
        .replace(arn, "TrustAnchor.TrustAnchorArn");
    let trust: Value = serde_json::from_str(&trust).unwrap();
    for ([policy, own], expected) in found.iter().zip(&policies) {
        assert_eq!((policy, own), (expected, &trust));
    }
    assert_eq!(found.len(), policies.len());
}

/// Terraform's core evaluates the expressions, without any provider.
#[test]
fn terraform_reads_them_back() {
    let stage = stage();
    let Some((mut terraform, _)) = terraform() else {
        eprintln!("skipped: there is no terraform");
        return;
    };
    let policies = plain_policies();
    let mut module = String::new();
    for (index, policy) in policies.iter().enumerate() {
        let text = document(&stage, policy, "terraform");
        let resource = text.split("resource \"aws_iam_role_policy\"").nth(1).unwrap();
        let (start, end) = (resource.find("jsonencode(").unwrap(), resource.find("\n  })\n").unwrap());
        module.push_str(&format!("output \"p{index}\" {{\n  value = {}\n  }})\n}}\n", &resource[start..end]));
        // The comments as they stand, too.
        module.push_str(text.split("terraform {").next().unwrap());
    }
    stage.write("module/main.tf", &module);
    terraform.current_dir(stage.path("module"));
    terraform.args(["apply", "-auto-approve", "-no-color", "-input=false"]);
    let applied = terraform.output().unwrap();
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    let state: Value =
        serde_json::from_slice(&std::fs::read(stage.path("module/terraform.tfstate")).unwrap()).unwrap();
    for (index, policy) in policies.iter().enumerate() {
        let text = state["outputs"][format!("p{index}")]["value"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), *policy);
    }
}
