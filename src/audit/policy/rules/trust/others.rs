//! Who else may have the role, and what they may say of themselves there.

use super::super::super::document::{Condition, Document, Item, Statement};
use super::super::super::finding::Draft;
use super::{assumes, is_of_service};
use crate::audit::files::Severity;
use crate::policy::ROLES_ANYWHERE;
use crate::text::quoted;

/// Judges `"Principal": "*"`.
pub(super) fn any_principal(document: &Document) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for statement in document.statements.iter().filter(|statement| statement.is_allow()) {
        let Some(principals) = &statement.principals else { continue };
        let everyone = principals.listed.iter().find(|(kind, item)| kind == "AWS" && item.text == "*");
        let line = match (principals.all_but, everyone) {
            (true, _) => principals.line,
            (false, Some((_, item))) => item.line,
            (false, None) => continue,
        };
        if statement.has_unknown_condition || statement.conditions.iter().any(says_who) {
            continue;
        }
        let says = if principals.all_but {
            String::from(
                "NotPrincipal with Allow: everybody else in the world may assume the role, without a condition on who it is",
            )
        } else {
            String::from(
                "Principal \"*\": everybody in the world with an AWS account may assume the role, without a condition on who it is",
            )
        };
        let change = "\"Principal\": {\"Service\": \"rolesanywhere.amazonaws.com\"}, or the ARN of the one role that is meant";
        drafts.push(Draft::new("trust-any-principal", Severity::Critical, line, says, change).of(statement));
    }
    drafts
}

/// Tells whether a condition says who it is, by what the caller's account cannot make up.
fn says_who(condition: &Condition) -> bool {
    let keys = [
        "aws:PrincipalAccount",
        "aws:PrincipalArn",
        "aws:PrincipalOrgID",
        "aws:PrincipalOrgPaths",
        "aws:SourceAccount",
        "aws:SourceArn",
        "aws:SourceOrgID",
        "aws:SourceOrgPaths",
        "aws:UserId",
    ];
    !condition.is_negated()
        && !condition.operator.ends_with("IfExists")
        && keys.iter().any(|key| condition.is_on(key))
        && condition.values.iter().all(|item| item.text != "*")
}

/// Returns those of a statement who are not Roles Anywhere.
fn others(statement: &Statement) -> Vec<(&str, &Item)> {
    let listed = statement.principals.iter().filter(|principals| !principals.all_but);
    listed
        .flat_map(|principals| &principals.listed)
        .filter(|(kind, item)| !(kind == "Service" && item.text == ROLES_ANYWHERE))
        .filter(|(_, item)| item.text != "*")
        .map(|(kind, item)| (kind.as_str(), item))
        .collect()
}

/// Judges a role that others may have too, and whether they may tag its sessions.
pub(super) fn judge(document: &Document) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let trusts_tags = document
        .statements
        .iter()
        .any(|statement| is_of_service(statement) && statement.conditions.iter().any(is_on_certificate));
    for statement in document.statements.iter().filter(|statement| statement.is_allow()) {
        let others = others(statement);
        let Some((kind, first)) = others.first().copied() else { continue };
        if assumes(statement) {
            let (severity, who) = described(kind, &first.text);
            let more =
                if others.len() > 1 { format!(" and {} more", others.len() - 1) } else { String::new() };
            let says =
                format!("{who}{more} may assume the role too: what it did, its name no longer says by whom");
            let change = "a role of its own for each, and here \"Principal\": {\"Service\": \"rolesanywhere.amazonaws.com\"} alone";
            drafts.push(Draft::new("trust-shared", severity, first.line, says, change).of(statement));
        }
        let tags = statement.actions.as_ref().is_some_and(|names| names.include("sts:TagSession"));
        let limits_tags = statement.conditions.iter().any(|condition| {
            condition.is_on("aws:TagKeys")
                || condition.is_below("aws:RequestTag/x509")
                || condition.operator == "Null"
        });
        if tags
            && trusts_tags
            && !limits_tags
            && !statement.has_unknown_condition
            && !is_of_service(statement)
        {
            let says = format!(
                "{} may tag sessions of this role, with x509Subject/CN too: what trusts aws:PrincipalTag/x509… takes such a session for a certificate's",
                quoted(&first.text)
            );
            drafts.push(
                Draft::new("trust-taggable", Severity::Medium, first.line, says, TAGGABLE).of(statement),
            );
        }
    }
    drafts
}

const TAGGABLE: &str = "take sts:TagSession out of this statement; or turn trusted identity propagation on and compare aws:OriginIdentity/Subject, which no caller can set";

fn is_on_certificate(condition: &Condition) -> bool {
    condition.is_below("aws:PrincipalTag/x509") || condition.is_below("aws:RequestTag/x509")
}

/// Judges a second role that trusts the tags of a certificate in the sessions of others: whoever may tag a session can set them.
pub(super) fn tags_of_others(document: &Document) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for statement in
        document.statements.iter().filter(|statement| statement.is_allow() && !is_of_service(statement))
    {
        let Some(condition) =
            statement.conditions.iter().find(|condition| condition.is_below("aws:PrincipalTag/x509"))
        else {
            continue;
        };
        let names_role =
            |condition: &Condition| condition.is_on("aws:PrincipalArn") && !condition.is_negated();
        if statement.conditions.iter().any(names_role) {
            continue;
        }
        let listed = statement.principals.iter().flat_map(|principals| &principals.listed);
        let is_account = |text: &str| {
            text == "*"
                || text.ends_with(":root")
                || (text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let mut accounts = listed.filter(|(kind, item)| kind == "AWS" && is_account(&item.text));
        let Some((_, item)) = accounts.next() else { continue };
        let says = format!(
            "{} of any session of {}: whoever there may tag sessions can say he is that certificate",
            condition.key,
            quoted(&item.text)
        );
        let change = "name in \"Principal\" the role that Roles Anywhere serves; or compare aws:OriginIdentity/Subject, which no caller can set";
        drafts.push(Draft::new("trust-taggable", Severity::High, condition.line, says, change).of(statement));
    }
    drafts
}

/// Says who a principal is, and how bad it is that he shares the role.
fn described(kind: &str, name: &str) -> (Severity, String) {
    let shown = quoted(name);
    match kind {
        "Federated" if name.contains(":saml-provider/") => {
            (Severity::Medium, format!("people who sign in by SAML ({shown})"))
        }
        "Federated" => (Severity::Medium, format!("whom the identity provider {shown} signs in")),
        "Service" => (Severity::Low, format!("the service {shown}")),
        "AWS" if name.ends_with(":root") || name.bytes().all(|byte| byte.is_ascii_digit()) => {
            (Severity::Medium, format!("everybody in the account {shown} who may call sts:AssumeRole"))
        }
        "AWS" if name.contains(":user/") => (Severity::Medium, format!("the user {shown}, by a static key")),
        "AWS" if name.contains("AWSReservedSSO_") => {
            (Severity::Medium, format!("people of IAM Identity Center ({shown})"))
        }
        _ => (Severity::Low, shown),
    }
}
