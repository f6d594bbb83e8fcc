//! `packaging/recipes`: what the schemas and tools of others say of them, that what they name exists, and that the jobs of the CI recipes
//! get credentials. What needs root and longer is in `tests/recipes/check`.
#![cfg(all(target_os = "linux", feature = "pki"))]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::components;
use crate::support::programs;
use crate::support::stage::{PROFILE, ROLE, Stage, TRUST_ANCHOR};
use crate::support::wait::wait_until;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// In the place of Terraform: gets credentials as its AWS provider does, and notes the access key. Nothing but `init` may see the key of the
/// certificate.
const TERRAFORM: &str = r#"#!/bin/sh
set -eu
[ "$1" = init ] && exit
[ -z "${DEPLOY_KEY+x}${DEPLOY_CERTIFICATE+x}" ] || { echo "certificate and key are in the environment of $*" >&2; exit 9; }
if [ -n "${AWS_CONTAINER_CREDENTIALS_FULL_URI-}" ]; then
    python3 - <<'END'
import os, urllib.request
token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN") or open(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read()
request = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"], headers={"Authorization": token})
print(urllib.request.urlopen(request).read().decode())
END
else
    sh -c "$(sed -n 's/^credential_process = //p' "$AWS_CONFIG_FILE")"
fi | grep -q '"AccessKeyId": *"ASIA'
echo "$1" >>"$HOME/ran"
"#;

fn recipes() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/recipes")
}

/// The judge in Python; `None` after saying that it is missing.
fn judge(arguments: &[&str]) -> Option<Output> {
    let python = components::folder().join("recipes/bin/python");
    if !python.exists() {
        components::missing("the folder of judges of the recipes");
        return None;
    }
    let mut judge = Command::new(python);
    judge.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").arg("-B");
    judge.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recipes/judge")).args(arguments);
    Some(judge.output().unwrap())
}

/// Returns what a judge printed, who found nothing wrong.
fn accepted(who: &str, output: Output) -> String {
    let [out, error] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success(), "{who}:\n{out}{error}");
    out
}

fn promtool(arguments: &[&str]) -> Option<Output> {
    let places = [PathBuf::from("/usr/bin/promtool"), components::folder().join("prometheus/promtool")];
    let Some(program) = places.iter().find(|place| place.is_file()) else {
        components::missing("promtool");
        return None;
    };
    Some(Command::new(program).args(arguments).current_dir(recipes().join("monitoring")).output().unwrap())
}

/// Every file of the recipes with its text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// The words of a text that begin so, of these characters.
fn words<'a>(text: &'a str, begin: &'a str, is_part: fn(char) -> bool) -> impl Iterator<Item = &'a str> {
    text.match_indices(begin).filter_map(move |(index, _)| {
        let rest = &text[index..];
        let end = rest[begin.len()..].find(|c| !is_part(c)).map_or(rest.len(), |end| begin.len() + end);
        let is_start = !text[..index].ends_with(|c: char| c.is_ascii_alphanumeric() || "_-".contains(c));
        is_start.then(|| &rest[..end])
    })
}

#[test]
fn the_schemas_of_others_accept_every_recipe() {
    if let Some(told) = judge(&["schemas"]) {
        accepted("schemas", told);
    }
}

#[test]
fn prometheus_takes_the_rules_and_does_what_their_examples_say() {
    for arguments in [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]] {
        let Some(told) = promtool(&arguments) else { return };
        accepted("promtool", told);
    }
    let Some(rules) = judge(&["expressions"]) else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dashboard.yaml");
    fs::write(&file, accepted("expressions", rules)).unwrap();
    accepted("promtool", promtool(&["check", "rules", file.to_str().unwrap()]).unwrap());
}

#[test]
fn every_alert_has_an_example_in_which_it_fires() {
    let folder = recipes().join("monitoring");
    let rules = fs::read_to_string(folder.join("alerts.yaml")).unwrap();
    let examples = fs::read_to_string(folder.join("alerts.test.yaml")).unwrap();
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 10, "{alerts:?}");
    for alert in alerts {
        let heading = format!("- alertname: {alert}\n");
        let mut fires = examples.split(&heading).skip(1);
        assert!(fires.any(|example| example.lines().nth(1).unwrap().contains("exp_alerts:")), "{alert}");
        assert!(examples.contains(&format!("{{alertname: {alert}, ")), "{alert}: when does it not fire?");
    }
}

#[test]
fn dashboard_and_rules_use_metrics_that_status_prints() {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    let source = include_str!("../src/cli/status/metrics.rs");
    let printed: BTreeSet<&str> = words(source, "anyrole_", is_part).collect();
    let mut used = BTreeSet::new();
    for file in ["alerts.yaml", "alerts.test.yaml", "dashboard.json"] {
        let text = fs::read_to_string(recipes().join("monitoring").join(file)).unwrap();
        for name in words(&text, "anyrole_", is_part) {
            assert!(printed.contains(name), "{file}: {name}");
            used.insert(name.to_owned());
        }
    }
    // The moment of the end is there twice: as a time and as what is left. A call for one session does not count them.
    let unused: Vec<_> = printed.iter().filter(|name| !used.contains(**name)).collect();
    assert_eq!(unused, [&"anyrole_certificate_expiration_timestamp_seconds", &"anyrole_sessions"]);
}

