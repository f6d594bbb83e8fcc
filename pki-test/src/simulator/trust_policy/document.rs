//! The JSON document of a trust policy.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::condition::{Condition, OperatorError};
use super::{Actions, DOCUMENT_LIMIT, Effect, Principals, Statement, TrustPolicy, TrustPolicyError};
use crate::verifier::refusal::shown;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    version: Option<String>,
    #[serde(rename = "Id")]
    _id: Option<String>,
    statement: OneOrMany<RawStatement>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RawStatement {
    sid: Option<String>,
    effect: Effect,
    principal: RawPrincipal,
    action: Option<OneOrMany<String>>,
    not_action: Option<OneOrMany<String>>,
    #[serde(default)]
    condition: BTreeMap<String, BTreeMap<String, OneOrMany<Scalar>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawPrincipal {
    Listed(BTreeMap<String, OneOrMany<String>>),
    Text(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
}

impl Scalar {
    fn into_text(self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(value) => value,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::Many(values) => values,
            Self::One(value) => vec![value],
        }
    }
}

impl TrustPolicy {
    /// Parses a policy document.
    ///
    /// # Errors
    ///
    /// Fails on a text that is no JSON policy, on elements that trust policies do not have, and on the elements and
    /// operators of IAM that the simulator does not evaluate: `NotPrincipal`, numbers, dates, addresses, binary data.
    pub fn parse(json: &str) -> Result<Self, TrustPolicyError> {
        if json.len() > DOCUMENT_LIMIT {
            return Err(TrustPolicyError::TooLong);
        }
        let document: Document = serde_json::from_str(json)
            .map_err(|error| TrustPolicyError::Malformed { reason: shown(error) })?;
        let with_variables = match document.version.as_deref() {
            Some("2012-10-17") => true,
            None | Some("2008-10-17") => false,
            Some(_) => return Err(TrustPolicyError::Version),
        };
        let statements = document.statement.into_vec();
        if statements.is_empty() {
            return Err(TrustPolicyError::Empty);
        }
        let statements = statements.into_iter().map(Statement::try_from).collect::<Result<_, _>>()?;
        Ok(Self { statements, with_variables })
    }
}

impl TryFrom<RawStatement> for Statement {
    type Error = TrustPolicyError;

    fn try_from(raw: RawStatement) -> Result<Self, Self::Error> {
        let principals = match raw.principal {
            RawPrincipal::Text(text) if text == "*" => Principals::Everyone,
            RawPrincipal::Text(_) => return Err(TrustPolicyError::Principal),
            RawPrincipal::Listed(mut listed) => {
                let mut take = |kind: &str| listed.remove(kind).map(OneOrMany::into_vec).unwrap_or_default();
                let (aws, services) = (take("AWS"), take("Service"));
                // These exist, and are never the caller here.
                let (_, _) = (take("CanonicalUser"), take("Federated"));
                if !listed.is_empty() {
                    return Err(TrustPolicyError::Principal);
                }
                Principals::Listed { aws, services }
            }
        };
        let actions = match (raw.action, raw.not_action) {
            (Some(actions), None) => Actions::These(actions.into_vec()),
            (None, Some(actions)) => Actions::AllBut(actions.into_vec()),
            (Some(_), Some(_)) | (None, None) => return Err(TrustPolicyError::Action),
        };
        let mut conditions = Vec::new();
        for (operator, keys) in raw.condition {
            for (key, values) in keys {
                let values = values.into_vec().into_iter().map(Scalar::into_text).collect();
                let condition = Condition::new(&operator, &key, values).map_err(|error| match error {
                    OperatorError::NotEvaluated => {
                        TrustPolicyError::OperatorNotEvaluated { operator: shown(&operator) }
                    }
                    OperatorError::Unknown => {
                        TrustPolicyError::OperatorUnknown { operator: shown(&operator) }
                    }
                })?;
                conditions.push(condition);
            }
        }
        Ok(Self { sid: raw.sid, effect: raw.effect, principals, actions, conditions })
    }
}
