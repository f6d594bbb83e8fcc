//! Where in a text something stands, by name: `[profile build] aws_access_key_id`, `data.AWS_ACCESS_KEY_ID`,
//! `aws_iam_access_key.ci resources[3].instances[0].attributes.id`, `provider "aws" access_key`.
//!
//! Each format is read forwards once, whatever the number of questions, and without being parsed: what is broken or hostile
//! still has places. Names are cut, made printable, and rid of everything that could be a secret.

mod assignment;
mod hcl;
mod ini;
mod json;
mod xml;
mod yaml;

use std::ops::Range;

use super::escapes::undone;
use super::key_id::is_base64;
use crate::text::printable;

/// How many levels are followed; deeper ones are left out of the name.
const DEPTH: usize = 64;
/// How many octets of a name are kept.
const NAME: usize = 80;
/// From how many characters on a run of base64 could be a secret, and is not shown in a name.
const SECRET_RUN: usize = 32;

/// Names places in one text, in ascending order.
pub(super) struct Place<'a> {
    text: &'a [u8],
    walk: Walk,
    /// How far it was asked for.
    asked: usize,
}

enum Walk {
    Hcl(hcl::Walk),
    Ini(ini::Walk),
    Json(json::Walk),
    Xml(xml::Walk),
    Yaml(yaml::Walk),
    /// Only the name on the line itself.
    None,
}

impl<'a> Place<'a> {
    /// Chooses the format by the name of a file, or by how the text begins; a text without its beginning has none.
    pub(super) fn of(name: &str, text: &'a [u8], whole: bool) -> Self {
        let walk = if whole { walk(name, text) } else { Walk::None };
        Self { text, walk, asked: 0 }
    }

    /// Returns the name of the place of a range, which is not far before those that were asked for.
    pub(super) fn name(&mut self, range: Range<usize>) -> Option<String> {
        let own = assignment::name(self.text, range.start);
        let at = range.start.max(self.asked);
        self.asked = at;
        let name = match &mut self.walk {
            Walk::Json(walk) => walk.name(self.text, at),
            Walk::Yaml(walk) => with(walk.name(self.text, at), own, true),
            Walk::Xml(walk) => walk.name(self.text, at),
            Walk::Hcl(walk) => with(walk.name(self.text, at), own, false),
            Walk::Ini(walk) => with(walk.name(self.text, at), own, false),
            Walk::None => own,
        };
        name.map(|name| shown(&name)).filter(|name| !name.is_empty())
    }
}

/// Joins the name of a section with that on the line; `ends` tells that the first may end with the second already.
fn with(section: Option<String>, own: Option<String>, ends: bool) -> Option<String> {
    match (section, own) {
        (Some(section), Some(own)) if ends && section.ends_with(&own) => Some(section),
        (Some(section), Some(own)) => Some(format!("{section} {own}")),
        (section, own) => section.or(own),
    }
}

fn walk(name: &str, text: &[u8]) -> Walk {
    let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    // `terraform.tfstate.backup`, `config.json.old`: what a copy is called after its format.
    let copies = ["gz", "backup", "bak", "old", "orig", "save", "tmp", "dist", "example", "sample"];
    let format = name.split('.').skip(1).filter(|part| !copies.contains(part)).last();
    match format.unwrap_or_default() {
        "json" | "tfstate" | "jsonl" | "ndjson" | "ipynb" | "tfplan" | "template" => {
            return Walk::Json(json::Walk::default());
        }
        "yaml" | "yml" => return Walk::Yaml(yaml::Walk::default()),
        "xml" | "config" | "plist" | "csproj" | "html" => return Walk::Xml(xml::Walk::default()),
        "tf" | "tfvars" | "hcl" | "nomad" => return Walk::Hcl(hcl::Walk::default()),
        "ini" | "cfg" | "conf" | "toml" | "cnf" | "service" | "mount" | "timer" | "socket" | "repo"
        | "boto" | "s3cfg" | "properties" | "pypirc" => return Walk::Ini(ini::Walk::default()),
        _ => {}
    }
    let start = text.iter().position(|c| !c.is_ascii_whitespace()).unwrap_or(0);
    let head = &text[start..text.len().min(start + 2048)];
    match head.first() {
        Some(b'{') => Walk::Json(json::Walk::default()),
        Some(b'[')
            if head
                .iter()
                .skip(1)
                .find(|c| !c.is_ascii_whitespace())
                .is_some_and(|c| b"{[\"".contains(c)) =>
        {
            Walk::Json(json::Walk::default())
        }
        Some(b'<') => Walk::Xml(xml::Walk::default()),
        Some(_)
            if head.starts_with(b"---")
                || head.starts_with(b"apiVersion:")
                || head.starts_with(b"#cloud-config") =>
        {
            Walk::Yaml(yaml::Walk::default())
        }
        Some(_) if ini::is_sectioned(head) => Walk::Ini(ini::Walk::default()),
        _ => Walk::None,
    }
}

