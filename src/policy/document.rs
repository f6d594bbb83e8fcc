//! Reads the JSON of a trust policy, leniently: what IAM holds has passed IAM's own checks.

use serde_json::{Map, Value};

use super::{Actions, Condition, Effect, Principals, Statement, TrustPolicy};

/// Why a document cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It is no JSON.
    #[error("it is not JSON: {why}")]
    NotJson {
        /// What the parser found, and where.
        why: String,
    },
    /// It is JSON of another form.
    #[error("{place} {why}")]
    Form {
        /// Where: `the policy`, `statement 2`.
        place: String,
        /// What is wrong.
        why: String,
    },
}

impl TrustPolicy {
    /// Reads a policy from JSON: the object that the AWS CLI shows, or the text that IAM keeps, perhaps percent-encoded.
    ///
    /// # Errors
    ///
    /// Fails if it is no policy, or says what no policy can.
    pub fn read(document: &Value) -> Result<Self, PolicyError> {
        match document {
            Value::String(text) => {
                let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
                let json = if text.trim_start().starts_with('{') { text.as_str() } else { &*decoded };
                Self::parse(json)
            }
            Value::Object(policy) => Self::of(policy),
            Value::Array(_) | Value::Bool(_) | Value::Null | Value::Number(_) => {
                Err(form("the policy", "is not an object"))
            }
        }
    }

    /// Parses the text of a policy.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn parse(json: &str) -> Result<Self, PolicyError> {
        let document: Value =
            serde_json::from_str(json).map_err(|error| PolicyError::NotJson { why: error.to_string() })?;
        match document {
            Value::Object(policy) => Self::of(&policy),
            Value::Array(_) | Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {
                Err(form("the policy", "is not an object"))
            }
        }
    }

    fn of(policy: &Map<String, Value>) -> Result<Self, PolicyError> {
        let with_variables = match policy.get("Version").map(|version| version.as_str()) {
            Some(Some("2012-10-17")) => true,
            Some(Some("2008-10-17")) | None => false,
            Some(_) => {
                return Err(form("the policy", "has a Version that is neither 2012-10-17 nor 2008-10-17"));
            }
        };
        let statements = match policy.get("Statement") {
            Some(Value::Array(list)) => list.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            Some(_) | None => return Err(form("the policy", "has no Statement")),
        };
        let statements = statements
            .into_iter()
            .zip(1..)
            .map(|(statement, number)| read_statement(statement, number, with_variables))
            .collect::<Result<_, _>>()?;
        Ok(Self { statements })
    }
}

fn form(place: impl Into<String>, why: impl Into<String>) -> PolicyError {
    PolicyError::Form { place: place.into(), why: why.into() }
}

fn read_statement(statement: &Value, number: usize, with_variables: bool) -> Result<Statement, PolicyError> {
    let wrong = |why: &str| form(format!("statement {number}"), why);
    let Value::Object(statement) = statement else { return Err(wrong("is not an object")) };
    let effect = match statement.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        Some(_) | None => return Err(wrong("has no Effect, which is Allow or Deny")),
    };
    let principals = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(principal), None) => read_principals(principal, false),
        (None, Some(principal)) => read_principals(principal, true),
        (Some(_), Some(_)) | (None, None) => None,
    };
    let actions = match (statement.get("Action"), statement.get("NotAction")) {
        (Some(action), None) => texts(action).map(|patterns| Actions { all_but: false, patterns }),
        (None, Some(action)) => texts(action).map(|patterns| Actions { all_but: true, patterns }),
        (Some(_), Some(_)) | (None, None) => None,
    };
    let conditions = match statement.get("Condition") {
        None => Some(Vec::new()),
        Some(conditions) => read_conditions(conditions, with_variables),
    };
    Ok(Statement {
        number,
        sid: statement.get("Sid").and_then(Value::as_str).filter(|sid| !sid.is_empty()).map(str::to_owned),
        effect,
        principals: principals.ok_or_else(|| {
            wrong(
                "has no Principal, which is \"*\" or an object of AWS, Service, Federated and CanonicalUser",
            )
        })?,
        actions: actions.ok_or_else(|| wrong("has no Action, which is a text or a list of texts"))?,
        conditions: conditions.ok_or_else(|| {
            wrong("has a Condition that is not an object of operators, each an object of keys and values")
        })?,
    })
}

fn read_principals(principal: &Value, all_but: bool) -> Option<Principals> {
    match principal {
        Value::String(text) if text == "*" && !all_but => Some(Principals::Everyone),
        Value::Object(kinds) => {
            let named = |kind: &str| kinds.get(kind).map_or_else(|| Some(Vec::new()), texts);
            Some(Principals::Listed { all_but, aws: named("AWS")?, services: named("Service")? })
        }
        Value::Array(_) | Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => None,
    }
}

fn read_conditions(conditions: &Value, with_variables: bool) -> Option<Vec<Condition>> {
    let mut read = Vec::new();
    for (operator, keys) in conditions.as_object()? {
        for (key, values) in keys.as_object()? {
            read.push(Condition::new(operator, key, scalars(values)?, with_variables));
        }
    }
    Some(read)
}

/// Returns a text, or a list of texts.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(list) => list.iter().map(|text| text.as_str().map(str::to_owned)).collect(),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::Object(_) => None,
    }
}

/// Returns the values of a condition as texts: numbers and truth values count as they are written.
fn scalars(value: &Value) -> Option<Vec<String>> {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(_) | Value::Null | Value::Object(_) => None,
    };
    match value {
        Value::Array(list) => list.iter().map(scalar).collect(),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::Object(_) | Value::String(_) => {
            scalar(value).map(|value| vec![value])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_an_object_a_text_or_a_percent_encoded_text() {
        let json = r#"{"Version":"2012-10-17","Statement":{"Sid":"a","Effect":"Allow","Principal":"*","Action":"sts:*","Condition":{"Bool":{"aws:SecureTransport":true}}}}"#;
        let policy = TrustPolicy::parse(json).unwrap();
        assert_eq!(policy.statements()[0].name(), "statement 1 ('a')");
        assert_eq!(policy.statements()[0].conditions()[0].values(), ["true"]);
        let encoded =
            percent_encoding::utf8_percent_encode(json, percent_encoding::NON_ALPHANUMERIC).to_string();
        for document in
            [Value::String(json.to_owned()), Value::String(encoded), serde_json::from_str(json).unwrap()]
        {
            assert_eq!(TrustPolicy::read(&document), Ok(policy.clone()));
        }
    }

    #[test]
    fn what_is_no_policy_is_named_with_its_place() {
        let statement = |members: &str| format!(r#"{{"Statement":[{{"Effect":"Allow",{members}}}]}}"#);
        for (json, expected) in [
            ("{", "it is not JSON: "),
            ("[]", "the policy is not an object"),
            ("{}", "the policy has no Statement"),
            (r#"{"Version":"1","Statement":[]}"#, "the policy has a Version"),
            (r#"{"Statement":[1]}"#, "statement 1 is not an object"),
            (r#"{"Statement":[{}]}"#, "statement 1 has no Effect"),
            (&statement(r#""Action":"sts:*""#), "statement 1 has no Principal"),
            (&statement(r#""Principal":"*""#), "statement 1 has no Action"),
            (
                &statement(r#""Principal":"*","Action":"*","Condition":{"Null":1}"#),
                "statement 1 has a Condition",
            ),
        ] {
            let told = TrustPolicy::parse(json).unwrap_err().to_string();
            assert!(told.starts_with(expected), "{expected}: {told}");
        }
    }
}
