//! Programs that others wrote read what `anyrole setup` prints, in every combination.

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;

use serde_json::{Value, json};

use super::stage::{ACCOUNT, Stage, judges, terraform};

/// What is asked for, and the name of the session.
const COMBINATIONS: &[(&str, &[&str])] = &[
    ("plain", &["--ca", "ca.pem", "--certificate", "host.pem"]),
    (
        "networks",
        &[
            "--ca",
            "ca.pem",
            "--certificate",
            "host.pem",
            "--egress-cidr",
            "203.0.113.0/24",
            "--egress-cidr",
            "2001:db8::/32",
        ],
    ),
    (
        "vpc",
        &[
            "--ca",
            "ca.pem",
            "--certificate",
            "host.pem",
            "--egress-cidr",
            "203.0.113.7",
            "--egress-vpc",
            "vpc-0123456789abcdef0",
        ],
    ),
    ("policy", &["--ca", "ca.pem", "--certificate", "host.pem", "--policy", "policy.json"]),
    (
        "hop",
        &[
            "--ca",
            "ca.pem",
            "--certificate",
            "host.pem",
            "--second-hop",
            "arn:aws:iam::444455556666:role/read-only",
        ],
    ),
    (
        "named.v2",
        &["--ca", "ca.pem", "--certificate", "host.pem", "--session-name", "build-*", "--duration", "12h"],
    ),
    (
        "mapped",
        &[
            "--ca",
            "ca.pem",
            "--certificate",
            "host.pem",
            "--mapping",
            "x509Subject=CN,OU",
            "--mapping",
            "x509Issuer=",
            "--mapping",
            "x509SAN=URI,Name/*",
            "--condition",
            "x509Subject/CN",
        ],
    ),
    (
        "propagated",
        &[
            "--ca",
            "ca.pem",
            "--certificate",
            "host.pem",
            "--tip",
            "--alias",
            "ci/build",
            "--condition",
            "x509SAN/URI",
        ],
    ),
    ("revoked", &["--ca", "ca.pem", "--certificate", "host.pem", "--crl", "crl.pem"]),
    ("points", &["--ca", "both.pem", "--certificate", "host.pem", "--crl-distribution-points"]),
    (
        "authority",
        &[
            "--ca",
            "arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/a1b2c3d4-0000-4000-8000-000000000001",
            "--any-certificate",
        ],
    ),
    (
        "9wild",
        &[
            "--ca",
            "ca.pem",
            "--condition",
            "x509Subject/CN=build-*",
            "--condition",
            "x509Subject/CN=deploy-??",
            "--condition",
            "x509Issuer/CN=TEST root",
        ],
    ),
    ("china", &["--ca", "ca.pem", "--certificate", "host.pem", "--region", "cn-north-1"]),
    (
        "government",
        &["--ca", "ca.pem", "--certificate", "host.pem", "--region", "us-gov-west-1", "--duration", "15m"],
    ),
    ("alerts", &["--alerts", "--email", "ops@example.com"]),
    ("alerts-here", &["--alerts", "--region", "us-east-1"]),
    ("static-keys", &["--deny-static-keys", "--except", "arn:aws:iam::111122223333:role/break-glass"]),
    ("static-keys-all", &["--deny-static-keys"]),
];

/// A stage with everything that the combinations name.
fn stage() -> Stage {
    let stage = Stage::set();
    let host =
        stage.issue("host", "CN=build-17,OU=CI,O=Example".parse().unwrap(), Some("spiffe://example.org/ci"));
    let list = stage.revocation_list(&host);
    stage.write("crl.pem", &list);
    let other = super::stage::authority("CN=TEST next root");
    stage.write("both.pem", &(stage.root.certificate_pem() + &other.certificate_pem()));
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"],
         "Resource": ["arn:aws:s3:::example-bucket", "arn:aws:s3:::example-bucket/${aws:PrincipalTag/x509Subject/CN}/*"]},
    ]});
    stage.write("policy.json", &policy.to_string());
    stage
}

/// The document of a combination in a language.
fn document(stage: &Stage, name: &str, flags: &[&str], format: &str) -> String {
    let own = ["--account", ACCOUNT, "--format", format];
    let mut words = vec![name];
    words.extend(own);
    if !flags.contains(&"--region") {
        words.extend(["--region", "eu-central-1"]);
    }
    words.extend(flags);
    stage.setup(&words)
}