/// Cuts the name of one level.
fn cut(name: &[u8]) -> String {
    String::from_utf8_lossy(&name[..name.len().min(NAME)]).into_owned()
}

/// Makes a name printable, and takes out what could be a secret.
fn shown(name: &str) -> String {
    let plain = undone(name.as_bytes());
    let mut kept = Vec::with_capacity(plain.len());
    for run in plain.chunk_by(|a, b| is_base64(*a) == is_base64(*b)) {
        if run.len() >= SECRET_RUN && is_base64(run[0]) {
            kept.extend("…".bytes())
        } else {
            kept.extend(run)
        }
    }
    printable(String::from_utf8_lossy(&kept).trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(file: &str, text: &str) -> Option<String> {
        let at = text.find("KEY!").expect("it is there");
        Place::of(file, text.as_bytes(), true).name(at..at + 4)
    }

    #[test]
    fn places_have_the_names_that_their_formats_give_them() {
        for (file, text, name) in [
            (
                "credentials",
                "[default]\na = b\n\n[profile build]\naws_access_key_id = KEY!\n",
                "[profile build] aws_access_key_id",
            ),
            ("x.json", r#"{"a":[{"b":1},{"c":{"k\"ey":"KEY!"}}]}"#, r#"a[1].c.k"ey"#),
            ("x", r#"[{"a":["KEY!"]}]"#, "[0].a[0]"),
            (
                "a.yml",
                "a: 1\nservices:\n  web:\n    environment:\n      - X=1\n      - AWS_ID=KEY!\n",
                "services.web.environment[1] AWS_ID",
            ),
            ("a.yml", "data:\n  AWS_ID: KEY!\n", "data.AWS_ID"),
            ("c.xml", "<a><!-- <x> --><b k='v'/><c><access-key>KEY!</access-key></c></a>", "a.c.access-key"),
            ("settings.xml", "<add key=\"AwsId\" value=\"KEY!\"/>", "add AwsId"),
            ("main.tf", "provider \"aws\" {\n  access_key = \"KEY!\"\n}\n", "provider \"aws\" access_key"),
            ("x.sh", "export AWS_ACCESS_KEY_ID='KEY!'\n", "AWS_ACCESS_KEY_ID"),
            ("Dockerfile", "ENV AWS_ACCESS_KEY_ID KEY!\n", "AWS_ACCESS_KEY_ID"),
            ("x.ps1", "$env:AWS_ACCESS_KEY_ID = \"KEY!\"\n", "AWS_ACCESS_KEY_ID"),
            (".bash_history", "aws configure set aws_access_key_id KEY! --profile x\n", "aws_access_key_id"),
            ("h", "mc alias set s3 --access-key=KEY!", "access-key"),
        ] {
            assert_eq!(named(file, text).as_deref(), Some(name), "{file}: {text}");
        }
    }

    #[test]
    fn a_state_of_terraform_names_its_resource() {
        let text = r#"{"version":4,"resources":[{"module":"module.ci","mode":"managed","type":"aws_iam_access_key",
            "name":"bot","instances":[{"index_key":"a","attributes":{"id":"KEY!"}}]}]}"#;
        assert_eq!(
            named("terraform.tfstate.backup", text).as_deref(),
            Some("module.ci.aws_iam_access_key.bot[\"a\"] resources[0].instances[0].attributes.id")
        );
    }

    #[test]
    fn a_name_that_could_be_a_secret_is_not_shown() {
        let text = r#"{"u7Zq0+Rk3\/XwTn9LdPb5YhGs8VcJe2MfA1iQoC4K":"KEY!"}"#;
        assert_eq!(named("x.json", text).as_deref(), Some("…"));
    }
}
