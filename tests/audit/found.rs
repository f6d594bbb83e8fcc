//! The generated host: everything that was planted is found, nothing else is, and no secret comes out.

use std::collections::BTreeSet;
use std::path::Path;

use crate::audit::corpus::{Planted, Random, decoys, forms, plant};
use crate::audit::{audit, data, run};

fn planted(root: &Path, seed: u64) -> Vec<Planted> {
    let mut random = Random::new(seed);
    let planted = plant(root, &mut random);
    assert!(planted.len() >= 25 && decoys(root, &mut random) >= 200);
    planted
}

fn everything_is_found(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let planted = planted(root, seed);
    let output = run(audit(root).args(["--json", "."]));
    assert_eq!(output.status.code(), Some(1));
    let data = data(&output);
    let findings = data["findings"].as_array().unwrap();
    let found: BTreeSet<(String, String, u64)> = findings
        .iter()
        .map(|finding| {
            let text = |name: &str| finding[name].as_str().unwrap().to_owned();
            (
                text("access_key_id"),
                text("path").trim_start_matches("./").to_owned(),
                finding["line"].as_u64().unwrap(),
            )
        })
        .collect();
    let wanted: BTreeSet<_> =
        planted.iter().map(|key| (key.id.clone(), key.path.clone(), key.line)).collect();
    let missed: Vec<_> =
        planted.iter().filter(|key| !found.contains(&(key.id.clone(), key.path.clone(), key.line))).collect();
    let more: Vec<_> = found.difference(&wanted).collect();
    assert!(missed.is_empty() && more.is_empty(), "seed {seed}: missed {missed:#?}, and found {more:#?}");
    for key in &planted {
        let finding = findings.iter().find(|finding| finding["access_key_id"] == key.id.as_str()).unwrap();
        assert_eq!(finding["secret_beside"], true, "{}", key.kind);
        assert_eq!(finding["account"], "111122223333", "{}", key.kind);
        assert_eq!(finding["kind"], "long-lived", "{}", key.kind);
        if let Some(place) = key.place {
            assert_eq!(finding["place"], place, "{}", key.kind);
        }
    }
    for reason in [
        "example of AWS's documentation",
        "placeholder",
        "canary, whose use alerts somebody",
        "allowed until 2999-12-31",
    ] {
        let passed = data["passed_over"].as_array().unwrap().iter().find(|passed| passed["reason"] == reason);
        assert!(passed.is_some_and(|passed| passed["count"].as_u64() >= Some(10)), "{reason}");
    }
}

#[test]
fn everything_is_found_and_nothing_else() {
    everything_is_found(1);
}

#[test]
fn everything_is_found_with_another_seed() {
    everything_is_found(0x5eed);
}

/// Whatever is asked for, a secret stays where it is; nor does a part of it come out, nor another writing of it.
#[test]
fn no_secret_comes_out() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let planted = planted(root, 7);
    // Also where it is a name, and in what is not whole.
    let secret = &planted[0].secret;
    let id = &planted[0].id;
    crate::audit::corpus::write(
        root,
        "names.json",
        format!("{{\"{}\":{{\"{secret}\":\"{id}\"}}}}", secret.replace('/', "\\/")).as_bytes(),
    );
    crate::audit::corpus::write(
        root,
        "names.xml",
        format!("<a {secret}='{id}'><b key=\"{secret}\" value=\"{id}\"/></a>").as_bytes(),
    );
    crate::audit::corpus::write(root, "names.ini", format!("[{secret}]\n{secret} = {id}\n").as_bytes());
    crate::audit::corpus::write(
        root,
        "names.tf",
        format!("resource \"{secret}\" \"x\" {{\n \"{secret}\" = \"{id}\"\n").as_bytes(),
    );
    crate::audit::corpus::write(root, "names.yaml", format!("{secret}:\n  {secret}: {id}\n").as_bytes());
    crate::audit::corpus::write(root, "broken.gz", b"\x1f\x8b\x08 broken");
    for arguments in [
        &["."][..],
        &["--json", "."],
        &["--sarif", "."],
        &["--html", "page.html", "."],
        &["--debug", "--json", "--threads", "1", "."],
        &["--json", "--baseline", "home/.aws/credentials", "."],
        &["--allow", "home/.aws/credentials", "."],
        &["--from", "srv/tf/terraform.tfstate"],
    ] {
        let output = run(audit(root).args(arguments));
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned() + &crate::audit::told(&output);
        said += &std::fs::read_to_string(root.join("page.html")).unwrap_or_default();
        for key in &planted {
            for form in forms(&key.secret) {
                assert!(!said.contains(&form), "{arguments:?} shows the secret of {}: {form}", key.kind);
            }
        }
    }
}