fn accepted(output: &Output, judge: &str) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{judge}:\n{out}{err}");
}

#[test]
fn cfn_lint_reads_every_template() {
    let stage = stage();
    let templates: Vec<String> =
        COMBINATIONS.iter().map(|(name, flags)| document(&stage, name, flags, "cloudformation")).collect();
    let Some(mut judges) = judges() else { return };
    // It takes more than a second for each file, however much is in it.
    judges.arg("templates").arg(stage.write("all.yaml", &joined(&templates)));
    accepted(&judges.output().unwrap(), "cfn-lint");
}

/// One template with everything that is in several, each logical id with its template's number behind it.
fn joined(templates: &[String]) -> String {
    let mut sections: BTreeMap<String, String> = BTreeMap::new();
    for (index, template) in templates.iter().enumerate() {
        let lines: Vec<&str> = template.lines().filter(|line| !line.starts_with('#')).collect();
        let id = |line: &str| {
            let name = line.strip_prefix("  ")?.strip_suffix(':')?;
            name.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| name.to_owned())
        };
        let ids: Vec<String> = lines.iter().filter_map(|line| id(line)).collect();
        let mut section = String::new();
        for line in lines {
            if let Some(name) = line.strip_suffix(':').filter(|_| !line.starts_with(' ')) {
                section = name.to_owned();
                sections.entry(section.clone()).or_default();
                continue;
            }
            if !line.starts_with(' ') {
                section.clear();
            }
            let Some(text) = sections.get_mut(&section) else { continue };
            let mut line = match id(line) {
                Some(name) => format!("  {name}{index}:"),
                None => line.to_owned(),
            };
            for id in &ids {
                for (before, after) in [("!GetAtt ", "."), ("!Ref ", ""), ("Condition: ", "")] {
                    let reference = format!("{before}{id}{after}");
                    if line.contains(&reference) && (!after.is_empty() || line.ends_with(&reference)) {
                        line = line.replace(&reference, &format!("{before}{id}{index}{after}"));
                    }
                }
            }
            text.push_str(&line);
            text.push('\n');
        }
    }
    let sections = sections.iter().map(|(name, text)| format!("{name}:\n{text}"));
    format!("AWSTemplateFormatVersion: \"2010-09-09\"\n{}", sections.collect::<String>())
}

/// The script is run by a real shell, and what it would send is checked against the models of the services.
#[test]
fn aws_would_take_every_command() {
    let stage = stage();
    let mut lines = String::new();
    for (name, flags) in COMBINATIONS {
        let (calls, _) = stage.run(&document(&stage, name, flags, "cli"), &[]);
        assert!(calls.len() > 2, "{name}: {calls:?}");
        // What other languages cannot say is a command in a comment.
        for format in ["terraform", "cloudformation"] {
            let steps = steps(&document(&stage, name, flags, format));
            lines.extend(
                stage.run(&steps, &[]).0.into_iter().map(|call| line(&format!("{name} in {format}"), &call)),
            );
        }
        lines.extend(calls.iter().map(|call| line(name, call)));
    }
    for what in ["role", "anchor", "host", "certificate"] {
        let script = super::revoke::script(&stage, what);
        for id in ["", "a1b2c3d4-0000-4000-8000-000000000001"] {
            let (calls, _) = stage.run(&script, &[("CRL_ID", id), ("ANCHOR", "1")]);
            lines.extend(calls.iter().map(|call| line(&format!("revoke {what}"), call)));
        }
    }
    let Some(mut judges) = judges() else { return };
    judges.current_dir(stage.path("")).arg("commands").arg(stage.write("calls", &lines));
    accepted(&judges.output().unwrap(), "botocore, moto and parliament");
}

fn line(script: &str, call: &[String]) -> String {
    json!({"script": script, "arguments": call}).to_string() + "\n"
}

/// The commands in the comments at a document's end, with the ARNs that they ask another program for.
fn steps(document: &str) -> String {
    let start = document.find("# Not in").unwrap_or(document.len());
    let end = document.find("# On the host:").unwrap_or(document.len());
    let commands = document.get(start..end).unwrap_or_default().lines();
    let commands = commands
        .filter_map(|line| line.strip_prefix("#   "))
        .filter(|line| !line.contains("terraform output"));
    let commands: Vec<&str> = commands.collect();
    let id = "a1b2c3d4-0000-4000-8000-000000000001";
    let own = format!("arn:aws:rolesanywhere:eu-central-1:{ACCOUNT}");
    format!(
        "trust_anchor_arn={own}:trust-anchor/{id} profile_arn={own}:profile/{id}\n{}\n",
        commands.join("\n")
    )
}

