//! The policies that narrow a session, to the extent that this STS must understand them: whether they are valid, and
//! whether they allow what a narrowed session requests of STS.
//!
//! The actions of other services are not checked. A statement with a condition counts if it denies, but not if it
//! allows: conditions are not evaluated, and a client that is allowed here should not fail at AWS.

use serde_json::{Map, Value};

use crate::simulator::trust_policy::like_text;

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ScopePolicy {
    statements: Vec<Statement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    allows: bool,
    actions: Patterns,
    resources: Patterns,
    has_condition: bool,
}

/// The patterns of `Action` and `NotAction`, or `Resource` and `NotResource`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Patterns {
    all_but: bool,
    patterns: Vec<String>,
}

impl Patterns {
    fn include(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| like_text(pattern, name)) != self.all_but
    }
}

/// IAM's message for a text that is not a policy.
pub(super) type Malformed = &'static str;

const SYNTAX: Malformed = "Syntax errors in policy.";

impl ScopePolicy {
    /// Parses a policy document.
    pub(super) fn parse(json: &str) -> Result<Self, Malformed> {
        let document: Map<String, Value> = serde_json::from_str(json).map_err(|_| SYNTAX)?;
        if document.keys().any(|key| !["Version", "Id", "Statement"].contains(&key.as_str())) {
            return Err(SYNTAX);
        }
        match document.get("Version").map(|version| version.as_str()) {
            None | Some(Some("2008-10-17" | "2012-10-17")) => {}
            Some(_) => return Err("The policy must contain a valid version string"),
        }
        let statement = document.get("Statement").ok_or(SYNTAX)?;
        let statements: Vec<Statement> = match statement.as_array() {
            Some(statements) => statements.iter().map(understand).collect(),
            None => understand(statement).map(|statement| vec![statement]),
        }?;
        if statements.is_empty() { Err(SYNTAX) } else { Ok(Self { statements }) }
    }

    /// Decides whether the policy lets its session do `action` to `resource`.
    pub(super) fn allows(&self, action: &str, resource: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let matching = |statement: &&Statement| {
            statement.actions.include(&action) && statement.resources.include(resource)
        };
        let mut matching = self.statements.iter().filter(matching).peekable();
        let allowed = |statement: &Statement| statement.allows && !statement.has_condition;
        matching.peek().is_some()
            && matching.clone().all(|statement| statement.allows)
            && matching.any(allowed)
    }
}

fn understand(statement: &Value) -> Result<Statement, Malformed> {
    const ELEMENTS: [&str; 7] =
        ["Action", "Condition", "Effect", "NotAction", "NotResource", "Resource", "Sid"];
    let statement = statement.as_object().ok_or(SYNTAX)?;
    if ["Principal", "NotPrincipal"].iter().any(|key| statement.contains_key(*key)) {
        return Err("Policy document should not specify a principal.");
    }
    if statement.keys().any(|key| !ELEMENTS.contains(&key.as_str())) {
        return Err(SYNTAX);
    }
    let allows = match statement.get("Effect").and_then(Value::as_str) {
        Some("Allow") => true,
        Some("Deny") => false,
        _ => return Err(SYNTAX),
    };
    let fold = |pattern: String| pattern.to_ascii_lowercase();
    let mut actions = patterns(statement, "Action", "NotAction", "Policy statement must contain actions.")?;
    actions.patterns = actions.patterns.into_iter().map(fold).collect();
    let is_action = |action: &String| action == "*" || action.contains(':');
    if !actions.patterns.iter().all(is_action) {
        return Err("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
    }
    let resources =
        patterns(statement, "Resource", "NotResource", "Policy statement must contain resources.")?;
    match statement.get("Condition") {
        None | Some(Value::Object(_)) => {}
        Some(_) => return Err(SYNTAX),
    }
    Ok(Statement { allows, actions, resources, has_condition: statement.contains_key("Condition") })
}

fn patterns(
    statement: &Map<String, Value>,
    these: &str,
    all_but: &str,
    missing: Malformed,
) -> Result<Patterns, Malformed> {
    let (value, all_but) = match (statement.get(these), statement.get(all_but)) {
        (Some(value), None) => (value, false),
        (None, Some(value)) => (value, true),
        (None, None) => return Err(missing),
        (Some(_), Some(_)) => return Err(SYNTAX),
    };
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or(SYNTAX);
    let patterns: Vec<String> = match value.as_array() {
        Some(values) => values.iter().map(text).collect(),
        None => text(value).map(|pattern| vec![pattern]),
    }?;
    if patterns.is_empty() { Err(missing) } else { Ok(Patterns { all_but, patterns }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(text: &str) -> ScopePolicy {
        ScopePolicy::parse(&format!(r#"{{"Version": "2012-10-17", "Statement": {text}}}"#)).unwrap()
    }

    #[test]
    fn what_a_policy_allows_is_understood() {
        let role = "arn:aws:iam::111122223333:role/next";
        for (policy, expected) in [
            (r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#, true),
            (r#"{"Effect": "Allow", "Action": "STS:assume*", "Resource": "*"}"#, true),
            (r#"{"Effect": "Allow", "Action": ["s3:Get*"], "Resource": "*"}"#, false),
            (r#"{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}"#, true),
            (r#"{"Effect": "Allow", "NotAction": "sts:*", "Resource": "*"}"#, false),
            (r#"{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:iam::111122223333:role/n*"}"#, true),
            (r#"{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:iam::111122223333:role/o*"}"#, false),
            (r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {}}"#, false),
            (
                r#"[{"Effect": "Allow", "Action": "*", "Resource": "*"},
                    {"Effect": "Deny", "Action": "sts:*", "Resource": "*", "Condition": {"Null": {"a:b": "true"}}}]"#,
                false,
            ),
        ] {
            assert_eq!(statement(policy).allows("sts:AssumeRole", role), expected, "{policy}");
        }
    }

    #[test]
    fn what_is_no_policy_is_refused_in_iams_words() {
        let of = |text: &str| format!(r#"{{"Statement": {text}}}"#);
        for (policy, expected) in [
            (String::from("{"), "Syntax"),
            (String::from("{}"), "Syntax"),
            (of("[]"), "Syntax"),
            (of("[1]"), "Syntax"),
            (String::from(r#"{"Version": "2026-01-01", "Statement": []}"#), "version"),
            (of(r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}"#), "principal"),
            (of(r#"{"Effect": "allow", "Action": "*", "Resource": "*"}"#), "Syntax"),
            (of(r#"{"Effect": "Allow", "Resource": "*"}"#), "actions"),
            (of(r#"{"Effect": "Allow", "Action": "*"}"#), "resources"),
            (of(r#"{"Effect": "Allow", "Action": "GetObject", "Resource": "*"}"#), "prefaced"),
            (of(r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Actions": "*"}"#), "Syntax"),
            (of(r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": []}"#), "Syntax"),
        ] {
            let error = ScopePolicy::parse(&policy).unwrap_err();
            assert!(error.contains(expected), "{policy}: {error}");
        }
    }
}
