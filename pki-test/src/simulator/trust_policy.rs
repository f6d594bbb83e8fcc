//! Trust policies of roles: JSON documents as in IAM, and whom they allow what.
//!
//! Pure. It evaluates what Roles Anywhere and role chaining need: the principals, the three actions of STS, and
//! conditions on texts, ARNs and addresses. Everything else is rejected when the document is parsed, and so are unknown
//! words.
//!
//! See [IAM's policy elements].
//!
//! [IAM's policy elements]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html

mod address;
mod condition;
mod document;
mod error;
mod vocabulary;

use std::fmt;

use serde::Deserialize;

pub use self::address::AddressError;
pub use self::condition::RequestContext;
pub use self::error::{StatementFault, TrustPolicyError, TrustRefusal};

pub(super) use self::condition::like_text;

use self::condition::Condition;
use crate::text::shown;
use crate::verifier::Arn;

/// The most bytes of a document; IAM's own limit is 2,048 characters, or 8,192 on request, without blanks.
pub const DOCUMENT_LIMIT: usize = 64 * 1024;

/// The service principal of IAM Roles Anywhere.
pub const SERVICE_PRINCIPAL: &str = "rolesanywhere.amazonaws.com";

/// What a caller does to a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustAction {
    /// `sts:AssumeRole`
    AssumeRole,
    /// `sts:SetSourceIdentity`
    SetSourceIdentity,
    /// `sts:TagSession`
    TagSession,
}

impl TrustAction {
    /// Returns the action's name in a policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AssumeRole => "sts:AssumeRole",
            Self::SetSourceIdentity => "sts:SetSourceIdentity",
            Self::TagSession => "sts:TagSession",
        }
    }
}

/// Who acts.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// The service, on behalf of a certificate.
    RolesAnywhere,
    /// A session of a role.
    RoleSession {
        /// The role's ARN.
        role_arn: &'a Arn,
        /// The session's ARN (`assumed-role/ROLE/SESSION`).
        session_arn: &'a str,
    },
}

/// A role's trust policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustPolicy {
    statements: Vec<Statement>,
    with_variables: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    sid: Option<String>,
    effect: Effect,
    principals: Principals,
    actions: Actions,
    conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Principals {
    Everyone,
    Listed { aws: Vec<String>, services: Vec<String> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Actions {
    AllBut(Vec<String>),
    These(Vec<String>),
}

impl TrustPolicy {
    /// Returns the policy of a role without one: Roles Anywhere and every role session may assume it.
    pub fn open() -> Self {
        Self {
            statements: vec![Statement {
                sid: None,
                effect: Effect::Allow,
                principals: Principals::Everyone,
                actions: Actions::These(vec!["sts:*".to_owned()]),
                conditions: Vec::new(),
            }],
            with_variables: true,
        }
    }

    /// Decides whether the policy lets `caller` do `action`: a statement allows it, and none denies it.
    ///
    /// # Errors
    ///
    /// Fails with the statement that denies, or with the one that came closest to allowing.
    pub fn decide(
        &self,
        action: TrustAction,
        caller: Caller<'_>,
        context: &RequestContext,
    ) -> Result<(), TrustRefusal> {
        let mut nearest: Option<(Miss<'_>, String)> = None;
        let mut allowed = false;
        for (statement, number) in self.statements.iter().zip(1..) {
            let miss = statement.miss(action, caller, context, self.with_variables);
            match (statement.effect, miss) {
                (Effect::Deny, None) => {
                    return Err(TrustRefusal::Denied { action, statement: statement.name(number) });
                }
                (Effect::Allow, None) => allowed = true,
                (Effect::Allow, Some(miss)) => {
                    if nearest.as_ref().is_none_or(|(nearest, _)| miss.rank() > nearest.rank()) {
                        nearest = Some((miss, statement.name(number)));
                    }
                }
                (Effect::Deny, Some(_)) => {}
            }
        }
        if allowed {
            return Ok(());
        }
        let reason = match nearest {
            None => "it has no statement that allows anything".to_owned(),
            Some((Miss::Principal, name)) => format!("{name} does not name {}", Whom(caller)),
            Some((Miss::Action, name)) => format!("{name} names {}, but not the action", Whom(caller)),
            Some((Miss::Condition(condition), name)) => {
                let found = match context.values(condition.key()) {
                    [] => "the key has no value here".to_owned(),
                    values => format!("the value is '{}'", shown(values.join("', '"))),
                };
                format!("{name} asks for {}, and {found}", shown(condition.description()))
            }
        };
        Err(TrustRefusal::NotAllowed { action, reason })
    }
}

/// Why a statement does not apply.
enum Miss<'a> {
    Principal,
    Action,
    Condition(&'a Condition),
}

impl Miss<'_> {
    const fn rank(&self) -> u8 {
        match self {
            Self::Principal => 0,
            Self::Action => 1,
            Self::Condition(_) => 2,
        }
    }
}

/// Shows a caller.
struct Whom<'a>(Caller<'a>);

impl fmt::Display for Whom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Caller::RolesAnywhere => write!(f, "the service {SERVICE_PRINCIPAL}"),
            Caller::RoleSession { session_arn, .. } => write!(f, "{}", shown(session_arn)),
        }
    }
}

/// Names a statement for people: its number, and its Sid if it has one.
fn statement_name(number: usize, sid: Option<&str>) -> String {
    match sid {
        Some(sid) => format!("statement {number} ('{}')", shown(sid)),
        None => format!("statement {number}"),
    }
}

impl Statement {
    fn name(&self, number: usize) -> String {
        statement_name(number, self.sid.as_deref())
    }

    fn miss(
        &self,
        action: TrustAction,
        caller: Caller<'_>,
        context: &RequestContext,
        with_variables: bool,
    ) -> Option<Miss<'_>> {
        if !self.principals.include(caller) {
            return Some(Miss::Principal);
        }
        if !self.actions.include(action) {
            return Some(Miss::Action);
        }
        self.conditions
            .iter()
            .find(|condition| !condition.holds(context, with_variables))
            .map(Miss::Condition)
    }
}

impl Principals {
    fn include(&self, caller: Caller<'_>) -> bool {
        let Self::Listed { aws, services } = self else {
            return true;
        };
        match caller {
            Caller::RolesAnywhere => services.iter().any(|service| service == SERVICE_PRINCIPAL),
            Caller::RoleSession { role_arn, session_arn } => {
                let account = role_arn.account();
                let root = format!("arn:{}:iam::{account}:root", role_arn.partition());
                let role_arn = role_arn.to_string();
                let names = ["*", account, &root, &role_arn, session_arn];
                aws.iter().any(|principal| names.contains(&principal.as_str()))
            }
        }
    }
}

impl Actions {
    fn include(&self, action: TrustAction) -> bool {
        let names = |patterns: &[String]| {
            let name = action.name().to_ascii_lowercase();
            patterns.iter().any(|pattern| like_text(&pattern.to_ascii_lowercase(), &name))
        };
        match self {
            Self::AllBut(patterns) => !names(patterns),
            Self::These(patterns) => names(patterns),
        }
    }
}
