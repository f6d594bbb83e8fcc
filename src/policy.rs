//! Trust policies of IAM roles, and whether they would let a caller act. Pure.
//!
//! Written from IAM's user guide: [the elements] of a policy, [the condition operators], [variables], and how [a request is
//! decided]. The judge is three-valued, since this host does not know all that AWS knows of a request: a condition on a key
//! whose value only AWS has is neither met nor unmet, and the decision says so where it depends on it.
//!
//! The simulator of `pki-test` has a judge of its own, from the same pages; `tests/facts` sets both at the same policies.
//!
//! [the elements]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
//! [the condition operators]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
//! [variables]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
//! [a request is decided]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html

mod condition;
mod context;
mod document;
pub(crate) mod mapping;
mod operator;
mod pattern;
mod truth;

pub use condition::{Condition, Judged};
pub use context::{Context, Found};
pub use document::PolicyError;
pub(crate) use operator::{Comparison, Operator, Quantifier};
pub(crate) use pattern::Pattern;
pub use truth::Truth;

/// The service principal of IAM Roles Anywhere.
pub const ROLES_ANYWHERE: &str = "rolesanywhere.amazonaws.com";

/// A role's trust policy (`AssumeRolePolicyDocument`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustPolicy {
    statements: Vec<Statement>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Its place, from 1.
    number: usize,
    sid: Option<String>,
    effect: Effect,
    principals: Principals,
    actions: Actions,
    conditions: Vec<Condition>,
}

/// Whether a statement allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows, where nothing denies.
    Allow,
    /// It denies, whatever allows.
    Deny,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Principals {
    Everyone,
    /// `Principal`, or with `true` `NotPrincipal`.
    Listed {
        all_but: bool,
        aws: Vec<String>,
        services: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Actions {
    all_but: bool,
    patterns: Vec<String>,
}

/// Who acts.
#[derive(Clone, Copy, Debug)]
pub enum Caller<'a> {
    /// An AWS service, by its principal.
    Service(&'a str),
    /// A session of a role.
    RoleSession {
        /// The role's ARN.
        role_arn: &'a str,
        /// The session's ARN (`…:assumed-role/ROLE/SESSION`).
        session_arn: &'a str,
    },
}

/// What a policy says of one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Whether the action is allowed; unknown where it depends on what only AWS knows.
    pub allowed: Truth,
    /// What each statement says, in their order.
    pub statements: Vec<Opinion<'a>>,
}

/// What one statement says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion<'a> {
    /// The statement.
    pub statement: &'a Statement,
    /// Whether it is about the caller.
    pub names_the_caller: bool,
    /// Whether it is about the action.
    pub names_the_action: bool,
    /// Each of its conditions.
    pub conditions: Vec<Judged<'a>>,
    /// Whether it applies: it is about caller and action, and each condition holds.
    pub applies: Truth,
}

impl TrustPolicy {
    /// Decides whether `caller` may do `action`, such as `sts:AssumeRole`: a statement allows it, and none denies it.
    pub fn decide<'a>(&'a self, action: &str, caller: Caller<'_>, context: &Context) -> Decision<'a> {
        let statements: Vec<Opinion<'a>> =
            self.statements.iter().map(|statement| statement.opinion(action, caller, context)).collect();
        let strongest = |effect| {
            let of_effect = statements.iter().filter(|opinion| opinion.statement.effect == effect);
            of_effect.fold(Truth::No, |found, opinion| found.or(opinion.applies))
        };
        let allowed = strongest(Effect::Allow).and(strongest(Effect::Deny).negated());
        Decision { allowed, statements }
    }

    /// Returns the statements, in their order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

impl Statement {
    /// Names it for people: `statement 2 ('OnlyBuild')`.
    pub fn name(&self) -> String {
        match &self.sid {
            Some(sid) => format!("statement {} ({})", self.number, crate::text::quoted(sid)),
            None => format!("statement {}", self.number),
        }
    }

    /// Returns whether it allows or denies.
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// Returns its conditions.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn opinion(&self, action: &str, caller: Caller<'_>, context: &Context) -> Opinion<'_> {
        let names_the_caller = self.principals.include(caller);
        let names_the_action = self.actions.include(action);
        let conditions: Vec<_> = self.conditions.iter().map(|condition| condition.judge(context)).collect();
        let met = conditions.iter().fold(Truth::Yes, |met, judged| met.and(judged.truth));
        let applies = if names_the_caller && names_the_action { met } else { Truth::No };
        Opinion { statement: self, names_the_caller, names_the_action, conditions, applies }
    }
}

impl Principals {
    fn include(&self, caller: Caller<'_>) -> bool {
        let Self::Listed { all_but, aws, services } = self else { return true };
        let is_listed = match caller {
            // That {"AWS": "*"} is no service is our reading: the guide calls it the same as "*".
            Caller::Service(service) => services.iter().any(|listed| listed == service),
            Caller::RoleSession { role_arn, session_arn } => {
                let mut fields = role_arn.split(':').skip(1);
                let (partition, account) =
                    (fields.next().unwrap_or_default(), fields.nth(2).unwrap_or_default());
                let root = format!("arn:{partition}:iam::{account}:root");
                let names = ["*", account, &root, role_arn, session_arn];
                aws.iter().any(|listed| names.contains(&listed.as_str()))
            }
        };
        is_listed != *all_but
    }
}

impl Actions {
    fn include(&self, action: &str) -> bool {
        // Case does not count in the names of actions.
        let action = action.to_ascii_lowercase();
        let names = |pattern: &String| Pattern::plain(&pattern.to_ascii_lowercase()).matches(&action);
        self.patterns.iter().any(names) != self.all_but
    }
}

impl Opinion<'_> {
    /// Says why the statement does not apply, or that it does; of conditions the first that is not met.
    pub fn reason(&self) -> String {
        let name = self.statement.name();
        if !self.names_the_caller {
            return format!("{name} does not name the caller");
        }
        if !self.names_the_action {
            return format!("{name} does not name the action");
        }
        let unmet = self.conditions.iter().find(|judged| judged.truth == Truth::No);
        match unmet.or_else(|| self.conditions.iter().find(|judged| judged.truth == Truth::Unknown)) {
            Some(judged) => format!("{name}: {}", judged.told()),
            None => format!("{name} applies"),
        }
    }
}