#[test]
fn terraform_reads_every_configuration() {
    let stage = stage();
    let mut root = String::new();
    for (name, flags) in COMBINATIONS {
        let text = document(&stage, name, flags, "terraform");
        known_to_the_provider(&text);
        let folder = name.replace('.', "-");
        stage.write(&format!("whole/{folder}/main.tf"), &text);
        // An argument that came later than the provider that a test finds.
        if text.contains("accept_role_session_name") {
            continue;
        }
        // Terraform starts the provider for each of its blocks; one document with two of them is enough of that.
        let text = if text.contains("alias ") && *name == "alerts" { text } else { without_providers(&text) };
        stage.write(&format!("modules/{folder}/main.tf"), &text);
        let target = if name.starts_with("static") { "  target_id = \"r-abcd\"\n" } else { "" };
        root.push_str(&format!("module \"m{folder}\" {{\n  source = \"./{folder}\"\n{target}}}\n"));
    }
    let Some((terraform, has_providers)) = terraform() else {
        eprintln!("skipped: there is no terraform");
        return;
    };
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(terraform.get_program());
        command.envs(terraform.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(stage.path("modules")).args(arguments).output().unwrap()
    };
    stage.write("modules/main.tf", &root);
    accepted(&run(&["fmt", "-check", "-diff", "-recursive", "../whole"]), "terraform fmt");
    if !has_providers {
        eprintln!("skipped: no CLI configuration names Terraform's providers");
        return;
    }
    let init = run(&["init", "-no-color", "-input=false", "-backend=false"]);
    if String::from_utf8_lossy(&init.stderr).contains("Failed to query available provider packages") {
        eprintln!("skipped: Terraform finds no hashicorp/aws");
        return;
    }
    accepted(&init, "terraform init");
    accepted(&run(&["validate", "-no-color"]), "terraform validate");
}

/// A document without its provider blocks.
fn without_providers(text: &str) -> String {
    let blocks = text.split("\n\n").filter(|block| !block.starts_with("provider "));
    blocks.collect::<Vec<_>>().join("\n\n")
}

/// Checks each argument of each resource against the names that the AWS provider has.
fn known_to_the_provider(text: &str) {
    let arguments =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/terraform_arguments.json"));
    let arguments: BTreeMap<String, Value> = serde_json::from_str(&arguments.unwrap()).unwrap();
    // Where we are: each block's arguments, outermost first; what has none is no block of a resource.
    let mut blocks: Vec<Option<&Value>> = Vec::new();
    let mut brackets = 0;
    let mut heredoc = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if heredoc || trimmed.starts_with('#') || trimmed.is_empty() {
            heredoc = heredoc && trimmed != "EOT";
            continue;
        }
        heredoc = trimmed.ends_with("<<-EOT");
        let name = trimmed.split([' ', '=']).next().unwrap();
        if brackets == 0
            && !matches!(name, "}")
            && let Some(Some(known)) = blocks.last()
        {
            let is_meta = matches!(name, "provider" | "depends_on");
            assert!(is_meta || known.get(name).is_some(), "the provider has no argument {name}: {text}");
        }
        let is_block = trimmed.ends_with('{') && !trimmed.contains('=') && brackets == 0;
        if is_block {
            let inside = match (name, blocks.last()) {
                ("resource", None) => Some(&arguments["resources"][trimmed.split('"').nth(1).unwrap()]),
                (_, Some(Some(known))) => known.get(name),
                _ => None,
            };
            assert!(inside.is_none_or(Value::is_object), "the provider has no such block: {trimmed}");
            blocks.push(inside);
        } else if brackets == 0 && trimmed == "}" {
            blocks.pop();
        } else {
            let count = |bracket: char| isize::try_from(trimmed.matches(bracket).count()).unwrap();
            brackets += count('{') + count('[') + count('(') - count('}') - count(']') - count(')');
        }
    }
    assert!(blocks.is_empty() && brackets == 0, "{text}");
}