#[test]
fn variables_and_flags_of_the_recipes_exist() {
    let settings = include_str!("../src/manual/settings.md");
    let known = ["ANYROLE_CONFIG", "ANYROLE_"];
    for (file, text) in files(&recipes()) {
        for name in words(&text, "ANYROLE_", |c| c.is_ascii_uppercase() || c == '_') {
            assert!(settings.contains(&format!("`{name}`")) || known.contains(&name), "{file}: {name}");
        }
    }
    let help = |command: &str| {
        let told = Command::new(env!("CARGO_BIN_EXE_anyrole")).args(["help", command]).env_clear().output();
        String::from_utf8(told.unwrap().stdout).unwrap()
    };
    let (serve, status) = (help("serve"), help("status"));
    for file in ["kubernetes/sidecar.yaml", "compose/compose.yaml"] {
        let text = fs::read_to_string(recipes().join(file)).unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let mut count = 0;
        for line in lines {
            let help = if line.contains("status") { &status } else { &serve };
            for flag in words(line, "--", |c| c.is_ascii_lowercase() || c == '-') {
                assert!(
                    help.contains(&format!("      {flag} ")) || help.contains(&format!("      {flag}[")),
                    "{file}: {flag}"
                );
                count += 1;
            }
        }
        assert!(count >= 3, "{file}: {count} flags");
    }
}

/// A job of a CI recipe, as the judge prints it: a name and a script.
fn jobs(file: &str) -> Option<Vec<(String, String)>> {
    let printed = accepted(file, judge(&["commands", file])?);
    let jobs = printed.split("# JOB ").skip(1);
    Some(
        jobs.map(|job| job.split_once('\n').unwrap())
            .map(|(name, script)| (name.into(), script.into()))
            .collect(),
    )
}

/// The jobs of the three CI recipes, run by a shell as they stand there, with a server on the "host" and with variables as the CI systems
/// hand them out.
#[test]
fn the_jobs_of_the_ci_recipes_get_credentials() {
    let stage = Stage::set();
    let home = stage.write("session.toml", "");
    let folder = Path::new(&home).parent().unwrap();
    let (certificate, key) = (stage.certificate(), stage.private_key());
    let config = format!(
        "version = 1\n[session.deploy]\ntrust_anchor_arn = \"{TRUST_ANCHOR}\"\nprofile_arn = \"{PROFILE}\"\n\
         role_arn = \"{ROLE}\"\ncertificate = \"{certificate}\"\nprivate_key = \"{key}\"\nendpoint = \"{}\"\n",
        stage.http_endpoint()
    );
    let config = stage.write("session.toml", &config);
    let socket = folder.join("socket");
    let socket = socket.to_str().unwrap();
    let mut server = stage.anyrole(&[
        "serve", "deploy", "--port", "0", "--cache", "none", "--socket", socket, "--config", &config,
    ]);
    let mut server = server.stderr(Stdio::null()).spawn().unwrap();
    let via = format!("unix:{socket}");
    wait_until(|| {
        stage.anyrole(&["status", "--via", &via]).stderr(Stdio::null()).status().unwrap().success()
    });

    let programs = folder.join("programs");
    fs::create_dir(&programs).unwrap();
    symlink(env!("CARGO_BIN_EXE_anyrole"), programs.join("anyrole")).unwrap();
    programs::script(programs.join("terraform"), TERRAFORM);
    let masked = |file: &str| STANDARD.encode(fs::read(file).unwrap());
    let mut count = 0;
    for (file, runs) in [
        ("gitlab/gitlab-ci.yml", "plan\napply\n"),
        ("github/workflow.yml", "apply\napply\n"),
        ("jenkins/Jenkinsfile", "plan\napply\n"),
    ] {
        let Some(jobs) = jobs(file) else { break };
        let _ = fs::remove_file(folder.join("ran"));
        let _ = fs::remove_file(folder.join(".aws-config"));
        for (name, script) in jobs {
            let arn = |kind: &str| {
                format!(
                    "arn:aws:rolesanywhere:eu-central-1:111122223333:{kind}/00000000-0000-0000-0000-000000000000"
                )
            };
            let script = script
                .replace(&arn("trust-anchor"), TRUST_ANCHOR)
                .replace(&arn("profile"), PROFILE)
                .replace("arn:aws:iam::111122223333:role/deploy", ROLE)
                .replace("/run/anyrole-serve/deploy/socket", socket);
            let mut shell = stage.bare("/bin/sh");
            shell.arg("-ec").arg(&script).stderr(Stdio::piped()).stdout(Stdio::piped());
            shell.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
            for variable in ["CI_PROJECT_DIR", "workspace", "WORKSPACE_TMP"] {
                shell.env(variable, folder);
            }
            shell.env("ANYROLE_ENDPOINT", stage.http_endpoint());
            if script.contains("DEPLOY_KEY") {
                shell.env("DEPLOY_CERTIFICATE", masked(certificate)).env("DEPLOY_KEY", masked(key));
            }
            let said = accepted(&format!("{file}, {name}"), shell.output().unwrap());
            assert!(!said.contains("ASIA"), "{file}, {name}: {said}");
            count += 1;
        }
        assert_eq!(fs::read_to_string(folder.join("ran")).unwrap(), runs, "{file}");
    }
    assert!(count == 0 || count == 7, "{count} jobs");
    let _ = server.kill();
    server.wait().unwrap();
}
