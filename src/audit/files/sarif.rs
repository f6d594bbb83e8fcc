//! A report as SARIF 2.1.0, the form that code hosts and CI systems take.
//!
//! See [the standard].
//!
//! [the standard]: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::key_id::RULES;
use super::report::{Finding, LeftOut, Report, Severity};

/// What stands for itself in the path of a URI (RFC 3986 §3.3).
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Returns a report as a document of SARIF.
pub fn sarif(report: &Report) -> Value {
    let rules: Vec<Value> = RULES.iter().map(|rule| self::rule(rule)).collect();
    let results: Vec<Value> = report.findings.iter().map(result).collect();
    let notes: Vec<Value> = report.could_not_look.iter().map(note).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "anyrole",
                "version": report.version,
                "semanticVersion": report.version,
                "rules": rules,
            }},
            "invocations": [{
                "executionSuccessful": report.could_not_look.is_empty(),
                "startTimeUtc": report.started_at,
                "toolExecutionNotifications": notes,
            }],
            "results": results,
        }],
    })
}

fn rule(id: &str) -> Value {
    let title = title(id);
    json!({
        "id": id,
        "shortDescription": {"text": title},
        "help": {"text": crate::manual::refusal(id).unwrap_or_default()},
    })
}

/// Says what a rule is about, in a few words.
pub(super) fn title(rule: &str) -> &'static str {
    match rule {
        "key-bedrock" => "An API key of Amazon Bedrock in a file",
        "key-long-lived" => "A long-lived access key in a file",
        "key-service" => "A credential of an AWS service in a file",
        _ => "A temporary access key in a file",
    }
}

fn result(finding: &Finding) -> Value {
    let level = match finding.severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    };
    // The same as long as the key stays in the file, wherever it moves there.
    let identity = Sha256::digest(format!("{:?}", finding.identity()).as_bytes());
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": uri(&finding.path)},
            "region": {"startLine": finding.line.max(1)},
        },
    });
    if let Some(place) = &finding.place {
        location["logicalLocations"] = json!([{"fullyQualifiedName": place}]);
    }
    json!({
        "ruleId": finding.rule,
        "ruleIndex": RULES.iter().position(|rule| *rule == finding.rule),
        "level": level,
        "message": {"text": message(finding)},
        "locations": [location],
        "partialFingerprints": {"anyroleKeyAndFile/v1": hex::encode(identity)},
        "properties": {
            "severity": finding.severity,
            "accessKeyId": finding.access_key_id,
            "account": finding.account,
            "member": finding.member,
            "commit": finding.git.as_ref().and_then(|git| git.commit.as_deref()),
            "readableBy": finding.readable_by,
        },
    })
}

fn message(finding: &Finding) -> String {
    let secret = if finding.secret_beside { "with its secret" } else { "without its secret" };
    let account =
        finding.account.as_ref().map(|account| format!(" of account {account}")).unwrap_or_default();
    format!(
        "{} access key {}{account}, {secret}, readable by {}",
        finding.kind.as_str(),
        finding.access_key_id,
        finding.readable_by.as_str()
    )
}

fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let encoded = utf8_percent_encode(&path, PATH).to_string();
    if path.starts_with('/') {
        format!("file://{encoded}")
    } else if path.get(1..2) == Some(":") {
        format!("file:///{encoded}")
    } else {
        encoded
    }
}

fn note(left_out: &LeftOut) -> Value {
    let text = format!("cannot look at {}: {}", left_out.examples.join(", "), left_out.reason);
    json!({"level": "error", "message": {"text": text}})
}
