//! The JSON document of a trust policy.

mod shape;

use self::shape::{Document, RawPrincipal, RawStatement};
use super::condition::Condition;
use super::vocabulary::{ActionError, check_action, check_principal_kind, check_service};
use super::{
    Actions, DOCUMENT_LIMIT, Principals, Statement, StatementFault, TrustPolicy, TrustPolicyError,
    statement_name,
};
use crate::text::shown;

impl TrustPolicy {
    /// Parses a policy document.
    ///
    /// # Errors
    /// Fails on a text that is not a JSON policy, on elements that trust policies do not have, on unknown actions,
    /// service principals, condition keys and operators, and on elements and operators of IAM that the simulator does
    /// not evaluate: `NotPrincipal`, numbers, dates, binary data.
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
        if document.statement.0.is_empty() {
            return Err(TrustPolicyError::Empty);
        }
        let statements = document
            .statement
            .0
            .into_iter()
            .zip(1..)
            .map(|(raw, number)| {
                let statement = statement_name(number, raw.sid.as_deref());
                understand(raw, with_variables)
                    .map_err(|fault| TrustPolicyError::Statement { statement, fault: Box::new(fault) })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { statements, with_variables })
    }
}

/// Checks every word of a statement.
fn understand(raw: RawStatement, with_variables: bool) -> Result<Statement, StatementFault> {
    let principals = principals(raw.principal)?;
    let actions = match (raw.action, raw.not_action) {
        (Some(patterns), None) => Actions::These(actions(patterns.into_texts())?),
        (None, Some(patterns)) => Actions::AllBut(actions(patterns.into_texts())?),
        (Some(_), Some(_)) | (None, None) => return Err(StatementFault::Action),
    };
    let mut conditions = Vec::new();
    for (operator, keys) in raw.condition {
        for (key, values) in keys {
            conditions.push(Condition::new(&operator, &key, values.into_texts(), with_variables)?);
        }
    }
    Ok(Statement { sid: raw.sid, effect: raw.effect, principals, actions, conditions })
}

fn principals(raw: RawPrincipal) -> Result<Principals, StatementFault> {
    let listed = match raw {
        RawPrincipal::Text(text) if text == "*" => return Ok(Principals::Everyone),
        RawPrincipal::Text(text) => return Err(StatementFault::Principal { found: shown(text) }),
        RawPrincipal::Listed(listed) => listed,
    };
    let (mut aws, mut services) = (Vec::new(), Vec::new());
    for (kind, names) in listed {
        check_principal_kind(&kind).map_err(|unknown| StatementFault::PrincipalKindUnknown {
            kind: shown(&kind),
            nearest: unknown.nearest,
        })?;
        match kind.as_str() {
            "AWS" => aws = names.into_texts(),
            "Service" => services = names.into_texts(),
            // The others exist, and are never the caller here.
            _ => {}
        }
    }
    for service in &services {
        check_service(service).map_err(|unknown| StatementFault::ServiceUnknown {
            service: shown(service),
            nearest: unknown.nearest,
        })?;
    }
    Ok(Principals::Listed { aws, services })
}

fn actions(patterns: Vec<String>) -> Result<Vec<String>, StatementFault> {
    for pattern in &patterns {
        let action = || shown(pattern);
        check_action(pattern).map_err(|error| match error {
            ActionError::Foreign => StatementFault::ActionForeign { action: action() },
            ActionError::Unknown(unknown) => {
                StatementFault::ActionUnknown { action: action(), nearest: unknown.nearest }
            }
        })?;
    }
    Ok(patterns)
}
