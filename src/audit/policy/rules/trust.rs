//! Who may assume a role that Roles Anywhere serves.

mod anchor;
mod others;
mod subject;

use super::super::document::{Document, Names, Statement};
use super::super::finding::Draft;
use super::super::node::HOLE;
use super::super::reach::reach_of;
use super::super::read::Profile;
use super::judge_form;
use crate::audit::files::Severity;
use crate::policy::ROLES_ANYWHERE;
use crate::text::quoted;

pub(super) use subject::{maps, spelled};

/// What the service does to a role; the second one only where there are session tags.
const ACTIONS: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

/// What else the files hold of a role.
#[derive(Debug, Default)]
pub(in super::super) struct Surroundings<'a> {
    /// ARNs of the policies that are attached to it.
    pub(in super::super) attached: Vec<&'a str>,
    /// Its other policies.
    pub(in super::super) own: Vec<&'a Document>,
    /// The profiles that list it.
    pub(in super::super) profiles: Vec<&'a Profile>,
}

/// Judges a trust policy.
pub(in super::super) fn judge(document: &Document, around: &Surroundings<'_>) -> Vec<Draft> {
    let mut drafts = judge_form(document);
    drafts.extend(form(document));
    drafts.extend(others::any_principal(document));
    let of_service: Vec<&Statement> = document.statements.iter().filter(|one| is_of_service(one)).collect();
    if of_service.is_empty() {
        drafts.extend(others::tags_of_others(document));
        return drafts;
    }
    for statement in &of_service {
        drafts.extend(anchor::judge(document, statement));
        drafts.extend(subject::judge(statement, around));
    }
    drafts.extend(missing_action(&of_service, around));
    drafts.extend(others::judge(document));
    drafts.extend(others::tags_of_others(document));
    drafts.extend(admin(&of_service, around));
    drafts
}

/// Tells whether a statement lets Roles Anywhere have the role.
pub(super) fn is_of_service(statement: &Statement) -> bool {
    statement.is_allow()
        && statement.principals.as_ref().is_some_and(|principals| {
            !principals.all_but
                && principals
                    .listed
                    .iter()
                    .any(|(kind, item)| kind == "Service" && item.text == ROLES_ANYWHERE)
        })
}

/// Tells whether a statement is about assuming the role, in any way.
fn assumes(statement: &Statement) -> bool {
    let ways = ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"];
    statement.actions.as_ref().is_some_and(|names| ways.iter().any(|action| names.include(action)))
}

/// Judges what trust policies alone have: each statement a principal and no resource.
fn form(document: &Document) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for statement in &document.statements {
        let mut refuse = |line: usize, what: &str| {
            let says = format!("IAM refuses the policy: {} {what}", statement.name());
            let change = "write it as IAM's grammar of policies has it, or remove it";
            drafts.push(Draft::new("policy-malformed", Severity::High, line, says, change).of(statement));
        };
        if let Some(resources) = &statement.resources {
            refuse(resources.line, "has a Resource, and the role is the resource of its trust policy");
        }
        if statement.principals.is_none() {
            refuse(statement.line, "has no Principal");
        }
    }
    drafts
}

/// Judges whether everything is allowed that the service does: without it CreateSession fails.
fn missing_action(of_service: &[&Statement], around: &Surroundings<'_>) -> Option<Draft> {
    let names: Vec<&Names> = of_service.iter().filter_map(|statement| statement.actions.as_ref()).collect();
    let has_unknown = names.iter().flat_map(|names| &names.items).any(|item| item.text.contains(HOLE));
    if has_unknown || names.is_empty() {
        return None;
    }
    let maps_nothing = !around.profiles.is_empty()
        && around.profiles.iter().all(|profile| profile.mappings.as_ref().is_some_and(Vec::is_empty));
    let wanted = ACTIONS.iter().filter(|action| !(maps_nothing && **action == "sts:TagSession"));
    let missing: Vec<&str> =
        wanted.filter(|action| !names.iter().any(|names| names.include(action))).copied().collect();
    let first = of_service.first()?;
    if missing.is_empty() {
        return None;
    }
    let says = format!(
        "Roles Anywhere is not allowed {}: CreateSession fails with AccessDenied",
        missing.join(" and ")
    );
    let change = format!("\"Action\": [{}]", ACTIONS.map(|action| format!("\"{action}\"")).join(", "));
    let line = names.first().map_or(first.line, |names| names.line);
    Some(Draft::new("trust-missing-action", Severity::High, line, says, change).of(first))
}

/// Judges a role that may do everything, without a profile that narrows its sessions.
fn admin(of_service: &[&Statement], around: &Surroundings<'_>) -> Option<Draft> {
    const ADMINISTRATORS: [&str; 2] = [":policy/AdministratorAccess", ":policy/IAMFullAccess"];
    let attached = around.attached.iter().find(|arn| ADMINISTRATORS.iter().any(|end| arn.ends_with(end)));
    let by = match attached {
        Some(arn) => format!("it has {}", arn.rsplit('/').next().unwrap_or(arn)),
        None if reach_of(&around.own).admin => {
            String::from("a policy of it allows every action on everything")
        }
        None => return None,
    };
    let open = around.profiles.iter().find(|profile| !profile.narrows);
    let profile = match open {
        Some(profile) => format!("the profile {} has no session policy", quoted(&profile.name)),
        None if around.profiles.is_empty() => {
            String::from("no profile with a session policy is among these files")
        }
        None => return None,
    };
    let first = of_service.first()?;
    let says = format!("an administrator's role: {by}, and {profile}: who has a certificate has the account");
    let change = "give the role what its hosts do and nothing else; or give the profile a session policy: aws rolesanywhere update-profile --session-policy file://POLICY.json";
    Some(Draft::new("trust-admin-role", Severity::High, first.line, says, change).of(first))
}
